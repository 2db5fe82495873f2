"""Configuration keys that may have another value when the same study is started again.

Every field of a settings class of a sweep is declared with one of `same`, `same_content`,
`anything` and `naming`, so that a new key cannot be added without the decision.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, get_args

_DECISION = "between_starts"
"""Key of a field's metadata."""


class BetweenStarts(StrEnum):
    """Permission to change a key that an earlier start of the study had set."""

    SAME = "same"
    """It decides what trials give: another value makes another study."""
    SAME_CONTENT = "same content"
    """Place or format of model and data: free as long as their content is the same."""
    ANYTHING = "anything"
    """It never decides what a trial gives."""
    NAMING = "naming"
    """Identifies the study."""


def same(default: Any = dataclasses.MISSING, **given: Any) -> Any:
    """Declare a field whose value makes the study; see `dataclasses.field`."""
    return _declared(BetweenStarts.SAME, default, given)


def same_content(default: Any = dataclasses.MISSING, **given: Any) -> Any:
    """Declare a field with the place of contents; see `dataclasses.field`."""
    return _declared(BetweenStarts.SAME_CONTENT, default, given)


def anything(default: Any = dataclasses.MISSING, **given: Any) -> Any:
    """Declare a field that each start may change; see `dataclasses.field`."""
    return _declared(BetweenStarts.ANYTHING, default, given)


def naming(default: Any = dataclasses.MISSING, **given: Any) -> Any:
    """Declare a field that names the study; see `dataclasses.field`."""
    return _declared(BetweenStarts.NAMING, default, given)


def _declared(decision: BetweenStarts, default: Any, given: Mapping[str, Any]) -> Any:
    if default is not dataclasses.MISSING:
        given = {**given, "default": default}
    return dataclasses.field(**given, metadata={_DECISION: decision})


def declared(kind: type, prefix: str = "") -> Iterator[tuple[str, BetweenStarts | None]]:
    """Give every key of a settings class with its decision.

    Args:
        kind: Settings class; those of its fields are walked too.
        prefix: Key of the class itself; empty for the whole configuration.

    Yields:
        Key, and its decision; None where nobody has decided.
    """
    for item in dataclasses.fields(kind):
        key = f"{prefix}.{item.name}" if prefix else item.name
        decision = item.metadata.get(_DECISION)
        kinds = (item.type, *get_args(item.type))
        inner = next(
            (k for k in kinds if isinstance(k, type) and dataclasses.is_dataclass(k)), None
        )
        if inner is None or decision is not None:
            yield key, decision
        else:
            yield from declared(inner, key)


def decision_of(key: str, decisions: Mapping[str, BetweenStarts]) -> BetweenStarts:
    """Return the decision for a key, for one below it, or for a whole group of keys.

    Args:
        key: For instance `training.epochs`, `optimizer.momentum` or `model.package`.
        decisions: Key to decision.

    Returns:
        `SAME` for what is no key, and for a group whose keys differ.
    """
    above = (name for name in decisions if f"{key}.".startswith(f"{name}."))
    if (name := next(above, None)) is not None:
        return decisions[name]
    below = {decision for name, decision in decisions.items() if name.startswith(f"{key}.")}
    return below.pop() if len(below) == 1 else BetweenStarts.SAME


def kept(
    plain: Mapping[str, Any], decisions: Mapping[str, BetweenStarts], prefix: str = ""
) -> dict[str, Any]:
    """Return a plain configuration without the keys that each start may change.

    Args:
        plain: Key to value, nested.
        decisions: Key to decision.
        prefix: Key of the whole; empty for a whole configuration.
    """
    found: dict[str, Any] = {}
    for name, value in plain.items():
        key = f"{prefix}.{name}" if prefix else name
        if decision_of(key, decisions) is not BetweenStarts.ANYTHING:
            found[name] = kept(value, decisions, key) if isinstance(value, Mapping) else value
    return found


def summarised(decisions: Mapping[str, BetweenStarts], wanted: BetweenStarts) -> list[str]:
    """Return the keys with a decision; a group replaces its keys if all have it.

    Args:
        decisions: Key to decision.
        wanted: Decision.
    """
    return list(
        dict.fromkeys(
            _shortest(key, decisions, wanted) for key in decisions if decisions[key] is wanted
        )
    )


def _shortest(key: str, decisions: Mapping[str, BetweenStarts], wanted: BetweenStarts) -> str:
    parts = key.split(".")
    groups: Sequence[str] = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return next(group for group in groups if _all_have(group, decisions, wanted))


def _all_have(group: str, decisions: Mapping[str, BetweenStarts], wanted: BetweenStarts) -> bool:
    return all(
        decision is wanted
        for key, decision in decisions.items()
        if f"{key}.".startswith(f"{group}.")
    )
