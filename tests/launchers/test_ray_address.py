"""Choice of the Ray cluster: setting, environment, running cluster, this machine alone."""

import pytest

from tuner.launchers.ray_address import RayAddress, Source, choose

RUNNING = "10.0.0.1:6379"
NAMED = "10.0.0.2:6379"


def found(address):
    return lambda: address


@pytest.mark.parametrize(
    ("setting", "variable", "running", "address", "source"),
    [
        ("auto", None, None, "local", Source.SEARCH),
        ("auto", "", None, "local", Source.SEARCH),
        ("auto", None, RUNNING, RUNNING, Source.SEARCH),
        ("auto", NAMED, RUNNING, NAMED, Source.VARIABLE),
        ("auto", "auto", RUNNING, RUNNING, Source.SEARCH),
        ("auto", "local", RUNNING, "local", Source.VARIABLE),
        (NAMED, "10.0.0.3:6379", RUNNING, NAMED, Source.SETTING),
        ("local", NAMED, RUNNING, "local", Source.SETTING),
        (None, None, RUNNING, "local", Source.SETTING),
        (None, NAMED, RUNNING, NAMED, Source.VARIABLE),
        (None, "auto", None, "local", Source.SEARCH),
    ],
)
def test_the_first_address_that_there_is_wins(setting, variable, running, address, source):
    assert choose(setting, variable, found(running)) == RayAddress(address=address, source=source)


def test_a_cluster_is_looked_for_only_where_it_decides():
    def never():
        raise AssertionError("looked for a cluster")

    assert choose(NAMED, None, never).address == NAMED
    assert choose(None, None, never).is_local


@pytest.mark.parametrize(
    ("source", "where"),
    [
        (Source.SETTING, f"launcher.address={NAMED}"),
        (Source.VARIABLE, f"RAY_ADDRESS={NAMED}"),
        (Source.SEARCH, f"launcher.address=auto, which found {NAMED}"),
    ],
)
def test_a_refused_address_names_where_it_came_from(source, where):
    assert RayAddress(address=NAMED, source=source).where == where
