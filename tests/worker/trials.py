"""Trials for the fake fine-tuner."""

from tests.components import make_optimizer, make_schedule
from tuner.settings.settings import DataSettings, ModelSettings, TrainingSettings, TrialSettings
from tuner.trial.records import TrialSpec


def spec(
    number=0,
    folder="/nowhere",
    *,
    checkpoint="fake",
    rate=1e-4,
    points=4,
    parameters=None,
    **training,
):
    settings = TrialSettings(
        model=ModelSettings(checkpoint=checkpoint),
        data=DataSettings(format="csv"),
        optimizer=make_optimizer({"name": "adamw", "learning_rate": rate}),
        schedule=make_schedule({"name": "constant"}),
        training=TrainingSettings(epochs=1.0, evaluations=points, **training),
    )
    return TrialSpec(
        number=number, parameters=parameters or {}, settings=settings, folder=str(folder)
    )
