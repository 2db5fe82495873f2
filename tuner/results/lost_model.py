"""Models that a study should have and that are lost; how one that is trained again compares."""

from dataclasses import dataclass

from tuner.trial.records import TrialOutcome


@dataclass(frozen=True, kw_only=True)
class LostModel:
    """A trial, or a repeat of one, that is trained again for its model alone."""

    outcome: TrialOutcome
    """How the trial or the repeat ended."""
    trial: int
    """Number of the search's trial whose configuration the model has."""
    seed: int | None
    """Seed of the repeat; None for the search's own trial."""
    reason: str
    """Why the model is not here, as a clause."""

    @property
    def key(self) -> tuple[int, int | None]:
        """Trial and seed: what tells one model of a study from another."""
        return self.trial, self.seed

    @property
    def name(self) -> str:
        """Name of the model for people."""
        seed = "" if self.seed is None else f" with seed {self.seed}"
        return f"the model of trial {self.trial}{seed}"

    @property
    def concludes_at(self) -> int | None:
        """Evaluation point at which the trial had ended early; None: it had its whole budget."""
        last = self.outcome.last
        return last.point if last and self.outcome.stopped_by == "converged" else None


def score_differences(recorded: TrialOutcome, again: TrialOutcome) -> list[str]:
    """Return the scores in which a trial differs that was trained again.

    Loss and metrics are compared, which the same computation gives again to the last digit; speed
    and memory are not.

    Args:
        recorded: How the trial ended first.
        again: How it ended when it was trained again.

    Returns:
        Texts as `val_loss 0.52, recorded 0.51`.
    """
    if recorded.last is None or again.last is None:
        return []
    before = {**recorded.last.metrics, "val_loss": recorded.last.val_loss}
    after = {**again.last.metrics, "val_loss": again.last.val_loss}
    return [
        f"{name} {after[name]:.9g}, recorded {value:.9g}"
        for name, value in before.items()
        if name in after and after[name] != value
    ]
