"""The loop: ask, run, diagnose, prune, tell, track; one agent over the slots of its launcher."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from tuner.errors import InputError
from tuner.execution.allocation import Allocation
from tuner.execution.attempt import Attempt, conclude
from tuner.execution.decisions import decide
from tuner.execution.interfaces import Plan, TrialObserver, TrialSource
from tuner.execution.recorder import TrialRecorder
from tuner.execution.retries import Retries
from tuner.execution.worker_pool import WorkerPool
from tuner.launchers.launcher import Event, InlineLauncher, Launcher, WorkerExited
from tuner.processes.active_time import ActiveTime, step_of
from tuner.processes.stop_requests import STOPS, StopRequests, handled, heeded
from tuner.search.ranking import failure_causes
from tuner.settings.objectives import INFERENCE_MS
from tuner.settings.settings import TrialSettings
from tuner.tracking import Tracker
from tuner.trial.duration import duration_text
from tuner.trial.folder import StudyFolder
from tuner.trial.records import (
    Decision,
    Provenance,
    Report,
    TrialError,
    TrialOutcome,
    TrialSpec,
    TrialState,
)
from tuner.trial.recovery import death, stall, worn_out
from tuner.worker.protocol import (
    Answer,
    Failed,
    Finished,
    Prepare,
    Progress,
    Ready,
    Reported,
    Run,
    Started,
)

_log = logging.getLogger(__name__)

POLL_SECONDS = 0.2
LISTENING_STEP = 5.0
"""Seconds that count as a worker's silence after this agent was itself suspended, or blocked."""

LOOK_SECONDS = 1.0
"""Seconds after which a free slot asks for a trial again; other agents may lose theirs."""


