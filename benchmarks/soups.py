"""Gain of averaging the weights of a sweep's trials, judged on sealed rows.

    python benchmarks/soups.py record --texts DATA --folder FOLDER  # trains what is not recorded
    python benchmarks/soups.py judge --texts DATA --folder FOLDER   # judges what is not judged
    python benchmarks/soups.py table                                # the tables in docs/soups.md

`record` trains eight configurations for each of three seeds of each data set, by random search
over the space of sweeps/lr_search.yaml and without pruning, on one core. The seed of a sweep
decides its configurations, its rows, and the seed of training, which all its trials have in
common. Weights are kept below FOLDER; every trial's reports become a line of
benchmarks/recorded/soups.jsonl, in the form of curves.jsonl.

`judge` selects and accepts a soup as a sweep does, on the validation rows, and scores on the
sealed rows, by the objective: the best single trial, the greedy soup, what is published of these
two, the uniform soup of all trials, and the ensemble of the greedy soup's members (mean of their
probabilities). Each whole sweep becomes a line of benchmarks/recorded/soup_sweeps.jsonl.

Data sets: see soup_data.py; DATA holds wnut17, sts, snips and goemotions.
"""

import argparse
import json
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from soup_data import CHOICES, DATA, write_files
from soup_trials import SEEDS, Trial, lines, record, trials

from tuner.confirmation import estimate
from tuner.diagnosis.sweep.noise import CRITICAL
from tuner.metrics.measure import SEED
from tuner.metrics.metric import RESAMPLES
from tuner.settings.objectives import measured_scores
from tuner.soup import Member, Soup
from tuner.tasks import REGISTRY
from tuner.trial.names import MEMBER_NAME
from tuner.trial.serialization import from_plain, to_plain
from tuner.worker.fine_tuner import shared_fine_tuner

JUDGED = Path(__file__).parent / "recorded" / "soup_sweeps.jsonl"
SEALED = 600
"""Most sealed rows; no data set has fewer than 500."""

SHOWN = ("published", "soup", "uniform", "ensemble")
"""Models that are compared with the best single one."""

SCORES = {name: s for task in REGISTRY.bundled() for name, s in measured_scores(task).items()}

_log = logging.getLogger("soups")


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """A model on the sealed rows.

    Attributes:
        outputs: Its outputs.
        thresholds: Thresholds that the validation rows gave it.
    """

    outputs: Any
    thresholds: Any


def judge(folder: Path, folders: dict[str, Path]) -> None:
    """Judge all whole sweeps that are not judged yet."""
    done = {(line["data"], line["seed"]) for line in lines(JUDGED)}
    for name in DATA:
        for seed in SEEDS:
            sweep = list(trials(DATA[name], seed))
            whole = all((folder / each.name / MEMBER_NAME).exists() for each in sweep)
            if whole and (name, seed) not in done:
                line = judged(sweep, folder, folders[name])
                with JUDGED.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
                _log.info("%s/%d: %s", name, seed, line["scores"])


def judged(sweep: Sequence[Trial], folder: Path, texts: Path) -> dict[str, Any]:
    """Scores of a sweep's models on the sealed rows."""
    from tuner.data import prepare  # noqa: PLC0415 - after the choice of threads
    from tuner.soup.builder import Builder, Judge  # noqa: PLC0415
    from tuner.training.member import MemberWeights  # noqa: PLC0415
    from tuner.training.soup import Averages  # noqa: PLC0415

    settings, other = sweep[0].settings(texts), sweep[0].settings(texts, sealed=True)
    data = prepare(settings.data, settings.model, settings.task)
    of_sealed = replace(other.data, validation_examples=SEALED)
    # With the task as it was fitted: a number's unit is that of the members.
    sealed_data = prepare(of_sealed, other.model, data.task)
    weights = {
        Member(trial=each.number, seed=each.seed): MemberWeights(folder / each.name / MEMBER_NAME)
        for each in sweep
    }
    batch = settings.training.evaluation_batch_size
    averages, on_sealed = Averages(data, weights, batch), Averages(sealed_data, weights, batch)
    selecting = Judge(data=data, objective=settings.task.objective, metrics={})
    judging = replace(selecting, data=sealed_data)
    rows, sealed_rows = np.arange(len(data.validation)), np.arange(len(sealed_data.validation))
    soup, _ = Builder(averages, selecting).soup(list(weights))

    has_thresholds = settings.task.usual_thresholds(len(data.labels)) is not None

    @cache
    def outputs(members: tuple[Member, ...]) -> Any:
        return on_sealed.outputs(members, sealed_rows)

    def thresholds(members: Sequence[tuple[Member, ...]]) -> Any:
        """Return those of the mean of some averages; None where the task has none."""
        if not has_thresholds:
            return None
        made = mean_of(settings.task.name, [averages.outputs(each, rows) for each in members])
        return selecting.evaluate(made, rows).thresholds

    def sealed(*members: tuple[Member, ...]) -> Sealed:
        """Return the mean of some averages."""
        found = mean_of(settings.task.name, list(map(outputs, members)))
        return Sealed(outputs=found, thresholds=thresholds(members))

    single = sealed((soup.single_of_all,))
    found = {
        "single": single,
        "soup": sealed(soup.members) if len(soup.members) > 1 else single,
        "uniform": sealed(tuple(weights)),
        "ensemble": sealed(*((each,) for each in soup.members)),
    }
    found["published"] = found["soup"] if soup.accepted else single

    def score(one: Sealed, some: Any) -> float:
        outputs = on_sealed.part(one.outputs, some)
        return judging.value(judging.evaluate(outputs, some, one.thresholds))

    random = np.random.default_rng(SEED)
    drawn: dict[str, list[float]] = {name: [] for name in SHOWN}
    for _ in range(RESAMPLES):
        some = random.choice(sealed_rows, len(sealed_rows))
        base = score(single, some)
        for name in SHOWN:
            drawn[name].append(judging.sign * (score(found[name], some) - base))
    scores = {name: score(each, sealed_rows) for name, each in found.items()}
    return {
        "data": sweep[0].data.name,
        "seed": sweep[0].seed,
        "objective": settings.task.objective,
        "sealed": len(sealed_rows),
        "soup": to_plain(soup),
        "scores": scores,
        "gains": {name: judging.sign * (scores[name] - scores["single"]) for name in SHOWN},
        "errors": {name: float(np.std(drawn[name], ddof=1)) for name in SHOWN},
    }


