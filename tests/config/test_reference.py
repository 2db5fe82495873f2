import dataclasses
from pathlib import Path

import pytest

from tuner.config.reference import COMMAND, page, read_option, shown
from tuner.config.schema import CLOSED, OPEN_GROUPS
from tuner.fields.declared import descriptions

ROOT = Path(__file__).parents[2]
OPTIONS = sorted(path for group in OPEN_GROUPS for path in (ROOT / "conf" / group).glob("*.yaml"))


def test_the_page_is_not_stale():
    written = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert written == page(), f"docs/configuration.md is stale; {COMMAND}"


@pytest.mark.parametrize("kind", CLOSED.values(), ids=CLOSED)
def test_every_key_of_a_settings_class_is_explained(kind):
    assert list(descriptions(kind)) == [item.name for item in dataclasses.fields(kind)]
    assert all(descriptions(kind).values())


@pytest.mark.parametrize("path", OPTIONS, ids=lambda path: f"{path.parent.name}={path.stem}")
def test_every_key_of_an_open_option_is_explained(path):
    head, fields, _ = read_option(path.read_text(encoding="utf-8"))
    assert head
    assert [key for key, _, note in fields if not note and key != "name"] == []


def test_an_option_is_read_as_people_do():
    text = "# What\n# it is.\nname: x\nrate: 1e-3  # the peak; #1\n\n# Why.\nbroken\n# So.\n"
    assert read_option(text) == (
        "What it is.", [("name", "x", ""), ("rate", "1e-3", "the peak; #1")], "Why. So.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "`null`"),
        (True, "`true`"),
        (0.5, "`0.5`"),
        (["a", "b"], "`[a, b]`"),
        ({"a": "b"}, "`{a: b}`"),
        ("???", "*required*"),
    ],
)
def test_values_are_shown_as_yaml_has_them(value, text):
    assert shown(value) == text
