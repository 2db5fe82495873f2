"""The configuration of a trial as a file that says where it comes from."""

import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuner import __version__
from tuner.config import dump_trial, read_trial
from tuner.confirmation import CONFIDENCE, Confirmation, FinalEvaluation, mean_text, scores_text
from tuner.diagnosis.sweep import standard_error
from tuner.search.goals import Goals
from tuner.settings.settings import TrialSettings
from tuner.trial.records import TrialOutcome


@dataclass(frozen=True, kw_only=True)
class StudyFacts:
    """What an exported trial tells of its study."""

    name: str
    """The study's name."""
    goals: Goals
    """What it was run for."""
    contents: Mapping[str, Any] = field(default_factory=dict)
    """SHA-256 of its models and data."""
    made_with: Mapping[str, str] = field(default_factory=dict)
    """Versions of the program and of the libraries."""
    confirmation: Confirmation | None = None
    """What its leading configurations reached with new seeds; None: not tried."""


def stored_settings(file: Path, text: str | None) -> TrialSettings | None:
    """Return the configuration that a trial ran with.

    Args:
        file: Where the trial's folder has it.
        text: The same as the study has it; None where it has none.

    Returns:
        None where neither can be read.
    """
    found = None
    with suppress(OSError, ValueError):
        found = read_trial(file.read_text(encoding="utf-8"))
    return found or read_trial(text or "")


def provenance(study: StudyFacts, outcome: TrialOutcome) -> dict[str, Any]:
    """Where a trial's configuration comes from, as plain values."""
    objective, last = study.goals.objective, outcome.last
    error = standard_error(last, objective) if last is not None else None
    return {
        "study": study.name,
        "trial": outcome.number,
        "attempt": outcome.attempt,
        "objective": objective,
        **_several_goals(study.goals),
        "value": outcome.value,
        "standard_error": error,
        **({"measured": dict(outcome.measured)} if len(study.goals.watched) > 1 else {}),
        **({"model_error": outcome.model_error} if outcome.model_error else {}),
        **_confirmed(study, outcome.number),
        **_tested(study, outcome.number),
        "convergence": outcome.diagnosis.status.value if outcome.diagnosis else None,
        "mlflow_run": outcome.provenance.mlflow_run or None,
        "git_commit": outcome.provenance.git_commit or None,
        "cpu_threads": outcome.provenance.cpu_threads or None,
        "contents": {kind: list(hashes) for kind, hashes in study.contents.items()},
        "versions": {"tuner": __version__, **study.made_with},
    }


def _several_goals(goals: Goals) -> dict[str, Any]:
    """What a trial was run for beside its first objective; `tuner train` reads it."""
    return goals.to_plain() if goals.several or goals.constraints else {}


def _confirmed(study: StudyFacts, trial: int) -> dict[str, Any]:
    """What a trial's configuration reached with new seeds, for those that were repeated."""
    found = study.confirmation
    repeated = found.of(trial) if found else None
    if found is None or repeated is None:
        return {}
    interval = repeated.estimate.interval
    confirmed = {
        "mean": repeated.estimate.mean,
        "interval": None if interval is None else list(interval),
        "confidence": CONFIDENCE,
        "seeds": list(repeated.scores),
    }
    if repeated is found.best:
        confirmed["corrected_mean"] = found.corrected(study.goals.objective)
    return {"confirmed": confirmed}


def _look(study: StudyFacts, trial: int) -> FinalEvaluation | None:
    """The look at the test rows, where it was for this trial's configuration and has ended."""
    look = study.confirmation.final_evaluation if study.confirmation else None
    return look if look and look.scores and look.subject.trial == trial else None


def _tested(study: StudyFacts, trial: int) -> dict[str, Any]:
    """What the test rows said of the model of a trial's best repeat."""
    look = _look(study, trial)
    if look is None:
        return {}
    found = {
        "seed": look.subject.seed,
        "examples": look.examples,
        "in_training": look.in_training,
        "in_validation": look.in_validation,
    }
    scores = {
        name: {
            "value": score.value,
            "standard_error": score.error,
            "interval": None if (ends := look.interval(name)) is None else list(ends),
        }
        for name, score in look.scores.items()
    }
    return {"test": found | scores}


def _early_end(outcome: TrialOutcome) -> list[str]:
    """The point at which a trial ended as converged; no line for one that had its whole budget."""
    last = outcome.last
    if last is None or outcome.stopped_by != "converged":
        return []
    at = f"It ended as converged at evaluation point {last.point} of {last.points}."
    return [
        f"{at} The command below trains the whole budget;",
        "convergence.stop_single_runs=true ends there too.",
    ]


def as_yaml(study: StudyFacts, outcome: TrialOutcome, settings: TrialSettings, file: str) -> str:
    """A trial's configuration as `tuner train` reads it.

    Args:
        study: That it belongs to.
        outcome: How it ended.
        settings: As it ran.
        file: Where the text will stand, for its first lines.
    """
    value = "" if outcome.value is None else f", {study.goals.objectives_text(outcome)}"
    repeated = study.confirmation.of(outcome.number) if study.confirmation else None
    look = _look(study, outcome.number)
    header = [
        f"Trial {outcome.number} of {study.name}{value}.",
        *_early_end(outcome),
        *([f"Confirmed: {mean_text(repeated)}."] if repeated else []),
        *([f"Test: {scores_text(look)}."] if look else []),
        f"Train it with: python -m tuner train {shlex.quote(file)}",
    ]
    return dump_trial(settings, header, provenance(study, outcome))
