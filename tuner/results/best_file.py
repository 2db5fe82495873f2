"""Configuration of a trial as a file with its provenance."""

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
from tuner.soup import StoredSoup, provenance_of, soup_lines
from tuner.trial.model_identity import KeptModel
from tuner.trial.records import TrialOutcome


@dataclass(frozen=True, kw_only=True)
class StudyFacts:
    """Facts about a study that an exported trial contains."""

    name: str
    """Name of the study."""
    goals: Goals
    """Goals of the study."""
    contents: Mapping[str, Any] = field(default_factory=dict)
    """SHA-256 of its models and data."""
    made_with: Mapping[str, str] = field(default_factory=dict)
    """Versions of the program and of the libraries."""
    confirmation: Confirmation | None = None
    """Results of its leading configurations with new seeds; None if they were not repeated."""
    soup: StoredSoup | None = None
    """Soup that was built in place of its best model; None if there was none."""
    model: KeptModel | None = None
    """Soup or repeat that the file describes; None if it is neither."""


def stored_settings(file: Path, text: str | None) -> TrialSettings | None:
    """Return the settings that a trial ran with.

    Args:
        file: Configuration in the trial's folder.
        text: Configuration in the study; None if there is none.

    Returns:
        The settings; None if neither can be read.
    """
    found = None
    with suppress(OSError, ValueError):
        found = read_trial(file.read_text(encoding="utf-8"))
    return found or read_trial(text or "")


def provenance(study: StudyFacts, outcome: TrialOutcome) -> dict[str, Any]:
    """Return the provenance of a trial's configuration, as plain values."""
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
        **_soup(study, outcome.number),
        "convergence": outcome.diagnosis.status.value if outcome.diagnosis else None,
        "mlflow_run": outcome.provenance.mlflow_run or None,
        "git_commit": outcome.provenance.git_commit or None,
        "cpu_threads": outcome.provenance.cpu_threads or None,
        "contents": {kind: list(hashes) for kind, hashes in study.contents.items()},
        "versions": {"tuner": __version__, **study.made_with},
    }


def _several_goals(goals: Goals) -> dict[str, Any]:
    """Return the goals beyond a single objective; `tuner train` reads them."""
    return goals.to_plain() if goals.several or goals.constraints else {}


def _confirmed(study: StudyFacts, trial: int) -> dict[str, Any]:
    """Return the result of a configuration's repeats, if it was repeated."""
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
        confirmed["corrected_mean"] = found.corrected(study.goals)
    return {"confirmed": confirmed}


def _finished_evaluation(study: StudyFacts, trial: int) -> FinalEvaluation | None:
    """Return the finished evaluation on the test rows, if it was for this trial's model."""
    evaluation = study.confirmation.final_evaluation if study.confirmation else None
    if evaluation is None or not evaluation.scores or evaluation.subject.trial != trial:
        return None
    return evaluation if evaluation.subject.model == study.model else None


def _tested(study: StudyFacts, trial: int) -> dict[str, Any]:
    """Return the test scores of a trial's best repeat, or of the soup in its place."""
    evaluation = _finished_evaluation(study, trial)
    if evaluation is None:
        return {}
    subject = evaluation.subject
    members = [{"trial": number, "seed": seed} for number, seed in subject.members]
    found = {
        "seed": subject.seed,
        **({"members": members} if members else {}),
        "examples": evaluation.examples,
        "in_training": evaluation.in_training,
        "in_validation": evaluation.in_validation,
    }
    scores = {
        name: {
            "value": score.value,
            "standard_error": score.error,
            "interval": None
            if (ends := evaluation.interval(name, study.goals)) is None
            else list(ends),
        }
        for name, score in evaluation.scores.items()
    }
    return {"test": found | scores}


def _soup(study: StudyFacts, trial: int) -> dict[str, Any]:
    """Return the soup that was built in place of a trial's model."""
    found = _soup_of(study, trial)
    return {} if found is None else {"soup": provenance_of(found)}


def _soup_of(study: StudyFacts, trial: int) -> StoredSoup | None:
    found = study.soup
    return found if found is not None and found.instead_of.trial == trial else None


def _early_end(outcome: TrialOutcome) -> list[str]:
    """Return lines about a trial that ended early as converged."""
    last = outcome.last
    if last is None or outcome.stopped_by != "converged":
        return []
    at = f"It ended as converged at evaluation point {last.point} of {last.points}."
    return [
        f"{at} The command below trains the whole budget;",
        "convergence.stop_single_runs=true ends there too.",
    ]


def as_yaml(study: StudyFacts, outcome: TrialOutcome, settings: TrialSettings, file: str) -> str:
    """Return a trial's configuration as `tuner train` reads it.

    Args:
        study: Facts about its study.
        outcome: Outcome of the trial.
        settings: Settings that it ran with.
        file: Path of the new file, shown in its first lines.
    """
    value = "" if outcome.value is None else f", {study.goals.objectives_text(outcome)}"
    repeated = study.confirmation.of(outcome.number) if study.confirmation else None
    evaluation = _finished_evaluation(study, outcome.number)
    soup = _soup_of(study, outcome.number)
    header = [
        f"Trial {outcome.number} of {study.name}{value}.",
        *_early_end(outcome),
        *([f"Confirmed: {mean_text(repeated)}."] if repeated else []),
        *([f"Test: {scores_text(evaluation, study.goals)}."] if evaluation else []),
        *([f"Soup: {next(soup_lines(soup))}"] if soup is not None else []),
        f"Train it with: python -m tuner train {shlex.quote(file)}",
    ]
    return dump_trial(settings, header, provenance(study, outcome))
