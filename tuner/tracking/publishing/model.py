"""The best model so far as an MLflow model, which predicts from raw text."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelOutput, Run
from mlflow.models import Model, ModelSignature
from mlflow.pyfunc import save_model
from mlflow.types import ColSpec, DataType, Schema, TensorSpec
from mlflow.types.schema import AnyType, Array, Map, Object, Property

import tuner
from tuner import tasks
from tuner.checkpoints.content import file_hash
from tuner.checkpoints.saved import read_inputs, read_task
from tuner.checkpoints.text_columns import TextColumns
from tuner.confirmation import CONFIRMS
from tuner.files.exclusive import exclusive
from tuner.files.model_folder import copy_complete
from tuner.installation.distribution import requirements
from tuner.tasks import Form, Task
from tuner.tracking.connection import Connection
from tuner.tracking.publishing.logged_models import KEY, NAME, logged_models, remove, superseded
from tuner.tracking.publishing.registration import register
from tuner.tracking.runs import CONFIRM, number_tag, study_tags
from tuner.trial.folder import StudyFolder
from tuner.trial.kept_model import model_note
from tuner.trial.model_identity import models_text, published_members

EXAMPLE = {
    "text": "The film is short, warm and never dull.",
    "text_pair": "One would like to see it again.",
}
"""Column to its value in the input example."""

CHOICES = ["One would like to see it again.", "It is much too long."]
"""Choices of the same."""

LOCK_SECONDS = 300.0

_COPY = ".model-"
_PACKAGE = Path(tuner.__file__).parent
_SERVED = _PACKAGE / "training" / "served.py"


def log_model(
    client: MlflowClient, runs: Connection, sweep: Run, folder: Path, name: str | None
) -> str:
    """Log the best model, unless it is logged already, and remove those that it supersedes.

    Args:
        client: Client of the tracking store.
        runs: Connection to the study's runs.
        sweep: Run of the sweep.
        folder: Folder best_model/ of the study.
        name: Name to register it under; None to register nothing.

    Returns:
        Description of the registration; empty if there is none.
    """
    # Another agent may publish the same model at the same time.
    with exclusive(f"{folder.absolute()} published", LOCK_SECONDS), _copied(folder) as files:
        place, copy = files
        best: Mapping[str, Any] = yaml.safe_load((copy / "best.yaml").read_text(encoding="utf-8"))
        weights = file_hash(copy / "model.safetensors")
        known = logged_models(client, sweep.info.experiment_id, runs.study)
        model = next((each for each in known if each.tags[KEY] == weights), None)
        model = model or _made(client, runs, sweep, weights, best)
        if model.status != "READY":
            packed = place / "packed"
            inputs = read_inputs(copy)
            data = best["data"]
            text = inputs.text if inputs else data.get("text", "text")
            pair = inputs.text_pair if inputs else data["text_pair"]
            choices = inputs.choices if inputs else None
            _pack(packed, copy, TextColumns.of(text, pair, choices), model)
            client.log_model_artifacts(model.model_id, str(packed))
            client.finalize_logged_model(model.model_id, "READY")
    registered = register(client, model, name, runs.shown) if name is not None else ""
    study = StudyFolder(folder.parent.parent, folder.parent.name)
    # Otherwise another machine may have sent a better one.
    if study.best.is_file() and model_note(study) is None:
        remove(client, superseded(known, model))
    return registered


@contextmanager
def _copied(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Copy a model, so that it stays unchanged while the sweep replaces the folder."""
    for left in folder.parent.glob(f"{_COPY}*"):  # Left by a killed process.
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=_COPY) as made:
        place, copy = Path(made), Path(made) / "model"
        copy_complete(folder, copy)
        yield place, copy


def _made(
    client: MlflowClient, runs: Connection, sweep: Run, weights: str, best: Mapping[str, Any]
) -> LoggedModel:
    """Create a logged model without files, linked to its training run and to the sweep's run."""
    provenance = best["provenance"]
    members = published_members(provenance)
    source = _source(runs, best)
    model = client.create_logged_model(
        sweep.info.experiment_id,
        name=NAME,
        source_run_id=source.info.run_id,
        params=dict(source.data.params),
        tags={
            KEY: weights,
            **study_tags(runs.study),
            "trial_number": str(provenance["trial"]),
            **({"soup_members": models_text(members)} if members else {}),
        },
        model_type=_model_type(best),
    )
    for run in {source.info.run_id, sweep.info.run_id}:
        client.log_outputs(run, [LoggedModelOutput(model.model_id, step=0)])
    return model


