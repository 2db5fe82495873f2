"""The fine-tunes that soups.py judges: their configurations, and their recording.

The seed of a sweep decides its configurations, its rows, and the seed of training, which all its
trials have in common.
"""

import json
import logging
import math
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curves import shortened
from soup_data import DATA, Data

from tuner.config import compose_sweep
from tuner.settings.settings import TrialSettings
from tuner.tasks import Baseline
from tuner.trial.names import MEMBER_NAME
from tuner.trial.records import Decision, Report
from tuner.trial.serialization import to_plain
from tuner.worker.fine_tuner import shared_fine_tuner

RECORDED = Path(__file__).parent / "recorded" / "soups.jsonl"
SEEDS = (1, 2, 3)
TRIALS = 8
LOWEST_RATE = 1e-6
SCHEDULES = ("linear", "cosine", "constant")
LONGEST_WARMUP = 0.3

_log = logging.getLogger("soups")


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One fine-tune.

    Attributes:
        data: Its data set.
        seed: Seed of its sweep.
        number: Its number in the sweep.
        parameters: Searched keys to values.
    """

    data: Data
    seed: int
    number: int
    parameters: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Name in the records."""
        return f"{self.data.name}/{self.seed}/{self.number}"

    def settings(self, texts: Path, *, sealed: bool = False) -> TrialSettings:
        """Configuration.

        Args:
            texts: Folder of the data set.
            sealed: True to score the sealed rows in place of the validation rows.
        """
        searched = (f"{key}={value}" for key, value in self.parameters.items())
        overrides = (
            "sweep=lr_search",
            *self.data.overrides,
            *self.data.files(texts),
            "model.max_length=64",
            "training.evaluations=8",
            "training.evaluation_share=0.15",
            f"data.seed={self.seed}",
            f"training.seed={self.seed}",
            *searched,
            *(self.data.sealed_files(texts) if sealed else ()),
        )
        return compose_sweep(list(overrides), Path.cwd()).base


def trials(data: Data, seed: int) -> Iterator[Trial]:
    """Trials of a sweep, drawn at random."""
    chance = random.Random(f"{data.name} {seed}")  # noqa: S311
    for number in range(TRIALS):
        rate = math.exp(chance.uniform(math.log(LOWEST_RATE), math.log(data.highest)))
        parameters = {
            "optimizer.learning_rate": float(f"{rate:.3g}"),
            "schedule": chance.choice(SCHEDULES),
            "schedule.warmup_fraction": round(chance.uniform(0.0, LONGEST_WARMUP), 3),
        }
        yield Trial(data=data, seed=seed, number=number, parameters=parameters)


def wanted() -> Iterator[Trial]:
    """All trials, sweep after sweep."""
    for data in DATA.values():
        for seed in SEEDS:
            yield from trials(data, seed)


class Listener:
    """Keeps the reports of a trial, and its weights at the end."""

    def __init__(self, fine_tuner: Any, weights: Path) -> None:
        self.guess: Baseline | None = None
        self.reports: list[Report] = []
        self._fine_tuner = fine_tuner
        self._weights = weights

    def started(self, constant_guess: Baseline, labels: tuple[str, ...], resumed_at: int) -> None:
        """Keep the guess."""
        del labels, resumed_at
        self.guess = constant_guess

    def progress(self, share: float, examples_per_second: float) -> None:
        """Do nothing."""

    def reported(self, report: Report) -> Decision:
        """Keep the report; continue to the end."""
        self.reports.append(report)
        if report.final:
            self._fine_tuner.save_member(self._weights)
        return Decision.CONTINUE

    def stop_requested(self) -> bool:
        """Return False."""
        return False

    def should_checkpoint(self) -> bool:
        """Return False."""
        return False


def record(folder: Path, folders: Mapping[str, Path]) -> None:
    """Run all trials that are not recorded yet.

    Args:
        folder: Weights are kept below it.
        folders: Folder of each data set's texts.
    """
    done = {line["name"] for line in lines(RECORDED)}
    waiting = [trial for trial in wanted() if trial.name not in done]
    fine_tuner, _ = shared_fine_tuner(1)
    for trial in waiting:
        place = folder / trial.name
        place.mkdir(parents=True, exist_ok=True)
        listener = Listener(fine_tuner, place / MEMBER_NAME)
        begun = time.perf_counter()
        settings = trial.settings(folders[trial.data.name])
        diverged = fine_tuner.run(settings, listener, None, None, ())
        line = {
            "name": trial.name,
            "data": trial.data.name,
            "seed": trial.seed,
            "trial": trial.number,
            "rows": trial.data.rows,
            "epochs": settings.training.epochs,
            "parameters": dict(trial.parameters),
            "overrides": list(trial.data.overrides),
            "diverged": diverged,
            "guess": to_plain(listener.guess),
            "reports": [shortened(to_plain(report)) for report in listener.reports],
        }
        with RECORDED.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        last = listener.reports[-1].metrics if listener.reports else {}
        score = last.get(settings.task.objective, math.nan)
        seconds = time.perf_counter() - begun
        _log.info("%s %s: %.4f in %.0f s", trial.name, dict(trial.parameters), score, seconds)


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Lines of a record; none where there is no file."""
    if path.exists():
        yield from map(json.loads, path.read_text(encoding="utf-8").splitlines())
