"""Classes of components by name: those of this project, and those of installed packages."""

import inspect
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from tuner.errors import InputError
from tuner.fields.component import KINDS, Component
from tuner.fields.declared import declared

C = TypeVar("C", bound=Component)

OWN = "tuner"
"""Package of the components that the project brings."""


class Registry(Generic[C]):
    """The components of one configuration group.

    Example:
        registry = Registry(Optimizer)
        registry.register(AdamW)
        registry.find("adamw")  # AdamW
    """

    def __init__(self, base: Any) -> None:
        """Create an empty registry.

        Args:
            base: Class that defines the interface.
        """
        self.base: type[C] = base
        self._classes: dict[str, type[C]] = {}
        self._reasons: dict[str, str] = {}

    def register(self, kind: Any, package: str = OWN) -> None:
        """Add a class under its name.

        Args:
            kind: Class to add.
            package: Distribution that brings it.

        Raises:
            InputError: It does not implement the interface, or its name is taken.
        """
        missing = list(_missing(kind, self.base))
        name = getattr(kind, "name", "")
        taken = None if missing else self._classes.get(_short(name))
        if taken is not None:
            missing = [f"a name of its own ({name!r} is {taken.__module__}.{taken.__qualname__})"]
        if missing:
            raise InputError(
                f"the {self.base.group} {getattr(kind, '__qualname__', kind)!s} of the package "
                f"{package} cannot be used: it lacks {', '.join(missing)}",
                where=f"package {package}",
                remedy=f"the interface of {self.base.__module__}.{self.base.__qualname__}, or "
                f"pip uninstall {package}",
            )
        self._classes[_short(name)] = kind

    def exclude(self, name: str, reason: str) -> None:
        """Refuse a name that users may expect, with the reason."""
        self._reasons[name] = reason

    def names(self) -> list[str]:
        """Return all names in alphabetical order."""
        return sorted(kind.name for kind in self._classes.values())

    def classes(self) -> list[type[C]]:
        """Return all classes in the order of their names."""
        return sorted(self._classes.values(), key=lambda kind: kind.name)

    def find(self, name: object, where: str = "") -> type[C]:
        """Return the class of a name, in capitals or not, with `_` or without.

        Args:
            name: Name as users write it.
            where: File or key that it stands in; by default the group's key `name`.

        Raises:
            InputError: There is no such class.
        """
        group = self.base.group
        short = _short(name)
        if short in self._classes:
            return self._classes[short]
        because = f": {self._reasons[short]}" if short in self._reasons else ""
        raise InputError(
            f"there is no {group} named {name!r}{because}",
            where=where or f"{group}.name",
            remedy=f"one of {', '.join(self.names())}",
        )

    def from_mapping(self, given: Mapping[str, Any]) -> C:
        """Return the settings that a mapping with a `name` describes.

        Raises:
            InputError: An unknown name or field, or a value of another type.
        """
        return self.find(given.get("name")).from_mapping(given)


def _short(name: object) -> str:
    return str(name).lower().replace("_", "")


def _missing(kind: Any, base: type[Component]) -> list[str]:
    """What a class lacks of the interface."""
    if not (inspect.isclass(kind) and issubclass(kind, base)):
        return [f"the base class {base.__qualname__}"]
    attributes: Any = kind
    found = [f"the member {name}" for name in sorted(attributes.__abstractmethods__)]
    if not isinstance(getattr(kind, "name", None), str):
        found.append("the class attribute name")
    if "__dataclass_params__" not in vars(kind):
        return [*found, "the decorator dataclass(frozen=True, kw_only=True)"]
    wrong = [item.name for item in declared(kind) if item.type not in KINDS]
    return found + [f"a type bool, int, float or str of the field {name}" for name in wrong]
