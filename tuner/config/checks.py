"""Which values make sense, beyond their type."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tuner.config.rules import (
    LARGEST_SEED,
    Finding,
    Rule,
    above,
    at_least,
    between,
    broken,
    one_of,
    too_large,
)
from tuner.config.search_rules import RULES as SEARCH_RULES
from tuner.config.search_rules import resources
from tuner.search.goals import FORM as CONSTRAINT
from tuner.search.goals import constraint
from tuner.settings.delimited import DELIMITER, QUOTING, is_delimiter
from tuner.settings.file_formats import FORMATS
from tuner.settings.launchers import LAUNCHERS
from tuner.settings.objectives import OBJECTIVES
from tuner.settings.predict_settings import PredictSettings
from tuner.settings.settings import (
    MISSING,
    AgentSettings,
    DataSettings,
    LauncherSettings,
    SweepSettings,
    TrackingSettings,
    TrialSettings,
)
from tuner.settings.storage import EXAMPLES, STORAGES, is_consistent, is_server
from tuner.settings.training_settings import AUTO, CLASS_WEIGHTS, OVERSAMPLING, SAVE_STATE

MOST_EPOCHS = 1_000_000
MOST_SLOTS = 10_000
"""Trials at a time, of a whole Ray cluster, too."""

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
BATCH_SIZE = "a whole number, 1 or more, or auto"
"""What `training.batch_size` may be, for messages."""


_SHARE = (lambda value: 0 <= value <= 1, "a share from 0 to 1")
_DROPOUT = (lambda value: 0 <= value < 1, "a rate from 0 to below 1")
_OPEN_SHARE = (lambda value: 0 < value < 1, "a share above 0 and below 1")
_DECAY = (lambda value: 0 <= value < 1, "from 0 to below 1")
_LAYER_DECAY = (lambda value: 0 < value <= 1, "a factor above 0, at most 1")


def _are_class_weights(value: Any) -> bool:
    if isinstance(value, Mapping):
        return bool(value) and all(_is_weight(each) for each in value.values())
    return value in CLASS_WEIGHTS


def _is_weight(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 < value < math.inf


_CLASS_WEIGHTS = (_are_class_weights, "none, balanced or {label: weight above 0, ...}")

_NAME = (bool, "a name that is not empty")

_REGISTERED = re.compile(r"[^/:'\"\x00-\x1f]+")


def _is_registered_name(value: str) -> bool:
    return _REGISTERED.fullmatch(value) is not None


_TRIAL_RULES: tuple[Rule, ...] = (
    ("model.checkpoint", bool, "a hub id or a local folder"),
    ("model.max_length", *at_least(8)),
    ("model.dropout", *_DROPOUT),
    ("data.format", *one_of(FORMATS)),
    ("data.text", *_NAME),
    ("data.label", *_NAME),
    ("data.delimiter", is_delimiter, DELIMITER),
    ("data.quoting", *one_of(QUOTING)),
    ("data.validation_fraction", *_OPEN_SHARE),
    ("data.train_examples", *at_least(1)),
    ("data.validation_examples", *at_least(1)),
    ("data.seed", *between(0, LARGEST_SEED)),
    ("training.batch_size", lambda value: value == AUTO or value >= 1, BATCH_SIZE),
    ("training.accumulation_steps", *at_least(1)),
    ("training.effective_batch_size", *at_least(1)),
    (
        "training.epochs",
        lambda value: 0 < value <= MOST_EPOCHS,
        f"above 0, at most {MOST_EPOCHS:,}",
    ),
    ("training.evaluations", *between(1, 1_000)),
    ("training.evaluation_share", lambda value: 0 < value <= 1, "a share above 0, at most 1"),
    ("training.interim_examples", *at_least(1)),
    ("training.evaluation_batch_size", *at_least(1)),
    ("training.length_window", *at_least(1)),
    ("training.devices", *at_least(1)),
    ("training.precision", *one_of(PRECISIONS)),
    ("training.clip_norm", *above(0)),
    ("training.label_smoothing", *_DECAY),
    ("training.class_weights", *_CLASS_WEIGHTS),
    ("training.oversample", *one_of(OVERSAMPLING)),
    ("training.freeze_layers", *at_least(0)),
    ("training.reinit_layers", *at_least(0)),
    ("training.ema_decay", *_OPEN_SHARE),
    ("training.save_state", *one_of(SAVE_STATE)),
    ("training.seed", *between(0, LARGEST_SEED)),
    ("optimizer.learning_rate", *above(0)),
    ("optimizer.weight_decay", *at_least(0)),
    ("optimizer.layer_decay", *_LAYER_DECAY),
    ("optimizer.beta_1", *_DECAY),
    ("optimizer.beta_2", *_DECAY),
    ("optimizer.momentum", *_DECAY),
    ("optimizer.rho", *_DECAY),
    ("optimizer.epsilon", *above(0)),
    ("optimizer.clip_threshold", *above(0)),
    ("schedule.warmup_fraction", *_SHARE),
    ("schedule.end_fraction", *_SHARE),
    ("schedule.cycles", *at_least(1)),
    ("schedule.power", *above(0)),
    ("schedule.decay_rate", lambda value: 0 < value <= 1, "a rate above 0, at most 1"),
    ("schedule.steps", *at_least(1)),
    ("convergence.confidence", *_OPEN_SHARE),
    ("convergence.window", *_OPEN_SHARE),
    ("convergence.diverged_factor", *above(0)),
    ("convergence.learning_gain", *_SHARE),
    ("convergence.memorised_level", *above(0)),
    ("convergence.oscillating_share", *at_least(0)),
    ("convergence.overfitting_share", *at_least(0)),
    ("convergence.improving_share", *_SHARE),
    ("convergence.plateau_level", *above(0)),
    ("convergence.not_learning_patience", *_SHARE),
    ("convergence.converged_patience", *_SHARE),
    ("convergence.converged_gain", *_SHARE),
)


_AGENT_RULES: tuple[Rule, ...] = (
    ("output", *_NAME),
    ("sweep.n_trials", *at_least(1)),
    ("sweep.timeout", *above(0)),
    ("sweep.max_failures", *at_least(1)),
    ("sweep.stop_when.improvement", *at_least(0)),
    ("sweep.stop_when.patience", *at_least(1)),
    ("sweep.confirm.top", *between(1, 1_000)),
    ("sweep.confirm.seeds", *between(2, 1_000)),
    ("launcher.name", *one_of(tuple(LAUNCHERS))),
    (
        "launcher.slots",
        lambda value: 1 <= value <= MOST_SLOTS,
        f"1 to {MOST_SLOTS:,}, or null for the machine's own count",
    ),
    ("launcher.trials_per_gpu", *between(1, MOST_SLOTS)),
    ("launcher.stop_timeout", *above(0)),
    ("launcher.stall_timeout", *above(0)),
    ("launcher.max_attempts", *at_least(1)),
    ("launcher.trials_per_worker", *at_least(1)),
    ("launcher.cpus_per_trial", *at_least(1)),
    ("launcher.agents", *between(1, MOST_SLOTS)),
    ("launcher.gpus_per_node", *at_least(0)),
    ("launcher.cpus_per_node", *at_least(1)),
    ("launcher.time_limit", *at_least(1)),
    ("storage.name", *one_of(STORAGES)),
    ("storage.heartbeat_interval", *above(0)),
    ("storage.heartbeat_timeout", *above(0)),
    ("storage.retry_timeout", *at_least(0)),
    ("tracking.register", _is_registered_name, "a name without / and :"),
)

_PREDICT_RULES: tuple[Rule, ...] = (
    ("predict.rows", *at_least(0)),
    ("predict.delimiter", is_delimiter, DELIMITER),
    ("predict.quoting", *one_of(QUOTING)),
)

SAMPLERS_OF_SEVERAL = ("tpe", "random", "grid", "qmc", "gp", "nsgaii")
PRUNERS_OF_SEVERAL = ("extrapolation", "none")
"""What knows several objectives: Optuna's pruners compare trials by one."""

