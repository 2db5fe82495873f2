import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.diagnosis.sweep.strategies import DOMAINS, KEYS
from tests.diagnosis.sweep.trials import DROPOUT, LOW_TO_HIGH, RATE
from tuner import optimizers, schedules
from tuner.config.expressions import read_domain
from tuner.diagnosis.sweep.limits import LIMITS, UNMOVABLE, expression, widened
from tuner.fields.declared import declared
from tuner.search.space import Choice, FloatInterval, IntInterval, contains
from tuner.settings.settings import DataSettings, ModelSettings
from tuner.settings.training_settings import TrainingSettings


@pytest.mark.parametrize(
    ("domain", "side", "key", "expected"),
    [
        (LOW_TO_HIGH, "lower", RATE, "tag(log,interval(1e-7,0.001))"),
        (DROPOUT, "upper", "model.dropout", "interval(0.0,0.6)"),
        (DROPOUT, "lower", "model.dropout", None),
        (FloatInterval(low=0.0, high=0.6), "upper", "model.dropout", "interval(0.0,0.8)"),
        (
            FloatInterval(low=0.0, high=0.6),
            "upper",
            "schedule.warmup_fraction",
            "interval(0.0,1.0)",
        ),
        (FloatInterval(low=0.0, high=1.0), "upper", "schedule.warmup_fraction", None),
        (FloatInterval(low=1e-5, high=1e-3), "lower", RATE, "interval(5e-6,0.001)"),
        (FloatInterval(low=-1.0, high=1.0), "lower", "optimizer.own", "interval(-3.0,1.0)"),
        (FloatInterval(low=1e-300, high=1e300), "upper", RATE, "interval(1e-300,2e300)"),
        (FloatInterval(low=1e-300, high=1.7e308), "upper", RATE, None),
        (IntInterval(low=1, high=7), "upper", "training.accumulation_steps", "range(1,14)"),
        (IntInterval(low=1, high=7), "lower", "training.accumulation_steps", None),
        (IntInterval(low=8, high=64, step=8), "upper", "training.batch_size", "range(8,121,8)"),
        (IntInterval(low=20, high=60, step=8), "lower", "training.batch_size", "range(4,61,8)"),
        (
            IntInterval(low=8, high=64, log=True),
            "lower",
            "training.batch_size",
            "tag(log,range(1,65))",
        ),
        (Choice(values=(8, 32, 16)), "upper", "training.batch_size", "choice(8,16,32,64)"),
        (Choice(values=(1, 2, 4)), "lower", "training.accumulation_steps", None),
        (Choice(values=(0.0, 0.01, 0.1)), "lower", "optimizer.weight_decay", None),
        (
            Choice(values=(0.0, 0.01, 0.1)),
            "upper",
            "optimizer.weight_decay",
            "choice(0.0,0.01,0.1,1.0)",
        ),
        (Choice(values=(0.0, 0.1)), "upper", "optimizer.weight_decay", "choice(0.0,0.1,0.2)"),
        (Choice(values=(0.01, 0.1)), "lower", "optimizer.weight_decay", "choice(0.001,0.01,0.1)"),
        (Choice(values=(0.98, 0.999)), "upper", "optimizer.beta_2", "choice(0.98,0.999,0.9995)"),
    ],
)
def test_how_a_bound_moves_and_where_it_cannot(domain, side, key, expected):
    bounds = domain.values if isinstance(domain, Choice) else (domain.low, domain.high)
    value = min(bounds) if side == "lower" else max(bounds)
    moved = widened(domain, side, value, key)
    assert (None if moved is None else expression(moved)) == expected
    if moved is not None:
        assert read_domain(expression(moved), "test") == moved


def test_the_limits_are_those_that_are_checked():
    kinds = [
        ("model", ModelSettings), ("data", DataSettings), ("training", TrainingSettings),
        *((kind.group, kind) for kind in optimizers.REGISTRY.bundled()),
        *((kind.group, kind) for kind in schedules.REGISTRY.bundled()),
    ]  # fmt: skip
    checked = {
        f"{group}.{item.name}": item.bounds.admits
        for group, kind in kinds
        for item in declared(kind)
        if item.bounds is not None
    }
    for key, limit in LIMITS.items():
        if limit is UNMOVABLE or key == "model.max_length":
            continue
        for bound, is_open in ((limit.low, limit.open_low), (limit.high, limit.open_high)):
            if math.isfinite(bound):
                assert checked[key](bound) is not is_open, key
        assert not checked[key](limit.low - 0.1), key
        if math.isfinite(limit.high):
            assert not checked[key](limit.high + 0.1), key


@given(DOMAINS, st.sampled_from(["lower", "upper"]), KEYS)
def test_a_moved_bound_holds_all_that_it_held_and_is_read_back(domain, side, key):
    if isinstance(domain, Choice) and (len(domain.values) == 1 or None in domain.values):
        return
    bounds = sorted(domain.values) if isinstance(domain, Choice) else (domain.low, domain.high)
    moved = widened(domain, side, bounds[0] if side == "lower" else bounds[-1], key)
    if moved is not None:
        assert all(contains(moved, bound) for bound in bounds)
        assert read_domain(expression(moved), "test") == moved
