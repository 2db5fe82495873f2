"""What a learning-rate range test (Smith 2017) would save a search, and what it would lose.

    python benchmarks/range_test.py            # the tables, from the recorded curves
    python benchmarks/range_test.py --curves   # what each recorded curve says
    python benchmarks/range_test.py --record   # the curves that are missing: 28 fine-tunes in all

A range test makes updates at a learning rate that rises from below to above what a search may
use, and reads from the loss where training begins and where it ends. Recorded are the losses of
such updates with model, rows and settings of the table of benchmarks/factorial.py, for both
optimizers and the effective batches up to 32 (`recorded/range_tests.json`).

The replay is that of benchmarks/search.py with the learning rate searched between the bounds that
a test gave its optimizer and effective batch; the examples of all tests, in fine-tunes, are added
to what a search spent. A curve that falls by no more than its noise leaves the range as it is.
`known` takes its bounds from the table: the best rate of each optimizer and effective batch, and
one recorded rate on either side. It costs nothing, and shows what a test could give at most.
"""

import argparse
import json
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import factorial
import search
from factorial import GUESS, OPTIMIZERS, RATE, Row, Table
from range_rules import RULES, Reading, between, bounds_of, moved, nearest, read_curve, rising
from search import LEARNED, SEEDS, WITHIN
from search_methods import DEFAULT, METHODS

RECORDED = Path(__file__).parent / "recorded" / "range_tests.json"
ROWS = 800
BATCHES = (8, 16, 32)
"""Those of the tests. 64 and 128 take what 32 told: tests of their own would cost most of all."""

SEARCHES = {
    "random": "random",
    "tpe": "tpe grouped, 5 at random, extrapolation 0.02, default first",
}
STEPS = 50
"""Learning rates between bounds, so that rounding to them does not show."""

Cell = tuple[str, int]
"""Optimizer and effective batch."""
Left = Mapping[Cell, Sequence[float]]
"""Recorded rates that a search may still use."""


@dataclass(frozen=True, kw_only=True)
class RangeTest:
    """A recorded one.

    Attributes:
        cell: What it was made for.
        updates: How many it made.
        seed: Of head, order and dropout.
        reading: Of its curve.
        cost: In fine-tunes.
    """

    cell: Cell
    updates: int
    seed: int
    reading: Reading
    cost: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which tests are made before a search, and how they are read.

    Attributes:
        updates: Of each test.
        batches: Effective batches that are tested; another one takes the bounds of the nearest.
        rule: One of RULES.
    """

    updates: int
    batches: tuple[int, ...]
    rule: str

    @property
    def name(self) -> str:
        """Says all of it."""
        tested = "every batch" if self.batches == BATCHES else f"a batch of {self.batches[0]}"
        return f"{self.updates} updates at {tested}, {self.rule}"


TESTED = ((25, BATCHES), (25, (16,)), (100, BATCHES), (200, (8,)))
PLANS = [
    Plan(updates=updates, batches=batches, rule=rule)
    for updates, batches in TESTED
    for rule in RULES
]


@dataclass(frozen=True, kw_only=True)
class Narrowed:
    """What is left of the range, and the fine-tunes that it cost to know."""

    left: Left
    cost: float


def whole(table: Table, _: int) -> Narrowed:
    """All recorded rates."""
    return Narrowed(
        left={cell: factorial.rates(table, cell[0]) for cell in cells(table)}, cost=0.0
    )


def known(table: Table, _: int) -> Narrowed:
    """The best rate of each optimizer and effective batch, and its neighbours."""
    left = {}
    for cell in cells(table):
        rows = [row for row in table if cell_of(row) == cell]
        best = max(rows, key=partial(final, table))[1]
        rates = factorial.rates(table, cell[0])
        place = rates.index(best)
        left[cell] = rates[max(0, place - 1) : place + 2]
    return Narrowed(left=left, cost=0.0)


def tested(plan: Plan, table: Table, seed: int) -> Narrowed:
    """What the tests of a plan leave."""
    made = {
        (optimizer, batch): recorded_test((optimizer, batch), plan.updates, seed)
        for optimizer in OPTIMIZERS
        for batch in plan.batches
    }
    left = {}
    for optimizer, batch in cells(table):
        test = made[optimizer, round(nearest(plan.batches, batch))]
        rates = factorial.rates(table, optimizer)
        left[optimizer, batch] = between(rates, bounds_of(test.reading, plan.rule))
    return Narrowed(left=left, cost=sum(test.cost for test in made.values()))


NARROWINGS: Mapping[str, Callable[[Table, int], Narrowed]] = {
    "none": whole,
    "known": known,
    **{plan.name: partial(tested, plan) for plan in PLANS},
}


def recorded_test(cell: Cell, updates: int, seed: int) -> RangeTest:
    """One of the recorded tests of a kind; another seed takes another one."""
    same = [test for test in read() if (test.cell, test.updates) == (cell, updates)]
    return same[seed % len(same)]


def cell_of(row: Row) -> Cell:
    """Optimizer and effective batch of a row."""
    return row[0], factorial.effective(row[2:])


def cells(table: Table) -> list[Cell]:
    """All of a table."""
    return sorted({cell_of(row) for row in table})


def final(table: Table, row: Row) -> float:
    """A row's last accuracy; that of guessing where it diverged."""
    values = table[row]
    return values[-1] if len(values) == factorial.POINTS else GUESS


