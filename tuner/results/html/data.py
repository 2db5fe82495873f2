"""Data of the table and the report page: a study with its trials' curves."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from tuner.confirmation import Confirmation
from tuner.results.publication import publication
from tuner.search.goals import Goals, is_missed
from tuner.search.pareto import by_preference, front
from tuner.search.ranking import is_usable
from tuner.search.space import SearchSpace
from tuner.soup import StoredSoup
from tuner.study.reader import Phase, StoredStudy, StoredTrial
from tuner.trial.folder import StudyFolder
from tuner.trial.model_identity import KeptModel
from tuner.trial.records import UNTUNED, Report, Scalar, TrialOutcome, TrialState

_STOPPED_BY: Mapping[str, str] = {
    "pruner": "it was unpromising there",
    "not_learning": "it was not learning",
    "diverged": "it diverged",
    "interrupt": "somebody interrupted",
}


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """One evaluation point of a trial."""

    point: int
    """Number of the point, counted from 1."""
    share: float
    """Share of the budget in examples, 0 to 1."""
    examples: int | None = None
    """Number of training examples seen; None if only the study knows the point."""
    train_loss: float | None = None
    """Mean training loss since the previous point, in nats."""
    val_loss: float | None = None
    """Validation loss on the rows that every point evaluates, in nats."""
    measured: Mapping[str, float] = field(default_factory=dict)
    """Watched metrics by name (see `Goals.watched`)."""


@dataclass(frozen=True, kw_only=True)
class TrialView:
    """One trial as it is shown."""

    number: int
    """Number of the trial."""
    state: str
    """State as in `TrialState`, or `running` or `waiting`."""
    rank: int | None = None
    """Rank, 1 for the best; None unless it completed and meets the constraints."""
    status: str = ""
    """Convergence status; empty if there is none yet."""
    parameters: Mapping[str, Scalar]
    """Override key to value."""
    value: float | None = None
    """Value of the first objective; None unless complete."""
    measured: Mapping[str, float] = field(default_factory=dict)
    """Watched metrics by name; last values of a trial that did not complete."""
    missed: tuple[str, ...] = ()
    """Messages about the constraints that a completed trial misses."""
    on_front: bool = False
    """True if no other trial dominates it, with several objectives."""
    ending: str = ""
    """Reason why it ended before its budget; empty if it did not."""
    reason: str = ""
    """Figures behind the status."""
    advice: str = ""
    """Advice on what to change."""
    deciding: tuple[int, ...] = ()
    """Evaluation points that decided the status."""
    curve: tuple[CurvePoint, ...] = ()
    """Points in order."""
    begun: datetime | None = None
    """Local time of the start."""
    ended: datetime | None = None
    """Local time of the end; None while it runs."""
    seconds: float = 0.0
    """Seconds from its assignment to a worker to its end; 0 before that."""
    host: str = ""
    """Host name of its machine."""

    def misses(self, metric: str) -> bool:
        """Return True if it misses a constraint of this metric."""
        return is_missed(metric, self.missed)


@dataclass(frozen=True, kw_only=True)
class StudyView:
    """A study as it is shown."""

    name: str
    """Name of the study."""
    goals: Goals
    """Goals of the study."""
    space: SearchSpace
    """Search space of the study."""
    epochs: float
    """Epochs of the untuned default."""
    outcomes: tuple[TrialOutcome, ...]
    """Outcomes of the ended trials, by preference."""
    trials: tuple[TrialView, ...]
    """Ranked trials, then the others by state, running and waiting ones."""
    confirmation: Confirmation | None = None
    """Results of its leading configurations with new seeds; None if they were not repeated."""
    soup: StoredSoup | None = None
    """Soup that was built in place of its best model; None if there was none."""

    @property
    def soup_model(self) -> KeptModel | None:
        """Published soup; None if a single model is published."""
        return None if self.soup is None else self.soup.published_model

    @property
    def objective(self) -> str:
        """The first objective."""
        return self.goals.objective

    @property
    def keys(self) -> list[str]:
        """Searched keys that trials have, in the order of the space."""
        given = {key for trial in self.trials for key in trial.parameters}
        searched = [key for key in self.space.keys if key in given]
        return [*searched, *sorted(given.difference(searched))]

    @property
    def best(self) -> TrialView | None:
        """Best completed trial; with several objectives the knee of their front."""
        return next((trial for trial in self.trials if trial.rank == 1), None)

    @property
    def front(self) -> list[TrialView]:
        """Undominated trials with several objectives, the knee first."""
        return [trial for trial in self.trials if trial.on_front]

    @property
    def untuned(self) -> TrialView | None:
        """Trial of the untuned default, if it completed."""
        found = (t for t in self.trials if t.number == UNTUNED and t.value is not None)
        return next(found, None)

    @property
    def unfinished(self) -> list[TrialView]:
        """Running and waiting trials."""
        return [t for t in self.trials if t.state in (Phase.RUNNING, Phase.WAITING)]


def view(stored: StoredStudy, folder: StudyFolder) -> StudyView:
    """Combine a study with the files of its trials; trials of other machines have none."""
    reports: dict[int, Sequence[Report]] = {}
    for trial in stored.trials:
        with suppress(OSError):
            reports[trial.number] = folder.trial(trial.number).read_reports()
    return assemble(stored, reports)


def assemble(stored: StoredStudy, reports: Mapping[int, Sequence[Report]]) -> StudyView:
    """Combine a study with its reports.

    Args:
        stored: Study as it is stored.
        reports: Trial number to its reports by point, for trials that have some.
    """
    goals = stored.goals
    outcomes = by_preference(stored.outcomes, goals)
    published = publication(outcomes, goals, stored.confirmation, stored.soup)
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
        soup=None if published is None else published.soup,
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
    """Return why a trial ended before its budget; empty if it did not."""
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
    # After an early end the study holds filled-in values.
    last = trial.outcome.last if trial.outcome else None
    end, total = (last.point, last.points) if last else (points, points)
    return tuple(
        CurvePoint(point=point, share=point / total, measured=values)
        for point, values in sorted(trial.values.items())
        if point <= end
    )


def _measured(reports: Sequence[Report], goals: Goals) -> dict[str, float]:
    """Return the watched metrics at the last report; empty for reports of another version."""
    try:
        return goals.measure(reports)
    except (AttributeError, TypeError):
        return {}


def _last(curve: Sequence[CurvePoint], goals: Goals) -> dict[str, float]:
    """Return the last finite value of each watched metric."""
    seen = [_finite(point.measured) for point in curve]
    known = {name: [each[name] for each in seen if name in each] for name in goals.watched}
    return {name: values[-1] for name, values in known.items() if values}


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if math.isfinite(value)}
