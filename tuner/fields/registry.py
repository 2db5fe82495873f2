"""Classes of components by name: those of this project, and those of installed packages."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import EntryPoint
from typing import Any, Generic, TypeVar

from tuner.errors import InputError
from tuner.fields.component import KINDS, Component, plain_kind
from tuner.fields.declared import declared
from tuner.fields.plugins import OURS, PlugIn, not_installed, plug_ins, unusable
from tuner.installation.remedies import uninstall

C = TypeVar("C", bound=Component)


class Registry(Generic[C]):
    """The components of one configuration group.

    Plug-ins are the entry points of the group `tuner.GROUPs`, as `tuner.optimizers`.

    Example:
        registry = Registry(Optimizer)
        registry.register(AdamW)
        registry.find("adamw")  # AdamW
        registry.find("signsgd")  # imported from the package that declares it
    """

    def __init__(self, base: Any) -> None:
        """Create a registry without classes of this project.

        Args:
            base: Class that defines the interface.
        """
        self.base: type[C] = base
        self._classes: dict[str, type[C]] = {}
        self._declared: dict[str, PlugIn] = {}
        self._loaded: dict[PlugIn, type[C]] = {}
        self._reasons: dict[str, str] = {}

    def register(self, kind: Any) -> None:
        """Add a class of this project under its name.

        Raises:
            InputError: It does not implement the interface, or its name is taken.
        """
        self._check(kind, OURS)
        if (taken := self._classes.get(_short(kind.name))) is not None:
            raise self._clash(kind.name, [_path(taken), _path(kind)], OURS)
        self._classes[_short(kind.name)] = kind

    def declare(self, name: str, target: str) -> None:
        """Add a class of this project that is imported when it is asked for.

        Args:
            name: Name of the class.
            target: Module and class, as `tuner.launchers.local:LocalSettings`.
        """
        entry = EntryPoint(name, target, self._group)
        self._declared[_short(name)] = PlugIn(entry=entry, package=OURS)

    def exclude(self, name: str, reason: str) -> None:
        """Refuse a name that users may expect, with the reason."""
        self._reasons[name] = reason

    @property
    def plug_ins(self) -> Sequence[PlugIn]:
        """Classes that installed packages declare, imported or not."""
        return plug_ins(self._group)

    def names(self) -> list[str]:
        """Return all names in alphabetical order; nothing is imported."""
        lazy = (each.name for each in (*self._declared.values(), *self.plug_ins))
        return sorted({*lazy, *(kind.name for kind in self._classes.values())})

    def has(self, name: object) -> bool:
        """Return True if a class declares the name; nothing is imported."""
        return _short(name) in map(_short, self.names())

    def bundled(self) -> list[type[C]]:
        """Return the classes of this project in the order of their names."""
        found = [*self._classes.values(), *map(self._load, self._declared.values())]
        return sorted(found, key=lambda kind: kind.name)

    def known(self) -> list[type[C]]:
        """Return the classes of this project, and of plug-ins those that were asked for."""
        bundled = self.bundled()
        return [*bundled, *(kind for kind in self._loaded.values() if kind not in bundled)]

    def find(self, name: object, where: str = "", package: str = "") -> type[C]:
        """Return the class of a name, in capitals or not, with `_` or without.

        Args:
            name: Name as users write it.
            where: File or key that contains it; by default the group's key `name`.
            package: Package that brings it, where that is known.

        Raises:
            InputError: There is no such class, several packages bring one, or it cannot be used.
        """
        short = _short(name)
        found = [each for each in self.plug_ins if _short(each.name) == short]
        if short in self._declared:
            found.insert(0, self._declared[short])
        sources = [OURS] * (short in self._classes) + [each.source for each in found]
        if len(sources) > 1:
            raise self._clash(name, sources, found[-1].package)
        if found:
            return self._load(found[0])
        if short in self._classes:
            return self._classes[short]
        if package:
            raise not_installed(f"the {self.base.group} {name!r} is a plug-in", package)
        raise self._unknown(name, where)

    def from_mapping(self, given: Mapping[str, Any]) -> C:
        """Return the settings that a mapping with a `name` describes.

        Args:
            given: `name` and fields; `package`, as `to_record` writes it, may stand beside them.

        Raises:
            InputError: An unknown name or field, or a value of another type.
        """
        fields = {key: value for key, value in given.items() if key != "package"}
        return self.find(given.get("name"), package=given.get("package", "")).from_mapping(fields)

    def to_record(self, component: C) -> dict[str, Any]:
        """Return name and fields, and the package that brings the class if it is a plug-in.

        Another process can then tell its user what to install.
        """
        record = component.to_mapping()
        for plug_in, kind in self._loaded.items():
            if kind is type(component) and plug_in.package != OURS:
                record["package"] = plug_in.package
        return record

    @property
    def _group(self) -> str:
        return f"tuner.{self.base.group}s"

    def _load(self, plug_in: PlugIn) -> type[C]:
        """The class, checked against the interface when it is first asked for."""
        if plug_in not in self._loaded:
            kind = plug_in.load()
            self._check(kind, plug_in.package, plug_in)
            self._loaded[plug_in] = kind
        return self._loaded[plug_in]

    def _check(self, kind: Any, package: str, plug_in: PlugIn | None = None) -> None:
        missing = list(_missing(kind, self.base))
        if plug_in is not None and not missing and _short(kind.name) != _short(plug_in.name):
            missing = [f"the name {plug_in.name} that the package declares (it is {kind.name})"]
        if missing:
            interface = f"the interface of {_path(self.base)}"
            raise unusable(
                f"the {self.base.group} {getattr(kind, '__qualname__', kind)!s}",
                package if plug_in is None else plug_in.source,
                f"it lacks {', '.join(missing)}",
                interface if package == OURS else f"{interface}, or {uninstall(package)}",
            )

    def _clash(self, name: object, sources: Sequence[str], package: str) -> InputError:
        group = self.base.group
        return InputError(
            f"the {group} {name!r} is brought more than once: by {' and by '.join(sources)}",
            where=f"{group}.name",
            remedy="another name" if package == OURS else uninstall(package),
        )

    def _unknown(self, name: object, where: str) -> InputError:
        group, short = self.base.group, _short(name)
        because = f": {self._reasons[short]}" if short in self._reasons else ""
        return InputError(
            f"there is no {group} named {name!r}{because}",
            where=where or f"{group}.name",
            remedy=f"one of {', '.join(self.names())}",
        )


def _short(name: object) -> str:
    return str(name).lower().replace("_", "")


def _path(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _missing(kind: Any, base: type[Component]) -> Iterator[str]:
    """Members of the interface that a class lacks."""
    if not (inspect.isclass(kind) and issubclass(kind, base)):
        yield f"the base class {base.__qualname__}"
        return
    attributes: Any = kind
    yield from (f"the member {name}" for name in sorted(attributes.__abstractmethods__))
    if not isinstance(getattr(kind, "name", None), str):
        yield "the class attribute name"
    if "__dataclass_params__" not in vars(kind):
        yield "the decorator dataclass(frozen=True, kw_only=True)"
        return
    names = ", ".join(each.__name__ for each in KINDS)
    for item in declared(kind):
        if plain_kind(item.type) is None:
            yield f"a type among {names} of the field {item.name}"
