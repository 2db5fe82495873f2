import pytest

from tests.checkpoints import write_checkpoint
from tuner.core.settings import ModelSettings


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Each test has a cache of its own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("TUNER_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("bert"), "bert")


@pytest.fixture
def model(checkpoint):
    return ModelSettings(checkpoint=str(checkpoint), max_length=32)
