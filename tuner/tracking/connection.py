"""Connection to MLflow: client and experiment of one study, and the runs that belong to it."""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.files.exclusive import exclusive
from tuner.files.file_watch import FileWatch
from tuner.files.sqlite_address import artifact_location, sqlite_path
from tuner.secrets import hidden
from tuner.tracking import store_file
from tuner.tracking.causes import ExperimentDeletedError, StoreReplacedError
from tuner.tracking.runs import KEY, STUDY, may_be, sweep_identity, unambiguous
from tuner.trial.study_identity import STUDY_ID, StudyIdentity

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run


@dataclass(frozen=True, kw_only=True)
class Connected:
    """Client and experiment, once the store could be reached."""

    client: "MlflowClient"
    experiment: str
    """MLflow's name for the experiment."""
    place: str
    """Address of the store and its experiment; another one where either was made anew."""


class Connection:
    """Reaches the store when it is needed first, and again after it was away; for one thread."""

    def __init__(self, uri: str, study: StudyIdentity) -> None:
        """Connect to nothing yet.

        Args:
            uri: MLflow's tracking URI.
            study: Its name is that of the experiment.
        """
        self.shown = hidden(uri)
        self.study = study
        self._uri = uri
        self._connected: Connected | None = None
        self._file: FileWatch | None = None
        self.half_made: Path | None = None
        """Where a store lies now that an interrupted process had left half made."""

    @property
    def experiment(self) -> str | None:
        """MLflow's name for the experiment; None before it could be asked."""
        return self._connected.experiment if self._connected else None

    @property
    def place(self) -> str:
        """Where events are sent to; only the address before the store could be reached."""
        return self._connected.place if self._connected else self.shown

    def get(self) -> Connected:
        """Return client and experiment; makes store and experiment where they are missing.

        Takes seconds the first time.
        """
        if self._connected is None:
            self._connected = self._connect()
        return self._connected

    def _connect(self) -> Connected:
        # The spool tries again, and knows what arrived; MLflow's own retries would block it for
        # minutes and might make a run twice.
        os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
        # Else it prints two addresses for each run that ends.
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        import mlflow  # noqa: PLC0415  (seconds: only where runs are written)

        # What they say of the store, with tracebacks, we tell in a line.
        for noisy in ("alembic", "mlflow"):
            logging.getLogger(noisy).setLevel(logging.CRITICAL)
        file = sqlite_path(self._uri)
        with exclusive(str(file.absolute()) if file else f"{Path.cwd()} {self._uri}"):
            if file is not None:
                self.half_made = store_file.prepare(file) or self.half_made
            client = mlflow.MlflowClient(self._uri)
            experiment = self._find(client) or self._make(client)
            # Else MLflow opens the page for generative AI, without training's columns and charts.
            client.set_experiment_tag(
                experiment.experiment_id, "mlflow.experimentKind", "custom_model_development"
            )
        if file is not None:
            self._file = FileWatch(file)
        name = experiment.experiment_id
        place = f"{self.shown} {name}@{experiment.creation_time}"
        return Connected(client=client, experiment=name, place=place)

    def check(self) -> None:
        """Raise StoreReplacedError where the store's file is not the one that was opened.

        SQLite goes on in a file that somebody has removed, and what it writes there is lost.
        """
        if self._file is not None and not self._file.is_same:
            what = "removed" if self._file.is_gone else "replaced by another file"
            raise StoreReplacedError(f"{self._file.path} was {what} while it was in use")

    def _find(self, client: "MlflowClient") -> "Experiment | None":
        found = client.get_experiment_by_name(self.study.name)
        return found if found and found.lifecycle_stage == "active" else None

    def _make(self, client: "MlflowClient") -> "Experiment":
        from mlflow.exceptions import MlflowException  # noqa: PLC0415

        try:
            place = artifact_location(self._uri, self.study.name)
            return client.get_experiment(client.create_experiment(self.study.name, place))
        except MlflowException:
            made = client.get_experiment_by_name(self.study.name)
            if made is None:
                raise
        if made.lifecycle_stage != "active":
            raise ExperimentDeletedError(self.study.name, made.experiment_id)
        return made  # By another machine, since we looked.

    def trouble(self) -> Exception | None:
        """Return why the store can not be used at all; None where it can."""
        try:
            now = self.get()
            self.check()
            found = now.client.get_experiment(now.experiment)
        except Exception as error:
            return error
        if found.lifecycle_stage != "active":
            return ExperimentDeletedError(self.study.name, now.experiment)
        return None

    # -- runs ---------------------------------------------------------------------------------

    def search(self, tags: Mapping[str, str], *conditions: str) -> Sequence["Run"]:
        """Return the runs of the experiment that have these tags, whosever they are."""
        now = self.get()
        wanted = [f"tags.{name} = {_quoted(value)}" for name, value in tags.items()]
        condition = " and ".join([*wanted, *conditions])
        found: list[Run] = []
        token: str | None = None
        while token is None or token:
            page = now.client.search_runs([now.experiment], condition, page_token=token)
            found += page
            token = page.token or ""
        return found

    def runs_of(
        self, study_id: str | None, tags: Mapping[str, str], *conditions: str
    ) -> Sequence["Run"]:
        """Return the runs of a study that have these tags.

        Args:
            study_id: Id of the study; None: that of a spool which was written by a version
                without ids.
            tags: By name.
            conditions: More of them, in MLflow's language.
        """
        marked = self.search({**tags, STUDY_ID: study_id}, *conditions) if study_id else []
        if not self._has_unmarked(study_id):
            return marked
        named = self.search({**tags, STUDY: self.study.name}, *conditions)
        unmarked = [run for run in named if STUDY_ID not in run.data.tags]
        certain = unambiguous([run.data.tags for run in unmarked])
        return [*marked, *(run for run, is_ours in zip(unmarked, certain, strict=True) if is_ours)]

    def _has_unmarked(self, study_id: str | None) -> bool:
        return study_id is None or (study_id == self.study.id and self.study.has_unmarked_runs)

    def find(self, identity: Mapping[str, str]) -> str | None:
        """Return MLflow's name for the oldest run with these identifying tags; None: no run."""
        candidates = self._identified(identity)
        found = [run for run in candidates if may_be(run.data.tags, identity, self.study)]
        oldest = min(found, key=lambda r: (r.info.start_time, r.info.run_id), default=None)
        return oldest.info.run_id if oldest else None

    def find_sweep(self) -> str | None:
        """Return MLflow's name for the study's own run; None: it is not there yet."""
        return self.find(sweep_identity(self.study))

    def _identified(self, identity: Mapping[str, str]) -> Sequence["Run"]:
        if KEY in identity or STUDY_ID not in identity:
            return self.search(identity)
        tags = {name: value for name, value in identity.items() if name != STUDY_ID}
        return self.runs_of(identity[STUDY_ID], tags)

    def foreign_sweeps(self) -> Sequence["Run"]:
        """Return the sweeps' runs of other studies of this name in this experiment."""
        runs = self.search({"role": "sweep", STUDY: self.study.name})
        own = {self.study.id} | ({None} if self.study.has_unmarked_runs else set())
        return [run for run in runs if run.data.tags.get(STUDY_ID) not in own]


def _quoted(value: str) -> str:
    return f'"{value}"' if "'" in value else f"'{value}'"