COMPARING = ("asha", "hyperband", "median", "percentile")
"""Pruners that compare a trial with all others at the same point."""

STUDY_NAME = "a plain name of at most 200 bytes without / \\ and quotes, since it names a folder"
"""What a study may be called, for messages."""

_STUDY_NAME = re.compile(r"[^/\\'\"`\x00-\x1f\x7f\ud800-\udfff]+")
_LONGEST_NAME = 200


def allowed() -> dict[str, str]:
    """Key to what it may be, for the keys with limits beyond their type; null aside."""
    rules = (*_TRIAL_RULES, *_AGENT_RULES, *SEARCH_RULES, *_PREDICT_RULES)
    return {key: remedy for key, _, remedy in rules}


def check_trial(settings: TrialSettings) -> list[Finding]:
    """Everything in a trial's configuration that cannot be right."""
    found = [*broken(settings, _TRIAL_RULES), *_not_delimited(settings.data)]
    return found or list(too_large(settings))


def _not_delimited(data: DataSettings) -> Iterator[Finding]:
    """Keys of delimited files with another format, where they would change nothing."""
    for key in ("delimiter", "quoting") if data.format in FORMATS[1:] else ():
        if (value := getattr(data, key)) is not None:
            yield Finding(key=f"data.{key}", value=value, remedy="data=csv, which alone knows it")


def check_agent(settings: AgentSettings) -> list[Finding]:
    """Everything in the agent's configuration that cannot be right."""
    found = list(broken(settings, (*_AGENT_RULES, *SEARCH_RULES)))
    found += resources(settings)
    found = found or list(too_large(settings))
    found += check_goals(settings.sweep)
    found += _for_one_objective(settings)
    found += _foreign(settings.launcher)
    found += _inline(settings)
    found += _storage(settings)
    found += _unregistered(settings.tracking)
    if not is_study_name(settings.study_name):
        key = "study" if settings.study is not None else "sweep.name"
        found.append(Finding(key=key, value=settings.study_name, remedy=STUDY_NAME))
    return found


