"""One number for each text or pair of texts."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

from tuner.errors import InputError
from tuner.fields.bounds import FINITE, at_least
from tuner.tasks.alignment import Aligned
from tuner.tasks.association import bounded
from tuner.tasks.cells import Column, shortened
from tuner.tasks.records import Baseline, Evaluation, TargetSummary
from tuner.tasks.score import AT_LEAST_0, CORRELATION, Score
from tuner.tasks.task import Array, Loss, TargetSpec, Task

STRATA = 10
"""Groups of like size, from small to large values, whose shares splits keep."""

LEAST_ROWS = 4
"""Rows that a group has at least."""

FEW_VALUES = 3
"""So few different values are more likely labels than numbers."""

SMALLEST, LARGEST = 1e-30, 1e30
"""Sizes between which numbers and their differences leave a float32 model room for its weights."""

RESOLVED = 1000.0
"""Steps of a float32 that the standard deviation of the numbers has at least."""

FLOAT32_STEP = 2.0**-23
"""Step from a float32 to the next, as a share of its size."""

_ALMOST_1 = 1.0 - 1e-12
"""Correlation beyond which Fisher's transformation has no room."""


@dataclass(frozen=True, kw_only=True)
class Regression(Task):
    """A number for each text or pair of texts.

    Training standardises the targets; scores, predictions and the exported model have their unit.
    """

    name: ClassVar[str] = "regression"
    usual: ClassVar[str | None] = (
        "Usual: training.epochs=3, training.batch_size=32, optimizer.learning_rate=2e-5 to 5e-5 "
        "(Devlin 2019, section 4.1, with STS-B); 1e-4 to 3e-4 for small encoders (Turc 2019)."
    )
    problem_type: ClassVar[str] = "regression"
    output_function: ClassVar[str] = "none"
    trainer_remedy: ClassVar[str | None] = (
        "num_labels=1 and problem_type='regression' of the model, labels standardised by mean and "
        "standard deviation of the training rows"
    )
    single_output: ClassVar[bool] = True
    predicts: ClassVar = {"score": float}
    scores: ClassVar = {
        "pearson": Score(title="Pearson r", values=CORRELATION),
        "spearman": Score(title="Spearman rho", values=CORRELATION),
        "rmse": Score(title="RMSE", direction="minimize", values=AT_LEAST_0),
        "mae": Score(title="MAE", direction="minimize", values=AT_LEAST_0),
    }

    center: Annotated[float, FINITE] = 0.0
    """Target that training sees as 0; with `scale` 0 the mean of the training rows."""

    scale: Annotated[float, at_least(0)] = 0.0
    """Difference that training sees as 1; 0: standard deviation of the training rows."""

    @property
    def _unit(self) -> float:
        """Difference that training sees as 1; that of the data for a task that is not fitted."""
        return self.scale or 1.0

    def read(self, column: Column) -> tuple[float, ...]:
        """Return the number of each row."""
        column.refuse_missing("no number")
        return tuple(_number(column, index) for index in range(len(column.cells)))

    def names(
        self, targets: Sequence[Any], where: str, *, classes: bool = False
    ) -> tuple[str, ...]:
        """Return the one output's name."""
        if classes:
            raise InputError(
                "the column holds names of classes, not numbers",
                where=f"data.label, in {where}",
                remedy="task=classification",
            )
        if len(set(targets)) == 1:
            raise InputError(
                f"all rows have the same number, {targets[0]:g}",
                where=f"data.label, in {where}",
                remedy="data.label=COLUMN of different numbers",
            )
        for problem, remedy in _unexportable(targets):
            raise InputError(problem, where=f"data.label, in {where}", remedy=remedy)
        return ("score",)

    def known(self, targets: Sequence[Any], names: Sequence[str], where: str) -> tuple[Any, ...]:
        """Return the numbers as they are."""
        del names, where
        return tuple(targets)

    def strata(self, targets: Any) -> Any:
        """Return the decile of each number."""
        import numpy as np

        values = np.asarray(targets, np.float64)
        groups = max(1, min(STRATA, len(values) // LEAST_ROWS))
        bounds = np.quantile(values, np.arange(1, groups) / groups)
        return np.searchsorted(np.unique(bounds), values)

    def describe(
        self, train: Sequence[Any], validation: Sequence[Any], names: Sequence[str]
    ) -> TargetSummary:
        """Return the range of the numbers."""
        del names
        values = sorted(set(train))
        mean = math.fsum(train) / len(train)
        warnings = []
        if len(values) <= FEW_VALUES:
            shown = shortened([f"{value:g}" for value in values])
            warnings.append(f"The numbers are {shown} alone. Did you mean task=classification?")
        outside = sum(not values[0] <= value <= values[-1] for value in validation)
        if outside > len(validation) / 10:
            warnings.append(
                f"{outside} of {len(validation)} validation rows lie outside the training rows' "
                f"range, {values[0]:g} to {values[-1]:g}."
            )
        return TargetSummary(
            line=f"numbers from {values[0]:g} to {values[-1]:g}, mean {mean:.4g}",
            warnings=tuple(warnings),
        )

    def fit(self, targets: Sequence[Any]) -> Self:
        """Return the task with mean and standard deviation of the training rows."""
        if self.scale:
            return self
        import numpy as np

        values = np.asarray(targets, np.float64)
        return replace(self, center=float(values.mean()), scale=float(values.std()))

    def target_spec(self, outputs: int) -> TargetSpec:
        """Return a float; NaN fills a shape up."""
        del outputs
        return TargetSpec(dtype="float32", filler=math.nan)

    def encode(self, targets: Sequence[Any], names: Sequence[str]) -> Array:
        """Return standardised numbers, float32 of shape (rows,)."""
        import numpy as np

        del names
        values = np.asarray(targets, np.float64)
        return ((values - self.center) / self._unit).astype(np.float32)

    def make_loss(self, outputs: int) -> Loss:
        """Return the squared error of the standardised numbers."""
        from tuner.tasks.squared_error import SquaredError

        del outputs
        return SquaredError()

    def evaluate(
        self, outputs: Array, targets: Array, thresholds: Sequence[float] | None = None
    ) -> Evaluation:
        """Return the squared error, and scores in the unit of the data."""
        import numpy as np

        from tuner.tasks.correlation import pearson, pearson_error, spearman, spearman_error
        from tuner.tasks.row_losses import mean_with_errors

        del thresholds
        found, true = outputs[:, 0], np.asarray(targets, np.float64)
        rows = len(true)
        loss, loss_error, within = mean_with_errors((found - true) ** 2, self.strata(true))
        mae, mae_error, _ = mean_with_errors(np.abs(found - true))
        linear, ranks = pearson(found, true), spearman(found, true)
        rms = math.sqrt(loss)
        counts = np.unique(found.astype(np.float32), return_counts=True)[1]
        fisher = math.atanh(max(-_ALMOST_1, min(_ALMOST_1, linear)))
        return Evaluation(
            examples=rows,
            loss=loss,
            loss_error=loss_error,
            error_within_strata=within,
            scores={
                "pearson": linear,
                "spearman": ranks,
                "rmse": rms * self._unit,
                "mae": mae * self._unit,
            },
            errors={
                "pearson": pearson_error(linear, rows),
                "spearman": spearman_error(ranks, rows),
                "rmse": loss_error / (2.0 * rms) * self._unit if rms else 0.0,
                "mae": mae_error * self._unit,
            },
            association=bounded(fisher * math.sqrt(max(rows - 3, 0))),
            majority_share=float(counts.max() / rows),
        )

    def for_metrics(
        self, outputs: Array, targets: Array, thresholds: Sequence[float] | None = None
    ) -> tuple[Array, Array]:
        """Return targets and predictions in the unit of the data, both of shape (rows,)."""
        import numpy as np

        del thresholds
        return self.exported(np.asarray(targets, np.float64)), self.exported(outputs[:, 0])

    def baseline(self, train: Array, validation: Array, outputs: int) -> Baseline:
        """Return what guessing the mean of the training rows reaches."""
        import numpy as np

        del outputs
        known = np.asarray(train, np.float64)
        loss = float(np.mean((np.asarray(validation, np.float64) - known.mean()) ** 2))
        return Baseline(
            name="pearson",
            score=0.0,
            loss=loss,
            # An untrained head gives about 0, which is not the mean where users set the scale.
            untrained=float(np.mean(known**2)),
            training=float(known.var()),
            hardest=float(np.max(known**2)),
        )

    def predictions(
        self,
        outputs: Array,
        names: Sequence[str],
        thresholds: Sequence[float] | None = None,
        aligned: Aligned | None = None,
    ) -> list[dict[str, Any]]:
        """Return `score`, in the unit of the data."""
        del names, thresholds, aligned
        return [{"score": float(value)} for value in outputs[:, 0]]

    def shown(self, prediction: Mapping[str, Any]) -> str:
        """Return the number with six digits."""
        return f"{prediction['score']:.6g}"

    def written(self, prediction: Mapping[str, Any]) -> float:
        """Return the number with all digits."""
        return float(prediction["score"])

    def summary(self, predictions: Sequence[Mapping[str, Any]]) -> str:
        """Return the range of the numbers."""
        scores = [row["score"] for row in predictions]
        return f"{min(scores):.6g} to {max(scores):.6g}"

    def fold_head(self, kernel: Array, bias: Array) -> tuple[Array, Array]:
        """Return a last layer whose output is in the unit of the data."""
        return (kernel * self._unit).astype(kernel.dtype), self.exported(bias).astype(bias.dtype)

    def as_exported(self) -> Self:
        """Return the task without a scale: the exported model's output has the data's unit."""
        return replace(self, center=0.0, scale=0.0)

    def exported(self, outputs: Array) -> Array:
        """Return outputs in the unit of the data."""
        return outputs * self._unit + self.center


def _unexportable(targets: Sequence[float]) -> Iterator[tuple[str, str]]:
    """Yield why a float32 model in the unit of the data could not give numbers, and a remedy.

    Args:
        targets: Numbers that are not all the same.
    """
    import numpy as np

    values = np.asarray(targets, np.float64)
    largest = float(np.abs(values).max())
    if not SMALLEST < largest < LARGEST:
        yield (
            f"the numbers are as large as {largest:g}, beyond what a float32 model can give",
            f"numbers in another unit, between {SMALLEST:g} and {LARGEST:g}",
        )
        return
    deviation, mean = float(values.std()), float(values.mean())
    if deviation < SMALLEST or deviation < RESOLVED * FLOAT32_STEP * largest:
        yield (
            f"the numbers differ by {deviation:g} around {mean:g}, too little for a float32 model",
            f"the column with {mean:g} subtracted, or in another unit",
        )


def _number(column: Column, index: int) -> float:
    cell = column.cells[index]
    try:
        value = math.nan if isinstance(cell, bool) else float(cell)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if math.isfinite(value):
        return value
    raise column.refuse(
        f"{cell!r} is no finite number", index, "a number in each row, or task=classification"
    )
