"""A composed configuration, and the origin of its values.

Each value is set separately: messages can name its key, and no value is converted to text.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tuner.config.environment import environment_for
from tuner.config.messages import omegaconf_error, unknown_key
from tuner.config.schema import OPEN_GROUPS, free_mappings
from tuner.config.switches import switched_key
from tuner.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Composition:
    """Result of one choice of options."""

    config: DictConfig
    """Configuration with typed keys, before overrides of values."""
    choices: Mapping[str, str]
    """Group to its option."""
    labels: Mapping[str, str]
    """Group to the file of its option."""
    given: Mapping[str, str] = field(default_factory=dict)
    """Key to the place where its value was set, for keys with an override."""
    usual: DictConfig | None = None
    """Configuration before any override; None: `config` has none yet."""

    def where(self, key: str) -> str:
        """Return the origin of a key's value."""
        above = key
        while above:
            if above in self.given:
                return self.given[above]
            above = above.rpartition(".")[0]
        return self.labels.get(key.split(".", maxsplit=1)[0], "configuration")

    def with_values(self, values: Iterable[tuple[str, Any, str]]) -> "Composition":
        """Return a copy with values set.

        Args:
            values: Key, value, and place for messages; later ones win.

        Raises:
            InputError: A key does not exist, or a value has a wrong type.
        """
        config, given = self.config.copy(), dict(self.given)
        for name, value, where in values:
            key = switched_key(name, value)
            self._give(config, key, value, where)
            given[key] = where
        return replace(self, config=config, given=given, usual=self.usual or self.config)

    def usual_value(self, key: str) -> Any:
        """Return the value of a key without overrides; None if there is none."""
        usual = self.config if self.usual is None else self.usual
        value = OmegaConf.select(usual, key, throw_on_missing=False)
        return None if OmegaConf.is_config(value) else value

    def has(self, key: str) -> bool:
        """Return True if there is such a key."""
        return key in self.known_keys() or key.rpartition(".")[0] in free_mappings()

    def known_keys(self) -> list[str]:
        """Return every key whose value can be set."""
        plain: Any = OmegaConf.to_container(self.config, resolve=False)
        return list(_keys(plain, ""))

    def section(self, groups: Sequence[str]) -> dict[str, Any]:
        """Return some keys of the top level as plain values.

        Raises:
            InputError: A mandatory value is missing, or a reference cannot be resolved.
        """
        try:
            keys = [key for key in groups if key in self.config]
            missing = sorted(name for key in keys for name in _missing(self.config, key))
            content = {} if missing else {key: _resolved(self.config, key) for key in keys}
        except OmegaConfBaseException as error:
            raise omegaconf_error(error, self.where(error.full_key or "")) from error
        if missing:
            raise InputError(
                f"{missing[0]} has no value",
                where=f"{self.where(missing[0])}, {missing[0]}",
                remedy=f"{missing[0]}=VALUE on the command line",
            )
        return content

    def _give(self, config: DictConfig, key: str, value: Any, where: str) -> None:
        if not self.has(key):
            known = [name for name in self.known_keys() if not _is_option_name(name)]
            raise unknown_key(key, where, known, under=self._open_choice(key), value=value)
        if _is_option_name(key):
            group = key.partition(".")[0]
            raise InputError(
                f"{key} is set together with the other fields of its option",
                where=where,
                remedy=f"{group}={value if isinstance(value, str) else 'OPTION'}; "
                f"tuner --help {group} lists the options",
            )
        OmegaConf.set_struct(config, not key.startswith(free_mappings()))
        try:
            # OmegaConf cannot merge a mapping into a section that is null.
            OmegaConf.update(config, key, value, merge=OmegaConf.select(config, key) is not None)
        except (OmegaConfBaseException, ValueError) as error:
            if isinstance(error, OmegaConfBaseException):
                usual = self.usual_value(key)
                raise omegaconf_error(error, where, key=key, usual=usual) from error
            raise InputError(
                f"{key}: {error}",
                where=f"{where}, {key}",
                remedy=f"tuner --help {key} shows its default and what it may be",
            ) from error

    def _open_choice(self, key: str) -> str:
        group = key.split(".", maxsplit=1)[0]
        named = group in OPEN_GROUPS and group in self.choices
        return f"{group}={self.choices[group]}" if named else ""


def _missing(config: DictConfig, key: str) -> list[str]:
    """Return the mandatory keys without a value below a key."""
    with environment_for(key):
        if OmegaConf.is_missing(config, key):
            return [key]
        value = config[key]
        if not OmegaConf.is_config(value):
            return []
        return list(OmegaConf.missing_keys(value))


def _resolved(config: DictConfig, key: str) -> Any:
    with environment_for(key):
        value = config[key]
        return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def _is_option_name(key: str) -> bool:
    """Return True if a key names the option of an open group."""
    group, _, leaf = key.partition(".")
    return group in OPEN_GROUPS and leaf == "name"


def _keys(plain: Mapping[Any, Any], prefix: str) -> Iterable[str]:
    for key, child in plain.items() if prefix != "sweep.space." else ():
        yield f"{prefix}{key}"
        if isinstance(child, dict):
            yield from _keys(child, f"{prefix}{key}.")
