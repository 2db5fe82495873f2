"""The MLflow adapter: one run for the sweep, one for each trial attempt, written by one thread.

The thread keeps training free of the tracking store's pace: what happens is queued as it happens
and written in order. Names of metrics, parameters and tags are those that users filter by.
"""

import logging
import math
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.core.settings import TrackingSettings
from tuner.core.trial import Report, TrialOutcome, TrialSpec, TrialState
from tuner.errors import TunerError
from tuner.exclusive import exclusive

if TYPE_CHECKING:
    from mlflow import MlflowClient

RUN_STATUS = {
    TrialState.COMPLETE: "FINISHED",
    TrialState.PRUNED: "KILLED",
    TrialState.INTERRUPTED: "KILLED",
    TrialState.INFEASIBLE: "FAILED",
    TrialState.FAILED: "FAILED",
    TrialState.RETRIED: "FAILED",
}
KNOCK_SECONDS = 5.0
PARAM_LENGTH = 6000
TAG_LENGTH = 5000

_MEASURED = (
    "train_loss", "train_loss_std", "train_loss_max", "learning_rate", "grad_norm",
    "weight_change", "skipped_updates", "val_loss",
    "majority_share", "examples_per_second", "padding_fraction", "peak_memory_bytes",
)  # fmt: skip


