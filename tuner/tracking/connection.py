"""Connection to MLflow: client and experiment of one study, and its runs."""

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
from tuner.tracking.runs import KEY, STUDY, matches_identity, sweep_identity, unambiguous
from tuner.trial.study_identity import STUDY_ID, StudyIdentity

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run


@dataclass(frozen=True, kw_only=True)
class Connected:
    """Client and experiment of a connected store."""

    client: "MlflowClient"
    experiment: str
    """MLflow's id of the experiment."""
    place: str
    """Address of the store and its experiment; it changes if either is made anew."""


class Connection:
    """Connects to the store on first use, and again after an outage; for one thread."""

    def __init__(self, uri: str, study: StudyIdentity) -> None:
        """Name the store without connecting.

        Args:
            uri: MLflow's tracking URI.
            study: Identity of the study; its name is that of the experiment.
        """
        self.shown = hidden(uri)
        self.study = study
        self._uri = uri
        self._connected: Connected | None = None
        self._file: FileWatch | None = None
        self.incomplete_store: Path | None = None
        """New path of a store that an interrupted process had left incomplete; None if there is
        none.
        """

    @property
    def experiment(self) -> str | None:
        """MLflow's id of the experiment; None before the first connection."""
        return self._connected.experiment if self._connected else None

    @property
    def place(self) -> str:
        """Address and experiment to which events are sent; only the address before connecting."""
        return self._connected.place if self._connected else self.shown

    def get(self) -> Connected:
        """Return client and experiment; make a missing store or experiment.

        Takes seconds the first time.
        """
        if self._connected is None:
            self._connected = self._connect()
        return self._connected

    def _connect(self) -> Connected:
        # The spool retries, and knows what has arrived; MLflow's own retries would block it for
        # minutes and could make a run twice.
        os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
        # Otherwise MLflow prints two addresses for each run that ends.
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        import mlflow  # noqa: PLC0415  (seconds: only where runs are written)

        # We report their messages about the store in one line, without tracebacks.
        for noisy in ("alembic", "mlflow"):
            logging.getLogger(noisy).setLevel(logging.CRITICAL)
        file = sqlite_path(self._uri)
        with exclusive(str(file.absolute()) if file else f"{Path.cwd()} {self._uri}"):
            if file is not None:
                self.incomplete_store = store_file.prepare(file) or self.incomplete_store
            client = mlflow.MlflowClient(self._uri)
            experiment = self._find(client) or self._make(client)
            # Otherwise MLflow opens its page for generative AI, without training columns and
            # charts.
            client.set_experiment_tag(
                experiment.experiment_id, "mlflow.experimentKind", "custom_model_development"
            )
        if file is not None:
            self._file = FileWatch(file)
        name = experiment.experiment_id
        place = f"{self.shown} {name}@{experiment.creation_time}"
        return Connected(client=client, experiment=name, place=place)

    def check(self) -> None:
        """Raise StoreReplacedError unless the store's file is the one that was opened.

        SQLite keeps writing to a file that somebody has removed, and loses what it writes there.
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
        return made  # Another machine has made it meanwhile.

    def unusable_reason(self) -> Exception | None:
        """Return the error if the store cannot be used at all; else None."""
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
        """Return the runs of the experiment that have these tags, of any study."""
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
            study_id: Id of the study; None for a spool of a version without ids.
            tags: Tag name to value.
            conditions: Further conditions in MLflow's query language.
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
        """Return MLflow's id of the oldest run with these identifying tags, or None."""
        candidates = self._identified(identity)
        found = [
            run for run in candidates if matches_identity(run.data.tags, identity, self.study)
        ]
        oldest = min(found, key=lambda r: (r.info.start_time, r.info.run_id), default=None)
        return oldest.info.run_id if oldest else None

    def find_sweep(self) -> str | None:
        """Return MLflow's id of the study's own run; None if it does not exist."""
        return self.find(sweep_identity(self.study))

    def _identified(self, identity: Mapping[str, str]) -> Sequence["Run"]:
        if KEY in identity or STUDY_ID not in identity:
            return self.search(identity)
        tags = {name: value for name, value in identity.items() if name != STUDY_ID}
        return self.runs_of(identity[STUDY_ID], tags)

    def foreign_sweeps(self) -> Sequence["Run"]:
        """Return the sweep runs of other studies of this name in this experiment."""
        runs = self.search({"role": "sweep", STUDY: self.study.name})
        own = {self.study.id} | ({None} if self.study.has_unmarked_runs else set())
        return [run for run in runs if run.data.tags.get(STUDY_ID) not in own]


def _quoted(value: str) -> str:
    return f'"{value}"' if "'" in value else f"'{value}'"
