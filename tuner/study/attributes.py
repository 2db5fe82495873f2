"""Names of the attributes that a study keeps in Optuna, and the trials that wait at its start."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from optuna.trial import TrialState as OptunaState

from tuner.trial.records import Scalar

COUNTED = (OptunaState.COMPLETE, OptunaState.PRUNED)
"""States of the trials that count toward a study's total."""

OPENED = "opened"
"""User attribute of a study: number of times it was opened.

Written last of all that an opening writes: without it the first opening was interrupted.
"""

OWNER = "owner"
"""User attribute of a trial: identity of the agent that runs it; None: it was put back."""

ATTEMPT = "attempt"
"""User attribute of a trial: number of the running or last attempt."""

CRASHES = "crashes"
"""User attribute of a trial: number of attempts that ended with a worker or agent that died."""

FIXED = "fixed_params"
"""System attribute in which Optuna's `enqueue_trial` keeps the values of a trial."""

CONFIGURATION = "configuration"
"""User attribute of a trial: name of its configuration, the same for the same configuration.

See `tuner.search.configuration_id`. No two trials of a study that draws points have the same.
"""

PARAMETERS = "parameters"
"""User attribute of the untuned trial: its values by key, those that Optuna cannot store too."""

NOT_RUN = "not_run"
"""User attribute of a trial that found each of its configurations taken, and never ran."""


@dataclass(frozen=True, kw_only=True)
class WaitingPoint:
    """A trial that waits in a study."""

    values: Mapping[str, Scalar]
    """Values by dimension name; those that are missing are drawn."""
    configuration: str | None = None
    """As in `CONFIGURATION`; None where something is left to draw."""


def unseen(
    points: Sequence[WaitingPoint],
    known: Iterable[Mapping[str, Scalar] | None],
    reserved: Iterable[str | None],
) -> list[WaitingPoint]:
    """Return the points that no trial waits for, or waited for, each once.

    Args:
        points: Trials that are to wait.
        known: Values with which trials waited.
        reserved: Configurations that trials have.
    """
    values = [dict(each) for each in known if each is not None]
    names = {each for each in reserved if each is not None}
    found: list[WaitingPoint] = []
    for point in points:
        if dict(point.values) not in values and point.configuration not in names:
            found.append(point)
            values.append(dict(point.values))
            if point.configuration is not None:
                names.add(point.configuration)
    return found
