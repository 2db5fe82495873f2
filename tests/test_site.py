"""The documentation site: what its strict build cannot see."""

import re
from pathlib import Path

import pytest

import tuner

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("name", sorted({*tuner.__all__} - {"__version__"}))
def test_a_public_name_is_on_the_api_page_and_has_a_docstring(name):
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    assert re.search(rf"(?m)^\.\. auto\w+:: {name}\b", page)
    assert getattr(tuner, name).__doc__
