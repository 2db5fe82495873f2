"""Short names of searched keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.search.short_names import short_names


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        (["optimizer.learning_rate", "schedule"], ["learning_rate", "schedule"]),
        (["optimizer.name", "schedule.name"], ["optimizer.name", "schedule.name"]),
        (["a.b.rate", "a.c.rate", "rate"], ["b.rate", "c.rate", "rate"]),
        (["rate", "a.rate"], ["rate", "a.rate"]),
        (["b.rate", "a.b.rate", "warmup_rate"], ["b.rate", "a.b.rate", "warmup_rate"]),
        ([], []),
    ],
)
def test_a_name_is_the_last_part_that_tells_a_key_from_the_others(keys, names):
    assert list(short_names(keys).values()) == names


part = st.sampled_from(["a", "b", "rate", "name"])
key = st.lists(part, min_size=1, max_size=4).map(".".join)


@given(st.lists(key, unique=True, max_size=6))
def test_a_name_is_of_one_key_alone(keys):
    names = short_names(keys)
    assert list(names) == keys
    assert len(set(names.values())) == len(keys)
    for each, name in names.items():
        assert each == name or each.endswith(f".{name}")
        ends_so = [other for other in keys if other == name or other.endswith(f".{name}")]
        assert name == each or ends_so == [each]
