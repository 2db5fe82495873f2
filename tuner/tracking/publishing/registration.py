"""Registration of a logged model in MLflow's model registry."""

from mlflow import MlflowClient
from mlflow.entities import LoggedModel
from mlflow.exceptions import MlflowException

from tuner.secrets import hidden


def register(client: MlflowClient, model: LoggedModel, name: str, tracking: str) -> str:
    """Register a model, unless this name has a version of it already.

    Args:
        client: Client of the tracking store.
        model: Logged model.
        name: Name in the registry.
        tracking: MLflow's tracking URI.

    Returns:
        Description of the registration, with the model's address.
    """
    source = f"models:/{model.model_id}"
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    known = client.search_model_versions(f"name = '{name}'")
    found = next((each for each in known if each.source == source), None)
    verb = "registered" if found is None else "registered already"
    version = found or client.create_model_version(
        name, source, run_id=model.source_run_id, model_id=model.model_id
    )
    place = hidden(tracking)
    page = f"{place.rstrip('/')}/#/models/{name}/versions/{version.version}"
    where = page if place.startswith(("http://", "https://")) else place
    return (
        f"best model {verb} as '{name}', version {version.version}: "
        f"models:/{name}/{version.version} ({where})"
    )
