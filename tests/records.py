"""Makers of trial records for tests: every field has a plausible value, any can be given."""

import math
from typing import Any

from tests.components import make_optimizer, make_schedule
from tuner.settings.settings import DataSettings, ModelSettings, TrainingSettings, TrialSettings
from tuner.tasks import Baseline
from tuner.tasks.confusion import binomial_error, confusion_error
from tuner.trial.records import (
    FixedRows,
    Report,
    TrialOutcome,
    TrialSpec,
    TrialState,
)

GUESS = Baseline(score=0.5, loss=0.693)


def settings(**training: Any) -> TrialSettings:
    return TrialSettings(
        model=ModelSettings(checkpoint="tiny"),
        data=DataSettings(format="csv", train="train.csv"),
        optimizer=make_optimizer({"name": "adamw", "learning_rate": 1e-4, "weight_decay": 0.01}),
        schedule=make_schedule({"name": "linear", "warmup_fraction": 0.1}),
        training=TrainingSettings(**{"epochs": 3.0, **training}),
    )


def spec(number: int = 0, attempt: int = 1, **training: Any) -> TrialSpec:
    return TrialSpec(
        number=number,
        parameters={},
        settings=settings(**training),
        folder="/nowhere",
        attempt=attempt,
    )


def report(point: int = 1, points: int = 5, **given: Any) -> Report:
    accuracy = given.pop("val_accuracy", 0.7)
    values: dict[str, Any] = {
        "examples_seen": 200 * point,
        "total_examples": 200 * points,
        "updates": 13 * point,
        "skipped_updates": 0,
        "train_loss": 0.5,
        "train_loss_std": 0.05,
        "train_loss_max": 0.6,
        "learning_rate": 1e-4,
        "grad_norm": 1.0,
        "weight_change": 0.01 * point,
        "val_loss": 0.5,
        "metrics": {
            "val_accuracy": accuracy,
            "val_macro_f1": accuracy,
            "val_mcc": 2 * accuracy - 1,
        },
        "majority_share": 0.5,
        "validation_examples": 400,
        "examples_per_second": 40.0,
        "padding_fraction": 0.05,
        "peak_memory_bytes": 10**9,
        "seconds_training": 5.0,
        "seconds_evaluating": 1.0,
    }
    values |= given
    values.setdefault("final", point == points)
    values.setdefault("fixed", fixed_rows(values))
    values.setdefault("errors", standard_errors(values))
    return Report(point=point, points=points, **values)


def fixed_rows(values: dict[str, Any]) -> FixedRows:
    """The scores on the fixed rows are those of all, unless a test says otherwise."""
    return FixedRows(
        examples=values["validation_examples"],
        loss=values["val_loss"],
        loss_error=0.4 / values["validation_examples"] ** 0.5,
        score=values["metrics"]["val_accuracy"],
        association=values["metrics"]["val_mcc"] * values["validation_examples"] ** 0.5,
        error_within_strata=0.4 / values["validation_examples"] ** 0.5,
        majority_share=values["majority_share"],
    )


def standard_errors(values: dict[str, Any]) -> dict[str, float]:
    """Standard errors as a worker reports them."""
    if confusion := values.get("confusion"):
        names = ("accuracy", "macro_f1", "mcc")
        return {f"val_{name}": confusion_error(confusion, name) for name in names}
    accuracy, rows = values["metrics"].get("val_accuracy", math.nan), values["validation_examples"]
    return {"val_accuracy": binomial_error(accuracy, rows)} if 0.0 <= accuracy <= 1.0 else {}


def outcome(
    number: int, state: TrialState = TrialState.COMPLETE, value: float | None = 0.7, **given: Any
) -> TrialOutcome:
    shown = value if state is TrialState.COMPLETE else None
    return TrialOutcome(number=number, state=state, value=shown, **given)
