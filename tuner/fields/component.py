"""Settings classes that are chosen by name, as mappings of their fields and back."""

from abc import ABC
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import NoneType
from typing import Any, ClassVar, Self, get_args, get_origin

from tuner.errors import InputError
from tuner.fields.declared import Declared, declared


class Component(ABC):
    """Base of the settings that are chosen by name: optimizers, schedules, launchers.

    A subclass is a frozen dataclass. In files and between processes it is a mapping of `name` and
    its fields.
    """

    group: ClassVar[str]
    """Configuration group, as `optimizer`."""

    name: ClassVar[str]
    """Name that users choose it by."""

    usual: ClassVar[str | None] = None
    """Sentence about settings of other groups that are usual with it, and their source."""

    def to_mapping(self) -> dict[str, Any]:
        """Return the name and the fields."""
        return {"name": self.name} | {
            item.name: getattr(self, item.name) for item in declared(type(self))
        }

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> Self:
        """Return the settings that a mapping describes; what it leaves out has its default.

        Args:
            given: Fields; `name` is ignored.

        Raises:
            InputError: A field that does not exist or is missing, or a value of another type.
        """
        known = {item.name: item for item in declared(cls)}
        for key in given:
            if key not in known and key != "name":
                raise InputError(
                    f"the {cls.group} {cls.name} has no field {key}",
                    where=f"{cls.group}.{key}",
                    remedy=f"{cls.group}.FIELD, one of {', '.join(known)}",
                )
        for key, item in known.items():
            if item.is_mandatory and key not in given:
                raise InputError(
                    f"the {cls.group} {cls.name} has no {key.replace('_', ' ')}",
                    where=f"{cls.group}.{key}",
                    remedy=f"{cls.group}.{key}=VALUE",
                )
        return cls(**{k: _typed(cls, known[k], v) for k, v in given.items() if k != "name"})


def _typed(cls: type[Component], item: Declared, value: Any) -> Any:
    """The value in the type of its field; a whole number is a real one, too."""
    kind = plain_kind(item.type)
    if value is None and is_optional(item.type):
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is float and is_number:
        return float(value)
    if type(value) is not kind:
        raise InputError(
            f"{cls.group}.{item.name} is {value!r}",
            where=f"{cls.group}.{item.name}",
            remedy=f"{cls.group}.{item.name}: "
            + KINDS[kind]
            + " or null" * is_optional(item.type),
        )
    return value


KINDS: Mapping[Any, str] = {
    bool: "true or false",
    float: "a number",
    int: "a whole number",
    str: "text",
    list: "a list",
    dict: "keys with values",
}
"""Types that a field of a component may have, in words; each but the last two also with None."""


def is_optional(hint: Any) -> bool:
    """Return True if a field may be None."""
    return NoneType in get_args(hint)


def plain_kind(hint: Any) -> Any:
    """Return `int` for `int | None` and `list` for `list[str]`; None: no field may have the type.

    Args:
        hint: Type of a field.
    """
    if is_optional(hint):
        scalars = [each for each in get_args(hint) if each in _SCALARS]
        return scalars[0] if len(get_args(hint)) == 2 and scalars else None  # noqa: PLR2004
    kind = get_origin(hint) or hint
    return kind if kind in KINDS else None


_SCALARS = (bool, float, int, str)


def plain(value: Any) -> Any:
    """Return settings as nested mappings, lists and scalars.

    Args:
        value: Dataclass, mapping, list or scalar; components become mappings with a name.
    """
    if isinstance(value, Component):
        return value.to_mapping()
    if is_dataclass(value):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(plain(item) for item in value)
    return value
