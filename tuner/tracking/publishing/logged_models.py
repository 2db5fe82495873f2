"""The models that a study logged to MLflow, and removal of the superseded ones."""

from collections.abc import Iterable, Sequence
from contextlib import suppress

from mlflow import MlflowClient
from mlflow.entities import LoggedModel
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from tuner.trial.study_identity import STUDY_ID, StudyIdentity

NAME = "best_model"
"""Name of every logged model, and of the folder that holds it in a study."""

KEY = "weights_sha256"
"""Tag that identifies a logged model, so that none is logged twice."""

READY = "READY"
"""Status of a logged model whose files have arrived."""

UPLOAD_SECONDS = 3600.0
"""Seconds for which a logged model without its files is left to the process that uploads it."""


def logged_models(
    client: MlflowClient, experiment: str, study: StudyIdentity
) -> list[LoggedModel]:
    """Return all models that a study logged; another study may use the same experiment.

    Args:
        client: Client of the tracking store.
        experiment: MLflow's id of the experiment.
        study: Identity of the study.
    """
    own = {study.id} | ({None} if study.has_unmarked_runs else set())
    found: list[LoggedModel] = []
    token: str | None = None
    while token is None or token:
        page = client.search_logged_models([experiment], f"name = '{NAME}'", page_token=token)
        found += page
        token = page.token or ""
    return [each for each in found if KEY in each.tags and each.tags.get(STUDY_ID) in own]


def superseded(models: Iterable[LoggedModel], current: LoggedModel) -> list[LoggedModel]:
    """Return the models that the study's best one replaces.

    Args:
        models: Models of one study, as they were before the current one was logged.
        current: Best model of the study; it is never returned.
    """
    sent_at = current.creation_timestamp
    return [
        each
        for each in models
        if each.model_id != current.model_id
        and (each.status == READY or sent_at - each.creation_timestamp > 1000 * UPLOAD_SECONDS)
    ]


def is_registered(client: MlflowClient, model: LoggedModel) -> bool:
    """Return True if a registered model has a version made from this model."""
    sources = {f"models:/{model.model_id}", model.artifact_location}
    found = [
        version
        for source in sorted(sources)
        for version in client.search_model_versions(f"source_path = '{source}'")
    ]
    return bool(found)


def remove(client: MlflowClient, models: Sequence[LoggedModel]) -> list[LoggedModel]:
    """Remove logged models and their files, except registered ones.

    The files go first, so that an interrupted removal is found and finished by the next one.
    Models that cannot be removed are left, and `tuner clean` lists them.

    Args:
        client: Client of the tracking store, which is also the process's own.
        models: Models to remove.

    Returns:
        The removed models.
    """
    removed = []
    for model in models:
        with suppress(MlflowException, OSError):
            if is_registered(client, model):
                continue
            get_artifact_repository(model.artifact_location).delete_artifacts()  # type: ignore[no-untyped-call]
            client.delete_logged_model(model.model_id)
            removed.append(model)
    return removed
