"""Fixtures of several test modules."""

import itertools
import shutil
import signal
import sys

import pytest
from hypothesis import HealthCheck, settings

# A loaded machine is no error, and what fails once has to fail again.
settings.register_profile(
    "tuner", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tuner")

# Whoever starts the tests may ignore hangups, as nohup does; tests send them.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def no_address_is_left():
    """End the tracking address, also of the environment, that a test gave MLflow."""
    yield
    if mlflow := sys.modules.get("mlflow"):
        mlflow.set_tracking_uri(None)


@pytest.fixture
def machines(monkeypatch):
    """Each study is opened on a machine of its own."""
    from tuner.study.owner import identity

    count = itertools.count()
    monkeypatch.setattr(
        "tuner.study.study.identity", lambda: identity() | {"machine": str(next(count))}
    )


@pytest.fixture
def bench(tmp_path, mlflow_uri):
    """One folder in which a sweep is run."""
    from tests.bench import Bench

    return Bench(tmp_path / "outputs", mlflow_uri)


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory):
    """A fresh MLflow store; making one takes seconds, copying it nothing."""
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def mlflow_uri(empty_mlflow, tmp_path):
    """URI of an MLflow store of the test's own."""
    path = tmp_path / "mlflow.db"
    shutil.copy(empty_mlflow, path)
    return f"sqlite:///{path}"
