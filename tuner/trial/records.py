"""Records of a trial: specification, report, diagnosis, outcome."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tuner.metrics import MetricRecord
from tuner.settings.settings import TrialSettings
from tuner.tasks import Baseline
from tuner.tasks.records import ClassCounts
from tuner.trial.certificate import Mark

Scalar = str | int | float | bool | None
"""A value that a searched key can take."""


UNTUNED = 0
"""Number of the untuned default's trial, against which the gain of tuning is measured."""


class TrialState(StrEnum):
    """State in which an attempt at a trial ended; the tag `trial_state` in MLflow."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    INFEASIBLE = "infeasible"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    RETRIED = "retried"


class Convergence(StrEnum):
    """The tag `convergence` in MLflow."""

    CONVERGED = "converged"
    IMPROVING = "improving"
    PLATEAUED = "plateaued"
    NOT_LEARNING = "not_learning"
    OSCILLATING = "oscillating"
    OVERFITTING = "overfitting"
    DIVERGED = "diverged"
    UNDETERMINED = "undetermined"


class Decision(StrEnum):
    """Decision of the agent about a running trial, as it travels to the worker."""

    CONTINUE = "continue"
    FINISH_EARLY = "finish_early"
    """End with a score like any other: evaluate all validation rows, and report that as final."""
    SAVE_MODEL = "save_model"
    """Write the model into the trial's folder: the final report is the best so far."""
    SAVE_MEMBER = "save_member"
    """Write what training has changed into the trial's folder, for an average of trials."""
    SAVE_BOTH = "save_both"
    """Write the model and what training has changed."""
    STOP = "stop"
    SUSPEND = "suspend"
    """Stop, with the state saved from which another attempt resumes."""

    @property
    def ends(self) -> bool:
        """True if the trial trains and evaluates no more."""
        return self in (Decision.STOP, Decision.SUSPEND)

    @property
    def saves_model(self) -> bool:
        """True if the worker writes the model."""
        return self in (Decision.SAVE_MODEL, Decision.SAVE_BOTH)

    @property
    def saves_member(self) -> bool:
        """True if the worker writes what training has changed."""
        return self in (Decision.SAVE_MEMBER, Decision.SAVE_BOTH)


@dataclass(frozen=True, kw_only=True)
class ClaimedTrial:
    """A trial that this agent is to run."""

    number: int
    """Number of the trial in its study."""
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    """Value of each searched key that is active."""
    attempt: int = 1
    """Number of this attempt, counted from 1, including those of other agents."""
    crashes: int = 0
    """Number of attempts that ended with a worker or an agent that died."""


@dataclass(frozen=True, kw_only=True)
class TrialSpec:
    """One trial, composed and frozen: all that a worker needs.

    Attributes:
        number: The trial's number in the study.
        parameters: Override key to value, as the sampler asked them.
        settings: The composed configuration.
        folder: The trial's own folder, absolute; the worker appends its log there.
        attempt: Number of the attempt, counted from 1.
        metrics: Users' metrics to measure beside the scores of the task.
        times_inference: True if `Report.inference_ms` is to be measured.
    """

    number: int
    parameters: Mapping[str, Scalar]
    settings: TrialSettings
    folder: str
    attempt: int = 1
    metrics: tuple[MetricRecord, ...] = ()
    times_inference: bool = False


