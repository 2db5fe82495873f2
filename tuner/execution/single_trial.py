"""One trial that no other agent has and nothing prunes, as a source for `tuner.execution.loop`."""

from collections.abc import Mapping

from tuner.trial.records import ClaimedTrial, TrialOutcome


class SingleTrialSource:
    """Gives one trial, once."""

    def __init__(self, trial: ClaimedTrial) -> None:
        """Hold the trial, which has not been claimed yet."""
        self._left: list[ClaimedTrial] = [trial]

    def claim(self, total: int) -> ClaimedTrial | None:  # noqa: ARG002
        """Return the trial, once."""
        return self._left.pop() if self._left else None

    def may_claim(self, total: int) -> bool:  # noqa: ARG002
        """Return True if the trial waits."""
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
