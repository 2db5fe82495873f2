"""Composition of options with Hydra, which selects the files and merges them.

A composition takes 50 ms, so it is kept; values are then set on copies of it.
"""

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from hydra import compose, initialize
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tuner.config.composition import Composition
from tuner.config.expressions import Setting
from tuner.config.files import Library, Option
from tuner.config.messages import omegaconf_error
from tuner.config.schema import DEFAULT_OPTIONS, GROUPS, OPEN_GROUPS, SWEEP, root_schema
from tuner.errors import InputError
from tuner.settings.settings import MISSING

_PRIMARY = "tuner_primary"
_IN_OPTION = re.compile(r"In '(?P<group>\w+)/(?P<name>[^']+)':\s*")
"""Form in which Hydra names the option that caused an error."""

_lock = threading.Lock()
"""Lock for Hydra's store and state, which are global."""


@dataclass(frozen=True, kw_only=True)
class Primary:
    """Starting point of a command's configuration."""

    groups: tuple[str, ...] = (*GROUPS, SWEEP)
    """Groups of the configuration."""
    defaults: Mapping[str, str] = field(default_factory=lambda: DEFAULT_OPTIONS)
    """Group to option; a group without one has only its schema."""
    content: DictConfig = field(default_factory=lambda: DictConfig({}))
    """Own values of the command, which override those of the options."""
    label: str = "configuration"
    """File of these values, for messages."""
    whole: tuple[str, ...] = ()
    """Mappings in `content` that replace an option's mapping instead of being merged."""

    def gives(self, key: str) -> bool:
        """Return True if `content` has the key of a group, whatever its value."""
        group, _, name = key.partition(".")
        section = self.content.get(group)
        return isinstance(section, DictConfig) and name in section


class Composer:
    """Composes the options of one command."""

    def __init__(self, library: Library, primary: Primary) -> None:
        """Store the starting point."""
        self.library = library
        self._primary = primary
        self._known: dict[tuple[Any, ...], Composition] = {}

    def compose(
        self,
        chosen: Mapping[str, str],
        raw: Sequence[Setting] = (),
        *,
        where: Mapping[str, str] | None = None,
    ) -> Composition:
        """Compose a choice of options.

        Args:
            chosen: Group to option, for groups without their default.
            raw: Overrides that add or delete keys.
            where: Group to the place where its option was chosen, for messages.

        Raises:
            InputError: An option does not exist, or files do not fit together.
        """
        texts = tuple(setting.text for setting in raw)
        key = (tuple(sorted(chosen.items())), texts)
        if key not in self._known:
            self._known[key] = self._compose(chosen, texts, where or {})
        return self._known[key]

    def _compose(
        self, chosen: Mapping[str, str], raw: Sequence[str], where: Mapping[str, str]
    ) -> Composition:
        options = self._needed(chosen, where)
        with _lock:
            _register(options, self._primary, chosen)
            config, choices = self._run(chosen, raw, options)
        labels = {group: self.library.option(group, name).label for group, name in choices.items()}
        self._mark_mandatory(config, choices)
        labels = {**dict.fromkeys(self._primary.groups, self._primary.label), **labels}
        for group in OPEN_GROUPS:
            if group in self._primary.groups:
                given = config.get(group, DictConfig({}))
                config[group] = self.library.completed(group, given, labels[group])
        return Composition(config=config, choices=choices, labels=labels)

    def _needed(self, chosen: Mapping[str, str], where: Mapping[str, str]) -> list[Option]:
        """Return the options in use: chosen, by default, or named in a defaults list."""
        waiting = [
            (group, name, where.get(group, "command line"))
            for group, name in {**self._primary.defaults, **chosen}.items()
        ]
        options: dict[tuple[str, str], Option] = {}
        while waiting:
            group, name, source = waiting.pop()
            if (group, name) in options:
                continue
            option = options[group, name] = self.library.option(group, name, where=source)
            waiting += [(*reference, option.label) for reference in option.references()]
        return list(options.values())

    def _mark_mandatory(self, config: DictConfig, choices: Mapping[str, str]) -> None:
        """Make a key mandatory if an option says `???` and the schema null.

        OmegaConf would take the schema's null for a value.
        """
        waiting = list(choices.items())
        while waiting:
            option = self.library.option(*waiting.pop())
            waiting += [pair for pair in option.references() if pair[0] == option.group]
            content = cast("dict[str, Any]", OmegaConf.to_container(option.node))
            for key in (f"{option.group}.{key}" for key in content if content[key] == MISSING):
                if OmegaConf.select(config, key) is None and not self._primary.gives(key):
                    OmegaConf.update(config, key, MISSING)

    def _run(
        self, chosen: Mapping[str, str], raw: Sequence[str], options: Sequence[Option]
    ) -> tuple[DictConfig, dict[str, str]]:
        texts = [f"{group}={name}" for group, name in chosen.items()]
        kept = GlobalHydra.instance().hydra
        try:
            GlobalHydra.instance().clear()
            with initialize(config_path=None, version_base="1.3"):
                config = compose(_PRIMARY, overrides=[*texts, *raw], return_hydra_config=True)
            found = cast("dict[str, str]", OmegaConf.to_container(config.hydra.runtime.choices))
        except (HydraException, OmegaConfBaseException, ValueError) as error:
            labels = {(option.group, option.name): option.label for option in options}
            raise _explained(error, [*texts, *raw], labels) from error
        finally:
            GlobalHydra.instance().hydra = kept
        config = OmegaConf.masked_copy(config, [key for key in config if key != "hydra"])
        return config, {k: v for k, v in found.items() if k in self._primary.groups}


def _register(options: Sequence[Option], primary: Primary, chosen: Mapping[str, str]) -> None:
    """Put exactly these options and the primary configuration into Hydra's store."""
    store = ConfigStore.instance()
    for group in (*GROUPS, SWEEP):
        store.repo.pop(group, None)
    for option in options:
        node = _without(option, primary.whole)
        store.store(option.name, node, group=option.group, package=option.package)
    store.store(_PRIMARY + "_schema", root_schema(primary.groups))
    listed: list[Any] = [_PRIMARY + "_schema"]
    listed += [{group: name} for group, name in {**chosen, **primary.defaults}.items()]
    content = OmegaConf.create({"defaults": [*listed, "_self_"]})
    content.merge_with(primary.content)
    store.store(_PRIMARY, content)


def _without(option: Option, keys: Sequence[str]) -> DictConfig:
    """Return an option's content without keys that are set elsewhere."""
    content = option.node.copy() if keys else option.node
    prefix = "" if option.package == "_global_" else f"{option.group}."
    for key in keys:
        above, _, name = key.removeprefix(prefix).rpartition(".")
        holder = OmegaConf.select(content, above) if above else content
        if key.startswith(prefix) and isinstance(holder, DictConfig):
            holder.pop(name, None)
    return content


def _explained(
    error: Exception, texts: Sequence[str], labels: Mapping[tuple[str, str], str]
) -> InputError:
    """Return an InputError for Hydra's error, located at our file if it names one."""
    text = " ".join(line.strip() for line in str(error).splitlines() if line.strip())
    where = "command line, " + " ".join(texts) if texts else "configuration"
    if match := _IN_OPTION.match(text):
        where = labels.get((match["group"], match["name"]), where)
        text = text[match.end() :]
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OmegaConfBaseException):
        cause = cause.__cause__
    if isinstance(cause, OmegaConfBaseException):
        return omegaconf_error(cause, where)
    remedy = "correct sweep.overrides if it is set in a sweep" if "override" in text else ""
    return InputError(text or type(error).__name__, where=where, remedy=remedy)