class Sweep:
    """Runs trials until the total is reached, the time is over or somebody interrupts."""

    def __init__(
        self,
        *,
        plan: Plan,
        source: TrialSource,
        launcher: Launcher,
        tracker: Tracker,
        folder: StudyFolder,
        watcher: TrialObserver,
        on_idle: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Bind the parts together; `run` starts.

        Args:
            plan: Plan of the sweep.
            source: Gives trials and takes their results.
            launcher: Its workers are already started.
            tracker: Open.
            folder: The study's files.
            watcher: Shows what happens.
            on_idle: Called when there is no trial for a slot any more, or none for now.
            clock: Seconds, monotonic.
        """
        self._plan = plan
        self._source = source
        self._launcher = launcher
        self._recorder = TrialRecorder(plan, source, tracker, folder, watcher)
        self._folder = folder
        self._watcher = watcher
        self._on_idle = on_idle
        self._clock = clock
        self._listening = ActiveTime(clock, step_of(plan.stall_timeout, LISTENING_STEP))
        if isinstance(launcher, InlineLauncher):
            launcher.answer_with(self._handle)
        self._workers = WorkerPool(launcher, plan.trials_per_worker, watcher.notice)
        self._running: dict[int, Attempt] = {}
        self._allocation = Allocation(plan.time_left(), plan.longest, clock)
        self._cut_off = False
        self._enough = ""
        self._retries = Retries(folder, plan.max_attempts)
        self._look_at = clock()
        self._stops = StopRequests()
        self._any_ran = False
        self._wrong_input: TrialError | None = None
        self.outcomes: list[TrialOutcome] = []

    @property
    def interrupted(self) -> bool:
        """True if it was asked to stop, or its allocation is too short for the rest."""
        return self._stops.requested or self._cut_off

    @property
    def failed(self) -> str:
        """Causes of the failures in a row that stopped it; empty when it did not stop."""
        return failure_causes(self.outcomes, self._plan.max_failures)

    def take_over(self, earlier: "Sweep") -> None:
        """Continue with the workers of another sweep over the same launcher, which has ended."""
        self._workers = earlier._workers  # noqa: SLF001  (of our own kind)

    def prepare(self, settings: TrialSettings) -> None:
        """Let every worker import, build and tokenise for this configuration ahead of time."""
        spec = TrialSpec(
            number=-1, parameters={}, settings=settings, folder=str(self._folder.path)
        )
        for slot in self._launcher.slots:
            self._launcher.send(slot, Prepare(spec=spec))

    def run(self) -> list[TrialOutcome]:
        """Run to the end.

        Returns:
            How the trials of this run ended, in the order in which they did.

        Raises:
            TunerError: Workers do not start.
            InputError: The first trials cannot be run as they are configured.
        """
        begun = self._clock()
        self._enough = self._plan.enough()
        with self._interruptible():
            while True:
                self._heed_caller()
                if self._stops.at_once:
                    self._abandon()
                    break
                if self._starts_more(begun):
                    self._fill()
                    if self._is_done():
                        break
                elif not self._running:
                    break
                events = self._launcher.poll(POLL_SECONDS)
                listened = self._listening()
                for event in events:
                    self._handle(event)
                self._end_silent(listened)
            if self._allocation.is_short:
                self._cut_off = bool(self._retries) or self._source.may_claim(self._plan.n_trials)
            self._give_back()
        self._explain()
        if self._wrong_input is not None:
            raise InputError(self._wrong_input.message)
        return self.outcomes

    def _heed_caller(self) -> None:
        """Stop gently where the caller asks for it."""
        if self._plan.hooks.stop_requested() and not self._stops.requested:
            self._stops.requested = True
            self._stop_trials("stopping; running trials end at their next update")

    def _explain(self) -> None:
        """Show why it ended before its total, if nothing has shown it yet."""
        left = self._allocation.left
        if self._cut_off and left is not None:
            self._watcher.notice(
                f"the scheduler ends this allocation in {duration_text(left)}, before another "
                "trial would end; the same command goes on"
            )
        _log.info(
            "%d trials ended here; stop requested: %s, at once: %s, allocation too short: %s, "
            "failures in a row: %s, enough: %s",
            len(self.outcomes),
            self._stops.requested,
            self._stops.at_once,
            self._cut_off,
            self.failed or "no",
            self._enough or "no",
        )
        if self._enough and not self.interrupted:
            self._watcher.notice(f"the sweep ends before its total: {self._enough}")

    # -- starting ---------------------------------------------------------------------------

    def _starts_more(self, begun: float) -> bool:
        timeout = self._plan.timeout
        return not (
            self._stops.requested
            or self.failed
            or self._enough
            or self._wrong_input is not None
            or (timeout is not None and self._clock() - begun >= timeout)
            or not self._allocation.has_room()
        )

    def _is_done(self) -> bool:
        """Return True if nothing runs and nothing will come, from us or from other agents."""
        busy = self._running or self._retries
        return not busy and not self._source.may_claim(self._plan.n_trials)

    def _fill(self) -> None:
        for slot in self._workers.idle:
            spec = self._next(slot)
            if spec is None:
                break
            self._start(slot, spec)

    def _next(self, slot: int) -> TrialSpec | None:
        while self._retries and not self._workers.is_suspect(slot):
            spec = self._retries.pop()
            if self._source.owns(spec.number):
                return spec
        if self._clock() < self._look_at:
            return None
        claimed = self._source.claim(self._plan.n_trials)
        if claimed is None:
            _log.debug("no trial to claim")
            self._look_at = self._clock() + LOOK_SECONDS
            self._on_idle()
            return None
        self._retries.crashes[claimed.number] = claimed.crashes
        if claimed.attempt > 1:
            self._recorder.reclaimed(claimed.number)
        return TrialSpec(
            number=claimed.number,
            parameters=dict(claimed.parameters),
            settings=self._retries.cut(self._plan.compose(claimed.parameters)),
            folder=str(self._folder.trial(claimed.number).path.absolute()),
            attempt=claimed.attempt,
            metrics=self._plan.metrics,
            times_inference=INFERENCE_MS in self._plan.goals.watched,
        )

    def _start(self, slot: int, spec: TrialSpec) -> None:
        crashes = self._retries.crashes[spec.number]
        # First of all, so that a signal from here on ends it.
        attempt = self._running[slot] = Attempt(spec=spec, since=self._clock())
        self._recorder.attempt_started(slot, spec, crashes)
        attempt.since, attempt.heard = self._clock(), self._listening()
        if crashes >= self._plan.max_attempts:
            self._finish(slot, error=worn_out(crashes))
        else:
            self._workers.busy(slot)
            self._launcher.send(slot, Run(spec=spec))
            self._plan.hooks.on_started(spec)

    # -- hearing ----------------------------------------------------------------------------

    def _handle(self, event: Event) -> None:
        slot = event.slot
        if slot in self._running:
            self._running[slot].heard = self._listening()
        match event.message:
            case Ready(device=device, versions=versions):
                _log.info("slot %d: worker is ready, on %s", slot, device)
                self._workers.ready(slot, device, versions)
            case Started() as started:
                self._note(self._running[slot], started)
            case Progress(share=share, examples_per_second=rate):
                self._recorder.progressed(slot, share, rate)
            case Reported(report=report):
                self._report(slot, report)
            case Finished() as finished:
                attempt = self._running[slot]
                attempt.model_error = attempt.model_error or finished.model_error
                attempt.member_error = finished.member_error
                self._finish(slot, diverged=finished.diverged)
                self._workers.free(slot)
            case Failed(error=error):
                self._finish(slot, error=error)
                self._after_error(slot, error)
            case WorkerExited() as exited:
                self._on_worker_exit(slot, exited)

    def _after_error(self, slot: int, error: TrialError) -> None:
        match error.kind:
            case "out_of_memory":
                self._workers.replace(slot)  # What it still holds the next would lack.
            case "device":
                self._workers.broken(slot)
            case _:
                self._workers.free(slot)

    def _note(self, attempt: Attempt, started: Started) -> None:
        """Note that a trial began, or resumes after an evaluation point of an earlier attempt."""
        number = attempt.spec.number
        attempt.guess, attempt.labels = started.constant_guess, started.labels
        attempt.reports = list(self._recorder.training_started(number, started.resumed_at))
        attempt.kept = len(attempt.reports)

    def _report(self, slot: int, report: Report) -> None:
        running = self._running[slot]
        number = running.spec.number
        running.add(report)
        self._workers.works(slot)
        if not self._source.owns(number):
            self._launcher.kill_slot(slot)  # Its worker waits for an answer about it.
            self._finish(slot)
            return
        self._recorder.reported(slot, running)
        # Asked at every point, also where the answer is not taken: successive halving and
        # Hyperband note a trial's value at a rung only when they are asked there.
        unpromising = self._source.should_prune(number)
        decision = decide(running, self._plan, unpromising=unpromising)
        _log.log(
            logging.DEBUG if decision is Decision.CONTINUE else logging.INFO,
            "trial %d, point %d of %d: %s%s",
            number,
            report.point,
            report.points,
            decision,
            f", {running.stopped_by}" if running.stopped_by else "",
        )
        self._launcher.send(slot, Answer(decision))
        running.heard = self._listening()  # A study that was away is not the worker's silence.
        self._plan.hooks.on_reported(running.spec, report)

    def _on_worker_exit(self, slot: int, exited: WorkerExited) -> None:
        """Retry or fail the trial of a worker that died, and start a new one in its slot."""
        silent, timeout = self._workers.was_silent(slot), self._plan.stall_timeout
        in_trial = slot in self._running
        if in_trial:
            log = self._folder.trial(self._running[slot].spec.number).log_tail() or exited.log
            if silent and timeout is not None:
                self._finish(slot, error=stall(timeout, log))
            else:
                died = death(exited.code, log, exited.oom_kills, exited.lost_node)
                self._finish(slot, error=died)
        self._workers.exited(slot, exited, in_trial=in_trial)

    def _end_silent(self, listened: float) -> None:
        """End the workers that have been silent for too long.

        Args:
            listened: When they were last listened to, in seconds of active time.
        """
        timeout = self._plan.stall_timeout
        for slot, attempt in self._running.items():
            if timeout is not None and listened - attempt.heard > timeout:
                self._workers.silence(slot)

    # -- ending -----------------------------------------------------------------------------

    def _finish(self, slot: int, *, diverged: str = "", error: TrialError | None = None) -> None:
        attempt = self._running.pop(slot)
        attempt.diverged = diverged
        if error is not None:
            attempt.fail(error)
        number = attempt.spec.number
        follow_up = self._retries.follow(attempt) if self._source.owns(number) else ""
        provenance = Provenance(
            mlflow_run=self._recorder.run_id(number),
            git_commit=self._plan.git_commit,
            cpu_threads=self._launcher.slots[slot].threads,
            device=self._workers.device(slot),
            versions={**self._plan.versions, **self._workers.versions(slot)},
        )
        ended = conclude(attempt, self._plan.goals, self._clock(), provenance)
        self._look_at = self._clock()
        outcome = self._recorder.finished(slot, attempt, ended, follow_up)
        if outcome.state is not TrialState.RETRIED:
            self._count(outcome)
            self._plan.hooks.on_finished(attempt.spec, outcome)

    def _count(self, outcome: TrialOutcome) -> None:
        """Take in a trial that is not tried again."""
        self.outcomes.append(outcome)
        error = outcome.error
        if error is not None and error.kind == "input" and not self._any_ran:
            self._wrong_input = error
        self._any_ran = self._any_ran or outcome.last is not None
        self._allocation.note(outcome)
        self._enough = self._enough or self._plan.enough()

    def _give_back(self) -> None:
        """Release the attempts that wait for a slot; the next start runs them."""
        while self._retries:
            self._recorder.given_back(self._retries.pop())

    def _abandon(self) -> None:
        """Stop at once after a second interrupt; no worker is waited for."""
        self._launcher.kill()
        for slot in list(self._running):
            self._running[slot].requested_state = None
            self._running[slot].stop(TrialState.INTERRUPTED, "interrupt")
            self._finish(slot)

    def _stop_trials(self, notice: str) -> None:
        """End the running trials at their next update; they keep their state."""
        _log.info("%s; in slots %s", notice, list(self._running))
        for slot, running in self._running.items():
            running.stop(TrialState.INTERRUPTED, "interrupt")
            self._launcher.send(slot, Answer(running.ending))
        with suppress(RuntimeError):  # A signal came in the middle of another line.
            self._watcher.notice(notice)

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
            is_first = not self._stops.requested
            self._stops.note(number)
            if is_first:
                self._stop_trials("stopping; press Ctrl-C again to stop at once")
            if self._stops.at_once:
                self._source.stop_retrying()

        with handled(heeded(*STOPS), interrupt):
            yield
