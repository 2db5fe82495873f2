"""Stored studies for tests, as the reader gives them."""

from datetime import datetime, timedelta

from tests.goals import goals
from tests.records import report
from tuner.diagnosis.sweep import read_sweep
from tuner.results.html.data import assemble
from tuner.search.space import Choice, Dimension, FloatInterval, SearchSpace
from tuner.study.reader import Phase, StoredStudy, StoredTrial
from tuner.trial.records import Convergence, Diagnosis, TrialOutcome, TrialState

NOON = datetime(2026, 1, 1, 12)  # noqa: DTZ001
SPACE = SearchSpace(
    [
        Dimension(key="optimizer", domain=Choice(values=("adamw", "sgd"))),
        Dimension(
            key="optimizer.learning_rate", domain=FloatInterval(low=1e-6, high=1e-2, log=True)
        ),
        Dimension(
            key="optimizer.momentum",
            domain=FloatInterval(low=0.5, high=0.9),
            when={"optimizer": ("sgd",)},
        ),
    ]
)
ADAMW = {"optimizer": "adamw", "optimizer.learning_rate": 1e-4}
SGD = {"optimizer": "sgd", "optimizer.learning_rate": 1e-2, "optimizer.momentum": 0.9}
BOTH = ("val_accuracy", "examples_per_second")


def diagnosis(status="converged", reason="val_loss fell", advice="", points=()):
    return Diagnosis(
        status=Convergence(status), reason=reason, advice=advice, points=tuple(points)
    )


def ended(number, state=TrialState.COMPLETE, value=0.7, parameters=ADAMW, **given):
    """A trial of a minute, a minute after the one before."""
    begun = given.pop("begun", NOON + timedelta(minutes=number))
    length = given.pop("length", timedelta(minutes=1))
    host, values = given.pop("host", "here"), given.pop("values", {})
    given.setdefault("diagnosis", diagnosis())
    return StoredTrial(
        number=number,
        phase=Phase.ENDED,
        parameters=parameters,
        outcome=TrialOutcome(
            number=number,
            state=state,
            parameters=parameters,
            value=value if state is TrialState.COMPLETE else None,
            **given,
        ),
        begun=begun,
        ended=begun + length,
        values=values,
        host=host,
        config="",
    )


def traded(*points, objectives=BOTH):
    """Completed trials by what they reached of several objectives."""
    return [
        ended(number, value=point[0], measured=dict(zip(objectives, point, strict=True)))
        for number, point in enumerate(points)
    ]


def unfinished(number, phase=Phase.RUNNING, values=None, begun=NOON):
    return StoredTrial(
        number=number,
        phase=phase,
        parameters=ADAMW,
        outcome=None,
        begun=begun,
        ended=None,
        values=values or {},
        host="here",
        config="",
    )


def stored(*trials, name="mine", objectives=("val_accuracy",), constraints=None):
    return StoredStudy(
        name=name,
        goals=goals(objectives, constraints or {}),
        space=SPACE,
        epochs=3.0,
        trials=trials,
        contents={},
        made_with={},
    )


def curve(*losses, points=5):
    return [
        report(i, points, val_loss=loss, train_loss=loss / 2)
        for i, loss in enumerate(losses, start=1)
    ]


def shown(*trials, reports=None, **given):
    return assemble(stored(*trials, **given), reports or {})


def reading(study):
    return read_sweep(
        study.outcomes,
        space=study.space,
        goals=study.goals,
        importances={},
        epochs=study.epochs,
    )
