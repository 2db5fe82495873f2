"""Tags, metrics and names of trials in MLflow, by which users filter."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from tuner.confirmation import CONFIRMS
from tuner.tracking.events import MetricsLogged, RunEnded, RunStarted
from tuner.tracking.view import COLOUR_TAG, colour
from tuner.trial.records import Report, TrialOutcome, TrialSpec, TrialState
from tuner.trial.recovery import split
from tuner.trial.study_identity import STUDY_ID, StudyIdentity

RUN_STATUS = {
    TrialState.COMPLETE: "FINISHED",
    TrialState.PRUNED: "KILLED",
    TrialState.INTERRUPTED: "KILLED",
    TrialState.INFEASIBLE: "FAILED",
    TrialState.FAILED: "FAILED",
    TrialState.RETRIED: "FAILED",
}
KEY = "attempt_key"
"""Tag that identifies an attempt's run, so that none is made twice."""

ATTEMPT = "attempt"
"""Tag with the number of the latest attempt that wrote to a trial's run."""

RESUMED = "resumed"
"""Tag with the time at which an attempt last continued a run."""

STATE = "trial_state"
"""Tag with the state of a trial's run; absent while it runs."""

OUTCOME_TAGS = (
    STATE, "convergence", "convergence_reason", "convergence_advice", "constraints", "stopped_by",
    "error",
)  # fmt: skip
"""Tags about the end of an attempt, which the next attempt starts without."""

STUDY = "study"
"""Tag with the name of a run's study."""

CONFIRM = "confirm"
"""Role of the runs that repeat a trial with another seed."""

FRONT = "front"
"""Tag, with the value yes, of the undominated trials with several objectives."""

SWEEP = "sweep"
"""Name of the sweep's own run in every spool."""

TRIAL_LINK = re.compile(r"\[(?P<text>[^\]]*)\]\(trial:(?P<number>\d+)\)")
"""Placeholder of a link to a trial's run in a text, before MLflow has given the run an id."""

_MEASURED = (
    "train_loss", "train_loss_std", "train_loss_max", "learning_rate", "grad_norm",
    "weight_change", "skipped_updates", "val_loss",
    "majority_share", "examples_per_second", "padding_fraction", "peak_memory_bytes",
    "model_mb", "inference_ms", "gpu_utilization", "gpu_memory_bytes",
)  # fmt: skip


def sweep_run_started(
    study: StudyIdentity, tags: Mapping[str, str], texts: Mapping[str, str], at: int
) -> RunStarted:
    """Return the start of the sweep's own run, of which a study has one."""
    return RunStarted(
        at=at,
        run=SWEEP,
        identity=sweep_identity(study),
        name=study.name,
        tags={**tags, **study_tags(study)},
        texts=texts,
    )


def sweep_identity(study: StudyIdentity) -> dict[str, str]:
    """Return the tags that identify the run of a study's sweep."""
    return {"role": "sweep"} | ({STUDY_ID: study.id} if study.id else {STUDY: study.name})


def study_tags(study: StudyIdentity) -> dict[str, str]:
    """Return the tags that distinguish runs from those of other studies in the experiment."""
    return {STUDY: study.name} | ({STUDY_ID: study.id} if study.id else {})


def trial_run_started(
    spec: TrialSpec,
    *,
    run: str,
    key: str,
    study: StudyIdentity,
    role: str,
    tags: Mapping[str, str],
    texts: Mapping[str, str],
    nested: bool,
    at: int,
) -> RunStarted:
    """Return the start of an attempt's run that begins from zero; see `RunStarted` otherwise.

    Args:
        spec: Trial.
        run: Name of the run in its spool.
        key: Value of the identifying tag.
        study: Study of the trial.
        role: See `Tracker.trial_started`.
        tags: Tags beside those of every trial.
        texts: File name to text.
        nested: True if the sweep's run is the parent.
        at: Time in milliseconds since the epoch.
    """
    again = f"-{spec.attempt}" if spec.attempt > 1 else ""
    return RunStarted(
        at=at,
        run=run,
        identity={KEY: key},
        name=f"{_name(spec, role)}{again}",
        tags={
            **tags,
            "role": role,
            **study_tags(study),
            number_tag(role): str(spec.number),
            ATTEMPT: str(spec.attempt),
            "split": split(spec.settings),
            **_display_tags(spec, role),
        },
        params={
            **{name: str(value) for name, value in spec.parameters.items()},
            "effective_batch_size": str(spec.settings.effective_batch_size),
        },
        texts=texts,
        parent=SWEEP if nested else "",
    )


def foreign_notice(study: StudyIdentity, sweeps: Sequence[Mapping[str, str]]) -> str:
    """Return a notice that the experiment holds other studies of the same name.

    Args:
        study: Identity of our study.
        sweeps: Tags of the sweep runs of the others.
    """
    where = sorted({f"{tags.get('host', 'unknown host')}" for tags in sweeps})
    count = f"{len(sweeps)} other stud{'y' if len(sweeps) == 1 else 'ies'}"
    return (
        f"MLflow's experiment '{study.name}' also holds runs of {count} of this name (from "
        f"{', '.join(where)}): from other folders, or from removed ones. The runs of this study "
        f"have the tag {STUDY_ID} = '{study.id}'; study=NAME gives it an experiment of its own"
    )


def number_tag(role: str) -> str:
    """Return the tag with a run's number: repeats have numbers of their own."""
    return "repeat_number" if role == CONFIRM else "trial_number"


