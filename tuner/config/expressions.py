"""Overrides and search expressions in Hydra's grammar, parsed into our own types."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, cast

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
    OverrideType,
    QuotedString,
    RangeSweep,
    Sweep,
)
from hydra.errors import HydraException

from tuner.config.limits import check_text
from tuner.config.schema import GROUPS, SWEEP, free_mappings
from tuner.config.written import (
    WRITTEN_KEYS,
    WRITTEN_VALUES,
    as_text,
    holds_text,
    holds_texts,
    split_items,
    split_mapping,
)
from tuner.errors import InputError
from tuner.formatting.value_text import value_text
from tuner.search.space import Choice, Domain, FloatInterval, IntInterval
from tuner.trial.records import Scalar

MOST_CHOICES = 1000
"""Largest number of values of one dimension."""

LARGEST_WHOLE = 2**53
"""Largest whole number that samplers, which compute with floats, can distinguish from others."""

_OVERRIDE = "KEY=VALUE, as training.epochs=3 or 'data.label=my column'"
"""Form of an override, for messages."""

_GRAMMAR = "choice(a, b), range(1, 8), interval(0, 1) or tag(log, interval(1e-6, 1e-3))"


class Kind(Enum):
    """Effect of an override."""

    GROUP = "group"
    """Chooses the option of a group."""
    VALUE = "value"
    """Sets the value of an existing key."""
    RAW = "raw"
    """Adds or deletes a key; left to Hydra."""
    SEARCH = "search"
    """Searches a key."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A parsed override."""

    kind: Kind
    """Effect of the override."""
    key: str
    """Key or group."""
    value: Any
    """Value, name of the option, or domain; None for `RAW`."""
    text: str
    """Text of the override."""
    where: str
    """Place of the override, for messages."""


def read_overrides(texts: Sequence[str], where: str) -> list[Setting]:
    """Parse overrides; an option such as `--multirun` is refused.

    Args:
        texts: Overrides as they were written.
        where: Place of the overrides, for messages.

    Raises:
        InputError: One is malformed or has no meaning here.
    """
    return [_read(text, where) for text in texts]


def read_domain(expression: Any, where: str) -> Domain:
    """Parse the values of a dimension in a sweep file.

    Raises:
        InputError: The expression is malformed, or no search.
    """
    if not isinstance(expression, str):
        raise _no_search(expression, where)
    parsed = _parsed(f"key={expression}", expression, where, _GRAMMAR)
    if not isinstance(parsed.value(), Sweep | Glob):
        raise _no_search(expression, where)
    return _domain(parsed, expression, where)


def _no_search(expression: Any, where: str) -> InputError:
    return InputError(f"{expression!r} is not a search", where=where, remedy=_GRAMMAR)


def _malformed(text: str, error: Exception, where: str, remedy: str) -> InputError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return InputError(f"{text!r} cannot be read: {reason}", where=where, remedy=remedy)


def _parsed(text: str, shown: str, where: str, remedy: str) -> Override:
    check_text(text, where)
    try:
        return _parser().parse_override(text)
    except (HydraException, ValueError) as error:  # ValueError: a number of 5,000 digits.
        raise _malformed(shown, error, where, remedy) from error


def _read(text: str, where: str) -> Setting:
    if text.startswith("-"):
        raise InputError(f"there is no option {text!r}", where=where, remedy=_OVERRIDE)
    parsed = _parsed(text, text, where, _OVERRIDE)
    key = parsed.key_or_group
    where = f"{where}, {text}"
    _refuse_foreign(parsed, text, where)
    if isinstance(parsed.value(), Sweep | Glob):
        return Setting(
            kind=Kind.SEARCH, key=key, text=text, where=where, value=_domain(parsed, text, where)
        )
    # A key of the user's own is added with or without `+`.
    adds = parsed.type == OverrideType.ADD and key.startswith(f"{WRITTEN_VALUES}.")
    if parsed.type != OverrideType.CHANGE and not adds:
        return Setting(kind=Kind.RAW, key=key, value=None, text=text, where=where)
    if key in (*GROUPS, SWEEP):
        return Setting(
            kind=Kind.GROUP,
            key=key,
            text=text,
            where=where,
            value=_option_name(parsed, text, where),
        )
    value = _as_written(key, parsed.value(), text.partition("=")[2])
    return Setting(kind=Kind.VALUE, key=key, value=value, text=text, where=where)


def _as_written(key: str, value: Any, written: str) -> Any:
    """Return the value of a key, with the texts in it as they were written."""
    if key in WRITTEN_KEYS and isinstance(value, dict):
        return dict(_written_pair(key, *pair) for pair in split_mapping(written.strip()))
    if holds_texts(key) and isinstance(value, list):
        return [_written_item(item) for item in split_items(written)]
    if value is None and key.startswith(f"{WRITTEN_VALUES}."):
        return written.strip()
    return as_text(value, written) if holds_text(key) else value


def _written_pair(mapping: str, key: str, value: str) -> tuple[str, Any]:
    """Return a key of a mapping, which is a text, with its value, which may be one."""
    name = as_text(_parser().parse_rule(key, "dictKey"), key)
    made = _written_item(value) if mapping == WRITTEN_VALUES else _element(value)
    return key if name is None else name, made


