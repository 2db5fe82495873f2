"""Which agent has which trial: what every kind of storage has to answer.

Agents share nothing but the storage. Who claims a trial holds a lock from the count of what there
is to the mark of who has it, so that no trial is handed out twice and none too many; and a trial
is written by its owner alone, which is looked up under the lock that the write needs.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from optuna.trial import TrialState as OptunaState

from tuner.core.trial import Scalar
from tuner.study.census import Census, Numbered

COUNTED = (OptunaState.COMPLETE, OptunaState.PRUNED)

OWNER = "owner"
"""User attribute of a trial: the identity of the agent that runs it."""

ATTEMPT = "attempt"
"""User attribute of a trial: which try at it is running, or was the last."""

CRASHES = "crashes"
"""User attribute of a trial: how many tries at it ended with a worker or an agent that died."""

FIXED = "fixed_params"
"""System attribute in which Optuna keeps the values of an enqueued trial."""

Points = Sequence[Mapping[str, Scalar]]
"""Values of trials that wait, by the names of their dimensions."""

Decide = Callable[[Mapping[str, Any], Census], tuple[Mapping[str, Any], Points]]
"""From a study's user attributes and its trials to the attributes that are set."""


class NotOursError(Exception):
    """Another agent has taken the trial over."""


class Ledger(Protocol):
    """What one agent does with one study; each method is one transaction."""

    def enter(self, decide: Decide) -> None:
        """Opens the study.

        Args:
            decide: Says which attributes are set and which trials are to wait, those left out that
                were added before; or raises.
        """

    def census(self, held: Collection[int], *, judging: bool) -> Census:
        """What there is.

        Args:
            held: Numbers of the trials that this agent has.
            judging: Whether silence counts: not just after the storage was away, when the
                living were silent, too.
        """

    def claim(
        self, total: int | None, held: Collection[int], *, judging: bool, draws: bool
    ) -> Numbered | None:
        """Takes a trial as `tuner.study.census.choose` says.

        Returns:
            The trial, RUNNING and ours; None when there is none to take.
        """

    def owns(self, trial_id: int) -> bool:
        """Whether a trial, running or ended, has this agent as its owner."""

    def beat(self, ids: Collection[int]) -> set[int]:
        """Gives a sign of life for trials.

        Args:
            ids: Those that this agent believes to have.

        Returns:
            Those of them that are still ours.
        """

    def note(self, trial_id: int, values: Mapping[str, Any]) -> None:
        """Sets user attributes of a trial of ours.

        Raises:
            NotOursError: It is another agent's.
        """

    def put_back(self, trial_id: int) -> None:
        """Lets a trial wait for whoever takes it up, if it is ours."""

    def put_back_orphans(self) -> list[int]:
        """Lets the trials of agents of this machine wait that are gone.

        Returns:
            Their numbers.
        """

    def close(self) -> None:
        """Lets the storage go."""
