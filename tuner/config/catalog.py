"""Catalog of groups, options and keys for `--help`, from conf/ and its comments."""

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from tuner.config.composer import Composer, Primary
from tuner.config.files import Library, bundled_folder
from tuner.config.reference import Row, declared_rows, key_rows, option_row, read_option, shown
from tuner.config.schema import CLOSED, DEFAULT_OPTIONS, GROUPS, OPEN_GROUPS
from tuner.errors import InputError
from tuner.fields.declared import description
from tuner.settings.registries import REGISTRIES
from tuner.settings.settings import AgentSettings

SECTIONS = tuple(name for name in CLOSED if name not in GROUPS)
"""Parts of the configuration without options in conf/."""

STUDY = ("study", "output")
"""Keys of the top level."""

EVERYTHING = (*GROUPS, *SECTIONS, *STUDY)
"""Groups, sections and keys of the top level."""


@dataclass(frozen=True, kw_only=True)
class OptionEntry:
    """One option of a group."""

    name: str
    """Name on the command line."""
    meaning: str
    """First comment of its file."""
    is_default: bool
    """True if it is used unless another one is chosen."""
    is_own: bool
    """True if the file is the user's own."""


class Catalog:
    """Options and keys that are available in a folder: the bundled ones and the user's."""

    def __init__(self, folder: Path) -> None:
        """Read nothing yet.

        Args:
            folder: Folder with the user's conf/ and sweeps/.
        """
        self._library = Library(folder)
        self._composer = Composer(self._library, Primary(groups=GROUPS))

    def options(self, group: str) -> list[OptionEntry]:
        """Return the options of a group, or the sweeps."""
        return [self._option(group, name) for name in self._library.names(group)]

    def keys(self, group: str, option: str | None = None) -> list[Row]:
        """Return the keys of a group or section with their defaults.

        Args:
            group: One of `GROUPS`, a section, or a key of the top level.
            option: Option whose values are the defaults; None for the group's default option.

        Raises:
            InputError: The option does not exist, or its file is wrong.
        """
        if group in STUDY:
            return [row for row in key_rows(AgentSettings, "", {}) if row.key == group]
        if group in SECTIONS:
            return key_rows(CLOSED[group], group, {})
        chosen = {group: option} if option not in (None, DEFAULT_OPTIONS[group]) else {}
        values: Any = OmegaConf.to_container(self._composed(chosen)[group])
        if group not in OPEN_GROUPS:
            return key_rows(CLOSED[group], group, values)
        if group in REGISTRIES:
            return declared_rows(REGISTRIES[group].find(values["name"]), values)
        path = bundled_folder("conf") / group / f"{values['name']}.yaml"
        notes = {key: rest for key, *rest in read_option(path.read_text(encoding="utf-8"))[1]}
        return [
            option_row(f"{group}.{key}", _written(value, notes[key][0]), notes[key][1])
            for key, value in values.items()
            if key != "name"
        ]

    def key(self, name: str) -> Row | None:
        """Return a key with its default; None if there is no such key."""
        group = name.partition(".")[0]
        if group not in EVERYTHING:
            return None
        others = self._library.names(group) if group in OPEN_GROUPS else []
        rows = (row for option in (None, *others) for row in self._usable_keys(group, option))
        return next((row for row in rows if row.key == name), None)

    def _usable_keys(self, group: str, option: str | None) -> list[Row]:
        """Return the keys of an option; none if it is an unused option that has errors."""
        try:
            return self.keys(group, option)
        except InputError:
            if option is None:
                raise
            return []

    def names(self) -> list[str]:
        """Return the names of all keys."""
        return [row.key for group in EVERYTHING for row in self.keys(group)]

    def _option(self, group: str, name: str) -> OptionEntry:
        path, is_own = self._library.file(group, name)
        try:
            if group in REGISTRIES and not path.is_file():
                meaning = description(REGISTRIES[group].find(name))
            else:
                meaning = read_option(path.read_text(encoding="utf-8-sig"))[0]
        except (OSError, ValueError) as error:
            meaning = f"(its file cannot be read: {error})"
        except InputError as error:
            meaning = f"({error.problem})"
        is_default = DEFAULT_OPTIONS.get(group) == name
        return OptionEntry(name=name, meaning=meaning, is_default=is_default, is_own=is_own)

    def _composed(self, chosen: Mapping[str, Any]) -> DictConfig:
        try:
            return self._composer.compose(chosen).config
        except InputError:
            if chosen:
                raise
        # The user's default option is wrong: the bundled ones can still be listed.
        self._composer = Composer(Library(bundled_folder("conf").parent), Primary(groups=GROUPS))
        return self._composer.compose({}).config


def _written(value: Any, text: str) -> str:
    """Return a value in the form of its file, if that means the same."""
    same = OmegaConf.to_container(OmegaConf.create(f"v: {text}")) == {"v": value}
    return text if same else shown(value).strip("`")


def summary(text: str, columns: int) -> str:
    """Return what fits on a line of a description, preferably whole sentences.

    Args:
        text: Description in Markdown.
        columns: Number of columns of the line.
    """
    text = re.sub(r"[`*]", "", text)
    if len(text) <= columns:
        return text
    ends = [match.start() for match in re.finditer(r"[.;](?=\s)", text[: columns + 1])]
    if ends and 2 * ends[-1] >= columns:
        return text[: ends[-1]]
    return textwrap.shorten(text, columns, placeholder=" …")
