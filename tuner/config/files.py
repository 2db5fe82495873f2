"""YAML files of conf/ and sweeps/: their location and content.

Only needed files are read, so that a broken one affects nobody who does not use it.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tuner.config.limits import check_nodes, check_size, nested_too_deeply
from tuner.config.messages import omegaconf_error, unknown_key
from tuner.config.schema import (
    GROUPS,
    OPEN_GROUPS,
    SWEEP,
    by_example,
    component_schema,
    group_schema,
)
from tuner.config.switches import expand_switches
from tuner.config.written import quote_texts
from tuner.errors import InputError
from tuner.fields.component import Component
from tuner.formatting.suggestion import one_of
from tuner.formatting.value_text import value_text
from tuner.settings.registries import REGISTRIES

_PACKAGE_HEADER = re.compile(r"^#\s*@package\s+(\S+)\s*$", re.MULTILINE)
_MARKS = re.compile(r"^(override\s+|optional\s+)*/?")


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option of a configuration group."""

    group: str
    """Group, for example `optimizer`."""
    name: str
    """Name of the file without its suffix, for example `adamw`."""
    label: str
    """File in messages."""
    node: DictConfig
    """Content, including the defaults list; typed if the group is open."""
    package: str | None = None
    """Package of its `# @package` header; None without one."""

    def references(self) -> Iterator[tuple[str, str]]:
        """Yield group and name of every option of ours in the defaults list.

        Raises:
            InputError: The defaults list is malformed.
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
                f"{value_text(entries)} is not a defaults list",
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
        raise omegaconf_error(error, where) from error


def read_value(node: DictConfig, key: str, label: str) -> Any:
    """Return one value of a file.

    Raises:
        InputError: The value is a reference that cannot be resolved.
    """
    try:
        return node.get(key)
    except OmegaConfBaseException as error:
        raise omegaconf_error(error, label, key=key) from error


def bundled_folder(kind: str) -> Path:
    """Return our folder `conf` or `sweeps`, in the package (wheel) or beside it (checkout)."""
    package = Path(__file__).resolve().parents[1]
    inside = package / kind
    return inside if inside.is_dir() else package.parent / kind


class Library:
    """All options for commands in a folder: those of the folder, and the bundled ones."""

    def __init__(self, folder: Path) -> None:
        """Store the user's folder."""
        self._own = folder
        self._options: dict[tuple[str, str], Option] = {}

    def names(self, group: str) -> list[str]:
        """Return the names of a group's options."""
        folders = (self._own_folder(group), _bundled(group))
        found = (path for folder in folders for path in folder.glob("*.yaml") if path.is_file())
        registered = REGISTRIES[group].names() if group in REGISTRIES else ()
        return sorted({*(path.stem for path in found), *registered})

    def file(self, group: str, name: str) -> tuple[Path, bool]:
        """Return the file of an option, and True if it is the user's own."""
        own = self._own_folder(group) / f"{name}.yaml"
        return (own, True) if own.is_file() else (_bundled(group) / f"{name}.yaml", False)

    def option(self, group: str, name: str, *, where: str = "command line") -> Option:
        """Read an option; the user's own file overrides the bundled one of the same name.

        Args:
            group: Group of the option.
            name: Name of the option.
            where: Place that names it, for messages.

        Raises:
            InputError: It does not exist, or its file is wrong.
        """
        if (group, name) not in self._options:
            if name not in self.names(group):
                raise self._unknown(group, name, where)
            self._options[group, name] = self._read(group, name)
        return self._options[group, name]

    def define(self, group: str, name: str, values: Mapping[str, Any], label: str) -> None:
        """Define an option that is not in a file.

        Args:
            group: Group of the option.
            name: Name of the option.
            values: Content of the option.
            label: Place of the option, for messages.

        Raises:
            InputError: A key does not exist in the group, or a type is wrong.
        """
        try:
            node = OmegaConf.create(dict(values))
            expand_switches(node, group)
        except OmegaConfBaseException as error:
            raise omegaconf_error(error, label) from error
        shape = checked_option(group, name, node, label)
        self._options[group, name] = Option(group=group, name=name, label=label, node=shape)

    def _read(self, group: str, name: str) -> Option:
        path, _ = self.file(group, name)
        if group in REGISTRIES and not path.is_file():
            kind = REGISTRIES[group].find(name)
            label = f"{kind.__module__}.{kind.__qualname__}"
            return Option(group=group, name=name, label=label, node=component_schema(kind))
        return _parse(group, path, self._label(path))

    def completed(self, group: str, values: DictConfig, where: str) -> DictConfig:
        """Return the values of an open group, completed with its default fields.

        Args:
            group: Open group.
            values: Composed values, including `name`.
            where: File of the values.

        Raises:
            InputError: The `name` or a field is unknown, or a value has a wrong type.
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
        path: Path of the file.
        label: File in messages.
        group: Group of the option in the file; empty for a file of whole groups.

    Returns:
        The mapping and its text.

    Raises:
        InputError: The file cannot be read, is no valid YAML, no mapping, or too large.
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
        written = quote_texts(text, root, place)
        node = DictConfig({}) if root is None else cast("DictConfig", OmegaConf.create(written))
        expand_switches(node, place)
        return node
    except yaml.YAMLError as error:
        raise _malformed(error, label) from error
    except OmegaConfBaseException as error:
        raise omegaconf_error(error, label) from error
    except RecursionError as error:
        raise nested_too_deeply(label) from error
    except ValueError as error:
        raise _unreadable(error, label) from error


def _check_mapping(root: yaml.Node | None, label: str) -> None:
    if not isinstance(root, yaml.MappingNode | None):
        raise InputError(
            "the file contains no keys with values",
            where=label,
            remedy="lines of the form `key: value`, as `max_length: 64`",
        )


def _malformed(error: yaml.YAMLError, label: str) -> InputError:
    mark = getattr(error, "problem_mark", None)
    where = f"{label}, line {mark.line + 1}" if mark else label
    problem = getattr(error, "problem", None) or str(error)
    if isinstance(error, yaml.composer.ComposerError) and "another document" in problem:
        return InputError(
            "the file contains several configurations",
            where=where,
            remedy="one configuration per file: tuner export study=NAME export.trial=N "
            "export.output=FILE.yaml writes one",
        )
    return InputError(
        f"the file is no valid YAML: {problem.splitlines()[0]}",
        where=where,
        remedy="lines of the form `key: value`, as `label: 'a: b'`, with special characters in "
        "quotes",
    )


def _unreadable(error: OSError | ValueError, label: str) -> InputError:
    """Return an error for a file that cannot be opened, decoded or converted.

    `UnicodeDecodeError` is a `ValueError`, as are errors in dates, numbers and binary data.
    """
    reason = error.strerror if isinstance(error, OSError) else None
    match error:
        case PermissionError():
            remedy = f"chmod u+r {shlex.quote(label)}"
        case UnicodeDecodeError():
            remedy = f"iconv -f windows-1252 -t utf-8 {shlex.quote(label)} > NEW.yaml"
        case OSError():
            remedy = f"ls -l {shlex.quote(label)}: a YAML file, which can be read"
        case _:
            remedy = "quotes around the value, if it is a text"
    return InputError(f"the file cannot be read: {reason or error}", where=label, remedy=remedy)


def _bundled(group: str) -> Path:
    return bundled_folder("sweeps") if group == SWEEP else bundled_folder("conf") / group


def _parse(group: str, path: Path, label: str) -> Option:
    node, text = read_yaml(path, label, group)
    header = _PACKAGE_HEADER.search(text)
    package = header.group(1) if header else None
    if package is None:
        node = checked_option(group, path.stem, node, label)
    return Option(group=group, name=path.stem, label=label, node=node, package=package)


def checked_option(group: str, name: str, node: DictConfig, label: str) -> DictConfig:
    """Check values against their group, and type those of an open group.

    Args:
        group: Group of the values.
        name: Name of an open group's option, unless the values contain one.
        node: Values, with or without a defaults list.
        label: Place of the values, for messages.

    Raises:
        InputError: A key does not exist in the group, or a type is wrong.
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
        raise omegaconf_error(
            error, label, key=f"{group}.{error.full_key}", known=known
        ) from error
    return schema


def component_class(group: str, name: Any, label: str) -> type[Component]:
    """Return the class of a name.

    Args:
        group: Group whose options are classes.
        name: Name as the user wrote it.
        label: File of the name.

    Raises:
        InputError: There is no such class, or it cannot be used.
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
    """Return an example with types; classes have their own."""
    typed: DictConfig = example if group in REGISTRIES else by_example(example)
    return typed


def _example(group: str, name: Any, label: str) -> DictConfig:
    """Return the fields of an open group's option with their defaults."""
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
