"""Share of luck in a search's score, and the gain of confirming its leaders.

    python benchmarks/confirmation.py --folder FOLDER --texts DATA
    python benchmarks/confirmation.py --folder FOLDER --texts DATA --data snips --seeds 0 1 2

Each row is one sweep as users run it, `tuner sweep=lr_search 'sweep.confirm={top: 3, seeds: 10}'`,
on a small part of a data set, with its own seed of sampler and training. Its plain best trial (the
highest score of the search) and its confirmed best (the highest mean over ten new seeds) are then
trained ten times more, with seeds 101 to 110, by which nobody has chosen: that is what a
configuration is worth on these validation rows. A second table tells of all leaders what they
promised, and what the repeats of the confirmation reached: they were chosen by their first seed
alone. Everything is a study below FOLDER, and what has been trained already is not trained again.

Data sets: the embedded Rotten Tomatoes; snips (7 intents, https://github.com/sonos/nlu-benchmark)
and banking77 (77 intents, Casanueva 2020) as DATA/NAME/train.csv and validation.csv with the
columns text and label.
"""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import fmean

from tuner.confirmation import Confirmation, difference, estimate
from tuner.diagnosis.sweep import standard_error
from tuner.errors import InputError
from tuner.search.goals import goals
from tuner.search.ranking import Direction, counts, ranked
from tuner.settings.objectives import measured_scores
from tuner.settings.settings import StorageSettings
from tuner.study.reader import StoredStudy, StudyReader
from tuner.tasks import Classification
from tuner.trial.records import UNTUNED, TrialOutcome, TrialState

SWEEP = "lr_search"
OBJECTIVE = "val_accuracy"
GOALS = goals([OBJECTIVE], {}, measured_scores(Classification))
DIRECTION: Direction = "maximize"
CONFIRM = ("sweep.confirm={top: 3, seeds: 10}", "sweep.literature=false")
"""Without published points, which the recorded sweeps did not begin with."""

FRESH = range(101, 111)
"""Seeds of training by which no configuration was chosen."""

EMBEDDED = "rotten_tomatoes"
DATA: Mapping[str, tuple[str, ...]] = {
    "snips": ("data.train_examples=300", "data.validation_examples=300", "training.epochs=4"),
    EMBEDDED: (),
    "banking77": (
        "data.train_examples=800",
        "data.validation_examples=400",
        "training.epochs=3",
    ),
}
"""Name of a data set to what makes it a small task."""

HEADINGS = (
    "data (training / validation rows)",
    "seed",
    "trials (pruned)",
    "plain best: promised (standard error)",
    "fresh seeds of the plain best",
    "optimism",
    "confirmed best: mean; corrected",
    "fresh seeds of the confirmed best",
    "confirmed against plain, seed by seed",
)

LEADERS = ("data", "seed", "leader", "promised", "mean of its repeats", "optimism")

Scores = Mapping[int, float]
"""Seed to validation accuracy."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One sweep, and what its choices reached with fresh seeds.

    Attributes:
        data: Name of the data set.
        rows: Training examples.
        validation_rows: Examples that score.
        seed: Seed of sampler and training.
        trials: Number of trials of the search.
        pruned: Number of pruned trials.
        plain: Number of its best trial.
        promised: The score of that.
        error: Standard error of it, over the drawing of the validation rows.
        confirmation: Confirmation of the leaders.
        fresh: Number of the plain best trial and of the confirmed best one to their scores.
    """

    data: str
    rows: int
    validation_rows: int
    seed: int
    trials: int
    pruned: int
    plain: int
    promised: float
    error: float
    confirmation: Confirmation
    fresh: Mapping[int, Scores]

    @property
    def optimism(self) -> float:
        """By how much the plain best trial promised more than its fresh seeds reach."""
        return self.promised - fmean(self.fresh[self.plain].values())


def cells(found: Measured) -> list[str]:
    """A row of the table `HEADINGS`."""
    confirmed = found.confirmation.best
    corrected = found.confirmation.corrected(GOALS)
    return [
        f"{found.data} ({found.rows} / {found.validation_rows})",
        str(found.seed),
        f"{found.trials} ({found.pruned})",
        f"trial {found.plain}: {found.promised:.4f} ({found.error:.4f})",
        mean_text(found.fresh[found.plain]),
        f"{found.optimism:+.4f}",
        f"trial {confirmed.trial}: {mean_text(confirmed.scores)}; {corrected:.4f}",
        *_against(found),
    ]


def _against(found: Measured) -> tuple[str, str]:
    """Scores of the confirmed best with fresh seeds, alone and against the plain best."""
    plain, confirmed = found.plain, found.confirmation.best.trial
    if plain == confirmed:
        return "the same", "the same configuration"
    better = difference(found.fresh, confirmed, plain)
    if better is None:
        return mean_text(found.fresh[confirmed]), "no common seed"
    margin = "" if better.margin is None else f" ± {better.margin:.4f}"
    noise = "outside" if better.excludes_zero else "inside"
    return mean_text(found.fresh[confirmed]), f"{better.mean:+.4f}{margin}, {noise} the noise"


def leaders(found: Measured) -> list[list[str]]:
    """Rows of the table `LEADERS`: what all leaders promised, and what they reached again."""
    return [
        [
            found.data,
            str(found.seed),
            f"trial {each.trial}",
            f"{each.promised:.4f}",
            mean_text(each.scores),
            f"{each.promised - each.estimate.mean:+.4f}",
        ]
        for each in found.confirmation.configurations
    ]


