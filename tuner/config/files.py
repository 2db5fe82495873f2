"""The YAML files of conf/ and sweeps/: where they are, and what stands in each.

Only files that are needed are read, so that a broken one hurts nobody who does not use it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tuner.config.limits import check_nodes, check_size, nested_too_deeply
from tuner.config.messages import refused, unknown_key
from tuner.config.schema import (
    GROUPS,
    OPEN_GROUPS,
    SWEEP,
    by_example,
    component_schema,
    group_schema,
)
from tuner.config.written import quoted
from tuner.errors import InputError
from tuner.fields.component import Component
from tuner.formatting.suggestion import one_of
from tuner.formatting.value_text import value_text
from tuner.settings.registries import REGISTRIES

_PACKAGE_HEADER = re.compile(r"^#\s*@package\s+(\S+)\s*$", re.MULTILINE)
_MARKS = re.compile(r"^(override\s+|optional\s+)*/?")


@dataclass(frozen=True, kw_only=True)
class Option:
    """One file of a configuration group."""

    group: str
    """The group, as `optimizer`."""
    name: str
    """The file's name without its ending, as `adamw`."""
    label: str
    """The file as people should see it."""
    node: DictConfig
    """Its content, defaults list included, typed where the group is open."""
    package: str | None = None
    """Where Hydra is to put it, if its `# @package` header says so."""

    def references(self) -> Iterator[tuple[str, str]]:
        """Group and name of every option of ours that the defaults list names.

        Raises:
            InputError: It is no defaults list.
        """
        for entry in self._checked_defaults():
            pairs = entry.items() if isinstance(entry, DictConfig) else [("", entry)]
            for key, names in pairs:
                for name in names if isinstance(names, ListConfig) else [names]:
                    if name is None:
                        continue
                    path = _MARKS.sub("", f"{key!s}/{name}" if key else str(name))
                    group, _, option = path.split("@")[0].rpartition("/")
                    if option != "_self_" and (group or self.group) in (*GROUPS, SWEEP):
                        yield group.split("@")[0] or self.group, option.removesuffix(".yaml")

    def _checked_defaults(self) -> ListConfig:
        entries = read_value(self.node, "defaults", self.label)
        if entries is None:
            return ListConfig([])
        if not isinstance(entries, ListConfig) or not _name_options(entries, self.label):
            raise InputError(
                f"{value_text(entries)} is no defaults list",
                where=f"{self.label}, defaults",
                remedy="a list of option names and of lines `group: option`",
            )
        return entries


def _name_options(entries: ListConfig, label: str) -> bool:
    names: list[Any] = []
    for entry in _plain(entries, f"{label}, defaults"):
        for value in entry.values() if isinstance(entry, dict) else [entry or ...]:
            names += value if isinstance(value, list) else [value]
    return all(name is None or isinstance(name, str) for name in names)


def _plain(node: Any, where: str) -> Any:
    try:
        return OmegaConf.to_container(node, resolve=True)
    except OmegaConfBaseException as error:
        raise refused(error, where) from error


def read_value(node: DictConfig, key: str, label: str) -> Any:
    """One value of a file.

    Raises:
        InputError: It is a reference that can not be resolved.
    """
    try:
        return node.get(key)
    except OmegaConfBaseException as error:
        raise refused(error, label, key=key) from error


def bundled_folder(kind: str) -> Path:
    """Our folder `conf` or `sweeps`: in the package (a wheel) or beside it (a checkout)."""
    package = Path(__file__).resolve().parents[1]
    inside = package / kind
    return inside if inside.is_dir() else package.parent / kind


