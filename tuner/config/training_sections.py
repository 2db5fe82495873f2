"""File of a single fine-tune, parsed into its keys by group.

The file is written by a sweep (best.yaml, config.yaml), printed by `--cfg job`, or has a few keys
of a user's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from tuner.config.files import checked_option, component_class, read_value, read_yaml
from tuner.config.implied import DATA, data_option
from tuner.config.messages import unknown_key
from tuner.config.schema import (
    AGENT_GROUPS,
    DEFAULT_OPTIONS,
    OPEN_GROUPS,
    SWEEP,
    TRIAL_GROUPS,
    component_mappings,
)
from tuner.errors import InputError
from tuner.settings.registries import REGISTRIES

PROVENANCE = "provenance"
"""Key of a file's provenance, of which only the objectives are read."""

USED_AGENT_GROUPS = ("launcher", "tracking")
"""Groups of an agent that a single fine-tune uses."""

_UNUSED_GROUPS = tuple(group for group in AGENT_GROUPS if group not in USED_AGENT_GROUPS)
"""Groups that only the configuration of a sweep has."""

_GOALS = ("objectives", "constraints")
"""Keys of the section `sweep` that decide what is shown of a fine-tune."""

_WHOLE = ("data.where", "data.package", "model.package")
"""Mappings that replace a default's mapping instead of being merged."""

_SCALARS = ("study", "output")


@dataclass(frozen=True, kw_only=True)
class TrainingSections:
    """Keys of a file."""

    label: str = "command line"
    """File in messages."""
    content: Mapping[str, Any] = field(default_factory=dict)
    """Group to its typed keys in the file, and keys of the top level."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Group to the option with the missing keys, if it is not the default."""

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups with keys in the file."""
        return tuple(name for name in self.content if name in DEFAULT_OPTIONS)

    @property
    def whole(self) -> tuple[str, ...]:
        """Keys in the file that replace a default's mapping."""
        return tuple(key for key in _whole() if key in self.keys)

    @property
    def keys(self) -> frozenset[str]:
        """All keys in the file with a value of their own."""
        found = ((name, _as_written(node)) for name, node in self.content.items())
        return frozenset(key for name, plain in found for key in _leaves(name, plain))

    def without(self, groups: Mapping[str, str]) -> "TrainingSections":
        """Return a copy without the sections of some groups, whose options are chosen anew."""
        content = {name: node for name, node in self.content.items() if name not in groups}
        return TrainingSections(label=self.label, content=content, options=self.options)


def read_sections(path: Path, label: str) -> TrainingSections:
    """Read a file.

    Raises:
        InputError: The file cannot be read, is empty, or has a key that no fine-tune has.
    """
    content, _ = read_yaml(path, label)
    _refuse_other_files(content, label)
    found: dict[str, Any] = {}
    options: dict[str, str] = {}
    is_sweep = any(group in content for group in _UNUSED_GROUPS)
    for key in map(str, content):
        value = read_value(content, key, label)
        if key in _SCALARS:
            if key != "study" or not is_sweep:  # The study's folder belongs to the sweep.
                found[key] = value
        elif key in (*TRIAL_GROUPS, *USED_AGENT_GROUPS):
            section = _mapping(key, value, label)
            options |= _option(key, section, label)
            found[key] = _section(key, section, label)
        elif key == SWEEP:
            found[SWEEP] = _goals(_mapping(key, value, label), label)
    if SWEEP not in found:
        found |= _recorded_goals(read_value(content, PROVENANCE, label))
    return TrainingSections(label=label, content=found, options=options)


def _refuse_other_files(content: DictConfig, label: str) -> None:
    if not content:
        raise InputError(
            "the file is empty",
            where=label,
            remedy="tuner train outputs/STUDY/best.yaml, which a sweep has written",
        )
    if "space" in content or "n_trials" in content:
        name = Path(label).stem
        raise InputError(
            "the file is a sweep, but a single fine-tune searches nothing",
            where=label,
            remedy=f"tuner sweep={name} for ./sweeps/{name}.yaml",
        )
    known = (*TRIAL_GROUPS, *_SCALARS, SWEEP, *AGENT_GROUPS, PROVENANCE)
    for key in map(str, content):
        if key not in known:
            raise unknown_key(key, label, known)


def _mapping(key: str, value: Any, label: str) -> DictConfig:
    if not isinstance(value, DictConfig):
        raise InputError(
            f"{key} is {value!r}, but must contain keys",
            where=f"{label}, {key}",
            remedy="lines of the form `key: value` under it",
        )
    return value


def _section(group: str, section: DictConfig, label: str) -> DictConfig:
    """Return a group's keys in the file, checked, and typed if the group is open."""
    given = [str(key) for key in section]
    checked = checked_option(group, DEFAULT_OPTIONS[group], section, label)
    if group in OPEN_GROUPS:  # Its name may come from the default.
        return OmegaConf.masked_copy(checked, ["name", *given])
    if group == DATA and "package" in section and "train" not in section:
        checked = checked.copy()
        checked["train"] = None  # The package has the training rows.
    return checked


def _option(group: str, section: DictConfig, label: str) -> dict[str, str]:
    """Return the option with the missing keys, if it is not the default."""
    plain: Any = OmegaConf.to_container(section)
    if group == DATA:
        option = data_option(plain, f"{label}, data.name")
        return {} if option is None else {DATA: option}
    name = plain.get("name") if group in OPEN_GROUPS else None
    if name and group in REGISTRIES:
        name = component_class(group, name, label).name
    return {group: str(name)} if name else {}


def _goals(section: DictConfig, label: str) -> DictConfig:
    """Return a sweep's goals; a single fine-tune uses nothing else of the section."""
    checked = checked_option(SWEEP, SWEEP, section, label)
    return OmegaConf.masked_copy(checked, [key for key in _GOALS if key in checked])


def _recorded_goals(recorded: Any) -> dict[str, DictConfig]:
    """Return the goals of the file's original trial; older files have one objective."""
    if not isinstance(recorded, DictConfig):
        return {}
    plain: Any = OmegaConf.to_container(recorded)
    names = plain.get("objectives") or plain.get("objective")
    names = [names] if isinstance(names, str) else names
    bounds = plain.get("constraints")
    goals: dict[str, Any] = {}
    if isinstance(names, list) and all(isinstance(name, str) for name in names):
        goals["objectives"] = names
    if isinstance(bounds, dict):
        goals["constraints"] = {str(key): str(text) for key, text in bounds.items()}
    return {SWEEP: DictConfig(goals)} if goals else {}


def _whole() -> tuple[str, ...]:
    return (*_WHOLE, *component_mappings())


def _as_written(node: Any) -> Any:
    """Return a section as plain values, with its references as texts."""
    return OmegaConf.to_container(node, resolve=False) if OmegaConf.is_config(node) else node


def _leaves(key: str, plain: Any) -> Iterator[str]:
    if key in _whole() or not isinstance(plain, dict):
        yield key
        return
    for name, child in plain.items():
        yield from _leaves(f"{key}.{name}", child)
