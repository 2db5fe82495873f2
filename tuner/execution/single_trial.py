"""One trial that no other agent has and nothing prunes, as a source for `tuner.execution.loop`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tuner.trial.records import Scalar, TrialOutcome


@dataclass(frozen=True, kw_only=True)
class SingleTrial:
    """The one trial that there is.

    Attributes:
        number: Number of its folder.
        parameters: Searched key to value; none where nothing was searched.
        attempt: Number of the attempt, counted from 1.
        crashes: Number of earlier attempts that ended with a dead worker.
    """

    number: int
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    attempt: int = 1
    crashes: int = 0


class SingleTrialSource:
    """Gives one trial, once."""

    def __init__(self, trial: SingleTrial) -> None:
        """The trial has not been claimed yet."""
        self._left: list[SingleTrial] = [trial]

    def claim(self, total: int) -> SingleTrial | None:  # noqa: ARG002
        """Return the trial, once."""
        return self._left.pop() if self._left else None

    def may_claim(self, total: int) -> bool:  # noqa: ARG002
        """Return whether the trial waits."""
        return bool(self._left)

    def owns(self, number: int) -> bool:  # noqa: ARG002
        """Return True: no other agent knows of the trial."""
        return True

    def started(self, number: int, config: str, *, attempt: int, crashes: int) -> None:
        """Do nothing: the configuration is in the trial's folder."""

    def report(self, number: int, point: int, values: Mapping[str, float]) -> None:
        """Do nothing: no other trial is compared."""

    def should_prune(self, number: int) -> bool:  # noqa: ARG002
        """Return False."""
        return False

    def finish(self, outcome: TrialOutcome) -> None:
        """Do nothing: the outcome is in the trial's folder."""

    def stop_retrying(self) -> None:
        """Do nothing: nothing is waited for."""