@dataclass(frozen=True, kw_only=True)
class FixedRows:
    """Scores on the validation rows that every point evaluates, so that points compare.

    They are a stratified subset, the same for every trial of a data set; the last point, which
    evaluates all rows, still reports them apart.
    """

    examples: int
    """Number of rows."""

    loss: float
    """Mean loss, in the task's unit."""

    loss_error: float
    """Standard error of that mean over the rows."""

    score: float
    """First score of the task."""

    association: float
    """Evidence that predictions and targets go together: standard normal where they do not."""

    majority_share: float
    """Share of the rows that got the most frequent prediction."""

    error_within_strata: float
    """Standard error of the loss over rows drawn stratum by stratum, as the part is: what a
    constant guess loses to a frequent label is no noise."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Measurements of a worker at one evaluation point.

    Attributes:
        point: k, counted from 1; the step that Optuna sees.
        points: E, how many there are in the whole budget.
        final: All validation rows were evaluated, and the trial ends here.
        examples_seen: Training examples consumed so far, over all devices.
        total_examples: Training examples in the whole budget.
        updates: Optimizer updates so far, without skipped ones.
        skipped_updates: Skipped so far, because gradients overflowed in mixed_float16.
        train_loss: Plain loss of the task, mean over the examples since the previous point;
            without smoothing and weights, so that trials compare.
        train_loss_std: Standard deviation over the updates of their mean losses since then.
        train_loss_max: Largest mean loss of one update since then.
        learning_rate: Applied in the last update.
        grad_norm: Global norm before clipping, mean over the updates since the previous point.
        weight_change: Distance of the trained weights from where they began, as a share of their
            norm then.
        val_loss: Mean over `validation_examples`.
        metrics: Scores of the task, by their names with `val_` before them.
        errors: Standard errors of these scores over the drawing of the rows, where known.
        majority_share: Share of the validation rows that got the most frequent prediction.
        validation_examples: Rows evaluated at this point.
        fixed: Scores on the rows that every point evaluates.
        examples_per_second: In updates, since the previous point, evaluation left out.
        padding_fraction: Share of the tokens computed since the previous point that were padding.
        model_mb: Size of the weights as they are saved, in millions of bytes; None in old records.
        inference_ms: Median milliseconds of a forward pass of the validation example of median
            length by itself; None where the sweep has no such goal.
        peak_memory_bytes: Peak of the device if known, else resident memory of the process.
        gpu_utilization: Share of the time in which the trial's own GPUs computed, mean since the
            previous point, 0 to 1, with whatever else runs on them; None: unknown.
        gpu_memory_bytes: The most taken on the trial's own GPUs together since the previous point,
            by its process if the driver distinguishes them, else by all; None: unknown.
        seconds_training: Since the previous point, inside updates.
        seconds_evaluating: Evaluation of this point.
        by_class: Counts by class at the final point, where the task has them instead of a
            confusion matrix.
        confusion: Rows true labels, columns predicted; at the final point alone, and where
            labels exclude one another.
        marks: Marks of the certificate since the previous point, the last of them at this one.
    """

    point: int
    points: int
    final: bool
    examples_seen: int
    total_examples: int
    updates: int
    skipped_updates: int
    train_loss: float
    train_loss_std: float
    train_loss_max: float
    learning_rate: float
    grad_norm: float
    weight_change: float
    val_loss: float
    metrics: Mapping[str, float]
    majority_share: float
    validation_examples: int
    fixed: FixedRows
    examples_per_second: float
    padding_fraction: float
    peak_memory_bytes: int
    seconds_training: float
    seconds_evaluating: float
    errors: Mapping[str, float] = field(default_factory=dict)
    confusion: list[list[int]] | None = None
    by_class: Mapping[str, ClassCounts] | None = None
    model_mb: float | None = None
    inference_ms: float | None = None
    gpu_utilization: float | None = None
    gpu_memory_bytes: int | None = None
    marks: tuple[Mark, ...] = ()

    @property
    def scores(self) -> dict[str, float]:
        """Validation loss and metrics."""
        return {"val_loss": self.val_loss, **self.metrics}

    def value(self, name: str) -> float:
        """A metric or another figure of the report by its name in MLflow."""
        return float(self.metrics[name] if name in self.metrics else getattr(self, name))


