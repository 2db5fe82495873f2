"""The trials of a study at one moment, and which of them an agent takes."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Numbered:
    """A trial.

    Attributes:
        id: In the storage.
        number: In the study.
    """

    id: int
    number: int


@dataclass(frozen=True, kw_only=True)
class RunningTrial(Numbered):
    """A trial that somebody runs.

    Attributes:
        owner: Identity of the agent whose it is; see `tuner.study.owner`.
        silent: Seconds since its owner's last sign of life, by one clock for all agents.
    """

    owner: Mapping[str, Any]
    silent: float


@dataclass(frozen=True, kw_only=True)
class Census:
    """The trials of a study at one moment.

    Attributes:
        counted: How many are completed or pruned.
        waiting: The first that waits to be taken up and that this agent does not hold.
        running: Those that somebody runs, by number.
        abandoned: Of them, those whose owner is gone, or silent for too long.
    """

    counted: int
    waiting: Numbered | None
    running: tuple[RunningTrial, ...]
    abandoned: tuple[RunningTrial, ...]

    @classmethod
    def of(
        cls,
        counted: int,
        waiting: Numbered | None,
        running: Iterable[RunningTrial],
        is_abandoned: Callable[[RunningTrial], bool],
    ) -> Self:
        """The census with what is abandoned found."""
        trials = tuple(running)
        abandoned = tuple(trial for trial in trials if is_abandoned(trial))
        return cls(counted=counted, waiting=waiting, running=trials, abandoned=abandoned)

    @property
    def has_begun(self) -> bool:
        """True if there is a trial that runs, waits or counts."""
        return bool(self.counted or self.running or self.waiting)

    @property
    def living(self) -> list[RunningTrial]:
        """Running trials whose owners are not known to be gone."""
        return [trial for trial in self.running if trial not in self.abandoned]

    def free(self, held: Collection[int]) -> list[RunningTrial]:
        """Abandoned trials but those with these numbers, which we are still at."""
        return [trial for trial in self.abandoned if trial.number not in held]

    def room(self, total: int, held: Collection[int]) -> int:
        """How many trials may be started so that `total` are counted in the end."""
        return total - self.counted - len(self.running) + len(self.free(held))


class Origin(Enum):
    """Where a trial comes from that an agent takes."""

    OURS = auto()
    """Claimed before, but the answer never came."""
    LOST = auto()
    """Its owner is gone."""
    WAITING = auto()
    NEW = auto()


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What an agent takes.

    Attributes:
        origin: Where it comes from.
        trial: Which; None for a new one.
    """

    origin: Origin
    trial: Numbered | None = None


def choose(
    census: Census,
    me: Mapping[str, Any],
    total: int | None,
    held: Collection[int],
    *,
    draws: bool,
) -> Choice | None:
    """What to take: a trial whose owner is gone, else one that waits, else a new one.

    Args:
        census: Of this moment; nothing may change until the choice is written down.
        me: Identity of this agent.
        total: How many trials are to be counted in the end; None: no limit.
        held: Numbers of those that this agent has already.
        draws: Whether there may be new trials.

    Returns:
        None where there is none to take.
    """
    for trial in census.running:
        if trial.owner == me and trial.number not in held:
            return Choice(origin=Origin.OURS, trial=trial)
    if total is not None and census.room(total, held) <= 0:
        return None
    for trial in census.free(held):
        return Choice(origin=Origin.LOST, trial=trial)
    if census.waiting is not None:
        return Choice(origin=Origin.WAITING, trial=census.waiting)
    return Choice(origin=Origin.NEW) if draws else None
