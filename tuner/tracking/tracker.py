"""Tracker of a sweep: receives its events and brings them to MLflow."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

from tuner.errors import InputError, TunerError
from tuner.secrets import hidden
from tuner.settings.settings import TrackingSettings, TrialSettings
from tuner.tracking.address import (
    check_file,
    check_file_system,
    check_reachable,
    check_uri,
    named_uri,
    tracking_uri,
)
from tuner.tracking.causes import cause_of
from tuner.tracking.event_file import EventFile
from tuner.tracking.events import Event, ParetoFrontChanged, RunEnded, TrialsAbandoned, ViewSaved
from tuner.tracking.origins import Inputs
from tuner.tracking.restore import Restoration
from tuner.tracking.runs import (
    SWEEP,
    sweep_run_started,
    trial_abandoned,
    trial_ended,
)
from tuner.tracking.sender import Pauses, Sender
from tuner.tracking.spool import SPOOL, Spool, leftovers, new_spool
from tuner.tracking.spool_completion import complete_spool
from tuner.tracking.store import Store
from tuner.tracking.trial_runs import TrialRuns
from tuner.tracking.view import View, review, review_steps, sending, sending_command
from tuner.trial.folder import StudyFolder
from tuner.trial.records import Report, TrialOutcome, TrialSpec
from tuner.trial.study_identity import StudyIdentity

TENSORBOARD = "tensorboard"
"""Folder of event files in a trial's folder."""