def each_stretch(reports: Iterable[Report]) -> list[Report]:
    """One report of each stretch of training: with few updates several points fall on one."""
    return list({report.examples_seen: report for report in reports}.values())


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The numbers behind a reading, all on the rows that every point evaluates.

    Attributes:
        slope: Change of the validation loss over a tenth of the budget, in nats, at the end of
            what was seen.
        slope_error: Standard error of the slope.
        best_point: Point with the lowest validation loss.
        best_loss: The validation loss there, in nats.
        generalisation_gap: Validation loss minus training loss at the end, in nats.
        oscillation: Typical swing of the validation loss from point to point, as a share of the
            constant guess's loss.
        gain: Share of the constant guess's loss that the best point took away; negative: none.
    """

    slope: float
    slope_error: float
    best_point: int
    best_loss: float
    generalisation_gap: float
    oscillation: float
    gain: float


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """The reading of a trial's reports.

    Attributes:
        status: One word.
        reason: The figures that decided it, as a sentence.
        advice: Changes to make, in configuration keys; empty if there are none.
        figures: The numbers; None where there were too few reports.
        points: Evaluation points that decided it.
    """

    status: Convergence
    reason: str
    advice: str
    figures: Figures | None = None
    points: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TrialError:
    """Why an attempt failed, as data.

    Attributes:
        kind: `input` (the user's configuration or data), `out_of_memory`, `crash` (the process
            died), `device` (its GPU failed) or `error`.
        type: Name of the exception's class.
        message: One line.
        traceback: Last lines of the traceback or of the worker's log.
    """

    kind: str
    type: str
    message: str
    traceback: str = ""

    @property
    def is_accident(self) -> bool:
        """True if the same trial may succeed elsewhere."""
        return self.kind in ("crash", "device")

    @property
    def text(self) -> str:
        """Type and message."""
        return f"{self.type}: {self.message}"

    @property
    def cause(self) -> str:
        """Type and message, without the numbers and addresses that differ between trials."""
        return f"{self.type}: {re.sub(r'0x[0-9a-fA-F]+|[0-9]+', 'N', self.message)}"


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Provenance of an attempt.

    Attributes:
        mlflow_run: Its run; empty where MLflow had not answered yet.
        git_commit: Checked out in the folder of the command; empty where it is no checkout.
        cpu_threads: Threads of its worker; 0: unknown.
        device: Device of its worker in words; empty: unknown.
        versions: Version of each library, of plug-ins in use and of the program's code; empty:
            unknown.
    """

    mlflow_run: str = ""
    git_commit: str = ""
    cpu_threads: int = 0
    device: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TrialOutcome:
    """Outcome of a trial.

    Attributes:
        number: The trial's number in the study.
        attempt: Number of the attempt, counted from 1.
        state: State in which it ended; `retried` if another attempt follows.
        parameters: As the sampler asked them.
        value: The first objective at the last evaluation point; None unless complete.
        measured: All objectives and constrained metrics by name, as far as it came.
        violated: The constraints that a completed trial misses, as people read them.
        stopped_by: Rule that ended it before its budget was spent: `pruner` (it was unpromising),
            `diverged`, `not_learning`, `converged`, `interrupt`; empty if none did.
        guess: Baseline; None if the trial never started.
        last: The last report, if any.
        diagnosis: The reading of its reports.
        seconds: From being handed to a worker to its end.
        seconds_busy: Part of `seconds` in updates and evaluation.
        error: Why it failed, if it did.
        provenance: Provenance of the attempt.
        model_error: Why its model could not be saved; None where it was, or was not wanted.
    """

    number: int
    state: TrialState
    attempt: int = 1
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    value: float | None = None
    measured: Mapping[str, float] = field(default_factory=dict)
    violated: tuple[str, ...] = ()
    stopped_by: str = ""
    guess: Baseline | None = None
    last: Report | None = None
    diagnosis: Diagnosis | None = None
    seconds: float = 0.0
    seconds_busy: float = 0.0
    error: TrialError | None = None
    provenance: Provenance = field(default_factory=Provenance)
    model_error: str | None = None

    @property
    def scores(self) -> dict[str, float]:
        """Validation scores of the last report, objectives and constrained metrics."""
        return {**({} if self.last is None else self.last.scores), **self.measured}