def matches_identity(
    tags: Mapping[str, str], identity: Mapping[str, str], study: StudyIdentity
) -> bool:
    """Return True if a run that has the tags of an identity belongs to the study.

    An identity from a version without study ids has no id; it never fits a run of a study
    that was created with one.

    Args:
        tags: Tags of a run.
        identity: Identifying tags; see `RunStarted`.
        study: Study of the spool.
    """
    if KEY in identity or STUDY_ID in identity:
        return True
    found = tags.get(STUDY_ID)
    return found is None or (found == study.id and study.has_unmarked_runs)


def unambiguous(runs: Sequence[Mapping[str, str]]) -> list[bool]:
    """Return for each run without a study's id whether only one study can have made it.

    No study has two runs of one attempt at a trial.

    Args:
        runs: Tags of the runs.
    """
    attempts = [
        tuple(tags.get(name, "") for name in ("role", number_tag(tags.get("role", "")), ATTEMPT))
        for tags in runs
    ]
    count = Counter(attempts)
    return [
        tags.get("role") == "sweep" or count[attempt] == 1
        for tags, attempt in zip(runs, attempts, strict=True)
    ]


def _name(spec: TrialSpec, role: str) -> str:
    if role != CONFIRM:
        return f"{role}-{spec.number:05d}"
    return f"trial-{spec.parameters[CONFIRMS]:05d}-seed-{spec.settings.training.seed}"


def _display_tags(spec: TrialSpec, role: str) -> dict[str, str]:
    """Return the colour, which repeats share with their trial, and the tags that group repeats."""
    if role != CONFIRM:
        return {COLOUR_TAG: colour(spec.number)}
    confirmed = int(str(spec.parameters[CONFIRMS]))
    return {
        CONFIRMS: str(confirmed),
        "seed": str(spec.settings.training.seed),
        COLOUR_TAG: colour(confirmed),
    }


def point_logged(run: str, report: Report, at: int, nth: int = 1) -> MetricsLogged:
    """Return an evaluation point; its step is examples seen, which makes batch sizes comparable.

    Args:
        run: Name of the run in its spool.
        report: Report of the point.
        at: Time in milliseconds since the epoch.
        nth: See `MetricsLogged`.
    """
    values = {name: getattr(report, name) for name in _MEASURED}
    measured = {name: float(value) for name, value in values.items() if value is not None}
    return MetricsLogged(
        at=at,
        run=run,
        step=report.examples_seen,
        metrics=measured | dict(report.metrics),
        nth=nth,
    )


def trial_ended(
    run: str, outcome: TrialOutcome, files: Sequence[str], labels: Sequence[str], at: int
) -> RunEnded:
    """Return the end of an attempt, with its state, diagnosis and files."""
    last = outcome.last
    texts = {}
    if last is not None and last.confusion is not None:
        matrix = {"labels": list(labels), "rows_true_columns_predicted": last.confusion}
        texts["confusion_matrix.json"] = json.dumps(matrix)
    if outcome.error is not None and outcome.error.traceback:
        texts["error.txt"] = outcome.error.traceback
    return RunEnded(
        at=at,
        run=run,
        status=RUN_STATUS[outcome.state],
        metrics=_outcome_metrics(outcome),
        step=last.examples_seen if last is not None else 0,
        tags=_outcome_tags(outcome),
        texts=texts,
        files=tuple(files),
    )


def linked(text: str, runs: Mapping[int, str]) -> str:
    """Replace a text's links to trials, written as `[7](trial:7)`, by links to their runs.

    Args:
        text: Text in Markdown.
        runs: Trial number to the address of its run; links to other trials become plain text.
    """

    def link(found: re.Match[str]) -> str:
        address = runs.get(int(found["number"]))
        return f"[{found['text']}]({address})" if address else found["text"]

    return TRIAL_LINK.sub(link, text)


def trial_abandoned(run: str, at: int) -> RunEnded:
    """Return the end of an attempt whose process has died."""
    tags = {STATE: TrialState.INTERRUPTED.value}
    return RunEnded(at=at, run=run, status=RUN_STATUS[TrialState.INTERRUPTED], tags=tags)


def _outcome_metrics(outcome: TrialOutcome) -> dict[str, float]:
    metrics = {}
    if outcome.value is not None and outcome.last is not None:
        last = outcome.last
        # Values of the whole trial that its last point does not have, for example its speed.
        whole = {name: v for name, v in outcome.measured.items() if v != last.value(name)}
        metrics = {"objective": outcome.value, **whole}
    figures = outcome.diagnosis.figures if outcome.diagnosis is not None else None
    if figures is not None:
        metrics |= {f"convergence_{name}": value for name, value in asdict(figures).items()}
    return metrics


def _outcome_tags(outcome: TrialOutcome) -> dict[str, str]:
    tags = {STATE: outcome.state.value}
    if outcome.diagnosis is not None:
        tags["convergence"] = outcome.diagnosis.status.value
        tags["convergence_reason"] = outcome.diagnosis.reason
        tags["convergence_advice"] = outcome.diagnosis.advice
    if outcome.violated:
        tags["constraints"] = "missed: " + "; ".join(outcome.violated)
    if outcome.stopped_by:
        tags["stopped_by"] = outcome.stopped_by
    if outcome.error is not None:
        tags["error"] = outcome.error.text
    return tags
