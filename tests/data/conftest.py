import pytest

from tests.tiny_checkpoints import write_checkpoint
from tuner.settings.settings import ModelSettings


@pytest.fixture(scope="session")
def encodings(tmp_path_factory):
    """Comparisons with transformers, which take seconds each."""
    return tmp_path_factory.mktemp("encodings")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch, encodings):
    """Each test has a cache of its own, where all find what was compared."""
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "encodings").symlink_to(encodings)
    monkeypatch.setenv("TUNER_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("bert"), "bert")


@pytest.fixture
def model(checkpoint):
    return ModelSettings(checkpoint=str(checkpoint), max_length=32)
