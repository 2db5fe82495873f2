"""Trials and spaces to be read, in few words."""

from tests.goals import goals
from tests.records import outcome, report
from tuner.diagnosis.sweep import FollowUp, lines, read_sweep
from tuner.search.space import Dimension, FloatInterval, SearchSpace
from tuner.trial.records import Convergence, Diagnosis, TrialState

RATE = "optimizer.learning_rate"
LOW_TO_HIGH = FloatInterval(low=1e-6, high=1e-3, log=True)
DROPOUT = FloatInterval(low=0.0, high=0.3)
CONVERGED, IMPROVING = Convergence.CONVERGED, Convergence.IMPROVING
NOT_LEARNING, DIVERGED = Convergence.NOT_LEARNING, Convergence.DIVERGED


def searching(**domains):
    """A space of `optimizer__learning_rate=...` and the like."""
    return SearchSpace(Dimension(key=_key(k), domain=d) for k, d in domains.items())


def _key(name):
    return name.replace("__", ".")


def trial(number, value=0.7, status=CONVERGED, state=TrialState.COMPLETE, **parameters):
    return outcome(
        number,
        state,
        value,
        parameters={_key(k): v for k, v in parameters.items()},
        last=report(5, 5, val_accuracy=value),
        diagnosis=Diagnosis(status=status, reason="", advice=""),
    )


def rates(pairs, value=None):
    """Trials of (learning rate, status), the first the best."""
    return [
        trial(i, 0.9 - i / 100 if value is None else value, s, optimizer__learning_rate=rate)
        for i, (rate, s) in enumerate(pairs)
    ]


def read(outcomes, space, **given):
    objective = given.pop("objective", "val_accuracy")
    arguments = {"goals": goals((objective,)), "importances": {}, "epochs": 3.0} | given
    return read_sweep(outcomes, space=space, **arguments)


def told(outcomes, space, **given):
    return "\n".join(lines(read(outcomes, space, **given), FollowUp(study="lr")))
