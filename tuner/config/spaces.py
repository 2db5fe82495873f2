"""Search space of a sweep: parsing, and removal of fixed parts."""

import dataclasses
import math
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from tuner.config.expressions import Kind, Setting, read_domain
from tuner.config.schema import GROUPS, TRIAL_GROUPS
from tuner.errors import InputError
from tuner.formatting.suggestion import nearest, nearest_key
from tuner.formatting.value_text import value_text
from tuner.search.space import Choice, Dimension, FloatInterval, SearchSpace, contains
from tuner.trial.records import Scalar

LocatedDimension = tuple[Dimension, str]
"""A dimension and the place where it is defined."""

Conditions = Mapping[str, tuple[Scalar, ...]]
"""Searched key to its allowed values."""


def read_space(content: Mapping[str, Any], where: str) -> list[LocatedDimension]:
    """Parse `sweep.space`.

    Args:
        content: Key to an expression, to `{values, when}`, or to a list of these.
        where: File of the space.

    Raises:
        InputError: An entry is malformed, or no trial has the key.
    """
    return [
        (dimension, f"{where}, sweep.space, {key}")
        for key, entry in content.items()
        for dimension in _read_key(key, entry, f"{where}, sweep.space, {key}")
    ]


def _read_key(key: str, entry: Any, where: str) -> list[Dimension]:
    _check_key(key, where)
    entries = entry if isinstance(entry, list) else [entry]
    if not entries or (isinstance(entry, list) and not all(isinstance(e, dict) for e in entries)):
        raise InputError(
            f"{value_text(entry)} is not a search",
            where=where,
            remedy="choice(a, b), or a list of {values: ..., when: {key: value}}",
        )
    return [_read_entry(key, item, where) for item in entries]


def _check_key(key: str, where: str) -> None:
    group = key.split(".", maxsplit=1)[0]
    if group not in TRIAL_GROUPS:
        problem = f"{key!r} cannot be searched: it is not part of a trial"
        if group not in GROUPS:
            problem = f"there is no key {key!r}"
        near = nearest(group, TRIAL_GROUPS) if group not in GROUPS else None
        correction = f"{near}{key[len(group) :]}; " if near else ""
        groups = ", ".join(TRIAL_GROUPS)
        raise InputError(
            problem, where=where, remedy=f"{correction}a key of one of the groups {groups}"
        )


def _read_entry(key: str, entry: Any, where: str) -> Dimension:
    if not isinstance(entry, dict):
        return Dimension(key=key, domain=read_domain(entry, where))
    unknown = sorted(set(entry) - {"values", "when"})
    if unknown or "values" not in entry:
        problem = f"there is no field {unknown[0]!r}" if unknown else "`values` is missing"
        near = nearest(str(unknown[0]), ("values", "when")) if unknown else None
        correction = f"{near}; " if near else ""
        remedy = correction + "{values: EXPRESSION, when: {key: value}}"
        raise InputError(problem, where=where, remedy=remedy)
    when = entry.get("when") or {}
    if not isinstance(when, dict):
        raise InputError(
            f"the condition {value_text(when)} names no key",
            where=where,
            remedy="when: {key: value} or when: {key: [value, value]}",
        )
    conditions = {str(other): _allowed(value, where) for other, value in when.items()}
    return Dimension(key=key, domain=read_domain(entry["values"], where), when=conditions)


def _allowed(value: Any, where: str) -> tuple[Scalar, ...]:
    values = tuple(value) if isinstance(value, list) else (value,)
    if not values or any(isinstance(item, list | dict) for item in values):
        raise InputError(
            f"the condition on {value_text(value)} cannot be read",
            where=where,
            remedy="when: {key: value} or when: {key: [value, value]}",
        )
    return values


def with_searches(
    settings: Sequence[Setting], found: Sequence[LocatedDimension]
) -> list[LocatedDimension]:
    """Replace dimensions by searches of the command line, and add its new ones.

    A search on the command line keeps the conditions of the file's search of the key, as long as
    they are the same for all dimensions of the key.
    """
    given: dict[str, Setting] = {}
    for setting in settings:
        if setting.kind is Kind.SEARCH:
            _check_key(setting.key, setting.where)
            given[setting.key] = setting
        else:
            given.pop(setting.key, None)
    result: dict[str, list[LocatedDimension]] = {}
    for dimension, where in found:
        result.setdefault(dimension.key, []).append((dimension, where))
    for key, setting in given.items():
        when = _union([dimension.when for dimension, _ in result.get(key, ())])
        result[key] = [(Dimension(key=key, domain=setting.value, when=when), setting.where)]
    return [item for items in result.values() for item in items]


