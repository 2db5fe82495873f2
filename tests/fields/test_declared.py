"""Bounds, defaults and descriptions are read from the fields."""

import math
from dataclasses import MISSING, dataclass
from typing import Annotated

import pytest

from tuner import optimizers, schedules
from tuner.fields.bounds import ABOVE_0_TO_1, FROM_0_BELOW_1, SHARE, above, at_least
from tuner.fields.declared import declared, description, descriptions

COMPONENTS = [*optimizers.REGISTRY.bundled(), *schedules.REGISTRY.bundled()]


@dataclass(frozen=True, kw_only=True)
class Base:
    """An optimizer with a documented field.

    More about it.
    """

    rate: Annotated[float, above(0)]
    """Rate, which is
    explained in two lines."""

    size: int = 3
    """Size."""


@dataclass(frozen=True, kw_only=True)
class Derived(Base):
    """Another one."""

    size: int = 4
    other: bool = True
    """Other."""


def test_fields_have_type_bounds_and_default():
    rate, size = declared(Base)
    assert (rate.name, rate.type, rate.default) == ("rate", float, MISSING)
    assert rate.is_mandatory
    assert rate.bounds == above(0)
    assert (size.type, size.default, size.bounds) == (int, 3, None)


def test_descriptions_are_inherited():
    assert description(Base) == "An optimizer with a documented field."
    expected = {"rate": "Rate, which is explained in two lines.", "size": "Size."}
    assert descriptions(Base) == expected
    assert descriptions(Derived) == {**expected, "other": "Other."}


@pytest.mark.parametrize(
    ("bounds", "inside", "outside"),
    [
        (at_least(0), [0, 1e9], [-1e-9, math.inf, math.nan, "1"]),
        (above(0), [1e-300, 5], [0, -1, math.inf, math.nan, None]),
        (SHARE, [0, 0.5, 1], [-0.1, 1.1]),
        (FROM_0_BELOW_1, [0, 0.999], [1, -0.1]),
        (ABOVE_0_TO_1, [0.1, 1], [0, 1.1]),
    ],
)
def test_bounds(bounds, inside, outside):
    assert all(map(bounds.admits, inside))
    assert not any(map(bounds.admits, outside))


@pytest.mark.parametrize("kind", COMPONENTS, ids=lambda kind: f"{kind.group}={kind.name}")
def test_every_field_is_described_and_its_default_lies_within_its_bounds(kind):
    assert description(kind)
    for item in declared(kind):
        assert descriptions(kind)[item.name]
        assert not item.is_mandatory
        assert type(item.default) is item.type
        assert item.bounds is None or item.bounds.admits(item.default)
