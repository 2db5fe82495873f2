"""Declarations of a settings class, read from its annotations and its source."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from tuner.fields.bounds import Bounds, Condition, Limit


@dataclass(frozen=True, kw_only=True)
class Declared:
    """One field of a settings class."""

    name: str
    """Name of the field, and of the key that users set."""

    type: Any
    """Type without its bounds."""

    default: Any
    """Default; `dataclasses.MISSING` where users must give a value."""

    bounds: Limit | None
    """Bounds; None where every value of the type is allowed."""

    @property
    def is_mandatory(self) -> bool:
        """True if users must give a value."""
        return self.default is MISSING


@cache
def declared(kind: type) -> tuple[Declared, ...]:
    """Return the fields of a settings class, those of its bases first.

    Args:
        kind: Dataclass.
    """
    hints = get_type_hints(kind, include_extras=True)
    return tuple(
        Declared(
            name=item.name,
            type=_plain_type(hints[item.name]),
            default=item.default if item.default_factory is MISSING else item.default_factory(),
            bounds=_bounds(hints[item.name]),
        )
        for item in fields(kind)
    )


def description(kind: type) -> str:
    """Return the first paragraph of a class's docstring as one line."""
    text = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0]
    return " ".join(text.split())


@cache
def descriptions(kind: type) -> dict[str, str]:
    """Return the text below each field; for a field declared again the latest one.

    Args:
        kind: Dataclass; classes made at run time have the texts of their bases.
    """
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        found |= dict(_literals(base))
    return found


def _literals(kind: type) -> Iterator[tuple[str, str]]:
    """Yield field and text of each string literal directly below a field."""
    try:
        source = textwrap.dedent(inspect.getsource(kind))
    except (OSError, TypeError):  # A class of no file: made at run time, or built in.
        return
    (node,) = ast.parse(source).body
    body = node.body if isinstance(node, ast.ClassDef) else []
    for field, text in pairwise(body):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            yield field.target.id, " ".join(str(text.value.value).split())


def _plain_type(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _bounds(hint: Any) -> Limit | None:
    marks = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return next((mark for mark in marks if isinstance(mark, Bounds | Condition)), None)
