"""Reads the file of one fine-tune into the keys that it gives, group by group.

The file is what a sweep writes (best.yaml, config.yaml), what `--cfg job` prints, or a few keys
that a user wrote.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from tuner.config.files import component_class, read_value, read_yaml, shaped
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
"""Key of what a file tells about itself; of it the objectives alone are read."""

USED_AGENT_GROUPS = ("launcher", "tracking")
"""Groups of an agent that a single fine-tune uses."""

_UNUSED_GROUPS = tuple(group for group in AGENT_GROUPS if group not in USED_AGENT_GROUPS)
"""Groups that only the configuration of a sweep has."""

_GOALS = ("objectives", "constraints")
"""Keys of the section `sweep` that say what is shown of a fine-tune."""

_WHOLE = ("data.where", "data.package", "model.package")
"""Mappings that hold one thing each: a file's own stands alone, without a default's keys."""

_SCALARS = ("study", "output")


@dataclass(frozen=True, kw_only=True)
class TrainingSections:
    """Keys that a file gives."""

    label: str = "command line"
    """The file as messages name it."""
    content: Mapping[str, Any] = field(default_factory=dict)
    """Group to its given keys, typed, and the given keys of the top level."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Group to the option that has the keys left out, where it is not the default."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups of which the file gives keys."""
        return tuple(name for name in self.content if name in DEFAULT_OPTIONS)

    @property
    def whole(self) -> tuple[str, ...]:
        """Given keys that no default is merged into."""
        return tuple(key for key in _whole() if key in self.keys)

    @property
    def keys(self) -> frozenset[str]:
        """Every given key that has a value of its own."""
        return frozenset(key for name in self.content for key in _leaves(name, self.content[name]))

    def without(self, groups: Mapping[str, str]) -> "TrainingSections":
        """Return a copy without the sections of some groups, whose options are chosen anew."""
        content = {name: node for name, node in self.content.items() if name not in groups}
        return TrainingSections(label=self.label, content=content, options=self.options)


def read_sections(path: Path, label: str) -> TrainingSections:
    """Read a file.

    Raises:
        InputError: It cannot be read, holds nothing, or a key that no fine-tune has.
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
            remedy="a file as a sweep writes it: outputs/STUDY/best.yaml",
        )
    if "space" in content or "n_trials" in content:
        name = Path(label).stem
        raise InputError(
            "the file is a sweep, and one fine-tune searches nothing",
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
            f"{key} is {value!r}, and it must hold keys",
            where=f"{label}, {key}",
            remedy="lines of the form `key: value` under it",
        )
    return value


def _section(group: str, section: DictConfig, label: str) -> DictConfig:
    """The given keys of a group, checked; those of an open one typed."""
    given = [str(key) for key in section]
    checked = shaped(group, DEFAULT_OPTIONS[group], section, label)
    if group in OPEN_GROUPS:  # Its name may come from the default.
        return OmegaConf.masked_copy(checked, ["name", *given])
    if group == DATA and "package" in section and "train" not in section:
        checked = checked.copy()
        checked["train"] = None  # The package has the training rows.
    return checked


def _option(group: str, section: DictConfig, label: str) -> dict[str, str]:
    """The option whose keys hold where the file gives none, if it is not the default."""
    plain: Any = OmegaConf.to_container(section)
    if group == DATA:
        option = data_option(plain, f"{label}, data.name")
        return {} if option is None else {DATA: option}
    name = plain.get("name") if group in OPEN_GROUPS else None
    if name and group in REGISTRIES:
        name = component_class(group, name, label).name
    return {group: str(name)} if name else {}


def _goals(section: DictConfig, label: str) -> DictConfig:
    """What a sweep is run for; nothing else in its section matters to one fine-tune."""
    checked = shaped(SWEEP, SWEEP, section, label)
    return OmegaConf.masked_copy(checked, [key for key in _GOALS if key in checked])


def _recorded_goals(recorded: Any) -> dict[str, DictConfig]:
    """What the trial that a file comes from was run for; older records name one objective."""
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


def _leaves(key: str, value: Any) -> Iterator[str]:
    if key in _whole() or not isinstance(value, DictConfig):
        yield key
        return
    for name in map(str, value):
        child = value._get_node(name)  # noqa: SLF001 (a reference is not followed yet)
        inside = isinstance(child, DictConfig | ListConfig) and not child._is_none()  # noqa: SLF001
        yield from _leaves(f"{key}.{name}", child if inside else None)