def narrow(table: Table, left: Left) -> Table:
    """The table that a search between bounds meets.

    To the search it looks as if it had the whole range, which is laid over the rates that are
    left: what it proposes is a place between them.
    """
    made = {}
    for optimizer, first, *choices in table:
        rates = factorial.rates(table, optimizer)
        if first == rates[0]:
            allowed = left[cell_of((optimizer, first, *choices))]
            for asked in rising(rates[0], rates[-1], STEPS):
                used = nearest(allowed, moved(asked, rates, allowed))
                made[optimizer, asked, *choices] = table[optimizer, used, *choices]
    return made


def costs(seed: int, name: str, narrowing: str, table: Table) -> list[float]:
    """Fine-tunes until one within each distance of the table's best was found, tests included."""
    narrowed, method = NARROWINGS[narrowing](table, seed), METHODS[name]
    met = narrow(table, narrowed.left)
    spent = narrowed.cost
    if method.first:
        first = default_between(table, narrowed.left)
        method = replace(method, first=first)
        spent += not first
    lost = factorial.best(table) - factorial.best(met)
    in_reach = [distance - lost for distance in WITHIN if distance >= lost]
    found = search.replay(method, seed, met, in_reach) if in_reach else []
    unfound = [math.inf] * (len(WITHIN) - len(in_reach))
    return unfound + [spent + each for each in found]


def default_between(table: Table, left: Left) -> tuple[Mapping[str, Any], ...]:
    """The default as a search between bounds proposes it; none where it lies outside.

    There it is trained all the same, and the search learns nothing from it.
    """
    key = f"adamw {RATE}"
    rates, allowed = factorial.rates(table, "adamw"), left["adamw", factorial.REFERENCE_BATCH]
    if nearest(rates, DEFAULT[key]) not in allowed:
        return ()
    return ({**DEFAULT, key: moved(DEFAULT[key], allowed, rates)},)


def losses(table: Table, left: Left) -> list[float]:
    """By how much the best that is left is worse, for each setting that learned at all."""
    lost = []
    for optimizer, *choices in sorted({(row[0], *row[2:]) for row in table}):
        rates = factorial.rates(table, optimizer)
        scores = {rate: final(table, (optimizer, rate, *choices)) for rate in rates}
        if max(scores.values()) - GUESS >= LEARNED:
            allowed = left[optimizer, factorial.effective(choices)]
            lost.append(max(scores.values()) - max(scores[rate] for rate in allowed))
    return lost


def print_curves() -> None:
    """What each recorded curve says."""
    heads = ("optimizer", "effective batch", "updates", "fine-tunes", "fall", "noise", *RULES)
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
    for test in sorted(read(), key=lambda each: (each.cell, each.updates, each.seed)):
        told = [bounds_of(test.reading, rule) for rule in RULES]
        ranges = [f"{each[0]:.0e} to {each[1]:.0e}" if each else "" for each in told]
        optimizer, batch = test.cell
        figures = f"{test.cost:.2f} | {test.reading.fall:.3f} | {test.reading.noise:.3f}"
        print(f"| {optimizer} | {batch} | {test.updates} | {figures} | {' | '.join(ranges)} |")


def print_narrowings(table: Table, names: Sequence[str], seeds: int) -> None:
    """What each narrowing costs, leaves and loses, and what a search needs with it."""
    heads = [f"{each}, within {distance}" for each in SEARCHES for distance in WITHIN]
    print("| narrowing | fine-tunes | rates left of 6 | best lost in | by ", end="| ")
    print(f"{' | '.join(heads)} |\n{'|---' * (5 + len(heads))}|")
    with ProcessPoolExecutor() as pool:
        for name in names:
            made = [NARROWINGS[name](table, seed) for seed in range(seeds)]
            cost = statistics.fmean(each.cost for each in made)
            left = statistics.fmean(len(rates) for each in made for rates in each.left.values())
            lost = [loss for each in made for loss in losses(table, each.left)]
            share, mean = sum(loss > 0 for loss in lost) / len(lost), statistics.fmean(lost)
            print(f"| {name} | {cost:.1f} | {left:.1f} | {share:.0%} | {mean:.3f} ", end="| ")
            for method in SEARCHES.values():
                each = partial(costs, name=method, narrowing=name, table=table)
                for found in zip(*pool.map(each, range(seeds)), strict=True):
                    print(shown(found), end=" | ")
            print(flush=True)


def shown(found: Sequence[float]) -> str:
    """Median and quartiles, and how often it was not found."""
    low, middle, high = search.quartiles(found)
    missed = sum(math.isinf(each) for each in found) / len(found)
    return f"{middle:.1f} ({low:.1f} to {high:.1f}), {missed:.0%}"


@cache
def read() -> tuple[RangeTest, ...]:
    """The recorded tests."""
    return tuple(
        RangeTest(
            cell=(row["optimizer"], row["effective_batch"]),
            updates=row["updates"],
            seed=row["seed"],
            reading=read_curve(
                rising(row["lowest"], row["highest"], row["updates"])[: len(row["losses"])],
                row["losses"],
            ),
            cost=row["examples"] / ROWS,
        )
        for row in json.loads(RECORDED.read_text(encoding="utf-8"))
    )


def main() -> None:
    """Records, or prints the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--record", action="store_true", help="the curves that are missing")
    parser.add_argument("--workers", type=int, default=2, help="processes that record")
    parser.add_argument("--curves", action="store_true", help="what each curve says")
    parser.add_argument("--only", default="", help="narrowings whose names hold this, and none")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    given = parser.parse_args()
    if given.record:
        from range_curves import record  # noqa: PLC0415

        record(RECORDED, given.workers)
    if given.curves:
        print_curves()
        return
    names = [name for name in NARROWINGS if given.only in name or name == "none"]
    print_narrowings(factorial.read(), names, given.seeds)


if __name__ == "__main__":
    main()
