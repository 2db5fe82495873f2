"""Typed schema of the configuration for OmegaConf."""

import dataclasses
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType, NoneType
from typing import Any, TypeVar, cast, get_args, get_type_hints

import cattrs
from omegaconf import (
    AnyNode,
    BooleanNode,
    DictConfig,
    FloatNode,
    IntegerNode,
    ListConfig,
    OmegaConf,
    StringNode,
)
from omegaconf.base import Node

from tuner.fields import component
from tuner.fields.component import Component, is_optional, plain_kind
from tuner.fields.declared import Declared, declared
from tuner.settings import launchers, settings
from tuner.settings.clean_settings import CleanSettings
from tuner.settings.export import ExportSettings
from tuner.settings.predict_settings import PredictSettings
from tuner.settings.registries import REGISTRIES
from tuner.settings.report_settings import ReportSettings
from tuner.settings.training_settings import TrainingSettings
from tuner.settings.verify_settings import VerifySettings
from tuner.trial.serialization import register_components

T = TypeVar("T")

SWEEP = "sweep"
"""Group of the files in sweeps/."""

TRIAL_GROUPS = ("model", "task", "data", "optimizer", "schedule", "training", "convergence")
AGENT_GROUPS = ("sampler", "pruner", "launcher", "storage", "tracking")
GROUPS = (*TRIAL_GROUPS, *AGENT_GROUPS)
"""Folders of conf/."""

OPEN_GROUPS = (*REGISTRIES, "sampler", "pruner")
"""Groups whose options have fields of their own; for samplers and pruners the bundled files define
them."""

_MAPPINGS = ("data.where", "sweep.constraints", "export.weights")
"""Keys of settings classes whose sub-keys users choose."""

DEFAULT_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "model": "minilm",
        "task": settings.TrialSettings().task.name,
        "data": "rotten_tomatoes",
        "optimizer": settings.TrialSettings().optimizer.name,
        "schedule": settings.TrialSettings().schedule.name,
        "training": "default",
        "convergence": "default",
        "sampler": "tpe",
        "pruner": "extrapolation",
        "launcher": launchers.DEFAULT,
        "storage": settings.StorageSettings.name,
        "tracking": "mlflow",
    }
)
"""Default option of each group."""

CLOSED: Mapping[str, type] = MappingProxyType(
    {
        "model": settings.ModelSettings,
        "data": settings.DataSettings,
        "training": TrainingSettings,
        "convergence": settings.ConvergenceSettings,
        "storage": settings.StorageSettings,
        "tracking": settings.TrackingSettings,
        SWEEP: settings.SweepSettings,
        "report": ReportSettings,
        "clean": CleanSettings,
        "export": ExportSettings,
        "predict": PredictSettings,
        "verify": VerifySettings,
    }
)
"""Groups, and sections of single commands, with the keys of a settings class."""

_WIDER: Mapping[tuple[type, str], Any] = MappingProxyType({(TrainingSettings, "batch_size"): Any})
"""Fields that also take a text from users; `building` converts it."""

_NODES: Mapping[type, type[Node]] = MappingProxyType(
    {bool: BooleanNode, int: IntegerNode, float: FloatNode, str: StringNode}
)

_converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=False)
register_components(_converter)


def group_schema(group: str) -> DictConfig:
    """Return the keys and types of a closed group."""
    return cast("DictConfig", OmegaConf.structured(_mutable(CLOSED[group])))


def root_schema(groups: tuple[str, ...]) -> DictConfig:
    """Return the keys and types of a whole configuration, without open groups.

    Args:
        groups: Groups of the configuration; the agent's own keys are included.
    """
    content: dict[str, Any] = {group: group_schema(group) for group in groups if group in CLOSED}
    agent = declared(settings.AgentSettings)
    content |= {item.name: _node(item) for item in agent if item.name in ("study", "output")}
    return OmegaConf.create(content)


def component_schema(kind: type[Component]) -> DictConfig:
    """Return the fields of a component with their types and defaults, after its name."""
    content: dict[str, Any] = {"name": StringNode(kind.name, is_optional=False)}
    for item in declared(kind):
        content[item.name] = _node(item)
    return DictConfig(content)


def _node(item: Declared) -> Node:
    """Return a field with its type and default."""
    default: Any = settings.MISSING if item.is_mandatory else item.default
    kind = plain_kind(item.type)
    if kind is list:
        return ListConfig(default, element_type=get_args(item.type)[0])
    if kind is dict:
        return DictConfig(default, element_type=get_args(item.type)[1])
    return _NODES[kind](default, is_optional=is_optional(item.type))  # type: ignore[call-arg]


def component_mappings() -> tuple[str, ...]:
    """Return the keys of components whose sub-keys users choose."""
    return _mappings(tuple(kind for each in REGISTRIES.values() for kind in each.known()))


@cache
def _mappings(kinds: tuple[type[Component], ...]) -> tuple[str, ...]:
    found = ((kind.group, item) for kind in kinds for item in declared(kind))
    return tuple(f"{group}.{item.name}" for group, item in found if plain_kind(item.type) is dict)


def free_mappings() -> tuple[str, ...]:
    """Return all keys whose sub-keys users choose."""
    return (*_MAPPINGS, *component_mappings())


def by_example(value: Any) -> Any:
    """Return a value whose scalars are fixed to their types; null and references stay open."""
    if isinstance(value, DictConfig):
        typed, written = DictConfig({}), OmegaConf.to_container(value, resolve=False)
        for key in map(str, value):
            if OmegaConf.is_interpolation(value, key):
                typed[key] = AnyNode(written[key])  # type: ignore[index,call-overload]
            else:
                typed[key] = value[key] if key == "defaults" else by_example(value[key])
        return typed
    if isinstance(value, list | ListConfig):
        return value
    node = _NODES.get(type(value))
    return AnyNode(value) if node is None else node(value, is_optional=False)  # type: ignore[call-arg]


def structure(kind: type[T], plain: Mapping[str, Any]) -> T:
    """Build a settings class from plain values that the schema has checked."""
    return _converter.structure(plain, kind)


def plain(value: Any) -> dict[str, Any]:
    """Return a settings object as plain dicts, lists and scalars."""
    content: dict[str, Any] = component.plain(value)
    return content


@cache
def _mutable(kind: type) -> type:
    """Return a mutable copy of a frozen dataclass, since OmegaConf makes frozen ones read-only."""
    fields = []
    types = get_type_hints(kind)  # Without their bounds.
    for item in dataclasses.fields(kind):
        default = dataclasses.field(default=item.default, default_factory=item.default_factory)
        if (made := _mutable_type(item.default_factory)) is not item.default_factory:
            default = dataclasses.field(default_factory=made)
        kind_of = _WIDER.get((kind, item.name), types[item.name])
        fields.append((item.name, _mutable_type(kind_of), default))
    return dataclasses.make_dataclass(kind.__name__, fields, kw_only=True)


def _mutable_type(annotation: Any) -> Any:
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        return _mutable(annotation)
    arguments = get_args(annotation)
    if NoneType in arguments and dataclasses.is_dataclass(arguments[0]):
        return _mutable(arguments[0]) | None  # type: ignore[arg-type]
    return annotation