def mean_of(task: str, outputs: Sequence[Any]) -> Any:
    """Outputs with the mean of the probabilities, or of the numbers, that some outputs have."""
    from scipy.special import expit, log_softmax, logit, logsumexp  # noqa: PLC0415 - slow

    if len(outputs) == 1:
        return outputs[0]
    stacked = np.stack(outputs)
    if task == "regression":
        return stacked.mean(axis=0)
    if task == "multilabel":
        return logit(np.clip(expit(stacked).mean(axis=0), 1e-12, 1.0 - 1e-12))
    if task == "multiple_choice":  # One output for each choice; the rows have equally many.
        count = len(CHOICES)
        grouped = log_softmax(stacked.reshape(len(outputs), -1, count), axis=-1)
        return (logsumexp(grouped, axis=0) - np.log(len(outputs))).reshape(-1, 1)
    return logsumexp(log_softmax(stacked, axis=-1), axis=0) - np.log(len(outputs))


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A judged sweep.

    Attributes:
        line: Its line.
        soup: Its soup.
    """

    line: dict[str, Any]
    soup: Soup

    @classmethod
    def of(cls, line: dict[str, Any]) -> "Verdict":
        """Read a line."""
        return cls(line=line, soup=from_plain(Soup, line["soup"]))

    @property
    def has_soup(self) -> bool:
        """True if two models or more were averaged."""
        return len(self.soup.members) > 1

    def gain(self, name: str) -> float:
        """Score of a model above the best single one's, in points; positive is better."""
        return 100.0 * float(self.line["gains"][name])

    def error(self, name: str) -> float:
        """Standard error of a gain over the drawing of the sealed rows, in points."""
        return 100.0 * float(self.line["errors"][name])

    def row(self) -> list[str]:
        """Row of the table of sweeps."""
        kept, scores = len(self.soup.members), self.line["scores"]
        state = "published" if self.soup.accepted else "rejected" if self.has_soup else "none"
        gains = [f"{self.gain(name):+.1f} ± {CRITICAL * self.error(name):.1f}" for name in SHOWN]
        return [
            self.line["data"],
            str(self.line["seed"]),
            f"{scores['single']:.4f}",
            f"{kept} of {len(self.soup.steps)}",
            state,
            *gains,
        ]


def table() -> Iterator[str]:
    """Yield the tables of all judged sweeps."""
    found = [Verdict.of(line) for line in lines(JUDGED)]
    heads = ("data", "seed", "best single", "members", "decision", *SHOWN)
    yield from markdown(heads, [each.row() for each in found])
    yield ""
    yield from markdown(("data", "sweeps", *SHOWN), [*summaries(found)])
    yield ""
    for name in SHOWN:
        mean = estimate([each.gain(name) for each in found])
        margin = mean.margin or 0.0
        yield f"{name}: {mean.mean:+.2f} ± {margin:.2f} points over {len(found)} sweeps"
    soups = [each for each in found if each.has_soup]
    worse = [each for each in soups if each.gain("soup") < 0.0]
    rejected = [each for each in soups if not each.soup.accepted]
    right = [each for each in rejected if each in worse]
    yield (
        f"{len(soups)} soups: {len(rejected)} rejected, {len(right)} of them rightly; "
        f"{len(worse)} are worse than the single model on the sealed rows"
    )


def summaries(found: Sequence[Verdict]) -> Iterator[list[str]]:
    """Yield a row for each data set: mean gains of its sweeps.

    All sweeps have the same sealed rows, so the error of a mean is taken as the mean of the
    errors, which is too large rather than too small.
    """
    for data in dict.fromkeys(each.line["data"] for each in found):
        sweeps = [each for each in found if each.line["data"] == data]
        cells = [
            f"{fmean(each.gain(name) for each in sweeps):+.1f} ± "
            f"{CRITICAL * fmean(each.error(name) for each in sweeps):.1f}"
            for name in SHOWN
        ]
        yield [data, str(len(sweeps)), *cells]


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table."""
    for cells in (heads, ["---"] * len(heads), *rows):
        yield f"| {' | '.join(cells)} |"


def main() -> None:
    """Record, judge, or print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("command", choices=("record", "judge", "table"))
    parser.add_argument("--texts", type=Path, help="folder of the data sets")
    parser.add_argument("--folder", type=Path, help="of the weights")
    given = parser.parse_args()
    if given.command == "table":
        print(*table(), sep="\n")
        return
    if given.texts is None or given.folder is None:
        parser.error("record and judge need --texts and --folder")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    os.environ["OMP_NUM_THREADS"] = "1"
    folder = given.folder.absolute()
    folders = write_files(given.texts.absolute(), folder / "data")
    shared_fine_tuner(1)
    {"record": record, "judge": judge}[given.command](folder, folders)


if __name__ == "__main__":
    main()
