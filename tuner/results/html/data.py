"""A study and its trials' curves put together: all that the table and the page are made of."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from tuner.confirmation import Confirmation
from tuner.search.goals import Goals, is_missed
from tuner.search.pareto import by_preference, front
from tuner.search.ranking import is_usable
from tuner.search.space import SearchSpace
from tuner.settings.objectives import Direction
from tuner.study.reader import Phase, StoredStudy, StoredTrial
from tuner.trial.folder import StudyFolder
from tuner.trial.records import UNTUNED, Report, Scalar, TrialOutcome, TrialState

_STOPPED_BY: Mapping[str, str] = {
    "pruner": "it was unpromising there",
    "not_learning": "it was not learning",
    "diverged": "it diverged",
    "interrupt": "somebody interrupted",
}


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """What is known of one evaluation point."""

    point: int
    """k, counted from 1."""
    share: float
    """Of the budget in examples, 0 to 1."""
    examples: int | None = None
    """Training examples seen; None where only the study knows the point."""
    train_loss: float | None = None
    """Mean since the previous point, in nats."""
    val_loss: float | None = None
    """On the rows that every point evaluates, in nats."""
    measured: Mapping[str, float] = field(default_factory=dict)
    """What counts, by metric (see `Goals.watched`)."""


@dataclass(frozen=True, kw_only=True)
class TrialView:
    """One trial as it is shown."""

    number: int
    """Its number."""
    state: str
    """As in `TrialState`, or `running` or `waiting`."""
    rank: int | None = None
    """1 for the best; None unless it completed and meets the constraints."""
    status: str = ""
    """The word on its convergence; empty before there is one."""
    parameters: Mapping[str, Scalar]
    """Override key to value."""
    value: float | None = None
    """The first objective; None unless complete."""
    measured: Mapping[str, float] = field(default_factory=dict)
    """What counts, by metric; of one that did not complete, what it last was."""
    missed: tuple[str, ...] = ()
    """The constraints that a completed one misses, as people read them."""
    on_front: bool = False
    """Of several objectives: no other trial beats it in all of them."""
    ending: str = ""
    """Why it ended before its budget was spent; empty where it did not."""
    reason: str = ""
    """The figures behind the status."""
    advice: str = ""
    """What to change."""
    deciding: tuple[int, ...] = ()
    """Evaluation points that decided the status."""
    curve: tuple[CurvePoint, ...] = ()
    """By point."""
    begun: datetime | None = None
    """Local time."""
    ended: datetime | None = None
    """Local time; None while it runs."""
    seconds: float = 0.0
    """From being handed to a worker to its end; 0 before that."""
    host: str = ""
    """The machine that ran it."""

    def misses(self, metric: str) -> bool:
        """Whether it misses a constraint of this metric."""
        return is_missed(metric, self.missed)


@dataclass(frozen=True, kw_only=True)
class StudyView:
    """A study as it is shown."""

    name: str
    """Its name."""
    goals: Goals
    """What it is run for."""
    space: SearchSpace
    """What is searched."""
    epochs: float
    """Of the untuned default."""
    outcomes: tuple[TrialOutcome, ...]
    """Of the trials that ended, what to take first."""
    trials: tuple[TrialView, ...]
    """Ranked, then the others by how they ended, those that run and those that wait."""
    confirmation: Confirmation | None = None
    """What its leading configurations reached with new seeds; None: not tried."""

    @property
    def objective(self) -> str:
        """The first objective."""
        return self.goals.objective

    @property
    def direction(self) -> Direction:
        """Which way the first objective gets better."""
        return self.goals.direction

    @property
    def keys(self) -> list[str]:
        """The searched keys that a trial has, in the order of the space."""
        given = {key for trial in self.trials for key in trial.parameters}
        searched = [key for key in self.space.keys if key in given]
        return [*searched, *sorted(given.difference(searched))]

    @property
    def best(self) -> TrialView | None:
        """The best completed trial; of several objectives the knee of their front."""
        return next((trial for trial in self.trials if trial.rank == 1), None)

    @property
    def front(self) -> list[TrialView]:
        """Of several objectives: the trials that no other one beats in all, the knee first."""
        return [trial for trial in self.trials if trial.on_front]

    @property
    def untuned(self) -> TrialView | None:
        """The trial of the untuned default, if it completed."""
        found = (t for t in self.trials if t.number == UNTUNED and t.value is not None)
        return next(found, None)

    @property
    def unfinished(self) -> list[TrialView]:
        """The trials that run or wait."""
        return [t for t in self.trials if t.state in (Phase.RUNNING, Phase.WAITING)]


def view(stored: StoredStudy, folder: StudyFolder) -> StudyView:
    """Puts a study and the files of its trials together; trials of other machines have none."""
    reports: dict[int, Sequence[Report]] = {}
    for trial in stored.trials:
        with suppress(OSError):
            reports[trial.number] = folder.trial(trial.number).read_reports()
    return assemble(stored, reports)


def assemble(stored: StoredStudy, reports: Mapping[int, Sequence[Report]]) -> StudyView:
    """Puts a study and its reports together.

    Args:
        stored: The study.
        reports: Trial number to its reports by point, for the trials that have some.
    """
    goals = stored.goals
    outcomes = by_preference(stored.outcomes, goals)
    places = {outcome.number: place for place, outcome in enumerate(outcomes)}
    points = max((point for trial in stored.trials for point in trial.values), default=1)
    known = sorted(
        stored.trials,
        key=lambda t: (places.get(t.number, len(places)), t.phase is Phase.WAITING, t.number),
    )
    ranks = {o.number: rank for rank, o in enumerate(outcomes, start=1) if is_usable(o)}
    leading = {o.number for o in front(outcomes, goals)} if goals.several else set()
    trials = [
        replace(
            _trial(trial, _curve(trial, reports.get(trial.number, ()), goals, points), goals),
            rank=ranks.get(trial.number),
            on_front=trial.number in leading,
        )
        for trial in known
    ]
    return StudyView(
        name=stored.name,
        goals=goals,
        space=stored.space,
        epochs=stored.epochs,
        outcomes=tuple(outcomes),
        trials=tuple(trials),
        confirmation=stored.confirmation,
    )


def _trial(trial: StoredTrial, curve: tuple[CurvePoint, ...], goals: Goals) -> TrialView:
    outcome = trial.outcome
    if outcome is None:
        return TrialView(
            number=trial.number,
            state=trial.phase.value,
            parameters=trial.parameters,
            measured=_last(curve, goals),
            curve=curve,
            begun=trial.begun,
            host=trial.host,
        )
    diagnosis = outcome.diagnosis
    return TrialView(
        number=trial.number,
        state=outcome.state.value,
        status=diagnosis.status.value if diagnosis else "",
        parameters=outcome.parameters,
        value=outcome.value,
        measured=_last(curve, goals) | _finite(outcome.measured) | goals.values(outcome),
        missed=outcome.violated,
        ending=_ending(outcome),
        reason=diagnosis.reason if diagnosis else "",
        advice=diagnosis.advice if diagnosis else "",
        deciding=diagnosis.points if diagnosis else (),
        curve=curve,
        begun=trial.begun,
        ended=trial.ended,
        seconds=outcome.seconds,
        host=trial.host,
    )


def _ending(outcome: TrialOutcome) -> str:
    """Why a trial ended before its budget was spent."""
    if outcome.error is not None:
        return outcome.error.text
    at = f" at {outcome.last.point} of {outcome.last.points}" if outcome.last else ""
    if outcome.state is TrialState.COMPLETE:
        return f"stopped early{at}: nothing more to gain" if outcome.stopped_by else ""
    why = _STOPPED_BY.get(outcome.stopped_by, outcome.stopped_by)
    return f"{outcome.state.value}{at}" + (f": {why}" if why else "")


def _curve(
    trial: StoredTrial, reports: Sequence[Report], goals: Goals, points: int
) -> tuple[CurvePoint, ...]:
    if reports:
        return tuple(
            CurvePoint(
                point=report.point,
                share=report.examples_seen / report.total_examples,
                examples=report.examples_seen,
                train_loss=report.train_loss,
                val_loss=report.fixed.loss,
                measured=_measured(reports[:count], goals),
            )
            for count, report in enumerate(reports, start=1)
        )
    # The study holds what counts on after an early end.
    last = trial.outcome.last if trial.outcome else None
    end, total = (last.point, last.points) if last else (points, points)
    return tuple(
        CurvePoint(point=point, share=point / total, measured=values)
        for point, values in sorted(trial.values.items())
        if point <= end
    )


def _measured(reports: Sequence[Report], goals: Goals) -> dict[str, float]:
    """What counts at the last of some reports; nothing where another version wrote them."""
    try:
        return goals.measure(reports)
    except (AttributeError, TypeError):
        return {}


def _last(curve: Sequence[CurvePoint], goals: Goals) -> dict[str, float]:
    """The last number of each metric that counts."""
    seen = [_finite(point.measured) for point in curve]
    known = {name: [each[name] for each in seen if name in each] for name in goals.watched}
    return {name: values[-1] for name, values in known.items() if values}


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if math.isfinite(value)}
