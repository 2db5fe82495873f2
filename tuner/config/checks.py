"""Checks of values beyond their types."""

import re
from collections.abc import Collection, Iterator

from tuner.config.rules import broken, too_large
from tuner.config.search_rules import RULES as SEARCH_RULES
from tuner.config.search_rules import resources
from tuner.fields.findings import Finding, out_of_bounds
from tuner.formatting.suggestion import nearest
from tuner.metrics import plug_in_metrics
from tuner.search.goals import FORM as CONSTRAINT
from tuner.search.goals import constraint
from tuner.settings.file_formats import FORMATS
from tuner.settings.objectives import measured_scores
from tuner.settings.overrides import override
from tuner.settings.predict_settings import PredictSettings
from tuner.settings.settings import (
    MISSING,
    STORAGES,
    AgentSettings,
    DataSettings,
    SweepSettings,
    TrackingSettings,
    TrialSettings,
)
from tuner.settings.storage import EXAMPLES, is_consistent, is_server
from tuner.settings.training_settings import TrainingSettings
from tuner.settings.verify_settings import VerifySettings
from tuner.tasks import REGISTRY, Task

SAMPLERS_OF_SEVERAL = ("tpe", "random", "grid", "qmc", "gp", "nsgaii")
PRUNERS_OF_SEVERAL = ("extrapolation", "none")
"""Samplers and pruners that work with several objectives; Optuna's pruners use one."""

COMPARING = ("asha", "hyperband", "median", "percentile")
"""Pruners that compare a trial with all others at the same point."""

STUDY_NAME = "a plain name of at most 200 bytes without / \\ and quotes, since it names a folder"
"""Rule for the name of a study, for messages."""

_STUDY_NAME = re.compile(r"[^/\\'\"`\x00-\x1f\x7f\ud800-\udfff]+")
_LONGEST_NAME = 200
_LONGEST_SUGGESTED = 50


def check_trial(settings: TrialSettings) -> list[Finding]:
    """Return all invalid values of a trial's configuration."""
    found = [*out_of_bounds(settings), *_ignored_csv_keys(settings.data), *_of_labels(settings)]
    return found or list(too_large(settings))


def _ignored_csv_keys(data: DataSettings) -> Iterator[Finding]:
    """Yield keys of csv files that are set for another format, where they have no effect."""
    for key in ("delimiter", "quoting") if data.format in FORMATS[1:] else ():
        if (value := getattr(data, key)) is not None:
            remedy = f"data.{key}=null, or data=csv, the only format with it"
            yield Finding(key=f"data.{key}", value=value, remedy=remedy)


def _of_labels(settings: TrialSettings) -> Iterator[Finding]:
    """Yield options about labels that the task does not use."""
    usual = TrainingSettings()
    keys = ("label_smoothing", "class_weights", "oversample")
    for key in () if settings.task.weighs_labels else keys:
        if (value := getattr(settings.training, key)) != getattr(usual, key):
            remedy = f"{override(f'training.{key}', getattr(usual, key))}, since "
            remedy += f"task={settings.task.name} has no labels to weigh"
            yield Finding(key=f"training.{key}", value=value, remedy=remedy)
    yield from settings.task.findings()
    for key in () if settings.task.several_labels else ("label_separator", "label_columns"):
        if (value := getattr(settings.data, key)) is not None:
            able = "|".join(kind.name for kind in REGISTRY.bundled() if kind.several_labels)
            remedy = f"data.{key}=null, or task={able}, whose rows have several labels"
            yield Finding(key=f"data.{key}", value=value, remedy=remedy)


def check_agent(
    settings: AgentSettings, task: Task, metrics: Collection[str] = ()
) -> list[Finding]:
    """Return all invalid values of the agent's configuration.

    Args:
        settings: Settings to check.
        task: Task of the trials.
        metrics: Names of users' metrics, as `val_cost`.
    """
    found = list(out_of_bounds(settings))
    found += broken(settings, SEARCH_RULES)
    found += resources(settings)
    found = found or list(too_large(settings))
    found += check_goals(settings.sweep, task, metrics)
    found += _unsupported_goals(settings)
    found += _inline_dry_run(settings)
    found += _storage(settings)
    found += _unlogged_registration(settings.tracking)
    if not is_study_name(settings.study_name):
        key = "study" if settings.study is not None else "sweep.name"
        found.append(study_name_finding(settings.study_name, key))
    return found


def check_section(settings: PredictSettings | VerifySettings, section: str) -> list[Finding]:
    """Return all invalid values of a command's section."""
    return list(out_of_bounds(settings, section))


