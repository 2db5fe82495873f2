"""Input and output of every side of `sweep.py`, as files in the folder where it runs.

Standard library alone, because peers run in environments of their own.
"""

import csv
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

TASK = Path("task.json")
RESULT = Path("result.json")


@dataclass(frozen=True, kw_only=True)
class Task:
    """A sweep that every side runs.

    Attributes:
        checkpoint: Folder of the encoder in Hugging Face format.
        train: CSV file with the columns `text` and `label`, which is 0 or 1.
        validation: The same of the rows that score.
        rows: Training rows.
        max_length: Tokens; longer texts are truncated.
        learning_rate: Lowest and highest peak, drawn in its log.
        schedules: `linear`, `cosine` or `constant`, after the warm-up.
        warmup_fraction: Least and largest share of the updates.
        trials: Number of trials.
        epochs: The budget of a trial.
        points: Evaluation points of a trial, for sides that prune by them.
        batch: Examples in an update.
        weight_decay: Weight decay of AdamW.
        clip_norm: Largest global gradient norm.
        seed: Seed of the search and of each trial; above 0, because KerasTuner takes 0 for none.
        cores: CPU cores that the side has for itself.
    """

    checkpoint: str
    train: str
    validation: str
    rows: int
    max_length: int
    learning_rate: tuple[float, float]
    schedules: tuple[str, ...]
    warmup_fraction: tuple[float, float]
    trials: int
    epochs: int
    points: int
    batch: int
    weight_decay: float
    clip_norm: float
    seed: int
    cores: int

    @property
    def updates(self) -> int:
        """Optimizer updates in the whole budget."""
        return self.epochs * -(-self.rows // self.batch)

    @property
    def updates_between(self) -> int:
        """Updates from one evaluation point to the next."""
        return -(-self.updates // self.points)

    def write(self, folder: Path) -> None:
        """Puts it where a side will run."""
        (folder / TASK).write_text(json.dumps(asdict(self)), encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class Result:
    """Result of a side's sweep.

    Attributes:
        score: Validation accuracy of the best trial, over all validation rows.
        best: Its parameters, as the side calls them.
        busy: Seconds that trials spent in training and evaluation, all of them together.
        slots: Trials at a time, each of which had its share of the cores.
        complete: Trials that were not pruned.
    """

    score: float
    best: Mapping[str, Any]
    busy: float
    slots: int
    complete: int

    def write(self) -> None:
        """Leaves it in the current folder."""
        RESULT.write_text(json.dumps(asdict(self)), encoding="utf-8")


def read_task() -> Task:
    """The task in the current folder."""
    stored = json.loads(TASK.read_text(encoding="utf-8"))
    lists = {name: tuple(value) for name, value in stored.items() if isinstance(value, list)}
    return Task(**stored | lists)


def read_result(folder: Path) -> Result:
    """Return the result that a side left in its folder."""
    return Result(**json.loads((folder / RESULT).read_text(encoding="utf-8")))


def read_rows(path: str) -> tuple[list[str], list[int]]:
    """Texts and labels of a file."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        rows = [(row["text"], int(row["label"])) for row in csv.DictReader(file)]
    return [text for text, _ in rows], [label for _, label in rows]


def write_rows(path: Path, texts: list[str], labels: list[str]) -> None:
    """Writes what `read_rows` reads."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *zip(texts, labels, strict=True)])
