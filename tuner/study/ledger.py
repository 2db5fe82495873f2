"""Which agent has which trial: what every kind of storage has to answer, and counts alike.

Agents share nothing but the storage. Who claims a trial holds a lock from the count of what there
is to the mark of who has it, so that no trial is handed out twice and none too many; and a trial
is written by its owner alone, which is looked up under the lock that the write needs.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from optuna.storages import BaseStorage
from optuna.trial import TrialState as OptunaState

from tuner.study.census import Census, Numbered, RunningTrial
from tuner.study.owner import is_lost
from tuner.trial.records import Scalar

S = TypeVar("S", bound=BaseStorage)

COUNTED = (OptunaState.COMPLETE, OptunaState.PRUNED)

OWNER = "owner"
"""User attribute of a trial: the identity of the agent that runs it."""

ATTEMPT = "attempt"
"""User attribute of a trial: which try at it is running, or was the last."""

CRASHES = "crashes"
"""User attribute of a trial: how many tries at it ended with a worker or an agent that died."""

FIXED = "fixed_params"
"""System attribute in which Optuna keeps the values of an enqueued trial."""

CONFIGURATION = "configuration"
"""User attribute of a trial: what is the same for the same configuration.

See `tuner.search.configuration_id`. No two trials of a study that draws points have the same.
"""

PARAMETERS = "parameters"
"""User attribute of the untuned trial: its values by key, those that Optuna cannot store too."""

NOT_RUN = "not_run"
"""User attribute of a trial that found each of its configurations taken, and never ran."""


@dataclass(frozen=True, kw_only=True)
class WaitingPoint:
    """A trial that is to wait."""

    values: Mapping[str, Scalar]
    """By the names of the dimensions; those that are missing are drawn."""
    configuration: str | None = None
    """As in `CONFIGURATION`; None where something is left to draw."""


Points = Sequence[WaitingPoint]
"""Trials that are to wait."""

Decide = Callable[[Mapping[str, Any], Census], tuple[Mapping[str, Any], Points]]
"""From a study's user attributes and its trials to the attributes that are set."""


class NotOursError(Exception):
    """Another agent has taken the trial over."""


@dataclass(frozen=True, kw_only=True)
class Settled:
    """The trials before the first that has not ended: nobody changes them any more.

    Attributes:
        trials: How many they are; also the number of the first that has not ended.
        counted: How many of them are completed or pruned.
        last_id: The highest id among them.
    """

    trials: int = 0
    counted: int = 0
    last_id: int = -1


class Ledger(ABC, Generic[S]):
    """What one agent does with one study; each public method is one transaction."""

    def __init__(
        self, storage: S, study_id: int, me: Mapping[str, Any], heartbeat_timeout: float
    ) -> None:
        """Does nothing yet.

        Args:
            storage: Open.
            study_id: Of the study in it.
            me: Identity of this agent.
            heartbeat_timeout: Seconds of silence after which an owner is given up.
        """
        self._storage = storage
        self._study_id = study_id
        self._me = me
        self._timeout = heartbeat_timeout
        self._settled = Settled()

    @abstractmethod
    def enter(self, decide: Decide) -> None:
        """Opens the study.

        Args:
            decide: Says which attributes are set and which trials are to wait, those left out that
                were added before or whose configuration another trial has; or raises.
        """

    @abstractmethod
    def census(self, held: Collection[int], *, judging: bool) -> Census:
        """What there is.

        Args:
            held: Numbers of the trials that this agent has.
            judging: Whether silence counts: not just after the storage was away, when the
                living were silent, too.
        """

    @abstractmethod
    def claim(
        self, total: int | None, held: Collection[int], *, judging: bool, draws: bool
    ) -> Numbered | None:
        """Takes a trial as `tuner.study.census.choose` says.

        Returns:
            The trial, RUNNING and ours; None when there is none to take.
        """

    @abstractmethod
    def owns(self, trial_id: int) -> bool:
        """Whether a trial, running or ended, has this agent as its owner."""

    @abstractmethod
    def beat(self, ids: Collection[int]) -> set[int]:
        """Gives a sign of life for trials.

        Args:
            ids: Those that this agent believes to have.

        Returns:
            Those of them that are still ours.
        """

    @abstractmethod
    def note(self, trial_id: int, values: Mapping[str, Any]) -> None:
        """Sets user attributes of a trial of ours.

        Raises:
            NotOursError: It is another agent's.
        """

    @abstractmethod
    def forgive(self, trial_id: int) -> None:
        """Take back one crash of a trial that went to another agent.

        Its former owner was silent, which counted as a crash, but lives.
        """

    @abstractmethod
    def reserve(self, trial_id: int, configuration: str) -> bool:
        """Notes the configuration of a trial of ours, unless another trial has it.

        Of the trials before the first unfinished one, which nobody changes any more, the caller
        knows; they are not looked at.

        Returns:
            True if it was noted.
        """

    @abstractmethod
    def put_back(self, trial_id: int) -> None:
        """Lets a trial wait for whoever takes it up, if it is ours."""

    @abstractmethod
    def put_back_orphans(self) -> list[int]:
        """Lets the trials of agents of this machine wait that are gone.

        Returns:
            Their numbers.
        """

    @abstractmethod
    def close(self) -> None:
        """Lets the storage go."""

    def _tally(self, trials: Iterable[tuple[Numbered, OptunaState]]) -> int:
        """How many are completed or pruned; what it costs is not the study's length.

        Args:
            trials: Those after the settled ones, by number; what waits may be left out.
        """
        counted, settled = self._settled.counted, True
        for trial, state in trials:
            counted += state in COUNTED
            settled = settled and trial.number == self._settled.trials and state.is_finished()
            if settled:
                self._settled = Settled(trials=trial.number + 1, counted=counted, last_id=trial.id)
        return counted

    def _is_abandoned(self, trial: RunningTrial, *, judging: bool) -> bool:
        return is_lost(trial.owner, self._me, trial.silent > self._timeout and judging)


def unseen(
    points: Points, known: Iterable[Mapping[str, Scalar] | None], held: Iterable[str | None]
) -> list[WaitingPoint]:
    """Return the points that no trial waits for, or waited for, each once.

    Args:
        points: Trials that are to wait.
        known: Values with which trials waited.
        held: Configurations that trials have.
    """
    values = [dict(each) for each in known if each is not None]
    names = {each for each in held if each is not None}
    found: list[WaitingPoint] = []
    for point in points:
        if dict(point.values) not in values and point.configuration not in names:
            found.append(point)
            values.append(dict(point.values))
            if point.configuration is not None:
                names.add(point.configuration)
    return found