class Tracker:
    """Writes one study's runs to MLflow; every method but `open` and `close` returns at once."""

    def __init__(self, settings: TrackingSettings, study: str) -> None:
        """Connects to nothing yet.

        Args:
            settings: Group `tracking`.
            study: Name of the study, and of the experiment.
        """
        self._settings = settings
        self._study = study
        self._queue: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="tracking", daemon=True)
        self._runs: dict[int, str] = {}
        self._sweep_run: str | None = None
        self._client: MlflowClient
        self._experiment: str
        self._error: Exception | None = None
        self.uri = ""

    # -- life ---------------------------------------------------------------------------------

    def open(self) -> None:
        """Connects, and makes store and experiment where they are missing. Takes seconds.

        Raises:
            TunerError: The tracking store can not be reached or written.
        """
        import mlflow  # noqa: PLC0415  (seconds: only where runs are written)

        for noisy in ("alembic", "mlflow"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        self.uri = self._settings.uri or mlflow.get_tracking_uri()
        try:
            _knock(self.uri)
            with exclusive(f"{Path.cwd()} {self.uri}"):
                self._connect()
        except Exception as error:
            raise TunerError(
                f"MLflow's tracking store can not be used: {_one_line(error)}\n"
                f"  where: {self.uri} (tracking.uri or MLFLOW_TRACKING_URI)\n"
                "  try:   start the server, or name another store"
            ) from error
        self._thread.start()

    def _connect(self) -> None:
        import mlflow  # noqa: PLC0415

        self._client = mlflow.MlflowClient(self.uri)
        found = self._client.get_experiment_by_name(self._study)
        self._experiment = (
            found.experiment_id
            if found is not None and found.lifecycle_stage == "active"
            else self._client.create_experiment(self._study)
        )
        # Else MLflow opens the page for generative AI, without training's columns and charts.
        self._client.set_experiment_tag(
            self._experiment, "mlflow.experimentKind", "custom_model_development"
        )

    def close(self) -> str:
        """Writes what is queued and ends the thread.

        Returns:
            What to tell when something could not be written; else an empty string.
        """
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
        if self._error is None:
            return ""
        return f"MLflow did not take everything: {_one_line(self._error)} ({self.uri})"

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            try:
                job()
            except Exception as error:
                self._error = self._error or error

    # -- the sweep's own run --------------------------------------------------------------------

    def sweep_started(self, params: Mapping[str, str], artifacts: Mapping[str, str]) -> None:
        """Makes the sweep's run, or goes on with the one that an earlier start made.

        Args:
            params: What the whole sweep has in common.
            artifacts: File name to text.
        """

        def job() -> None:
            found = self._client.search_runs(
                [self._experiment], f"tags.role = 'sweep' and tags.study = '{self._study}'"
            )
            if found:
                self._sweep_run = found[0].info.run_id
                self._client.update_run(self._sweep_run, status="RUNNING")
                return
            run = self._client.create_run(
                self._experiment,
                tags={"role": "sweep", "study": self._study},
                run_name=self._study,
            )
            self._sweep_run = run.info.run_id
            self._write(self._sweep_run, params=params)
            for name, text in artifacts.items():
                self._client.log_text(self._sweep_run, text, name)

        self._queue.put(job)

    def sweep_finished(
        self, metrics: Mapping[str, float], description: str, files: Iterable[Path], status: str
    ) -> None:
        """Ends the sweep's run with its figures and the reading of them.

        Args:
            metrics: By name.
            description: In Markdown; the run shows its beginning, `reading.md` all of it.
            files: Logged beside it.
            status: MLflow's, as `FINISHED`.
        """

        def job() -> None:
            if self._sweep_run is None:
                return
            self._write(
                self._sweep_run, metrics=metrics, tags={"mlflow.note.content": description}
            )
            self._client.log_text(self._sweep_run, description, "reading.md")
            for file in files:
                self._client.log_artifact(self._sweep_run, str(file))
            self._client.set_terminated(self._sweep_run, status)

        self._queue.put(job)

    # -- trials ---------------------------------------------------------------------------------

    def abandon(self, numbers: Iterable[int]) -> None:
        """Marks the runs of trials whose agent died as interrupted."""
        wanted = {str(number) for number in numbers}

        def job() -> None:
            runs = self._client.search_runs(
                [self._experiment],
                "tags.role = 'trial' and attributes.status = 'RUNNING' "
                f"and tags.study = '{self._study}'",
            )
            for run in runs:
                if run.data.tags.get("trial_number") in wanted:
                    self._client.set_tag(
                        run.info.run_id, "trial_state", TrialState.INTERRUPTED.value
                    )
                    self._client.set_terminated(run.info.run_id, "KILLED")

        if wanted:
            self._queue.put(job)

    def trial_started(self, spec: TrialSpec, role: str, config: str) -> None:
        """Makes the attempt's run.

        Args:
            spec: The trial.
            role: `trial`, or `train` for a single fine-tune.
            config: The composed configuration as YAML.
        """

        def job() -> None:
            tags = {"role": role, "study": self._study, "trial_number": str(spec.number)}
            if self._settings.nested and self._sweep_run is not None:
                tags["mlflow.parentRunId"] = self._sweep_run
            name = f"{role}-{spec.number:05d}"
            run = self._client.create_run(self._experiment, tags=tags, run_name=name)
            self._runs[spec.number] = run.info.run_id
            params = {key: str(value) for key, value in spec.parameters.items()}
            params["effective_batch_size"] = str(spec.settings.effective_batch_size)
            self._write(run.info.run_id, params=params)
            self._client.log_text(run.info.run_id, config, "config.yaml")

        self._queue.put(job)

    def reported(self, number: int, report: Report) -> None:
        """Writes one evaluation point; the step is examples seen, so that batch sizes compare."""
        metrics = {name: float(getattr(report, name)) for name in _MEASURED} | dict(report.metrics)

        def job() -> None:
            self._write(self._runs[number], metrics=metrics, step=report.examples_seen)

        self._queue.put(job)

    def trial_finished(
        self, outcome: TrialOutcome, files: Iterable[Path], labels: Sequence[str]
    ) -> None:
        """Ends the attempt's run with its state, its reading and its files.

        Args:
            outcome: How it ended.
            files: Logged where they exist.
            labels: Label names, for the confusion matrix of the last evaluation point.
        """
        tags = {"trial_state": outcome.state.value}
        if outcome.diagnosis is not None:
            tags["convergence"] = outcome.diagnosis.status.value
            tags["convergence_reason"] = outcome.diagnosis.reason
            tags["convergence_advice"] = outcome.diagnosis.advice
        if outcome.stopped_by:
            tags["stopped_by"] = outcome.stopped_by
        if outcome.error is not None:
            tags["error"] = f"{outcome.error.type}: {outcome.error.message}"
        metrics = {} if outcome.value is None else {"objective": outcome.value}
        figures = outcome.diagnosis.figures if outcome.diagnosis is not None else None
        if figures is not None:
            metrics |= {f"convergence_{name}": value for name, value in asdict(figures).items()}
        seen = outcome.last.examples_seen if outcome.last is not None else 0
        confusion = outcome.last.confusion if outcome.last is not None else None

        def job() -> None:
            run = self._runs.pop(outcome.number)
            self._write(run, metrics=metrics, tags=tags, step=seen)
            for file in files:
                if file.exists():
                    self._client.log_artifact(run, str(file))
            if confusion is not None:
                matrix = {"labels": list(labels), "rows_true_columns_predicted": confusion}
                self._client.log_dict(run, matrix, "confusion_matrix.json")
            self._client.set_terminated(run, RUN_STATUS[outcome.state])

        self._queue.put(job)

    # -- the wire -------------------------------------------------------------------------------

    def _write(
        self,
        run: str,
        *,
        metrics: Mapping[str, float] | None = None,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        step: int = 0,
    ) -> None:
        """One request for all of it: a batch of many costs MLflow little more than one value."""
        from mlflow.entities import Metric, Param, RunTag  # noqa: PLC0415

        now = int(time.time() * 1000)
        self._client.log_batch(
            run,
            # MLflow keeps NaN; it would turn an infinity into a number of 308 digits.
            metrics=[
                Metric(key, value if math.isfinite(value) else math.nan, now, step)
                for key, value in (metrics or {}).items()
            ],
            params=[Param(key, value[:PARAM_LENGTH]) for key, value in (params or {}).items()],
            tags=[RunTag(key, value[:TAG_LENGTH]) for key, value in (tags or {}).items()],
        )


def _knock(uri: str) -> None:
    """Raises OSError within seconds when no server answers; MLflow's client tries for minutes."""
    if not uri.startswith(("http://", "https://")):
        return
    with suppress(urllib.error.HTTPError):  # a server that answers anything is there
        urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=KNOCK_SECONDS).close()  # noqa: S310


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
