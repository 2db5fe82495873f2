import pytest

from tuner.settings.settings import StorageSettings
from tuner.settings.storage import is_consistent, is_server, kind, with_driver


@pytest.mark.parametrize(
    ("name", "url", "expected", "server"),
    [
        ("sqlite", None, "sqlite", False),
        ("sqlite", "sqlite:////x.db", "sqlite", False),
        ("sqlite", "postgresql://h/d", "postgresql", True),
        ("sqlite", "postgres://h/d", "postgresql", True),
        ("sqlite", "mysql+pymysql://h/d", "mysql", True),
        ("journal", None, "journal", False),
        ("sqlite", "journal:////x", "journal", False),
        ("postgresql", "postgresql+psycopg2://h/d", "postgresql", True),
        ("sqlite", "nonsense", "nonsense", False),
    ],
)
def test_what_an_address_says(name, url, expected, server):
    storage = StorageSettings(name=name, url=url)
    assert kind(storage) == expected
    assert is_server(storage) is server
    assert is_consistent(storage)


@pytest.mark.parametrize(
    ("name", "url"),
    [("postgresql", None), ("postgresql", "sqlite:///x"), ("journal", "postgresql://h/d")],
)
def test_an_address_of_the_kind_that_was_chosen_is_needed(name, url):
    assert not is_consistent(StorageSettings(name=name, url=url))


def test_postgresql_has_our_driver_unless_another_is_named():
    assert with_driver("postgresql://me@h/d") == "postgresql+psycopg://me@h/d"
    assert with_driver("postgresql+asyncpg://h/d") == "postgresql+asyncpg://h/d"
    assert with_driver("mysql://h/d") == "mysql://h/d"