class Library:
    """All options that a command run in a folder can choose from: the folder's own, and ours."""

    def __init__(self, folder: Path) -> None:
        """Remembers the user's folder; reads nothing yet."""
        self._own = folder
        self._options: dict[tuple[str, str], Option] = {}

    def names(self, group: str) -> list[str]:
        """The options of a group."""
        folders = (self._own_folder(group), _bundled(group))
        found = (path for folder in folders for path in folder.glob("*.yaml") if path.is_file())
        registered = REGISTRIES[group].names() if group in REGISTRIES else ()
        return sorted({*(path.stem for path in found), *registered})

    def file(self, group: str, name: str) -> tuple[Path, bool]:
        """Return the file of an option, and whether it is the user's own."""
        own = self._own_folder(group) / f"{name}.yaml"
        return (own, True) if own.is_file() else (_bundled(group) / f"{name}.yaml", False)

    def option(self, group: str, name: str, *, where: str = "command line") -> Option:
        """Reads one option; the user's own file wins over the bundled one of the same name.

        Args:
            group: The group.
            name: The option.
            where: What asks for it.

        Raises:
            InputError: There is none of this name, or its file is wrong.
        """
        if (group, name) not in self._options:
            if name not in self.names(group):
                raise self._unknown(group, name, where)
            self._options[group, name] = self._read(group, name)
        return self._options[group, name]

    def define(self, group: str, name: str, values: Mapping[str, Any], label: str) -> None:
        """Take an option that stands in no file.

        Args:
            group: The group.
            name: The option.
            values: Its content.
            label: Where it stands, for messages.

        Raises:
            InputError: A key that the group does not have, or a wrong type.
        """
        try:
            node = OmegaConf.create(dict(values))
        except OmegaConfBaseException as error:
            raise refused(error, label) from error
        shape = shaped(group, name, node, label)
        self._options[group, name] = Option(group=group, name=name, label=label, node=shape)

    def _read(self, group: str, name: str) -> Option:
        path, _ = self.file(group, name)
        if group in REGISTRIES and not path.is_file():
            kind = REGISTRIES[group].find(name)
            label = f"{kind.__module__}.{kind.__qualname__}"
            return Option(group=group, name=name, label=label, node=component_schema(kind))
        return _parse(group, path, self._label(path))

    def completed(self, group: str, values: DictConfig, where: str) -> DictConfig:
        """Return the values of an open group with the fields that they leave out.

        Args:
            group: Open group.
            values: Composed values, `name` among them.
            where: File that they come from.

        Raises:
            InputError: An unknown `name` or field, or a value of another type.
        """
        example = _example(group, read_value(values, "name", where), where)
        for key in map(str, values):
            if key not in example:
                known = [f"{group}.{field}" for field in map(str, example)]
                raise unknown_key(
                    f"{group}.{key}", where, known, under=f"{group}.name={values['name']}"
                )
        return _merged(_typed(group, example), values, group, where)

    def _unknown(self, group: str, name: str, where: str) -> InputError:
        what = "sweep" if group == SWEEP else group
        return InputError(
            f"there is no {what} called {name!r}",
            where=f"{where}, {group}={name}",
            remedy=one_of(name, self.names(group), f"{group}={{}}"),
        )

    def _own_folder(self, group: str) -> Path:
        return self._own / "sweeps" if group == SWEEP else self._own / "conf" / group

    def _label(self, path: Path) -> str:
        return str(path.relative_to(self._own) if path.is_relative_to(self._own) else path)


def read_yaml(path: Path, label: str, group: str = "") -> tuple[DictConfig, str]:
    """Read a mapping from a YAML file.

    Args:
        path: The file.
        label: How messages call it.
        group: Group that it is an option of; empty for a file of whole groups.

    Returns:
        The mapping, and the text that it was read from.

    Raises:
        InputError: It cannot be read, is no YAML, no mapping, or too much.
    """
    try:
        check_size(path.stat().st_size, label)
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise _unreadable(error, label) from error
    return parse_yaml(text, label, group), text


