"""Publishing process: draws the plots of a study and sends them and the best model to MLflow.

Standard input holds a `Request` as JSON. If a model is registered, the last line of standard
output says as what. If something fails, the last line of standard error says what, and the exit
code is 1.
"""

import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import mlflow
import optuna

from tuner.processes.crash_report import guarded
from tuner.study.reader import open_stored
from tuner.tracking.connection import Connection
from tuner.tracking.messages import one_line
from tuner.tracking.publishing.model import log_model
from tuner.tracking.publishing.plots import draw
from tuner.tracking.publishing.request import PLOTS, Request
from tuner.trial.folder import StudyFolder
from tuner.trial.serialization import from_json


def main() -> int:
    """Process one request and return the exit code."""
    request_json = sys.stdin.read()
    if not request_json:
        return 0
    request = from_json(Request, request_json)
    failures: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if request.draw:
            _run_action("the plots", failures, lambda: _draw(request))
        _run_action("MLflow", failures, lambda: _send(request))
    if failures:
        print("; ".join(failures), file=sys.stderr)  # noqa: T201
    return 1 if failures else 0


class NothingToPublishError(Exception):
    """The study, its run or its model is missing; the message is for users."""


def _run_action(what: str, failures: list[str], action: Callable[[], None]) -> None:
    """Run an action and collect its error, so that the next one still runs."""
    try:
        action()
    except NothingToPublishError as error:
        failures.append(f"{what}: {error}")
    except Exception as error:
        failures.append(f"{what}: {type(error).__name__}: {one_line(error)}")


def _draw(request: Request) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = open_stored(request.storage)
    if storage is None:
        raise NothingToPublishError("the study does not exist")
    study = optuna.load_study(study_name=request.study.name, storage=storage)
    draw(study, request.objectives, request.plots)


def _send(request: Request) -> None:
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    for noisy in ("alembic", "mlflow"):  # We report MLflow's messages in one line.
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    mlflow.set_tracking_uri(request.tracking)  # Registration looks up the model's source there.
    client = mlflow.MlflowClient()
    runs = Connection(request.tracking, request.study)
    found = runs.find_sweep()
    if found is None:
        raise NothingToPublishError("the sweep's run does not exist yet")
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
    sweep = client.get_run(found)
    for file in sorted(request.plots.glob("[!.]*")) if request.draw else ():
        client.log_artifact(sweep.info.run_id, str(file), PLOTS)
    folder = StudyFolder(Path(request.folder).parent, request.study.name).best_model
    if request.log_model and folder.is_dir():
        print(log_model(client, runs, sweep, folder, request.register), flush=True)  # noqa: T201
    elif request.log_model and request.register is not None:
        raise NothingToPublishError(
            f"'{request.register}' was not registered, since the study has no model"
        )


if __name__ == "__main__":
    # So that partial files are removed; an agent in a Slurm job has the signal blocked.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(guarded(main))
