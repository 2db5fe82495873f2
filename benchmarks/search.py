"""How much training a search needs until it has found one of the best configurations.

    python benchmarks/search.py                    # replays on the recorded table
    python benchmarks/search.py --record FOLDER    # the table anew, from the sweeps that ran there

The table is a full factorial of 144 fine-tunes of the default model: optimizer, learning rate,
schedule, batch and accumulation, each over 800 reviews in ten evaluation points. It was recorded
by `tuner sweep=table_adamw` and `sweep=table_sgd`, which stand in benchmarks/recorded/sweeps/.

A replay lets a sampler propose; the learning rate is taken to the nearest that was recorded; the
pruner sees the recorded points where the product would ask it. The cost is in fine-tunes: the sum
of the shares of the budget that trials spent. Printed is the cost until a completed trial is
within half a point of the table's best, over 50 seeds, as a ratio to random search that prunes
nothing, and how often it was not found within 300 trials.
"""

import argparse
import json
import math
import random
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.pruners import SuccessiveHalvingPruner as Asha
from optuna.samplers import BaseSampler, QMCSampler, RandomSampler, TPESampler

from tuner.core.budget import may_prune
from tuner.study_reader import StudyReader

RECORDED = Path(__file__).parent / "recorded" / "search.json"
SEEDS = 50
WITHIN = 0.005
MOST_TRIALS = 300
POINTS = 10
WARMUP = 0.1
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


@dataclass(frozen=True, kw_only=True)
class Method:
    """A way to search.

    Attributes:
        sampler: Seed to sampler.
        pruner: Makes the pruner.
        first: Configurations that are tried first, in the space's own keys.
    """

    sampler: Callable[[int], BaseSampler]
    pruner: Callable[[], BasePruner] = NopPruner
    first: tuple[Mapping[str, Any], ...] = ()


def tpe(seed: int, **options: Any) -> BaseSampler:
    """Optuna's, with some options."""
    return TPESampler(seed=seed, **options)


def start(rate: float, batch: int, schedule: str = "linear") -> dict[str, Any]:
    """A configuration with AdamW."""
    return {
        "optimizer": "adamw",
        f"adamw {RATE}": rate,
        "schedule": schedule,
        "training.batch_size": batch,
        "training.accumulation_steps": 1,
    }


DEFAULT = start(5e-5, 16)
LITERATURE = (DEFAULT, start(2e-5, 16), start(3e-5, 32), start(1e-4, 16), start(1e-4, 32))
"""Devlin 2019 and Liu 2019 (2e-5 to 5e-5 at 16 and 32), and the higher rates of small encoders."""

GROUPED = {"multivariate": True, "group": True}
METHODS: Mapping[str, Method] = {
    "random": Method(sampler=RandomSampler),
    "random, asha 2": Method(sampler=RandomSampler, pruner=lambda: Asha(1, 2)),
    "tpe, median (Optuna's defaults)": Method(sampler=tpe, pruner=MedianPruner),
    "tpe": Method(sampler=tpe),
    "tpe, asha 2": Method(sampler=tpe, pruner=lambda: Asha(1, 2)),
    "tpe, asha 2, default first (ours)": Method(
        sampler=tpe, pruner=lambda: Asha(1, 2), first=(DEFAULT,)
    ),
    "tpe, asha 3, default first": Method(sampler=tpe, pruner=lambda: Asha(1, 3), first=(DEFAULT,)),
    "tpe, asha 4, default first": Method(sampler=tpe, pruner=lambda: Asha(1, 4), first=(DEFAULT,)),
    "tpe, hyperband 3, default first": Method(
        sampler=tpe, pruner=lambda: HyperbandPruner(1, POINTS, 3), first=(DEFAULT,)
    ),
    "tpe grouped, asha 2, default first": Method(
        sampler=partial(tpe, **GROUPED), pruner=lambda: Asha(1, 2), first=(DEFAULT,)
    ),
    "tpe, 5 at random, asha 2, default first": Method(
        sampler=partial(tpe, n_startup_trials=5), pruner=lambda: Asha(1, 2), first=(DEFAULT,)
    ),
    "tpe grouped, 5 at random, asha 2, default first": Method(
        sampler=partial(tpe, n_startup_trials=5, **GROUPED),
        pruner=lambda: Asha(1, 2),
        first=(DEFAULT,),
    ),
    "tpe, asha 2, literature first": Method(
        sampler=tpe, pruner=lambda: Asha(1, 2), first=LITERATURE
    ),
    "tpe grouped, 5 at random, asha 2, literature first": Method(
        sampler=partial(tpe, n_startup_trials=5, **GROUPED),
        pruner=lambda: Asha(1, 2),
        first=LITERATURE,
    ),
    "tpe grouped, 5 at random, asha 3, literature first": Method(
        sampler=partial(tpe, n_startup_trials=5, **GROUPED),
        pruner=lambda: Asha(1, 3),
        first=LITERATURE,
    ),
    "qmc, asha 2, default first": Method(
        sampler=lambda seed: QMCSampler(seed=seed, scramble=True),
        pruner=lambda: Asha(1, 2),
        first=(DEFAULT,),
    ),
}


