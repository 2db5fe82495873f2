"""No message shows None, True, a tuple, a list or a dict of Python's."""

import pytest

from tuner.formatting.value_text import value_text


def test_what_is_nested_too_deep_is_left_out():
    deep = []
    for _ in range(5000):
        deep = [deep]
    assert "…" in value_text(deep)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        ("it's", '"it\'s"'),
        ("", "''"),
        (1.5, "1.5"),
        ((1, None), "[1, null]"),
        (["adamw", "a b", "null", False], "[adamw, 'a b', 'null', false]"),
        ({"a": None, "b": [{"c": True}]}, "{a: null, b: [{c: true}]}"),
    ],
)
def test_values_are_as_a_configuration_writes_them(value, text):
    assert value_text(value) == text