def check_goals(
    sweep: SweepSettings, task: Task, metrics: Collection[str] = ()
) -> Iterator[Finding]:
    """Yield objectives and constraints that cannot be read or measured.

    Args:
        sweep: Objectives and constraints.
        task: Task of the trials.
        metrics: Names of users' metrics, as `val_cost`.
    """
    own = measured_scores(type(task))
    measured = {*own, *metrics}
    installed = (f"val_{each.name}" for each in plug_in_metrics())
    names = dict.fromkeys([*own, *metrics, *installed])
    known = f"one of {', '.join(names)}; in Python also one of metrics=[...]"
    wanted = sweep.objectives or []
    meant = [name if name in measured else nearest(name, names) for name in wanted]
    right = list(dict.fromkeys(filter(None, meant))) or [task.objective]
    remedy = f"{override('sweep.objectives', right)}: each {known}"
    if not wanted or len(set(wanted)) < len(wanted):
        yield Finding(key="sweep.objectives", value=wanted, remedy=remedy)
    for name in wanted:
        if name not in measured:
            yield Finding(key="sweep.objectives", value=name, remedy=remedy)
    for metric, text in sweep.constraints.items():
        if metric not in measured:
            instead = {nearest(metric, names) or task.objective: text}
            remedy = f"{override('sweep.constraints', instead)}: {known}"
            yield Finding(key="sweep.constraints", value=metric, remedy=remedy)
        try:
            constraint(metric, str(text))
        except ValueError:
            remedy = f"{override('sweep.constraints', {metric: '>= 0.8'})}, {CONSTRAINT}"
            yield Finding(key="sweep.constraints", value=dict(sweep.constraints), remedy=remedy)


def _unsupported_goals(settings: AgentSettings) -> Iterator[Finding]:
    """Yield settings that have no meaning with several objectives, or with constraints."""
    pruner = settings.pruner.get("name")
    if settings.sweep.constraints and pruner in COMPARING:
        remedy = (
            "pruner=extrapolation, or with constraints threshold, patient or none: with others, "
            "trials that miss a constraint stop trials that meet it"
        )
        yield Finding(key="pruner", value=pruner, remedy=remedy)
    if len(settings.sweep.objectives or ()) < 2:  # noqa: PLR2004
        return
    for key, group, able in (
        ("sampler", settings.sampler, SAMPLERS_OF_SEVERAL),
        ("pruner", settings.pruner, PRUNERS_OF_SEVERAL),
    ):
        if (name := group.get("name")) not in able:
            remedy = f"{key}={able[0]}, with several objectives one of {', '.join(able)}"
            yield Finding(key=key, value=name, remedy=remedy)
    if settings.sweep.confirm.top is not None:
        remedy = "sweep.confirm.top=null, as configurations are ranked by one objective"
        yield Finding(key="sweep.confirm.top", value=settings.sweep.confirm.top, remedy=remedy)


def _inline_dry_run(settings: AgentSettings) -> Iterator[Finding]:
    """Yield a dry run by a launcher without worker processes."""
    if settings.launcher.runs_inline and settings.sweep.dry_run:
        remedy = "launcher=local, whose timing is that of the sweep"
        yield Finding(key="launcher", value=settings.launcher.name, remedy=remedy)


def _storage(settings: AgentSettings) -> Iterator[Finding]:
    """Yield an address that is missing or of another kind, or a shared study without a name."""
    storage, sweep = settings.storage, settings.sweep.name
    if storage.name in STORAGES and not is_consistent(storage):
        yield Finding(key="storage.url", value=storage.url, remedy=EXAMPLES[storage.name])
    elif settings.study is None and sweep != MISSING and is_server(storage):
        remedy = (
            "study=NAME, a name of your own: the database is shared, where another user's "
            f"sweep={sweep} would be the same study"
        )
        yield Finding(key="study", value=None, remedy=remedy)


def _unlogged_registration(tracking: TrackingSettings) -> Iterator[Finding]:
    """Yield a name for registration of a model that would never be logged."""
    if tracking.register is not None and not (tracking.log_model and tracking.send):
        remedy = (
            "tracking.log_model=true tracking.send=true, without which no model is logged that "
            "could be registered; or tracking.register=null"
        )
        yield Finding(key="tracking.register", value=tracking.register, remedy=remedy)


def study_name_finding(name: str, key: str = "study") -> Finding:
    """Return the finding on a name that is none for a study, with one that is."""
    plain = "-".join(_STUDY_NAME.findall(name)).strip(" .")[:_LONGEST_SUGGESTED]
    right = f"{override(key, plain or 'reviews')}: {STUDY_NAME}"
    return Finding(key=key, value=name, remedy=right)


def is_study_name(name: str) -> bool:
    """Return True if a text can name a folder in the output folder, and an MLflow experiment."""
    plain = _STUDY_NAME.fullmatch(name) is not None and name == name.strip()
    return plain and name not in (".", "..") and len(name.encode()) <= _LONGEST_NAME