def mean_text(scores: Scores) -> str:
    """A mean with its 95 % interval, and over how many seeds if these are not all."""
    found = estimate(list(scores.values()))
    margin = "" if found.margin is None else f" ± {found.margin:.4f}"
    few = "" if len(scores) == len(FRESH) else f" over {len(scores)} seeds"
    return f"{found.mean:.4f}{margin}{few}"


def head(texts: Sequence[str]) -> str:
    """The first two lines of a table."""
    return f"{row(texts)}\n{'|---' * len(texts)}|"


def row(texts: Sequence[str]) -> str:
    """A row of a table."""
    return f"| {' | '.join(texts)} |"


def overrides(data: str, texts: Path | None) -> list[str]:
    """The rows and the budget of a data set.

    Raises:
        InputError: Its files are not given.
    """
    if data == EMBEDDED:
        return list(DATA[data])
    folder = texts and texts.absolute() / data
    if folder is None or not folder.is_dir():
        raise InputError(
            f"the files of {data} are not there",
            where=f"--texts {texts or ''}",
            remedy=f"a folder with {data}/train.csv and {data}/validation.csv",
        )
    files = [f"data.train={folder / 'train.csv'}", f"data.validation={folder / 'validation.csv'}"]
    return ["data=csv", *files, *DATA[data]]


def tuner(folder: Path, *arguments: str) -> str:
    """Runs a command in a folder.

    Returns:
        What it wrote to standard output; that of a sweep goes on as it comes, and is not returned.
    """
    exporting = arguments[0] == "export"
    output = subprocess.PIPE if exporting else sys.stderr
    command = [sys.executable, "-m", "tuner", *arguments]
    ended = subprocess.run(command, cwd=folder, stdout=output, text=True, check=True)
    return ended.stdout or ""


def read(folder: Path, study: str) -> StoredStudy:
    """A study that ran in a folder."""
    reader = StudyReader(study, StorageSettings(), folder / "outputs")
    try:
        return reader.read()
    finally:
        reader.close()


def outcomes_of(study: StoredStudy) -> list[TrialOutcome]:
    """Outcomes of the trials that ended."""
    return [trial.outcome for trial in study.trials if trial.outcome is not None]


def train_fresh(folder: Path, study: str, trial: int, options: Sequence[str]) -> Scores:
    """Trains a trial's configuration with the fresh seeds, as a grid over them.

    Args:
        folder: Folder in which the study ran.
        study: Its name.
        trial: Number of the trial.
        options: The overrides that the study ran with, without its name.

    Returns:
        Of the repeats that completed.
    """
    name = f"{study}-trial-{trial}"
    exported = tuner(
        folder, "export", f"study={study}", f"export.trial={trial}", "export.format=cli"
    )
    seeds = f"training.seed=range({FRESH.start},{FRESH.stop})"
    total = f"sweep.n_trials={len(FRESH) + 1}"  # Trial 0 has the default's seed.
    grid = ("sampler=grid", "pruner=none", seeds, total)
    tuner(folder, f"sweep={SWEEP}", f"study={name}", *options, *shlex.split(exported), *grid)
    return {
        int(str(outcome.parameters["training.seed"])): outcome.value
        for outcome in outcomes_of(read(folder, name))
        if outcome.number != UNTUNED and outcome.value is not None
    }


def measure(data: str, seed: int, folder: Path, texts: Path | None) -> Measured:
    """Runs a sweep, and the fresh seeds of what it chose; what is there already is kept.

    Args:
        data: Name of the data set.
        seed: Seed of sampler and training.
        folder: The studies are below it.
        texts: Folder of the data sets that are not embedded.
    """
    options = overrides(data, texts)
    place = folder / data
    place.mkdir(parents=True, exist_ok=True)
    study = f"{SWEEP}-{seed}" if seed else SWEEP
    draws = (f"sampler.seed={seed}", f"training.seed={seed}")
    tuner(place, f"sweep={SWEEP}", f"study={study}", *options, *draws, *CONFIRM)
    found = read(place, study)
    outcomes = outcomes_of(found)
    if found.confirmation is None:
        raise InputError(
            f"nothing was confirmed in {study}", where=str(place), remedy="another --folder"
        )
    plain = ranked(outcomes, DIRECTION)[0]
    chosen = sorted({plain.number, found.confirmation.best.trial})
    return Measured(
        data=data,
        rows=round(plain.last.total_examples / found.epochs),
        validation_rows=plain.last.validation_examples,
        seed=seed,
        trials=len(outcomes),
        pruned=counts(outcomes)[TrialState.PRUNED],
        plain=plain.number,
        promised=plain.value,
        error=standard_error(plain.last, OBJECTIVE),
        confirmation=found.confirmation,
        fresh={trial: train_fresh(place, study, trial, options) for trial in chosen},
    )


def main() -> None:
    """Prints the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--folder", type=Path, required=True, help="of the studies")
    parser.add_argument("--texts", type=Path, help="data sets that are not embedded")
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="a sweep for each")
    given = parser.parse_args()
    print(head(HEADINGS))
    found = []
    for data, seed in product(given.data, given.seeds):
        found.append(measure(data, seed, given.folder, given.texts))
        print(row(cells(found[-1])), flush=True)
    print(f"\n{head(LEADERS)}")
    for each in found:
        print(*map(row, leaders(each)), sep="\n")
    if len(found) > 1:
        mean = estimate([each.optimism for each in found])
        print(f"\nmean optimism of {len(found)} searches: {mean.mean:+.4f} ± {mean.margin:.4f}")


if __name__ == "__main__":
    main()
