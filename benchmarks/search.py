"""Training that a search needs to find one of the best configurations.

    python benchmarks/search.py                  # replays on the recorded table
    python benchmarks/search.py --only "asha 2"  # those whose names hold these words
    python benchmarks/search.py --record FOLDER  # the table anew, from the sweeps that ran there

The table is that of benchmarks/factorial.py, the methods are those of search_methods.py.

A replay lets a sampler propose; the learning rate is taken to the nearest that was recorded; the
pruner sees the recorded points where the product would ask it. The cost is in fine-tunes: the sum
of the shares of the budget that trials spent. Printed is the cost until a completed trial is
within half a point, and within two points, of the table's best, over 50 seeds, as a ratio to
random search that prunes nothing, and how often it was not found within 300 trials.
"""

import argparse
import math
import random
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import optuna
from factorial import (
    CHOICES,
    OPTIMIZERS,
    POINTS,
    RATE,
    Row,
    Table,
    best,
    rates,
    read,
    record,
)
from search_methods import METHODS

from tuner.trial.budget import may_prune

SEEDS = 50
WITHIN = (0.005, 0.02)
MOST_TRIALS = 300
WARMUP = 0.1


def suggest(trial: optuna.Trial, table: Table) -> Row:
    """A row of the table by the sampler's wishes."""
    optimizer = trial.suggest_categorical("optimizer", OPTIMIZERS)
    known = rates(table, optimizer)
    rate = trial.suggest_float(f"{optimizer} {RATE}", known[0], known[-1], log=True)
    rest = [trial.suggest_categorical(key, values) for key, values in CHOICES.items()]
    nearest = min(known, key=lambda each: abs(math.log(each / rate)))
    return (optimizer, nearest, *rest)


def costs(name: str, seed: int, table: Table, within: Sequence[float]) -> list[float]:
    """Fine-tunes' worth of training until one within each distance of the best was found.

    Infinite where none was.
    """
    method = METHODS[name]
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    random.seed(seed)
    goals = [best(table) - distance for distance in within]
    found = [math.inf] * len(goals)
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
        if point < POINTS:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            continue
        study.tell(trial, values[-1])
        for index, goal in enumerate(goals):
            if values[-1] >= goal:
                found[index] = min(found[index], spent)
        if math.inf not in found:
            break
    return found


def run(trial: optuna.Trial, values: Sequence[float], *, never: bool) -> int:
    """Reports point after point; returns the one at which the trial ended."""
    for point, value in enumerate(values, start=1):
        trial.report(value, point)
        pruned = trial.should_prune()  # Rungs are noted where it is asked.
        if pruned and not never and may_prune(point, POINTS, WARMUP):
            return point
    return len(values)  # Fewer than POINTS where it diverged.


def quartiles(found: Sequence[float]) -> list[float]:
    """Lower quartile, median, upper quartile; infinite ones count as large."""
    ordered = sorted(found)
    return [ordered[round(q * (len(ordered) - 1))] for q in (0.25, 0.5, 0.75)]


def cell(found: Sequence[float], base: float) -> str:
    """Cells of the table for one method and one distance."""
    low, middle, high = quartiles(found)
    missed = sum(math.isinf(value) for value in found) / len(found)
    return f"{middle:.1f} ({low:.1f} to {high:.1f}) | {middle / base:.2f} | {missed:.0%}"


def print_methods(table: Table, names: Sequence[str], seeds: int, within: Sequence[float]) -> None:
    """The table of methods; the first is what the others are compared with."""
    heads = (
        f"fine-tunes until within {each}: median (quartiles) | over random's | not found"
        for each in within
    )
    print(f"| method | {' | '.join(heads)} |")
    print("|---" * (1 + 3 * len(within)) + "|")
    base: list[float] = []
    with ProcessPoolExecutor() as pool:
        for name in names:
            each = partial(costs, name, table=table, within=within)
            found = list(zip(*pool.map(each, range(seeds)), strict=True))
            base = base or [quartiles(values)[1] for values in found]
            cells = " | ".join(cell(*pair) for pair in zip(found, base, strict=True))
            print(f"| {name} | {cells} |", flush=True)


def main() -> None:
    """Prints the table of methods, or what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--record", type=Path, help="outputs/ of the sweeps")
    parser.add_argument("--only", default="", help="methods whose names hold this, and random")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument(
        "--within", type=float, nargs="+", default=WITHIN, help="of the best, in accuracy"
    )
    given = parser.parse_args()
    if given.record is not None:
        record(given.record)
    table = read()
    print(f"{len(table)} fine-tunes, best {best(table):.4f}; within", end=" ")
    for distance in given.within:
        good = sum(values[-1] >= best(table) - distance for values in table.values())
        print(f"{distance} of it: {good}", end=" ")
    print("\n")
    names = [name for name in METHODS if given.only in name or name == "random"]
    print_methods(table, names, given.seeds, given.within)


if __name__ == "__main__":
    main()
