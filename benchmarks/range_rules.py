"""How the bounds of a learning rate are read from a range test; for `range_test.py`."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

SMOOTHED = 0.1
"""Share of the updates over which a loss is averaged."""
QUIET = 0.25
"""Share of the updates at the start, where rates change nothing: their scatter is the noise."""
CLEAR = 3.0
"""A curve says something if it falls by more than so many standard deviations of its noise."""
BEGUN = 0.1
"""Share of the fall after which the loss has begun to fall."""

Bounds = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the averaged loss of a curve says.

    Attributes:
        rates: Learning rates after the quiet start.
        losses: Averaged loss at each.
        start: Mean loss of the quiet start.
        noise: Standard deviation of an averaged loss there.
    """

    rates: Sequence[float]
    losses: Sequence[float]
    start: float
    noise: float

    @property
    def least(self) -> int:
        """Where the loss is least."""
        return min(range(len(self.losses)), key=self.losses.__getitem__)

    @property
    def fall(self) -> float:
        """From the start to the least loss."""
        return self.start - self.losses[self.least]


def read_curve(rates: Sequence[float], losses: Sequence[float]) -> Reading:
    """Averages a curve exponentially.

    Args:
        rates: Learning rate of each update, rising.
        losses: Mean loss of each update's examples before it, in nats.
    """
    weight = 1 / (SMOOTHED * len(losses))
    quiet = round(QUIET * len(losses))
    averaged = start = statistics.fmean(losses[:quiet])
    means = []
    for loss in losses[quiet:]:
        averaged += weight * (loss - averaged)
        means.append(averaged)
    noise = statistics.stdev(losses[:quiet]) * math.sqrt(weight / (2 - weight))
    return Reading(rates=rates[quiet:], losses=means, start=start, noise=noise)


def fall_to_least(reading: Reading) -> Bounds:
    """From where the loss has begun to fall to where it is least (Smith 2017)."""
    level = reading.start - BEGUN * reading.fall
    before = [place for place in range(reading.least) if reading.losses[place] >= level]
    return reading.rates[max(before, default=0)], reading.rates[reading.least]


def up_to_least(reading: Reading) -> Bounds:
    """All rates up to the one with the least loss."""
    return 0.0, reading.rates[reading.least]


def tenth_of_least(reading: Reading) -> Bounds:
    """A decade around a tenth of the rate with the least loss (Gugger 2018)."""
    return decade(reading.rates[reading.least] / 10)


def steepest(reading: Reading) -> Bounds:
    """A decade around the rate at which the loss falls fastest, as fastai suggests."""
    falls = [b - a for a, b in pairwise([reading.start, *reading.losses[: reading.least + 1]])]
    return decade(reading.rates[min(range(len(falls)), key=falls.__getitem__)])


def decade(middle: float) -> Bounds:
    """Half a decade down and half a decade up."""
    return middle / math.sqrt(10), middle * math.sqrt(10)


RULES: Mapping[str, Callable[[Reading], Bounds]] = {
    "fall to least": fall_to_least,
    "up to least": up_to_least,
    "tenth of least": tenth_of_least,
    "steepest": steepest,
}


def bounds_of(reading: Reading, rule: str) -> Bounds | None:
    """What a test gives; None where its curve says nothing."""
    return RULES[rule](reading) if reading.fall > CLEAR * reading.noise else None


def between(rates: Sequence[float], bounds: Bounds | None) -> list[float]:
    """The rates within bounds; the nearest one where there is none."""
    if bounds is None:
        return list(rates)
    lowest, highest = max(bounds[0], rates[0]), min(bounds[1], rates[-1])
    middle = math.sqrt(lowest * highest)
    return [rate for rate in rates if lowest <= rate <= highest] or [nearest(rates, middle)]


def nearest(values: Sequence[float], value: float) -> float:
    """The one that is nearest in ratio."""
    return min(values, key=lambda each: abs(math.log(each / value)))


def moved(rate: float, source: Sequence[float], target: Sequence[float]) -> float:
    """Where a rate stands between the ends of `source`, between those of `target`."""
    if source[0] == source[-1]:
        return target[0]
    place = math.log(rate / source[0]) / math.log(source[-1] / source[0])
    return float(target[0] * (target[-1] / target[0]) ** min(max(place, 0.0), 1.0))


def rising(lowest: float, highest: float, count: int) -> list[float]:
    """Rates in equal factors from the lowest to the highest."""
    return [lowest * (highest / lowest) ** (step / (count - 1)) for step in range(count)]
