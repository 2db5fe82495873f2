"""A full factorial of 144 recorded fine-tunes of the default model, for replaying searches on.

Optimizer, learning rate, schedule, batch and accumulation, each over 800 reviews in ten evaluation
points. It was recorded by `tuner sweep=table_adamw` and `sweep=table_sgd`, which stand in
benchmarks/recorded/sweeps/.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuner.settings.settings import StorageSettings
from tuner.study.reader import StudyReader

RECORDED = Path(__file__).parent / "recorded" / "search.json"
POINTS = 10

REFERENCE_BATCH = 16
"""The effective batch of the default."""

OPTIMIZERS = ("adamw", "sgd")
CHOICES: Mapping[str, tuple[Any, ...]] = {
    "schedule": ("linear", "constant"),
    "training.batch_size": (8, 16, 32),
    "training.accumulation_steps": (1, 4),
}
RATE = "optimizer.learning_rate"

Row = tuple[Any, ...]
"""Optimizer, learning rate, then the values of CHOICES."""

Table = dict[Row, list[float]]
"""Row to the validation accuracy at each evaluation point."""


def rates(table: Table, optimizer: str) -> list[float]:
    """The learning rates that were recorded for an optimizer."""
    return sorted({row[1] for row in table if row[0] == optimizer})


def best(table: Table) -> float:
    """The largest final validation accuracy."""
    return max(values[-1] for values in table.values() if len(values) == POINTS)


def record(folder: Path) -> None:
    """Writes the table from the studies of a folder."""
    rows = []
    for optimizer in OPTIMIZERS:
        reader = StudyReader(f"table_{optimizer}", StorageSettings(), folder)
        for trial in reader.read().trials:
            values = [trial.values[point]["val_accuracy"] for point in sorted(trial.values)]
            if values and RATE in trial.parameters:  # Else the untuned default: in no cell.
                wanted = {key: trial.parameters[key] for key in (RATE, *CHOICES)}
                rows.append({"optimizer": optimizer, **wanted, "values": values})
        reader.close()
    lines = ",\n".join(json.dumps(row) for row in rows)
    RECORDED.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print(f"{len(rows)} fine-tunes in {RECORDED}")


def read() -> Table:
    """The recorded table."""
    return {
        (row["optimizer"], row[RATE], *(row[key] for key in CHOICES)): row["values"]
        for row in json.loads(RECORDED.read_text(encoding="utf-8"))
    }
