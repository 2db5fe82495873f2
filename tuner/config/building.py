"""Settings classes built from a composition, and checks of their values."""

from collections.abc import Callable, Sequence
from typing import Any

from tuner import tasks
from tuner.config.checks import check_agent, check_goals, check_trial
from tuner.config.composition import Composition
from tuner.config.messages import invalid_values
from tuner.config.schema import AGENT_GROUPS, SWEEP, TRIAL_GROUPS, structure
from tuner.config.user_metrics import NO_METRICS, GivenMetrics, measured
from tuner.errors import InputError
from tuner.fields.findings import Finding
from tuner.metrics import MetricRecord
from tuner.search.goals import Goals, goals_of
from tuner.secrets import hidden
from tuner.settings.objectives import measured_scores
from tuner.settings.settings import AgentSettings, SweepSettings, TrialSettings
from tuner.settings.training_settings import AUTO, BATCH_SIZE
from tuner.tasks import Task
from tuner.trial.records import Scalar

_AGENT_KEYS = (SWEEP, "study", "output", *AGENT_GROUPS)


def build_agent(
    composition: Composition, given: GivenMetrics = NO_METRICS
) -> tuple[AgentSettings, Goals, tuple[MetricRecord, ...]]:
    """Return the agent's part of a composition, its goals, and the users' metrics to measure.

    Args:
        composition: Whole configuration.
        given: Metrics that it may name beside those of installed packages.

    Raises:
        InputError: A value is missing or invalid.
    """
    content = composition.section(_AGENT_KEYS)
    # The doctor composes a configuration without a sweep.
    task = _with_usual_objective(content.setdefault(SWEEP, {}), composition)
    agent = structure(AgentSettings, content)
    metrics = measured(agent.sweep, task, given.passed, lambda: given.stored(agent))
    _refuse(check_agent(agent, task, [f"val_{each.name}" for each in metrics]), composition)
    return agent, goals_of(agent.sweep, measured_scores(type(task), metrics)), metrics


def build_goals(
    composition: Composition,
    passed: Sequence[MetricRecord],
    stored: Callable[[], Sequence[MetricRecord]],
) -> tuple[Goals, tuple[MetricRecord, ...]]:
    """Return objectives and constraints of the section `sweep`, and the users' metrics to measure.

    Args:
        composition: Whole configuration.
        passed: Metrics of the call.
        stored: Function that returns those of a study.

    Raises:
        InputError: One of them cannot be read or measured.
    """
    section = composition.section([SWEEP])[SWEEP]
    task = _with_usual_objective(section, composition)
    sweep = structure(SweepSettings, section)
    metrics = measured(sweep, task, passed, stored)
    _refuse(list(check_goals(sweep, task, [f"val_{each.name}" for each in metrics])), composition)
    return goals_of(sweep, measured_scores(type(task), metrics)), metrics


def _with_usual_objective(section: dict[str, Any], composition: Composition) -> Task:
    """Fill in the task's first score if no objective is named, and return the task."""
    task = tasks.from_mapping(composition.section(["task"])["task"])
    if section.get("objectives") is None:
        section["objectives"] = [task.objective]
    return task


def build_trial(composition: Composition) -> TrialSettings:
    """Return the trial's part of a composition.

    Raises:
        InputError: A value is missing or invalid.
    """
    content = composition.section(TRIAL_GROUPS)
    content["training"]["batch_size"] = _batch_size(content["training"]["batch_size"], composition)
    trial = structure(TrialSettings, content)
    _refuse(check_trial(trial), composition)
    _refuse_passwords(composition)
    return trial


def _batch_size(value: Any, composition: Composition) -> int:
    """Return the number for a batch size."""
    if value == "auto":
        return AUTO
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        _refuse([Finding(key="training.batch_size", value=value, remedy=BATCH_SIZE)], composition)
    return int(value)


def _refuse(findings: list[Finding], composition: Composition) -> None:
    if findings:
        raise invalid_values(findings, composition.where, composition.usual_value)


def _refuse_passwords(composition: Composition) -> None:
    """Refuse passwords: a trial's configuration is written to best.yaml and MLflow unchanged."""
    for key, value in leaves(composition).items():
        if isinstance(value, str) and hidden(value) != value:
            raise InputError(
                f"{key} contains a password or token, which would be written to best.yaml and "
                "MLflow",
                where=composition.where(key),
                remedy="an address without it; the libraries read logins from the environment",
            )


def leaves(composition: Composition) -> dict[str, Scalar]:
    """Return every key of a trial with a single value, and every group with its option."""
    leaves: dict[str, Scalar] = dict(composition.choices)
    waiting: list[tuple[str, Any]] = list(composition.section(TRIAL_GROUPS).items())
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{key}.{name}", item) for name, item in value.items()]
        elif not isinstance(value, list):
            leaves[key] = value
    return leaves