def _union(
    conditions: Sequence[Mapping[str, tuple[Scalar, ...]]],
) -> Conditions:
    """Return one condition for several on the same single key; empty if there is none."""
    if len(conditions) == 1:
        return conditions[0]
    keys = {tuple(when) for when in conditions}
    if len(keys) != 1 or len(only := keys.pop()) != 1:
        return {}
    values = [value for when in conditions for value in when[only[0]]]
    return {only[0]: tuple(dict.fromkeys(values))}


def simplified(
    found: Sequence[LocatedDimension], values: Mapping[str, Scalar]
) -> list[LocatedDimension]:
    """Remove dimensions that can never be active, and conditions that always hold.

    Args:
        found: Dimensions with their places.
        values: Value of every key and option of every group in the base configuration.

    Raises:
        InputError: A condition names a key that does not exist.
    """
    searched_keys = {dimension.key for dimension, _ in found}
    for dimension, where in found:
        for key in dimension.when:
            if key not in searched_keys and key not in values:
                near = nearest_key(key, [*searched_keys, *values])
                raise InputError(
                    f"the condition names {key!r}, which does not exist",
                    where=where,
                    remedy=(f"{near}; " if near else "")
                    + "a searched key, a group, or a key that has a value",
                )
    before, after = None, list(found)
    # A removed dimension may remove others that depend on it.
    while after != before:
        before = after
        after = [
            (dataclasses.replace(dimension, when=when), where)
            for dimension, where in before
            if (when := _remaining(dimension, [d for d, _ in before], values)) is not None
        ]
    return after


def _remaining(
    dimension: Dimension, others: Sequence[Dimension], values: Mapping[str, Scalar]
) -> Conditions | None:
    """Return the conditions that are still open; None if one of them can never hold."""
    when: dict[str, tuple[Scalar, ...]] = {}
    for key, allowed in dimension.when.items():
        verdict = _verdict(allowed, key, others, values)
        if verdict is False:
            return None
        if verdict is None:
            when[key] = allowed
    return when


def _verdict(
    allowed: tuple[Scalar, ...],
    key: str,
    others: Sequence[Dimension],
    values: Mapping[str, Scalar],
) -> bool | None:
    """Return True if a condition always holds, False if never, None if sometimes."""
    among = Choice(values=allowed)
    parents = [other for other in others if other.key == key]
    if not parents:
        return key in values and contains(among, values[key])
    if not any(contains(parent.domain, value) for parent in parents for value in allowed):
        return False
    domain = parents[0].domain
    if parents[0].when or not isinstance(domain, Choice):
        return None
    return all(contains(among, value) for value in domain.values) or None


def check_whole_numbers(found: Sequence[LocatedDimension], values: Mapping[str, Scalar]) -> None:
    """Refuse an interval of real numbers for a key with whole numbers.

    Raises:
        InputError: There is such an interval.
    """
    for dimension, where in found:
        domain, value = dimension.domain, values.get(dimension.key)
        if isinstance(domain, FloatInterval) and type(value) is int:
            low, high = math.ceil(domain.low), math.floor(domain.high)
            raise InputError(
                f"{dimension.key} takes whole numbers, but the interval contains others",
                where=where,
                remedy=f"{shlex.quote(f'{dimension.key}=range({low},{high + 1})')}, or "
                f"int(interval({low}, {high}))",
            )


def build_space(found: Sequence[LocatedDimension], where: str) -> SearchSpace:
    """Name the dimensions and order them.

    Raises:
        InputError: They do not fit together.
    """
    keys = [dimension.key for dimension, _ in found]
    try:
        return SearchSpace(
            Dimension(
                key=d.key,
                domain=d.domain,
                when=d.when,
                name=d.key if keys.count(d.key) == 1 else _name(d),
            )
            for d, _ in found
        )
    except ValueError as error:
        raise InputError(str(error), where=f"{where}, sweep.space") from error


def _name(dimension: Dimension) -> str:
    conditions = ",".join(
        f"{key}={'|'.join(map(str, allowed))}" for key, allowed in sorted(dimension.when.items())
    )
    return f"{dimension.key}@{conditions}" if conditions else dimension.key
