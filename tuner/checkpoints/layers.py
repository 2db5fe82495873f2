"""Check that a checkpoint has the layers that a trial treats one by one."""

from tuner.checkpoints.info import CheckpointInfo
from tuner.errors import InputError
from tuner.settings.settings import TrialSettings


def check_layers(settings: TrialSettings, checkpoint: CheckpointInfo) -> None:
    """Check a trial's settings of single layers against the layers of the checkpoint.

    Raises:
        InputError: More layers than there are, layers that are drawn at random and never
            trained, or single layers where all share their weights.
    """
    wanted = {
        "optimizer.layer_decay": settings.optimizer.layer_decay,
        "training.freeze_layers": settings.training.freeze_layers,
        "training.reinit_layers": settings.training.reinit_layers,
    }
    family, layers = checkpoint.family, checkpoint.family.shape.layers
    off = {"optimizer.layer_decay": 1.0}
    for key, value in wanted.items():
        if family.shares_layers and value != off.get(key, 0):
            raise InputError(
                f"{key} is {value}, and the layers of this {family.name} share their weights",
                where=f"{key} with {checkpoint.folder}",
                remedy=f"{key}={off.get(key, 0):g}, or a model whose layers have weights "
                "of their own, as model=bert_base",
            )
        if key not in off and value > layers:
            raise InputError(
                f"{key} is {value}, and the model has {layers} layers",
                where=f"{key} with {checkpoint.folder}",
                remedy=f"{key}={layers}, the most",
            )
    frozen, drawn = settings.training.freeze_layers, settings.training.reinit_layers
    if frozen + drawn > layers:
        raise InputError(
            f"{frozen} first layers frozen and {drawn} last ones drawn anew overlap in a model "
            f"of {layers}: some would stay random",
            where="training.freeze_layers, training.reinit_layers",
            remedy=f"training.reinit_layers={max(0, layers - frozen)}, together at most {layers}",
        )
