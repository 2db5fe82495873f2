"""Models in MLflow that a better one of their study replaced."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from tuner.checkpoints.content import file_hash
from tuner.cleaning.leftover import Leftover, measure
from tuner.files.model_folder import WEIGHTS
from tuner.files.sqlite_address import sqlite_path
from tuner.tracking import tracking_uri
from tuner.tracking.address import check_reachable
from tuner.tracking.messages import one_line
from tuner.trial.folder import StudyFolder
from tuner.trial.kept_model import model_note
from tuner.trial.study_identity import StudyIdentity

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel


class ModelStore:
    """Logged models of an MLflow store, which is opened when needed and never created."""

    def __init__(self, uri: str | None) -> None:
        """Keep the address; nothing is opened yet.

        Args:
            uri: `tracking.uri`.
        """
        self._uri = tracking_uri(uri)
        self._opened: MlflowClient | None = None

    def superseded(self, folder: StudyFolder, study: StudyIdentity) -> Iterator[Leftover]:
        """Yield the models of a study that its best one replaced, except registered ones.

        Nothing is yielded unless the model of the study's best trial is both here and in MLflow.

        Args:
            folder: Files of the study.
            study: Identity of the study.

        Raises:
            Exception: MLflow cannot be read.
        """
        weights = folder.best_model / WEIGHTS
        if not (self._exists() and weights.is_file() and folder.best.is_file()):
            return
        if model_note(folder) is not None:
            return
        from tuner.tracking.publishing import logged_models  # noqa: PLC0415  (seconds)

        client = self._client
        experiment = client.get_experiment_by_name(study.name)
        if experiment is None or experiment.lifecycle_stage != "active":
            return
        known = logged_models.logged_models(client, experiment.experiment_id, study)
        digest = file_hash(weights)
        current = next((m for m in known if m.tags[logged_models.KEY] == digest), None)
        if current is None or current.status != logged_models.READY:
            return
        for model in logged_models.superseded(known, current):
            if not logged_models.is_registered(client, model):
                yield _leftover(model)

    def remove(self, model_id: str) -> str:
        """Remove a logged model and its files; return why that failed, or an empty text."""
        from tuner.tracking.publishing import logged_models  # noqa: PLC0415

        try:
            model = self._client.get_logged_model(model_id)
            removed = logged_models.remove(self._client, [model])
        except Exception as error:
            return one_line(error)
        return "" if removed else "MLflow cannot remove it, or it was registered meanwhile"

    @property
    def _client(self) -> "MlflowClient":
        if self._opened is None:
            os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
            import mlflow  # noqa: PLC0415

            mlflow.set_tracking_uri(self._uri)
            self._opened = mlflow.MlflowClient(self._uri)
        return self._opened

    def _exists(self) -> bool:
        file = sqlite_path(self._uri)
        return file.is_file() if file is not None else check_reachable(self._uri)


def _leftover(model: "LoggedModel") -> Leftover:
    place = _local(model.artifact_location)
    size, used = measure(place) if place is not None else (0, 0.0)
    return Leftover(
        kind="models",
        description="superseded models in MLflow",
        path=place or Path(model.artifact_location),
        root=place or Path(model.artifact_location),
        size=size,
        used=used or model.creation_timestamp / 1000,
        model_id=model.model_id,
    )


def _local(address: str) -> Path | None:
    """Return the folder of an address on this machine; None for one elsewhere."""
    parts = urlsplit(address)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(address) if not parts.scheme else None
