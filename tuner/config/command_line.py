"""A trial's whole configuration as overrides for `tuner train` without a file."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from omegaconf import OmegaConf

from tuner.config.files import Library
from tuner.config.schema import (
    DEFAULT_OPTIONS,
    OPEN_GROUPS,
    TRIAL_GROUPS,
    free_mappings,
    group_schema,
    plain,
)
from tuner.config.training_file import compose_training, composed_options
from tuner.errors import InputError
from tuner.formatting.value_text import value_text
from tuner.settings.overrides import as_overrides, delete_key
from tuner.settings.settings import TrialSettings
from tuner.settings.training_settings import AUTO

_ABSENT = object()


def train_command(settings: TrialSettings, folder: Path) -> str:
    """Return the shell command that trains a configuration without a file.

    Every group's option is named, so that the command does not depend on defaults.

    Args:
        settings: Settings of the trial.
        folder: Folder with the user's conf/, in which the command is to be run.

    Raises:
        InputError: A value cannot be written as an override.
    """
    wanted = plain(settings)
    if settings.training.batch_size == AUTO:
        wanted["training"]["batch_size"] = "auto"
    options: dict[str, Any] = {}
    values: dict[str, Any] = {}
    deleted: list[str] = []
    library = Library(folder)
    for group in TRIAL_GROUPS:
        options[group], found = _nearest_option(library, folder, group, wanted[group])
        values |= {key: _escaped(value) for key, value in found.items() if value is not _ABSENT}
        deleted += [delete_key(key) for key, value in found.items() if value is _ABSENT]
    line = " ".join(["tuner train", as_overrides(options), *deleted, as_overrides(values)])
    _check_same(line, settings, folder)
    return line.strip()


def _nearest_option(
    library: Library, folder: Path, group: str, wanted: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Return the option of a group that needs the fewest overrides, and the overrides."""
    found: dict[str, dict[str, Any]] = {}
    usual = DEFAULT_OPTIONS[group]
    for name in sorted(library.names(group), key=lambda name: (name != usual, name)):
        try:
            content = _content(library, folder, group, name)
        except InputError:  # A wrong file of the user's that is not needed here.
            continue
        if group not in OPEN_GROUPS or content.get("name") == wanted.get("name"):
            found[name] = dict(_differences(content, wanted, group))
    if not found:
        raise InputError(
            f"there is no {group} called {value_text(wanted.get('name'))}",
            where=f"conf/{group} of {folder}",
            remedy="the folder with the conf/ of the sweep, or export.format=hydra",
        )
    best = min(found, key=lambda name: len(found[name]))
    return best, found[best]


def _content(library: Library, folder: Path, group: str, name: str) -> dict[str, Any]:
    """Return the content of an option; one that is composed of others takes longer."""
    option = library.option(group, name)
    if option.package is not None or list(option.references()):
        node = composed_options({group: name}, folder).config[group]
    elif group in OPEN_GROUPS:
        node = option.node
    else:
        own = OmegaConf.masked_copy(option.node, [str(k) for k in option.node if k != "defaults"])
        node = OmegaConf.merge(group_schema(group), own)
    return cast("dict[str, Any]", OmegaConf.to_container(node))


def _differences(
    base: Mapping[str, Any], wanted: Mapping[str, Any], prefix: str
) -> Iterator[tuple[str, Any]]:
    """Yield the keys and values that turn one mapping into another; `_ABSENT` deletes a key.

    Keys that only the first one has are deleted where users choose the keys; elsewhere both have
    the same keys.
    """
    for name, value in wanted.items():
        key, there = f"{prefix}.{name}", base.get(name, _ABSENT)
        if value == there and type(value) is type(there):
            continue
        if (
            isinstance(value, Mapping)
            and isinstance(there, Mapping)
            and key not in free_mappings()
        ):
            yield from _differences(there, value, key)
        elif isinstance(value, Mapping) and isinstance(there, Mapping):
            yield from ((f"{key}.{old}", _ABSENT) for old in there if old not in value)
            changed = {k: v for k, v in value.items() if there.get(k, _ABSENT) != v}
            yield from [(key, changed)] if changed else []
        else:
            yield key, value


def _escaped(value: Any) -> Any:
    """Return a value with `${` escaped, which would otherwise be a reference."""
    if isinstance(value, Mapping):
        return {key: _escaped(item) for key, item in value.items()}
    return value.replace("${", r"\${") if isinstance(value, str) else value


def _check_same(line: str, settings: TrialSettings, folder: Path) -> None:
    """Compose the command as `tuner train` would.

    Raises:
        InputError: It gives another configuration.
    """
    arguments = shlex.split(line)[2:]
    try:
        composed = plain(compose_training(None, arguments, folder).trial)
    except InputError as error:
        raise _no_line(error.problem) from error
    differing = dict(_differences(composed, plain(settings), ""))
    if differing:
        raise _no_line(", ".join(key.removeprefix(".") for key in differing))


def _no_line(what: str) -> InputError:
    return InputError(
        f"the configuration cannot be written as overrides: {what}",
        where="export.format=cli",
        remedy="export.format=hydra export.output=FILE.yaml, and tuner train FILE.yaml",
    )