def _written_item(written: str) -> Any:
    """Return an item of a list or a mapping of texts; null is one, too."""
    made = _element(written)
    return written if made is None else as_text(made, written)


def _element(written: str) -> Any:
    made = _parser().parse_rule(written, "element")
    return made.text if isinstance(made, QuotedString) else made


def _refuse_foreign(parsed: Override, text: str, where: str) -> None:
    key = parsed.key_or_group
    if parsed.is_hydra_override():
        raise InputError(
            f"{text!r} is a setting of Hydra, which has no effect here",
            where=where,
            remedy=f"the same command without {text}",
        )
    if parsed.package is not None:
        raise InputError(
            f"{text!r} moves a group to another package",
            where=where,
            remedy=text.replace(f"@{parsed.package}", "", 1),
        )
    if parsed.type != OverrideType.CHANGE and not key.startswith(free_mappings()):
        raise InputError(
            f"{text!r} adds or deletes a key",
            where=where,
            remedy=f"{key}={text.partition('=')[2] or 'VALUE'} without + or ~; keys of your own "
            "are possible under " + ", ".join(free_mappings()),
        )
    if key == SWEEP and isinstance(parsed.value(), Sweep | Glob):
        raise InputError(
            f"{text!r} names several sweeps",
            where=where,
            remedy=f"{text.partition(',')[0]}, one sweep at a time",
        )


def _option_name(parsed: Override, text: str, where: str) -> str:
    name = parsed.value()
    if isinstance(name, str) and name:
        return name
    raise InputError(
        f"{text!r} sets a group to a value that is not the name of an option",
        where=where,
        remedy=f"tuner --help {parsed.key_or_group} lists its options: "
        f"{parsed.key_or_group}=OPTION",
    )


def _domain(parsed: Override, text: str, where: str) -> Domain:
    value = parsed.value()
    try:
        if isinstance(value, Glob):
            raise ValueError("glob() depends on the files that happen to exist")
        unknown = value.tags - {"log"} if isinstance(value, Sweep) else set()
        if unknown:
            raise ValueError(f"unknown tag {', '.join(sorted(unknown))}; the only tag is log")
        match value:
            case ChoiceSweep():
                return _choice(value)
            case IntervalSweep():
                return _interval(value)
            case RangeSweep():
                return _range(value)
            case _:
                raise ValueError("it is not a search")
    except ValueError as error:
        raise InputError(f"{text!r}: {error}", where=where, remedy=_GRAMMAR) from error


def _choice(sweep: ChoiceSweep) -> Choice:
    if sweep.tags:
        raise ValueError("a choice has no log scale")
    if len(sweep.list) > MOST_CHOICES:
        raise ValueError(
            f"it lists {len(sweep.list)} values, but at most {MOST_CHOICES} are allowed"
        )
    return Choice(values=tuple(_scalar(item) for item in sweep.list))


def _scalar(item: Any) -> Scalar:
    if isinstance(item, QuotedString):
        return str(item.text)
    if item is None or isinstance(item, str | int | float):
        return item
    raise ValueError(f"{value_text(item)} is not a single value")


def _interval(sweep: IntervalSweep) -> Domain:
    low, high = cast("float", sweep.start), cast("float", sweep.end)
    _check_bounds(low, high)
    log = "log" in sweep.tags
    if isinstance(low, int) and isinstance(high, int):
        return IntInterval(low=low, high=high, log=log)
    return FloatInterval(low=low, high=high, log=log)


def _range(sweep: RangeSweep) -> Domain:
    """Return a range without its stop, like Hydra; real steps become a choice of their values."""
    log = "log" in sweep.tags
    start, stop, step = sweep.start or 0, cast("float", sweep.stop), sweep.step
    if not step:
        raise ValueError("the step is 0")
    _check_bounds(start, stop, step)
    if not all(isinstance(number, int) for number in (start, stop, step)):
        if log:
            raise ValueError("a log range has whole numbers; use tag(log, interval(...))")
        return Choice(values=_real_range(start, stop, step))
    values = range(int(start), int(stop), int(step))
    if not values:
        raise ValueError(f"the range from {start} to before {stop} is empty")
    low, high = sorted((values[0], values[-1]))
    if low == high:
        return Choice(values=(low,))
    return IntInterval(low=low, high=high, step=abs(int(step)), log=log)


def _real_range(start: float, stop: float, step: float) -> tuple[float, ...]:
    low, high, width = (Decimal(str(number)) for number in (start, stop, step))
    count = math.ceil((high - low) / width)
    if count < 1:
        raise ValueError(f"the range from {start} to before {stop} is empty")
    if count > MOST_CHOICES:
        raise ValueError(f"it has {count} values, but at most {MOST_CHOICES} are allowed")
    return tuple(float(low + width * i) for i in range(count))


def _check_bounds(*numbers: float) -> None:
    for number in numbers:
        if isinstance(number, int) and abs(number) > LARGEST_WHOLE:
            raise ValueError(f"whole numbers can be searched up to {LARGEST_WHOLE}")
        if not math.isfinite(number):
            raise ValueError(f"{number} is not a finite bound")


@cache
def _parser() -> OverridesParser:
    return OverridesParser.create()
