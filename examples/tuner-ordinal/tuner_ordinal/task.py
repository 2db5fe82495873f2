"""Ordinal regression: labels with an order, such as stars, where a near miss is a small error."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

from tuner.fields.bounds import OPEN_SHARE
from tuner.tasks import Aligned, Baseline, Classification, Evaluation, Loss, Score, Task
from tuner.tasks.row_losses import mean_with_errors
from tuner.tasks.score import CORRELATION


@dataclass(frozen=True, kw_only=True)
class Ordinal(Classification):
    """Labels with an order: whole numbers by value, others by name."""

    name: ClassVar[str] = "ordinal"
    weighs_labels: ClassVar[bool] = False
    scores: ClassVar = {"kappa": Score(title="kappa", values=CORRELATION)} | Classification.scores

    quantile: Annotated[float, OPEN_SHARE] = 0.5
    """Cumulative probability at which the predicted label is reached; 0.5: the median."""

    def make_loss(self, outputs: int) -> Loss:
        """Return the squared earth mover's distance (Hou et al. 2016)."""
        from tuner_ordinal.loss import EarthMovers

        return EarthMovers(outputs)

    def evaluate(
        self, outputs: Any, targets: Any, thresholds: Sequence[float] | None = None
    ) -> Evaluation:
        """Return Cohen's kappa with quadratic weights beside the scores of a classification."""
        from sklearn.metrics import cohen_kappa_score

        found = super().evaluate(outputs, targets, thresholds)
        _, shares = self.for_metrics(outputs, targets)
        loss, error, within = mean_with_errors(earth_movers(shares, targets), targets)
        levels, numbers = self.levels(shares), range(shares.shape[1])
        kappa = 0.0  # Not defined where all is one label.
        if len({*targets, *levels}) > 1:
            kappa = cohen_kappa_score(targets, levels, labels=numbers, weights="quadratic")
        return replace(
            found,
            loss=loss,
            loss_error=error,
            error_within_strata=within,
            scores={"kappa": float(kappa), **found.scores},
        )

    def levels(self, shares: Any) -> Any:
        """Return the first label at which the cumulative probability reaches the quantile."""
        return (shares.cumsum(axis=1) >= self.quantile).argmax(axis=1)

    def baseline(self, train: Any, validation: Any, outputs: int) -> Baseline:
        """Return what the label frequencies of the training rows reach, and equal shares."""
        import numpy as np

        frequency = np.bincount(train, minlength=outputs) / len(train)
        guesses = (frequency, np.full(outputs, 1.0 / outputs))
        best, equal = (float(earth_movers(each[None], validation).mean()) for each in guesses)
        return Baseline(name="kappa", score=0.0, loss=min(best, equal), untrained=equal)

    # Neither is true of labels with an order: kappa's error, and labels of any temperature.
    beyond_baseline = Task.beyond_baseline
    decisions = Task.decisions

    def predictions(
        self,
        outputs: Any,
        names: Sequence[str],
        thresholds: Sequence[float] | None = None,
        aligned: Aligned | None = None,
    ) -> list[dict[str, Any]]:
        """Return `label`, its `probability`, and `probabilities` by label."""
        _, shares = self.for_metrics(outputs, None)
        rows = super().predictions(outputs, names, thresholds, aligned)
        return [
            {**row, "label": names[level], "probability": float(share[level])}
            for row, share, level in zip(rows, shares, self.levels(shares), strict=True)
        ]


def earth_movers(shares: Any, targets: Any) -> Any:
    """Return the loss of each row: squared differences of cumulative probabilities."""
    reached = targets[:, None] <= range(shares.shape[1])
    return ((shares.cumsum(axis=1) - reached) ** 2).sum(axis=1)
