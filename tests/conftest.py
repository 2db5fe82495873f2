"""What several test modules share."""

import shutil

import pytest


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
