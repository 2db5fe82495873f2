"""The trials of a study at one moment, and the choice of the one that an agent claims."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any


@dataclass(frozen=True, kw_only=True)
class RunningTrial:
    """A trial that an agent runs or began to claim."""

    number: int
    """Number of the trial in its study."""
    owner: Mapping[str, Any] | None
    """Identity of its agent (see `tuner.study.owner`); None if its claim was interrupted."""
    is_abandoned: bool
    """True if no living agent runs it: its owner has ended, or was silent for too long."""
    silence: float = 0.0
    """Seconds since its owner's last heartbeat, by one clock for all agents."""


@dataclass(frozen=True, kw_only=True)
class StudySnapshot:
    """Counts and running trials of a study, read at one moment."""

    counted: int
    """Number of trials that are completed or pruned."""
    waiting: tuple[int, ...]
    """Numbers of the waiting trials."""
    running: tuple[RunningTrial, ...]
    """Trials that agents run, by number."""

    @property
    def has_begun(self) -> bool:
        """True if a trial runs, waits or counts."""
        return bool(self.counted or self.running or self.waiting)

    @property
    def hosts(self) -> list[str]:
        """Host names of the agents that run trials and are not known to be gone."""
        return [
            trial.owner["host"] for trial in self.running if trial.owner and not trial.is_abandoned
        ]

    def claimable(self, leased: Collection[int]) -> list[RunningTrial]:
        """Return the abandoned trials that this agent does not run itself."""
        return [
            trial for trial in self.running if trial.is_abandoned and trial.number not in leased
        ]

    def remaining(self, total: int, leased: Collection[int]) -> int:
        """Number of trials that may still be started so that `total` count in the end."""
        return total - self.counted - len(self.running) + len(self.claimable(leased))


class Origin(Enum):
    """Origin of a claimed trial."""

    OURS = auto()
    """We claimed it before, but the storage failed before confirming the claim."""
    LOST = auto()
    """Its owner is gone."""
    WAITING = auto()
    NEW = auto()


@dataclass(frozen=True, kw_only=True)
class Claim:
    """An agent's choice of a trial."""

    origin: Origin
    number: int | None = None
    """Number of the trial that is requeued first; None if there is none."""


def choose(
    snapshot: StudySnapshot,
    me: Mapping[str, Any],
    total: int | None,
    leased: Collection[int],
    *,
    can_draw: bool,
) -> Claim | None:
    """Choose an abandoned trial, else a waiting one, else a new one.

    Args:
        snapshot: State of the study; nothing may change until the claim is written.
        me: Identity of this agent.
        total: Number of trials that count in the end; None for no limit.
        leased: Numbers of the trials that this agent runs already.
        can_draw: True if new trials may be added.

    Returns:
        The choice; None if there is nothing to claim.
    """
    if set(snapshot.waiting) & set(leased):
        return None  # Another agent took one of ours over: this agent has to notice that first.
    for trial in snapshot.running:
        if trial.owner == me and trial.number not in leased:
            return Claim(origin=Origin.OURS, number=trial.number)
    if total is not None and snapshot.remaining(total, leased) <= 0:
        return None
    for trial in snapshot.claimable(leased):
        return Claim(origin=Origin.LOST, number=trial.number)
    if snapshot.waiting:
        return Claim(origin=Origin.WAITING)
    return Claim(origin=Origin.NEW) if can_draw else None
