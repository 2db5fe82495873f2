"""Names of the attributes that a study keeps in Optuna, and selection of the points to enqueue."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from optuna.trial import TrialState as OptunaState

from tuner.trial.records import Scalar

COUNTED = (OptunaState.COMPLETE, OptunaState.PRUNED)
"""States of the trials that count toward a study's total."""

OPENED = "opened"
"""User attribute of a study: number of times it was opened.

Written last when a study is opened: without it the first opening was interrupted.
"""

OWNER = "owner"
"""User attribute of a trial: identity of the agent that runs it; None: it was requeued."""

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
"""User attribute of the untuned trial: its values by key, including those that Optuna cannot
store.
"""

NOT_RUN = "not_run"
"""User attribute of a trial that never ran: each configuration it could have was taken."""


@dataclass(frozen=True, kw_only=True)
class WaitingPoint:
    """A trial to enqueue in a study."""

    values: Mapping[str, Scalar]
    """Values by dimension name; those that are missing are drawn."""
    configuration: str | None = None
    """Name of its configuration, see `CONFIGURATION`; None if values are left to draw."""


def not_enqueued(
    points: Sequence[WaitingPoint],
    known: Iterable[Mapping[str, Scalar] | None],
    reserved: Iterable[str | None],
) -> list[WaitingPoint]:
    """Return the points that were never enqueued, each once.

    Args:
        points: Trials to enqueue.
        known: Values of the trials that were enqueued before.
        reserved: Names of the configurations that trials have.
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
