"""What must hold of a trial's settings before its data and model are loaded."""

from tuner.errors import InputError
from tuner.settings.settings import TrialSettings
from tuner.training import device
from tuner.training.optimizers import graph_key
from tuner.trial import schedule

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


def check(settings: TrialSettings) -> None:
    """Finds what is wrong before anything heavy begins.

    Raises:
        InputError: A value that no trial can be run with.
    """
    training = settings.training
    device.require(training.devices)
    if training.precision not in PRECISIONS:
        raise InputError(
            f"there is no precision {training.precision!r}",
            where="training.precision",
            remedy=f"one of {', '.join(PRECISIONS)}",
        )
    if not 0.0 <= settings.model.dropout < 1.0:
        raise InputError(
            f"model.dropout is {settings.model.dropout}",
            where="model.dropout",
            remedy="0 to below 1",
        )
    for key in ("batch_size", "accumulation_steps", "evaluations", "evaluation_batch_size"):
        if getattr(training, key) < 1:
            raise InputError(
                f"training.{key} is {getattr(training, key)}",
                where=f"training.{key}",
                remedy="1 or more",
            )
    if training.epochs <= 0:
        raise InputError(
            f"training.epochs is {training.epochs}", where="training.epochs", remedy="above 0"
        )
    graph_key(settings.optimizer)
    if "learning_rate" not in settings.optimizer:
        raise InputError("the optimizer has no learning rate", where="optimizer.learning_rate")
    try:
        schedule.learning_rate(settings.schedule, 1.0, 1, 1)
    except (TypeError, ValueError) as error:
        raise InputError(str(error), where="schedule") from error
