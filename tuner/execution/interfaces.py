"""Plan of a sweep, and the interfaces of its parts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tuner.metrics import MetricRecord
from tuner.search.goals import Goals
from tuner.settings.settings import TrialSettings
from tuner.trial.records import UNTUNED, ClaimedTrial, Report, Scalar, TrialOutcome, TrialSpec

SEARCH = "trial"
"""Role of the trials of a search; see `Plan.role`."""


class TrialSource(Protocol):
    """Source of trials, which takes their results: a study, or a single trial."""

    def claim(self, total: int) -> ClaimedTrial | None:
        """Claim the next trial, never one too many for the total; None if there is none."""

    def may_claim(self, total: int) -> bool:
        """Return True if there is, or may soon be, a trial to claim; asked if none runs here."""

    def owns(self, number: int) -> bool:
        """Return True if a trial is ours, or was until its end; else nothing about it counts."""

    def started(self, number: int, config: str, *, attempt: int, crashes: int) -> None:
        """Note that an attempt begins with this configuration."""

    def report(self, number: int, point: int, values: Mapping[str, float]) -> None:
        """Report the goals at an evaluation point, by metric."""

    def should_prune(self, number: int) -> bool:
        """Return True if the pruner stops the trial after its last report."""

    def finish(self, outcome: TrialOutcome) -> None:
        """Store the outcome of an attempt; a trial that is tried again is still ours."""

    def stop_retrying(self) -> None:
        """Stop waiting for a storage that is away; called from a signal handler."""


class TrialObserver(Protocol):
    """Display of what happens."""

    def trial_started(self, slot: int, spec: TrialSpec) -> None:
        """Show that a slot started a trial."""

    def progressed(self, slot: int, share: float, rate: float) -> None:
        """Show a trial's progress: share of its budget, examples a second."""

    def reported(self, slot: int, value: float) -> None:
        """Show a trial's score at an evaluation point."""

    def trial_finished(self, slot: int, outcome: TrialOutcome) -> None:
        """Show the end of a trial."""

    def notice(self, text: str) -> None:
        """Show a message."""


@dataclass(frozen=True, kw_only=True)
class SweepHooks:
    """Functions of a caller, called in the agent's process and thread while trials run."""

    on_started: Callable[[TrialSpec], None] = lambda spec: None  # noqa: ARG005
    """Called when an attempt at a trial begins."""
    on_reported: Callable[[TrialSpec, Report], None] = lambda spec, report: None  # noqa: ARG005
    """Called at each evaluation point, once the worker has its answer."""
    on_finished: Callable[[TrialSpec, TrialOutcome], None] = lambda spec, outcome: None  # noqa: ARG005
    """Called when a trial has ended and its outcome is stored."""
    stop_requested: Callable[[], bool] = lambda: False
    """True once the sweep is to stop: running trials end at their next update, none starts."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Plan of the loop.

    Attributes:
        goals: Goals of the trials.
        compose: Parameters to the trial's configuration.
        render: A trial's configuration as YAML.
        n_trials: The study's total.
        timeout: Seconds after which no new trial starts; None: none.
        max_failures: Number of failures in a row that stop the sweep, whatever their causes.
        enough: Asked after each trial whether more are not worth it, and why; empty: they are.
        max_attempts: Tries at a trial whose worker or agent dies.
        trials_per_worker: A worker is replaced after so many; None: when its memory grows.
        stall_timeout: Seconds of silence after which a worker is replaced; None: never.
        time_left: Seconds until the allocation that a scheduler gave us ends; None: it does not.
        longest: Seconds of the longest trial that was completed before; None: none was.
        role: `trial`, `confirm` for its repeats, `retrain` for a trial whose model was lost, or
            `train` for a single fine-tune.
        noun: Word for a trial in messages.
        git_commit: Checked out in the folder of the command; empty where it is no checkout.
        versions: Versions of the program, its code, the libraries and the plug-ins in use.
        wants_model: Returns True if a trial that ends with these measures saves its model.
        wants_member: Returns True if a trial that ends with these measures keeps its weights for a
            soup.
        hooks: Functions of the caller.
        concludes_at: Number of a trial to the evaluation point at which it ends with a score;
            None: as its curve decides, or with its budget.
        metrics: Users' metrics that trials measure.
    """

    goals: Goals
    compose: Callable[[Mapping[str, Scalar]], TrialSettings]
    render: Callable[[TrialSettings], str]
    n_trials: int
    timeout: float | None = None
    max_failures: int = 5
    enough: Callable[[], str] = lambda: ""
    max_attempts: int = 3
    trials_per_worker: int | None = None
    stall_timeout: float | None = None
    time_left: Callable[[], float | None] = lambda: None
    longest: float | None = None
    role: str = SEARCH
    noun: str = "trial"
    git_commit: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    wants_model: Callable[[Mapping[str, float]], bool] = lambda measured: True  # noqa: ARG005
    wants_member: Callable[[TrialSpec, Mapping[str, float]], bool] = lambda spec, measured: False  # noqa: ARG005
    hooks: SweepHooks = field(default_factory=SweepHooks)
    concludes_at: Callable[[int], int | None] = lambda number: None  # noqa: ARG005
    metrics: tuple[MetricRecord, ...] = ()

    @property
    def is_search(self) -> bool:
        """True if trials compete for their budget; a single fine-tune and a repeat have it."""
        return self.role == SEARCH

    def is_untuned(self, number: int) -> bool:
        """True for the search's untuned default, against which the gain of tuning is measured."""
        return self.is_search and number == UNTUNED
