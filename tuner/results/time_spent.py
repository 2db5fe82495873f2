"""Time of a sweep: since this start, and of all its trials."""

from dataclasses import dataclass

from tuner.trial.duration import duration_text


@dataclass(frozen=True, kw_only=True)
class TimeSpent:
    """Time of one start of a sweep, and of all trials of its study."""

    seconds: float
    """Wall time in seconds since this start."""
    busy: float
    """Seconds of all slots in updates and evaluation, since this start."""
    slots: int
    """Number of trials at a time; 0 if agents on other machines ran them."""
    ended: int
    """Number of trials and repeats that this start ended."""
    earlier: int
    """Number of the study's trials that other starts or agents ended."""
    in_trials: float
    """Seconds of all trials of the study, on any machine."""

    @property
    def efficiency(self) -> float | None:
        """Share of the slots' time in updates and evaluation; None if nothing ran here."""
        if not (self.slots and self.ended and self.busy and self.seconds > 0.0):
            return None
        return self.busy / (self.slots * self.seconds)

    @property
    def text(self) -> str:
        """Both times as text, separate if they differ."""
        if not self.slots:
            return (
                f"{duration_text(self.seconds)}; {duration_text(self.in_trials)} of trials in all"
            )
        if not self.earlier:
            return self._here
        here = f"{self._ended} in {self._here}" if self.ended else "none"
        return f"{duration_text(self.in_trials)} of trials in all; this start: {here}"

    @property
    def _ended(self) -> str:
        return "1 trial" if self.ended == 1 else f"{self.ended} trials"

    @property
    def _here(self) -> str:
        if self.efficiency is None:
            return duration_text(self.seconds)
        slots = "1 slot" if self.slots == 1 else f"{self.slots} slots"
        return f"{duration_text(self.seconds)}, sweep efficiency {self.efficiency:.2f} on {slots}"
