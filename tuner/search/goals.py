"""Goals of a sweep: its objectives, and the constraints that a trial has to meet."""

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tuner.fields.intervals import Range
from tuner.settings.settings import SweepSettings
from tuner.tasks import Direction, Score
from tuner.trial.records import Report, TrialOutcome, each_stretch

FORM = '"<= NUMBER" or ">= NUMBER"'
"""Form of a constraint, for messages."""

_LARGE, _SMALL = 10.0, 1e-3
"""Bounds beyond which a value is shown with four significant digits."""

_ROUNDING = 1e-12
"""Absolute value below which a value is 0 up to rounding."""

_DIGITS = range(4, 18)
"""Significant digits to try until a value and the bound that it misses look different."""

_CONSTRAINT = re.compile(r"\s*(<=|>=)\s*(\S+)\s*")


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """A bound that a completed trial must keep."""

    metric: str
    """Name of the metric."""
    relation: str
    """Relation `<=` or `>=`."""
    bound: float
    """Bound in the metric's unit."""

    @property
    def sign(self) -> float:
        """1 if larger values are better for the constraint, else -1."""
        return 1.0 if self.relation == ">=" else -1.0

    def excess(self, value: float) -> float:
        """Return by what share of the bound a value misses it; 0 or less if it is kept."""
        return self.sign * (self.bound - value) / (abs(self.bound) or 1.0)

    def missed_text(self, value: float) -> str:
        """Return a message about a value that misses the bound."""
        digits = next(
            (n for n in _DIGITS if f"{value:.{n}g}" != f"{self.bound:.{n}g}"), _DIGITS[-1]
        )
        return f"{self.metric} {value:.{digits}g}, not {self.relation} {self.bound:.{digits}g}"

    @property
    def text(self) -> str:
        """Constraint as in the configuration."""
        return f"{self.relation} {self.bound!r}"


def constraint(metric: str, text: str) -> Constraint:
    """Parse a constraint, for example `<= 20e9`.

    Raises:
        ValueError: The text is no constraint.
    """
    found = _CONSTRAINT.fullmatch(text)
    bound = math.nan
    if found is not None:
        with suppress(ValueError):
            bound = float(found[2])
    if found is None or not math.isfinite(bound):
        raise ValueError(f"{text!r} is not a constraint. Expected {FORM}")
    return Constraint(metric=metric, relation=found[1], bound=bound)


@dataclass(frozen=True, kw_only=True)
class Goals:
    """Objectives and constraints of a sweep."""

    objectives: tuple[str, ...]
    """Metric names, one or more; where only one is shown, it is the first."""
    constraints: tuple[Constraint, ...] = ()
    """Constraints that a completed trial must meet."""
    scores: Mapping[str, Score] = field(default_factory=dict)
    """Metric to title, direction and range, of all that the trials measure."""

    @property
    def objective(self) -> str:
        """The first objective."""
        return self.objectives[0]

    @property
    def direction(self) -> Direction:
        """Direction in which the first objective improves."""
        return self.scores[self.objective].direction

    @property
    def directions(self) -> tuple[Direction, ...]:
        """Direction in which each objective improves."""
        return tuple(self.scores[name].direction for name in self.objectives)

    @property
    def range(self) -> Range:
        """Values that the first objective can have."""
        return self.scores[self.objective].values

    @property
    def several(self) -> bool:
        """True if there is more than one objective, so that there is no single best trial."""
        return len(self.objectives) > 1

    @property
    def watched(self) -> tuple[str, ...]:
        """All objectives and constrained metrics, each once."""
        return tuple(dict.fromkeys((*self.objectives, *(c.metric for c in self.constraints))))

    def measure(self, reports: Sequence[Report]) -> dict[str, float]:
        """Return the watched metrics at the last of a trial's reports.

        Args:
            reports: All reports of the trial so far, one or more.

        Returns:
            Metric of `watched` to value. The speed is that of the whole trial so far.
        """
        return {name: _measured(reports, name) for name in self.watched}

    def violated(self, values: Mapping[str, float]) -> tuple[str, ...]:
        """Return messages about the constraints that these values miss."""
        return tuple(
            each.missed_text(values[each.metric])
            for each in self.constraints
            if not each.excess(values[each.metric]) <= 0.0
        )

    def excesses(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return constraint to the share of its bound by which these values miss it (`excess`)."""
        known = (each for each in self.constraints if each.metric in values)
        return {f"{c.metric} {c.relation}": c.excess(values[c.metric]) for c in known}

    def objectives_text(self, outcome: TrialOutcome) -> str:
        """Return a trial's objectives as text."""
        values = self.values(outcome)
        return ", ".join(f"{name} {score(values[name])}" for name in self.objectives if values)

    def values(self, outcome: TrialOutcome) -> dict[str, float]:
        """Return a trial's watched metrics; empty unless it completed."""
        if outcome.value is None:
            return {}
        return {self.objective: outcome.value, **outcome.measured}

    def to_plain(self) -> dict[str, object]:
        """Return objectives and constraints as JSON values."""
        bounds = {each.metric: each.text for each in self.constraints}
        return {"objectives": list(self.objectives), "constraints": bounds}


def is_missed(metric: str, violated: Sequence[str]) -> bool:
    """Return True if one of these messages (see `Constraint.missed_text`) is about a metric."""
    return any(text.startswith(f"{metric} ") for text in violated)


def goals_of(sweep: SweepSettings, scores: Mapping[str, Score]) -> Goals:
    """Return the goals of a sweep.

    Args:
        sweep: Objectives and constraints.
        scores: Metric to title, direction and range, of all that the trials measure.

    Raises:
        ValueError: A constraint cannot be parsed.
    """
    return goals(sweep.objectives or (), sweep.constraints, scores)


def goals(
    objectives: Sequence[str], constraints: Mapping[str, str], scores: Mapping[str, Score]
) -> Goals:
    """Return goals from their form in the configuration.

    Args:
        objectives: Names of the metrics.
        constraints: Metric to bound, for example `<= 20e9`.
        scores: Metric to title, direction and range, of all that the trials measure.

    Raises:
        ValueError: A constraint cannot be parsed.
    """
    return Goals(
        objectives=tuple(objectives),
        constraints=tuple(constraint(metric, text) for metric, text in constraints.items()),
        scores=scores,
    )


def goals_from_plain(plain: Mapping[str, Any], scores: Mapping[str, Score]) -> Goals:
    """Return goals from `Goals.to_plain`, also of earlier versions with one objective.

    Args:
        plain: Objectives and constraints as JSON values.
        scores: Metric to title, direction and range, of all that the trials measure.
    """
    objectives = plain["objectives"] if "objectives" in plain else [plain["objective"]]
    return goals(objectives, plain.get("constraints", {}), scores)


def score(value: float) -> str:
    """Return the text of an objective's value."""
    if abs(value) < _ROUNDING:
        return "0.0000"
    return f"{value:.4f}" if _SMALL <= abs(value) < _LARGE else f"{value:.4g}"


def _measured(reports: Sequence[Report], name: str) -> float:
    last = reports[-1]
    if name != "examples_per_second":
        return last.value(name)
    seconds = sum(report.seconds_training for report in each_stretch(reports))
    return last.examples_seen / seconds if seconds > 0.0 else last.examples_per_second