def check_predict(settings: PredictSettings) -> list[Finding]:
    """Everything in the section `predict` that cannot be right."""
    return list(broken({"predict": settings}, _PREDICT_RULES))


def check_goals(sweep: SweepSettings) -> Iterator[Finding]:
    """Objectives and constraints that cannot be read, or measured."""
    known = "one of " + ", ".join(OBJECTIVES)
    objectives = sweep.objectives
    if not objectives or len(set(objectives)) < len(objectives):
        remedy = f"[NAME, ...], each once and {known}"
        yield Finding(key="sweep.objectives", value=objectives, remedy=remedy)
    for name in objectives:
        if name not in OBJECTIVES:
            yield Finding(key="sweep.objectives", value=name, remedy=known)
    for metric, text in sweep.constraints.items():
        if metric not in OBJECTIVES:
            yield Finding(key="sweep.constraints", value=metric, remedy=known)
        try:
            constraint(metric, str(text))
        except ValueError:
            remedy = f"{{{metric}: {CONSTRAINT}}}"
            yield Finding(key="sweep.constraints", value=dict(sweep.constraints), remedy=remedy)


def _for_one_objective(settings: AgentSettings) -> Iterator[Finding]:
    """What has no meaning where several objectives are traded off, or constraints hold."""
    pruner = settings.pruner.get("name")
    if settings.sweep.constraints and pruner in COMPARING:
        remedy = "with constraints extrapolation, threshold, patient or none: others let what "
        remedy += "misses a constraint stop what meets it"
        yield Finding(key="pruner", value=pruner, remedy=remedy)
    if len(settings.sweep.objectives) < 2:  # noqa: PLR2004
        return
    for key, group, able in (
        ("sampler", settings.sampler, SAMPLERS_OF_SEVERAL),
        ("pruner", settings.pruner, PRUNERS_OF_SEVERAL),
    ):
        if (name := group.get("name")) not in able:
            remedy = f"with several objectives one of {', '.join(able)}"
            yield Finding(key=key, value=name, remedy=remedy)
    if settings.sweep.confirm.top is not None:
        remedy = "null with several objectives: configurations are ranked by one"
        yield Finding(key="sweep.confirm.top", value=settings.sweep.confirm.top, remedy=remedy)


def _foreign(launcher: LauncherSettings) -> Iterator[Finding]:
    """Keys of another launcher, which would change nothing."""
    usual = LauncherSettings()
    for owner, keys in LAUNCHERS.items():
        for key in keys if owner != launcher.name else ():
            value = getattr(launcher, key)
            if value != getattr(usual, key):
                remedy = f"launcher={owner}, which alone knows it"
                yield Finding(key=f"launcher.{key}", value=value, remedy=remedy)


def _inline(settings: AgentSettings) -> Iterator[Finding]:
    """Keys that a launcher without worker processes cannot follow."""
    if settings.launcher.name != "debug":
        return
    if settings.launcher.slots not in (None, 1):
        remedy = "1, or launcher=local, whose workers are processes"
        yield Finding(key="launcher.slots", value=settings.launcher.slots, remedy=remedy)
    if settings.sweep.dry_run:
        remedy = "launcher=local, which is timed as the sweep would run"
        yield Finding(key="launcher", value=settings.launcher.name, remedy=remedy)


def _storage(settings: AgentSettings) -> Iterator[Finding]:
    """An address that is missing or of another kind, and a shared study without a name."""
    storage, sweep = settings.storage, settings.sweep.name
    if storage.name in STORAGES and not is_consistent(storage):
        yield Finding(key="storage.url", value=storage.url, remedy=EXAMPLES[storage.name])
    elif settings.study is None and sweep != MISSING and is_server(storage):
        remedy = (
            "study=NAME, a name of your own: the database is shared, where somebody else's "
            f"sweep={sweep} would be the same study"
        )
        yield Finding(key="study", value=None, remedy=remedy)


def _unregistered(tracking: TrackingSettings) -> Iterator[Finding]:
    """A name for a model that would never be logged, so that nothing would be registered."""
    if tracking.register is not None and not (tracking.log_model and tracking.send):
        remedy = "null, or tracking.log_model=true tracking.send=true, without which no model is"
        remedy += " logged that could be registered"
        yield Finding(key="tracking.register", value=tracking.register, remedy=remedy)


def is_study_name(name: str) -> bool:
    """Whether this can name a folder that lies in the output folder, and an MLflow experiment."""
    plain = _STUDY_NAME.fullmatch(name) is not None and name == name.strip()
    return plain and name not in (".", "..") and len(name.encode()) <= _LONGEST_NAME
