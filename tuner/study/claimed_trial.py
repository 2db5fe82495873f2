"""A claimed trial."""

from dataclasses import dataclass

from tuner.trial.records import Scalar


@dataclass(frozen=True, kw_only=True)
class ClaimedTrial:
    """A trial to run."""

    number: int
    """Number of the trial in its study."""
    parameters: dict[str, Scalar]
    """Value of each searched key that is active."""
    attempt: int = 1
    """Number of this attempt, counted from 1, including those of other agents."""
    crashes: int = 0
    """Number of attempts that ended with a worker or an agent that died."""