class Tracker:
    """Writes one study's runs to MLflow; every method but `open` and `close` returns at once."""

    def __init__(
        self,
        settings: TrackingSettings,
        study: str,
        folder: StudyFolder,
        *,
        pauses: Pauses | None = None,
        notice: Callable[[str], None] = lambda text: None,  # noqa: ARG005
    ) -> None:
        """Name the study without connecting.

        Args:
            settings: Group `tracking`.
            study: Name of the study, and of the experiment.
            folder: Folder of the study; unsent events are kept in it.
            pauses: Pauses while the store is unavailable.
            notice: Function called from another thread when the store becomes unavailable or is
                back.
        """
        self._settings = settings
        self._study = study
        self._identity = StudyIdentity(name=study)
        self._folder = folder
        self._pauses = pauses or Pauses()
        self._notice = notice
        self._uri: str | None = None
        self._store: Store
        self._spool: Spool
        self._sends = settings.send
        self._is_open = False
        self._is_started = False
        self._leftovers: list[Spool] = []
        self._sender: Sender | None = None
        self._restoration: Restoration | None = None
        self._trials: TrialRuns
        self._event_files: dict[int, EventFile] = {}
        self._sweep_runs = False
        self._has_view = False
        self._origin: Mapping[str, str] = {}
        self._inputs: Callable[[TrialSettings], Inputs] = lambda _: Inputs()

    @property
    def sends(self) -> bool:
        """True if events are sent, now or after an outage; False if they are only spooled."""
        return self._sends

    @property
    def uri(self) -> str:
        """Address of the runs without a password."""
        return hidden(self._uri or "")

    @property
    def review(self) -> str:
        """Text on how to see the runs, with the page's address if it has a view."""
        if not self._sends:
            return self._report
        experiment = self._store.experiment if self._has_view else None
        return review(self.uri, experiment, self._identity.id)

    @property
    def review_steps(self) -> Sequence[str]:
        """Commands and addresses that show the runs."""
        if not self._sends:
            return (sending_command(self._study, self.uri),)
        experiment = self._store.experiment if self._has_view else None
        return review_steps(self.uri, experiment, self._identity.id)

    @property
    def _report(self) -> str:
        """Text with the command that sends spooled events."""
        return sending(self._study, self.uri)

    # -- life ---------------------------------------------------------------------------------

    def check(self) -> None:
        """Check the address, and within seconds whether a server answers there.

        Raises:
            InputError: The address is invalid, or a SQLite file on a network file system.
            TunerError: The server does not answer, and `tracking.on_outage` is `fail`.
        """
        if self._settings.on_outage not in ("fail", "spool"):
            raise InputError(
                f"'{self._settings.on_outage}' is not a policy for outages",
                where="tracking.on_outage",
                remedy="tracking.on_outage=fail or tracking.on_outage=spool",
            )
        named = self._settings.uri
        self._uri = tracking_uri(named) if self._sends else named_uri(named)
        if self._uri:
            check_uri(self._uri)
        if self._sends:
            self._check_file_system(self._uri)
            try:
                check_reachable(self._uri)
            except Exception as error:
                self._report_outage(error)

    def _check_file_system(self, uri: str) -> None:
        try:
            check_file_system(uri)
        except InputError as error:
            if self._settings.on_outage == "fail":
                raise
            self._sends = False
            self._notice(f"{error.problem}\nNothing is sent there; everything is spooled")

    def open(
        self,
        origin: Mapping[str, str] | None = None,
        inputs: Callable[[TrialSettings], Inputs] | None = None,
        study: StudyIdentity | None = None,
    ) -> None:
        """Connect, which takes seconds; make a missing store or experiment.

        Args:
            origin: Tags of every run; see `tuner.tracking.origins`.
            inputs: Function of a trial's settings that returns known facts about model and data.
            study: Identity of the study; None if only its name is known.

        Raises:
            InputError: The address is invalid, or its file or the spool cannot be written.
            TunerError: The store cannot be reached, and `tracking.on_outage` is `fail`.
        """
        if self._uri is None:
            self.check()
        uri = self._uri or ""
        self._origin = origin or self._origin
        self._inputs = inputs or self._inputs
        self._identity = study or self._identity
        self._store = Store(uri, self._identity, self._notice)
        if self._sends:
            self._connect(uri)
        place = self._folder.path / SPOOL
        try:
            self._leftovers = leftovers(place)
            named = hidden(named_uri(self._settings.uri))
            self._spool = new_spool(place, named, _now(), self._identity.id)
        except OSError as error:
            raise InputError(
                f"the study's folder cannot be written: {error}",
                where=str(place),
                remedy="output=FOLDER, one that can be written",
            ) from error
        self._trials = TrialRuns(
            self._spool.name,
            self._folder,
            self._append,
            study=self._identity,
            tags=self._origin,
            inputs=self._inputs,
            is_nested=lambda: self._settings.nested and self._sweep_runs,
        )
        self._is_open = True

    def _connect(self, uri: str) -> None:
        try:
            check_file(uri)
            check_reachable(uri)
            self._store.connect()
        except Exception as error:
            self._report_outage(error)

    def _report_outage(self, error: Exception) -> None:
        """Raise an error for a store that cannot be used, unless events may be spooled."""
        if isinstance(error, InputError):
            raise error
        if self._settings.on_outage != "fail":
            return
        cause = cause_of(error, self.uri)
        where = f"{self.uri} (tracking.uri or MLFLOW_TRACKING_URI)"
        remedy = f"{cause.remedy}; tracking.on_outage=spool starts without it and sends "
        remedy += "everything once it can be used"
        problem = f"MLflow's tracking store cannot be used: {cause.problem}"
        if cause.is_input:
            raise InputError(problem, where=where, remedy=remedy) from error
        raise TunerError(f"{problem}\n  where: {where}\n  try:   {remedy}") from error

    def close(self) -> str:
        """End open runs and send as much as possible in a bounded time.

        Returns:
            Message about unsent records; empty if there are none.
        """
        if not self._is_open:
            return ""
        self._is_open = False
        now = _now()
        try:
            for run in self._trials.running.values():
                self._append(trial_abandoned(run, now))
            if self._sweep_runs:
                self._append(RunEnded(at=now, run=SWEEP, status="KILLED", if_running=True))
        except TunerError as error:
            return str(error)
        self._begin(())
        if self._sender is None:
            self._spool.release()
            left = self._spool.left(self._store.place)
            return f"{left} records for MLflow wait in {self._spool.path.parent}: {self._report}"
        return self._sender.close()

    def _begin(self, requeued: Collection[int]) -> None:
        """Complete the spools of killed processes, once, and start sending."""
        if self._is_started:
            return
        self._is_started = True
        for spool in self._leftovers:
            complete_spool(spool, self._folder, requeued, _now())
        if self._sends:
            self._sender = Sender(
                self._store,
                [*self._leftovers, self._spool],
                pauses=self._pauses,
                notice=self._notice,
                restoration=self._restoration,
            )
        else:
            for spool in self._leftovers:
                spool.release()

    def _append(self, event: Event) -> None:
        self._spool.append(event)
        if self._sender is not None:
            self._sender.wake()

    def show(self, view: View) -> None:
        """Save the view of the experiment's page."""
        self._append(ViewSaved(at=_now(), view=view.tag()))
        self._has_view = True

    # -- the sweep's own run ------------------------------------------------------------------

    def sweep_started(self, facts: Mapping[str, str], artifacts: Mapping[str, str]) -> None:
        """Start the sweep's run, or continue the one that an earlier start made.

        Args:
            facts: Tags of the whole sweep; a later start may change them.
            artifacts: File name to text.
        """
        texts = {name: hidden(text) for name, text in artifacts.items()}
        self._append(sweep_run_started(self._identity, {**self._origin, **facts}, texts, _now()))
        self._sweep_runs = True

    def sweep_finished(
        self,
        metrics: Mapping[str, float],
        description: str,
        files: Iterable[Path],
        status: str,
        facts: Mapping[str, str] | None = None,
    ) -> None:
        """End the sweep's run with its metrics and their interpretation.

        Args:
            metrics: Metric name to value.
            description: Text in Markdown, with `[7](trial:7)` for a link to a trial's run; the run
                shows its beginning, `reading.md` all of it.
            files: Files logged beside it.
            status: Status of the run in MLflow, for example `FINISHED`.
            facts: Tags of the whole sweep.
        """
        self._append(
            RunEnded(
                at=_now(),
                run=SWEEP,
                status=status,
                metrics=metrics,
                tags={**(facts or {}), "mlflow.note.content": description},
                texts={"reading.md": description},
                files=self._spool.attach(SWEEP, files),
            )
        )
        self._sweep_runs = False

    def restore_missing(self, outcomes: Sequence[TrialOutcome]) -> None:
        """Send the runs of earlier trials again if MLflow lacks them; called before any trial.

        Args:
            outcomes: Outcomes of the ended trials of the study.
        """
        self._restoration = Restoration(
            study=self._identity,
            folder=self._folder,
            outcomes=outcomes,
            nested=self._settings.nested,
            notice=self._notice,
        )

    # -- trials -------------------------------------------------------------------------------

    def abandon(self, numbers: Iterable[int], role: str = "trial") -> None:
        """Mark the runs of requeued trials, whose agent died, as interrupted.

        Called once before the first trial, also if there are none.

        Args:
            numbers: Numbers of the trials.
            role: Role of the runs: `trial`, or `confirm` for repeats of trials.
        """
        requeued = tuple(numbers)
        self._begin(requeued)
        if requeued:
            self._append(TrialsAbandoned(at=_now(), numbers=requeued, role=role))

    def mark_front(self, numbers: Iterable[int]) -> None:
        """Mark the runs of these trials, and of no others, as undominated.

        Args:
            numbers: Completed trials of a study of several objectives.
        """
        self._append(ParetoFrontChanged(at=_now(), numbers=tuple(numbers)))

    def trial_started(self, spec: TrialSpec, role: str, config: str) -> None:
        """Start the run of a first attempt; that of a later one waits for `training_started`.

        Args:
            spec: Trial.
            role: Role of the run: `trial`, `confirm` for a repeat of one, or `train` for one
                fine-tune.
            config: Composed configuration as YAML.
        """
        self._begin(())
        if self._settings.tensorboard:
            folder = self._folder.trial(spec.number).path / TENSORBOARD
            self._event_files[spec.number] = EventFile(folder, _now())
        self._trials.start(spec, role, config, _now())

    def training_started(self, number: int, *, resumed_at: int, kept: Sequence[Report]) -> None:
        """Start the run of a later attempt, or continue that of the previous attempt.

        An attempt that continues a saved state with the same batching belongs to the previous
        attempt's run.

        Args:
            number: Number of the trial.
            resumed_at: Evaluation point after which training continues; 0 for the beginning.
            kept: Reports up to that point.
        """
        self._trials.training_started(number, resumed_at=resumed_at, kept=kept)

    def run_id(self, number: int) -> str:
        """Return MLflow's id of a running trial's run; empty before it is known."""
        return self._store.run_id(self._spool, self._trials.running.get(number, ""))

    def reported(self, number: int, report: Report) -> None:
        """Log an evaluation point; its step is examples seen, so batch sizes compare."""
        point = self._trials.reported(number, report, _now())
        if number in self._event_files:
            self._event_files[number].add(point.at, point.step, point.metrics)

    def trial_finished(
        self, outcome: TrialOutcome, files: Iterable[Path], labels: Sequence[str]
    ) -> None:
        """End the attempt's run with its state, diagnosis and files.

        Args:
            outcome: Outcome of the attempt.
            files: Files that are logged if they exist.
            labels: Label names, for the confusion matrix of the last evaluation point.
        """
        run = self._trials.finish(outcome.number)
        self._event_files.pop(outcome.number, None)
        kept = self._spool.attach(run, files)
        self._append(trial_ended(run, outcome, kept, labels, _now()))


def _now() -> int:
    return time.time_ns() // 1_000_000