def rates(table: Table, optimizer: str) -> list[float]:
    """The learning rates that were recorded for an optimizer."""
    return sorted({row[1] for row in table if row[0] == optimizer})


def suggest(trial: optuna.Trial, table: Table) -> Row:
    """A row of the table by the sampler's wishes."""
    optimizer = trial.suggest_categorical("optimizer", OPTIMIZERS)
    known = rates(table, optimizer)
    rate = trial.suggest_float(f"{optimizer} {RATE}", known[0], known[-1], log=True)
    nearest = min(known, key=lambda each: abs(math.log(each / rate)))
    rest = (trial.suggest_categorical(key, values) for key, values in CHOICES.items())
    return (optimizer, nearest, *rest)


def best(table: Table) -> float:
    """The largest final validation accuracy."""
    return max(values[-1] for values in table.values() if len(values) == POINTS)


def cost(name: str, seed: int, table: Table, within: float) -> float:
    """Fine-tunes' worth of training until one of the best was found; infinite where none was."""
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    random.seed(seed)
    method = METHODS[name]
    goal = best(table) - within
    study = optuna.create_study(
        sampler=method.sampler(seed), pruner=method.pruner(), direction="maximize"
    )
    for first in method.first:
        study.enqueue_trial(dict(first))
    spent = 0.0
    for number in range(MOST_TRIALS):
        trial = study.ask()
        values = table[suggest(trial, table)]
        point = run(trial, values, never=number == 0)
        spent += point / POINTS
        if point == POINTS:
            if values[-1] >= goal:
                return spent
            study.tell(trial, values[-1])
        else:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    return math.inf


def run(trial: optuna.Trial, values: Sequence[float], *, never: bool) -> int:
    """Reports point after point; returns the one at which the trial ended."""
    for point, value in enumerate(values, start=1):
        trial.report(value, point)
        pruned = trial.should_prune()  # Rungs are noted where it is asked.
        if pruned and not never and may_prune(point, POINTS, WARMUP):
            return point
    return len(values)  # Fewer than POINTS where it diverged.


def record(folder: Path) -> None:
    """Writes the table from the studies of a folder."""
    rows = []
    for optimizer in OPTIMIZERS:
        reader = StudyReader(f"table_{optimizer}", None, folder)
        for trial in reader.read().trials:
            values = [trial.values[point] for point in sorted(trial.values)]
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


def main() -> None:
    """Prints the table of methods."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", type=Path, help="outputs/ of the sweeps")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--within", type=float, default=WITHIN, help="of the best, in accuracy")
    given = parser.parse_args()
    if given.record is not None:
        record(given.record)
    table = read()
    good = sum(values[-1] >= best(table) - given.within for values in table.values())
    print(f"{len(table)} fine-tunes, best {best(table):.4f}; {good} within {given.within} of it\n")
    print("| method | fine-tunes until found: median (quartiles) | over random's | not found |")
    print("|---|---|---|---|")
    base: list[float] = []
    with ProcessPoolExecutor() as pool:
        for name in METHODS:
            each = partial(cost, name, table=table, within=given.within)
            found = sorted(pool.map(each, range(given.seeds)))
            base = base or found
            low, middle, high = (found[round(q * (len(found) - 1))] for q in (0.25, 0.5, 0.75))
            ratio = middle / base[round(0.5 * (len(base) - 1))]
            missed = sum(math.isinf(value) for value in found) / len(found)
            print(
                f"| {name} | {middle:.1f} ({low:.1f} to {high:.1f}) | {ratio:.2f} "
                f"| {missed:.0%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
