"""Widening of a search space's bound, and the override that does it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from tuner import optimizers, schedules
from tuner.fields.bounds import Bounds
from tuner.fields.declared import declared
from tuner.search.space import Choice, Domain, FloatInterval, IntInterval
from tuner.settings.settings import DataSettings, ModelSettings
from tuner.settings.training_settings import TrainingSettings
from tuner.trial.records import Scalar

Side = Literal["lower", "upper"]

FACTOR = 10
"""Factor by which a bound of a logarithmic interval is moved."""

DIGITS = 6
"""Significant digits of a moved bound, which avoid 0.3 + 0.3 = 0.6000000000000001."""


@dataclass(frozen=True, kw_only=True)
class Limit:
    """Interval that the values of a key cannot leave."""

    low: float = -math.inf
    """Least value."""
    high: float = math.inf
    """Largest value."""
    open_low: bool = False
    """True if the least value itself is not possible."""
    open_high: bool = False
    """True if the largest value itself is not possible."""

    def admits(self, value: float) -> bool:
        """Return True if the value is possible."""
        above = self.low < value if self.open_low else self.low <= value
        return above and (value < self.high if self.open_high else value <= self.high)

    def reach(self, start: float, wanted: float) -> float:
        """Return the reachable value between `start` and `wanted`; half way to an open limit."""
        if self.admits(wanted):
            return wanted
        below = wanted < start
        end, is_open = (self.low, self.open_low) if below else (self.high, self.open_high)
        return (start + end) / 2 if is_open else end


_NOT_NEGATIVE = Limit(low=0.0)
_COUNT = Limit(low=1.0)
UNMOVABLE = Limit(low=math.inf, high=-math.inf)
"""Limit of a key that is no quantity: no larger or smaller value makes sense."""


def _declared(kind: type, group: str) -> dict[str, Limit]:
    """Return the limits of a group's keys that declare an interval."""
    return {
        f"{group}.{item.name}": Limit(
            low=bounds.low,
            high=bounds.high,
            open_low=bounds.open_low,
            open_high=bounds.open_high,
        )
        for item in declared(kind)
        if isinstance(bounds := item.bounds, Bounds)
    }


def _of_components() -> dict[str, Limit]:
    """Return the limits of the keys of all optimizers and schedules."""
    kinds = (*optimizers.REGISTRY.bundled(), *schedules.REGISTRY.bundled())
    return {key: limit for kind in kinds for key, limit in _declared(kind, kind.group).items()}


LIMITS: Mapping[str, Limit] = MappingProxyType(
    {
        **_declared(ModelSettings, "model"),
        **_declared(DataSettings, "data"),
        **_declared(TrainingSettings, "training"),
        "model.max_length": Limit(low=8.0, high=512.0),  # positions of most encoders
        "training.batch_size": _COUNT,
        "data.seed": UNMOVABLE,
        "training.seed": UNMOVABLE,
        "training.devices": UNMOVABLE,
        "training.evaluations": UNMOVABLE,
        **_of_components(),
    }
)
"""Key to its limit; any other key stays at 0 or above if its values do."""


def widened(domain: Domain, side: Side, value: float, key: str) -> Domain | None:
    """Return the domain with one bound moved, beyond the best value if that lies outside.

    A logarithmic interval grows by a factor of ten, any other by its own width; an ordered choice
    gets one more value.

    Args:
        domain: Domain of numbers.
        side: Side of the bound.
        value: Best value.
        key: Override key, which has the limit.

    Returns:
        The wider domain; None if the bound cannot be moved.
    """
    limit = LIMITS.get(key) or (_NOT_NEGATIVE if _least(domain) >= 0 else Limit())
    try:
        match domain:
            case Choice():
                return _one_more(domain, side, limit)
            case FloatInterval():
                return _wider(domain, side, value, limit)
            case IntInterval():
                return _wider_whole(domain, side, value, limit)
    except (ValueError, OverflowError):  # Beyond the range of a float.
        return None


def _least(domain: Domain) -> float:
    return min(numbers(domain)) if isinstance(domain, Choice) else domain.low


def numbers(choice: Choice) -> list[float]:
    """Return the values of a choice of numbers, ascending."""
    return sorted(value for value in choice.values if isinstance(value, int | float))


def _wider(domain: FloatInterval, side: Side, value: float, limit: Limit) -> FloatInterval | None:
    wanted = _beyond(domain, side, value)
    bound = _rounded(limit.reach(domain.low if side == "lower" else domain.high, wanted))
    if not (limit.admits(bound) and _moves(bound, domain, side)):
        return None
    low, high = (bound, domain.high) if side == "lower" else (domain.low, bound)
    return FloatInterval(low=low, high=high, log=domain.log)


def _wider_whole(
    domain: IntInterval, side: Side, value: float, limit: Limit
) -> IntInterval | None:
    start, step = domain.low if side == "lower" else domain.high, domain.step
    reached = limit.reach(start, _beyond(domain, side, value))
    if not math.isfinite(reached):
        return None
    # Whole steps from the old bound, within the limit.
    bound = start + math.trunc((reached - start) / step) * step
    if not (limit.admits(bound) and _moves(bound, domain, side)):
        return None
    low, high = (bound, domain.high) if side == "lower" else (domain.low, bound)
    return IntInterval(low=low, high=high, step=step, log=domain.log)


def _beyond(domain: FloatInterval | IntInterval, side: Side, value: float) -> float:
    start = min(domain.low, value) if side == "lower" else max(domain.high, value)
    if domain.log:
        return start / FACTOR if side == "lower" else start * FACTOR
    width = domain.high - domain.low
    return start - width if side == "lower" else start + width


def _moves(bound: float, domain: FloatInterval | IntInterval, side: Side) -> bool:
    inside = domain.low <= bound if side == "lower" else bound <= domain.high
    return math.isfinite(bound) and not inside


def _one_more(domain: Choice, side: Side, limit: Limit) -> Choice | None:
    """Add one value at one end, by the ratio of the last two values or by their difference."""
    values = numbers(domain)
    end, neighbour = values[:2] if side == "lower" else values[:-3:-1]
    further = end * (end / neighbour) if min(end, neighbour) > 0 else end + (end - neighbour)
    whole = all(isinstance(value, int) for value in values)
    reached = limit.reach(end, further)
    more = math.trunc(reached + 0.5) if whole else _rounded(reached)
    outside = more < end if side == "lower" else more > end
    if not (outside and limit.admits(more) and math.isfinite(more)):
        return None
    return Choice(values=(more, *values) if side == "lower" else (*values, more))


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def override(key: str, domain: Domain) -> str:
    """Return the search of a key as an override, quoted for a shell."""
    return f"'{key}={expression(domain)}'"


def expression(domain: Domain) -> str:
    """Return a domain of numbers in the sweep grammar."""
    match domain:
        case Choice(values=values):
            return f"choice({','.join(map(number, values))})"
        case FloatInterval(low=low, high=high, log=log):
            # A point or an exponent makes both bounds real numbers in the grammar.
            text = f"interval({number(float(low))},{number(float(high))})"
            return f"tag(log,{text})" if log else text
        case IntInterval(low=low, high=high, log=True):
            return f"tag(log,range({low},{high + 1}))"
        case IntInterval(low=low, high=high, step=1):
            return f"range({low},{high + 1})"
        case IntInterval(low=low, high=high, step=step):
            return f"range({low},{high + 1},{step})"


def number(value: Scalar) -> str:
    """Return a number in short form: 1e-6 instead of 1e-06."""
    return repr(value).replace("e-0", "e-").replace("e+", "e")
