"""Every key of the reference with values that nobody expects: accepted, or refused by us."""

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.data.test_mutated_files import MORE
from tuner.config import check_space, compose_sweep
from tuner.errors import InputError
from tuner.study.strategies import build_pruner, build_sampler

REFERENCE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
VALUES = (
    "-1", "0", "1e300", "-1e300", "nan", "inf", "9223372036854775808", "-0.0", "1e-300", "0.5",
    "null", "true", "abc", "''", "[]", "{}", "[1]", "{a:1}", "../x", "'%s{}[b]'", "/dev/null",
    "'a b'", "\u00e9", "q" * 300, "choice(1,abc)", "interval(0,1e300)", "interval(-1,nan)",
)  # fmt: skip
FOREIGN = ("report.", "export.", "predict.", "clean.")
"""Keys of other commands."""


def keys():
    """Each key with the option that it belongs to, or nothing."""
    option = ""
    for line in REFERENCE.splitlines():
        if line.startswith("## "):
            option = ""
        elif found := re.match(r"### (\w+=\w+)", line):
            option = found[1]
        elif (found := re.match(r"\| `([\w.]+)` \|", line)) and not found[1].startswith(FOREIGN):
            yield option, found[1]


KEYS = [(option, key) for option, key in keys() if option != "sampler=gp"]


def test_the_reference_names_the_keys():
    assert len(KEYS) > 150
    assert ("sampler=cmaes", "sampler.popsize") in KEYS


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    return tmp_path_factory.mktemp("here")


@settings(max_examples=60 * MORE, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.sampled_from(KEYS), value=st.sampled_from(VALUES))
def test_a_key_with_any_value_is_accepted_or_refused(chosen, value, here):
    option, key = chosen
    words = ["sweep=lr_search", *filter(None, [option]), f"{key}={value}"]
    with suppress(InputError):
        composed = compose_sweep(words, here)
        build_sampler(composed.agent.sampler, opened=0)
        check_space(composed)
        build_pruner(composed.agent.pruner, composed.goals)
