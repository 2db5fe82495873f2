"""What a sweep is run for: its objectives, and the constraints that a trial has to meet."""

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tuner.settings.objectives import Direction, direction
from tuner.settings.settings import SweepSettings
from tuner.trial.records import Report, TrialOutcome, each_stretch

FORM = '"<= NUMBER" or ">= NUMBER"'
"""What a constraint looks like, for messages."""

_LARGE, _SMALL = 10.0, 1e-3
"""From the one on, and below the other, a value is shown by four significant digits."""

_ROUNDING = 1e-12
"""Below it a value is 0 but for rounding."""

_DIGITS = range(4, 18)
"""Significant digits of a value and of the bound that it misses; as few as tell them apart."""

_CONSTRAINT = re.compile(r"\s*(<=|>=)\s*(\S+)\s*")


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """A bound that a completed trial has to keep."""

    metric: str
    """Its name."""
    relation: str
    """`<=` or `>=`."""
    bound: float
    """In the metric's unit."""

    @property
    def sign(self) -> float:
        """1 where more is better for the constraint, else -1."""
        return 1.0 if self.relation == ">=" else -1.0

    def excess(self, value: float) -> float:
        """By how much a value misses the bound, as a share of it; 0 or less: it is kept."""
        return self.sign * (self.bound - value) / (abs(self.bound) or 1.0)

    def missed(self, value: float) -> str:
        """A value that misses the bound, as people read it."""
        digits = next(
            (n for n in _DIGITS if f"{value:.{n}g}" != f"{self.bound:.{n}g}"), _DIGITS[-1]
        )
        return f"{self.metric} {value:.{digits}g}, not {self.relation} {self.bound:.{digits}g}"

    @property
    def text(self) -> str:
        """As it stands in the configuration."""
        return f"{self.relation} {self.bound!r}"


def constraint(metric: str, text: str) -> Constraint:
    """Reads a constraint, as `<= 20e9`.

    Raises:
        ValueError: It is none.
    """
    found = _CONSTRAINT.fullmatch(text)
    bound = math.nan
    if found is not None:
        with suppress(ValueError):
            bound = float(found[2])
    if found is None or not math.isfinite(bound):
        raise ValueError(f"{text!r} is no constraint. Expected {FORM}")
    return Constraint(metric=metric, relation=found[1], bound=bound)


@dataclass(frozen=True, kw_only=True)
class Goals:
    """Objectives and constraints of a sweep."""

    objectives: tuple[str, ...]
    """Metric names, one or more; the first stands for all where one is shown."""
    constraints: tuple[Constraint, ...] = ()
    """That a completed trial has to meet."""

    @property
    def objective(self) -> str:
        """The first objective."""
        return self.objectives[0]

    @property
    def direction(self) -> Direction:
        """Which way the first objective gets better."""
        return direction(self.objective)

    @property
    def directions(self) -> tuple[Direction, ...]:
        """Which way each objective gets better."""
        return tuple(map(direction, self.objectives))

    @property
    def several(self) -> bool:
        """Whether there is more than one objective, and so no one best trial."""
        return len(self.objectives) > 1

    @property
    def watched(self) -> tuple[str, ...]:
        """Every metric that counts, each once."""
        return tuple(dict.fromkeys((*self.objectives, *(c.metric for c in self.constraints))))

    def measure(self, reports: Sequence[Report]) -> dict[str, float]:
        """What counts at the last of a trial's reports.

        Args:
            reports: All of the trial so far, one or more.

        Returns:
            Metric to value, of `watched`. The speed is that of the whole trial until then.
        """
        return {name: _measured(reports, name) for name in self.watched}

    def violated(self, values: Mapping[str, float]) -> tuple[str, ...]:
        """The constraints that these values miss, as people read them."""
        return tuple(
            each.missed(values[each.metric])
            for each in self.constraints
            if not each.excess(values[each.metric]) <= 0.0
        )

    def excesses(self, values: Mapping[str, float]) -> dict[str, float]:
        """Constraint to the share of its bound by which these values miss it (`excess`)."""
        known = (each for each in self.constraints if each.metric in values)
        return {f"{c.metric} {c.relation}": c.excess(values[c.metric]) for c in known}

    def told(self, outcome: TrialOutcome) -> str:
        """The objectives that a trial reached, as people read them."""
        values = self.values(outcome)
        return ", ".join(f"{name} {score(values[name])}" for name in self.objectives if values)

    def values(self, outcome: TrialOutcome) -> dict[str, float]:
        """What counts of a trial, by metric; nothing unless it completed."""
        if outcome.value is None:
            return {}
        return {self.objective: outcome.value, **outcome.measured}

    def to_plain(self) -> dict[str, object]:
        """As JSON values."""
        bounds = {each.metric: each.text for each in self.constraints}
        return {"objectives": list(self.objectives), "constraints": bounds}


def is_missed(metric: str, violated: Sequence[str]) -> bool:
    """Whether one of these texts (see `Constraint.missed`) is of a metric."""
    return any(text.startswith(f"{metric} ") for text in violated)


def goals_of(sweep: SweepSettings) -> Goals:
    """The goals of a sweep.

    Raises:
        ValueError: A constraint can not be read.
    """
    return goals(sweep.objectives, sweep.constraints)


def goals(objectives: Sequence[str], constraints: Mapping[str, str]) -> Goals:
    """Goals as they stand in the configuration.

    Args:
        objectives: Metric names.
        constraints: Metric to bound, as `<= 20e9`.

    Raises:
        ValueError: A constraint can not be read.
    """
    return Goals(
        objectives=tuple(objectives),
        constraints=tuple(constraint(metric, text) for metric, text in constraints.items()),
    )


def goals_from_plain(plain: Mapping[str, Any]) -> Goals:
    """Reads what `Goals.to_plain` wrote, or an earlier version, which knew one objective."""
    objectives = plain["objectives"] if "objectives" in plain else [plain["objective"]]
    return goals(objectives, plain.get("constraints", {}))


def score(value: float) -> str:
    """A value of an objective, as people read it."""
    if abs(value) < _ROUNDING:
        return "0.0000"
    return f"{value:.4f}" if _SMALL <= abs(value) < _LARGE else f"{value:.4g}"


def _measured(reports: Sequence[Report], name: str) -> float:
    last = reports[-1]
    if name != "examples_per_second":
        return last.value(name)
    seconds = sum(report.seconds_training for report in each_stretch(reports))
    return last.examples_seen / seconds if seconds > 0.0 else last.examples_per_second