def _model_type(best: Mapping[str, Any]) -> str:
    """Kind of the model, as the hub names it, by its best.yaml, which once had no task."""
    kind = tasks.find(best["task"]["name"]) if "task" in best else tasks.Classification
    one_output = kind.head is tasks.HeadKind.SEQUENCE
    return "text-classification" if one_output else kind.name.replace("_", "-")


def _source(runs: Connection, best: Mapping[str, Any]) -> Run:
    """Return the run that trained a model: the repeat with its seed, or else the trial."""
    number, attempt = str(best["provenance"]["trial"]), str(best["provenance"]["attempt"])
    seed = str(best["training"]["seed"])
    wanted = (
        {"role": CONFIRM, CONFIRMS: number, "seed": seed, "trial_state": "complete"},
        {"role": "trial", number_tag("trial"): number, "attempt": attempt},
    )
    for tags in wanted:
        found = runs.runs_of(runs.study.id, tags)
        if found:
            return found[0]
    raise LookupError("the run of the best trial does not exist yet")


def _pack(packed: Path, folder: Path, fed: TextColumns, model: LoggedModel) -> None:
    """Write MLflow's folder of the model: weights, our code, signature, example, versions."""
    task, _ = read_task(folder)
    text, pair = fed.text[0], fed.text_pair[0] if fed.text_pair else None
    example: dict[Any, list[Any]] = {text: [EXAMPLE["text"]]}
    if pair is not None:
        example[pair] = [EXAMPLE["text_pair"]]
    example |= {name: [CHOICES] if name in fed.listed else [CHOICES[0]] for name in fed.choices}
    save_model(
        path=str(packed),
        python_model=str(_SERVED),
        artifacts={"model": str(folder)},
        code_paths=[str(_PACKAGE)],
        signature=ModelSignature(
            inputs=input_schema(fed, task.form), outputs=Schema(_outputs(task))
        ),
        input_example=pd.DataFrame(example),
        model_config={"text": text, "text_pair": pair, "choices": list(fed.choices) or None},
        pip_requirements=_requirements(task),
        mlflow_model=Model(
            artifact_path=model.artifact_location,
            run_id=model.source_run_id,
            model_uuid=model.model_id,
            model_id=model.model_id,
        ),
    )
    for compiled in packed.rglob("__pycache__"):
        shutil.rmtree(compiled)


def input_schema(fed: TextColumns, form: Form) -> Schema:
    """Return the columns that a model takes, with their types.

    No column is required, since names differ; the model itself checks for them.

    Args:
        fed: The columns.
        form: Form of the texts; a column with texts or lists of words has MLflow's type of any
            value.
    """
    types: dict[Any, Any] = dict.fromkeys(fed.names, DataType.string)
    types |= dict.fromkeys(fed.listed, Array(DataType.string))
    if form.first_is_list:
        types |= dict.fromkeys(fed.text, AnyType())  # type: ignore[no-untyped-call]
    return Schema([ColSpec(kind, name, required=False) for name, kind in types.items()])


def _requirements(task: Task) -> list[str]:
    """Return the requirements of our package and the task's own in the installed versions."""
    package = tasks.REGISTRY.to_record(task).get("package")
    names = [*(each.name for each in requirements()), *filter(None, [package])]
    return [f"{name}=={version(name)}" for name in names]


_TYPES = {str: DataType.string, float: DataType.double, int: DataType.long}


def _outputs(task: Task) -> list[ColSpec | TensorSpec]:
    """Columns of predictions, see `Task.predicts`."""
    return [ColSpec(_mlflow_type(kind), name) for name, kind in task.predicts.items()]


def _mlflow_type(kind: Any) -> DataType | Array | Map | Object:
    """The type that MLflow has for a type of `Task.predicts`."""
    if isinstance(kind, list):
        return Array(_mlflow_type(kind[0]))
    if isinstance(kind, dict):
        if str in kind:
            return Map(_mlflow_type(kind[str]))
        return Object([Property(name, _mlflow_type(each)) for name, each in kind.items()])
    return _TYPES[kind]