def parse_yaml(text: str, label: str, group: str = "") -> DictConfig:
    """Parse a mapping; see `read_yaml`."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        check_nodes(root, label)
        _check_mapping(root, label)
        header = _PACKAGE_HEADER.search(text)
        package = header.group(1) if header else "_group_"
        place = {"_global_": "", "_group_": group}.get(package, package)
        written = quoted(text, root, place)
        return DictConfig({}) if root is None else cast("DictConfig", OmegaConf.create(written))
    except yaml.YAMLError as error:
        raise _malformed(error, label) from error
    except OmegaConfBaseException as error:
        raise refused(error, label) from error
    except RecursionError as error:
        raise nested_too_deeply(label) from error
    except ValueError as error:
        raise _unreadable(error, label) from error


def _check_mapping(root: yaml.Node | None, label: str) -> None:
    if not isinstance(root, yaml.MappingNode | None):
        raise InputError(
            "the file holds no keys with values",
            where=label,
            remedy="lines of the form `key: value`",
        )


def _malformed(error: yaml.YAMLError, label: str) -> InputError:
    mark = getattr(error, "problem_mark", None)
    where = f"{label}, line {mark.line + 1}" if mark else label
    problem = getattr(error, "problem", None) or str(error)
    if isinstance(error, yaml.composer.ComposerError) and "another document" in problem:
        return InputError(
            "the file holds several configurations",
            where=where,
            remedy="one of them in a file of its own; export.trial=N exports one",
        )
    return InputError(
        f"the file is no valid YAML: {problem.splitlines()[0]}",
        where=where,
        remedy="lines of the form `key: value`; texts with special characters in quotes",
    )


def _unreadable(error: OSError | ValueError, label: str) -> InputError:
    """A file that is not there or may not be read, bytes that are no text, numbers that are none.

    `UnicodeDecodeError` is a `ValueError`, and so is what a date, a number or binary data raises.
    """
    reason = error.strerror if isinstance(error, OSError) else None
    return InputError(
        f"the file can not be read: {reason or error}",
        where=label,
        remedy="a YAML file in UTF-8 that you may read",
    )


def _bundled(group: str) -> Path:
    return bundled_folder("sweeps") if group == SWEEP else bundled_folder("conf") / group


def _parse(group: str, path: Path, label: str) -> Option:
    node, text = read_yaml(path, label, group)
    header = _PACKAGE_HEADER.search(text)
    package = header.group(1) if header else None
    if package is None:
        node = shaped(group, path.stem, node, label)
    return Option(group=group, name=path.stem, label=label, node=node, package=package)


def shaped(group: str, name: str, node: DictConfig, label: str) -> DictConfig:
    """Checks values against their group, and gives those of an open one their types.

    Args:
        group: The group.
        name: What an open one is called unless it says so itself.
        node: The values, with or without a defaults list.
        label: Where they stand, for messages.

    Raises:
        InputError: A key that the group does not have, or a wrong type.
    """
    own = OmegaConf.masked_copy(node, [str(key) for key in node if key != "defaults"])
    if group not in OPEN_GROUPS:
        if group == SWEEP:
            node.setdefault("name", name)
        _merged(group_schema(group), own, group, label)
        return node
    if "defaults" in node:
        return by_example(node)  # type: ignore[no-any-return]
    node["name"] = read_value(node, "name", label) or name
    example = _example(group, node["name"], label)
    node["name"] = example["name"]
    typed = _typed(group, example)
    OmegaConf.set_struct(typed, True)
    merged = _merged(typed, node, group, label)
    OmegaConf.set_struct(merged, None)
    return merged


def _merged(schema: DictConfig, values: DictConfig, group: str, label: str) -> DictConfig:
    known = [f"{group}.{key}" for key in map(str, schema)]
    try:
        schema.merge_with(values)
    except OmegaConfBaseException as error:
        raise refused(error, label, key=f"{group}.{error.full_key}", known=known) from error
    return schema


def component_class(group: str, name: Any, label: str) -> type[Component]:
    """Return the class that a name stands for.

    Args:
        group: Group whose options are classes.
        name: Name as a user writes it.
        label: File that it stands in.

    Raises:
        InputError: There is none, or it cannot be used.
    """
    registry = REGISTRIES[group]
    try:
        kind: type[Component] = registry.find(name)
    except InputError as error:
        if registry.has(name):
            raise
        raise InputError(
            error.problem,
            where=f"{label}, {group}.name",
            remedy=one_of(str(name), registry.names(), "name: {}"),
        ) from error
    return kind


def _typed(group: str, example: DictConfig) -> DictConfig:
    """The example with its types; classes have theirs."""
    typed: DictConfig = example if group in REGISTRIES else by_example(example)
    return typed


def _example(group: str, name: Any, label: str) -> DictConfig:
    """The fields of an open group's option with their defaults."""
    if group in REGISTRIES:
        return component_schema(component_class(group, name, label))
    names = sorted(path.stem for path in _bundled(group).glob("*.yaml"))
    if name not in names:
        raise InputError(
            f"there is no {group} named {name!r}",
            where=f"{label}, {group}.name",
            remedy=one_of(str(name), names, "name: {}"),
        )
    path = _bundled(group) / f"{name}.yaml"
    return read_yaml(path, str(path))[0]
