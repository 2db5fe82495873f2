"""A user without a home, as a container's may be."""

import pytest

from tuner.checkpoints.content import cache_root
from tuner.files.exclusive import exclusive
from tuner.files.home import expanded


@pytest.fixture
def homeless(monkeypatch):
    """No HOME, and a user id that the system does not know."""
    for name in ("HOME", "TUNER_CACHE", "XDG_CACHE_HOME", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 3_999_999)


def test_the_cache_is_in_the_temporary_folder(homeless):
    assert cache_root().is_absolute()
    assert "3999999" in str(cache_root())


def test_a_store_is_locked(homeless):
    with exclusive("a store", 1.0):
        pass


def test_the_home_of_a_user_that_does_not_exist_is_left_as_it_is():
    assert str(expanded("~nobody-of-this-name/x")) == "~nobody-of-this-name/x"
