"""The trials of a study at one moment, and which of them an agent claims."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any


@dataclass(frozen=True, kw_only=True)
class RunningTrial:
    """A trial that an agent runs, or began to claim."""

    number: int
    """Number of the trial in its study."""
    owner: Mapping[str, Any] | None
    """Identity of its agent (see `tuner.study.owner`); None: its claim was interrupted."""
    is_abandoned: bool
    """True if no living agent runs it: its owner is gone, or silent for too long."""
    silence: float = 0.0
    """Seconds since its owner's last heartbeat, by one clock for all agents."""


@dataclass(frozen=True, kw_only=True)
class StudySnapshot:
    """Counts and running trials of a study, read at one moment."""

    counted: int
    """Number of trials that are completed or pruned."""
    waiting: tuple[int, ...]
    """Numbers of the trials that wait."""
    running: tuple[RunningTrial, ...]
    """Trials that agents run, by number."""

    @property
    def has_begun(self) -> bool:
        """True if there is a trial that runs, waits or counts."""
        return bool(self.counted or self.running or self.waiting)

    @property
    def hosts(self) -> list[str]:
        """Host names of the agents that run trials and are not known to be gone."""
        return [
            trial.owner["host"] for trial in self.running if trial.owner and not trial.is_abandoned
        ]

    def claimable(self, held: Collection[int]) -> list[RunningTrial]:
        """Abandoned trials, without those with these numbers, which this agent still runs."""
        return [trial for trial in self.running if trial.is_abandoned and trial.number not in held]

    def remaining(self, total: int, held: Collection[int]) -> int:
        """Number of trials that may still be started so that `total` are counted in the end."""
        return total - self.counted - len(self.running) + len(self.claimable(held))


class Origin(Enum):
    """Where a claimed trial comes from."""

    OURS = auto()
    """It was claimed before, but the storage failed before the claim was known to be made."""
    LOST = auto()
    """Its owner is gone."""
    WAITING = auto()
    NEW = auto()


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What an agent claims."""

    origin: Origin
    number: int | None = None
    """Number of the trial that is requeued first; None where there is none."""


def choose(
    snapshot: StudySnapshot,
    me: Mapping[str, Any],
    total: int | None,
    held: Collection[int],
    *,
    draws: bool,
) -> Claim | None:
    """Choose a trial whose owner is gone, else one that waits, else a new one.

    Args:
        snapshot: The study at this moment; nothing may change until the claim is written.
        me: Identity of this agent.
        total: Number of trials that are to be counted in the end; None: no limit.
        held: Numbers of the trials that this agent runs already.
        draws: True if new trials may be added.

    Returns:
        None where there is nothing to claim.
    """
    if set(snapshot.waiting) & set(held):
        return None  # Ours went to another agent: first this one has to notice.
    for trial in snapshot.running:
        if trial.owner == me and trial.number not in held:
            return Claim(origin=Origin.OURS, number=trial.number)
    if total is not None and snapshot.remaining(total, held) <= 0:
        return None
    for trial in snapshot.claimable(held):
        return Claim(origin=Origin.LOST, number=trial.number)
    if snapshot.waiting:
        return Claim(origin=Origin.WAITING)
    return Claim(origin=Origin.NEW) if draws else None
