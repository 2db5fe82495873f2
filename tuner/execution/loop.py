"""The loop: ask, run, diagnose, prune, tell, track; one agent over the slots of its launcher."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import FrameType

from tuner.diagnosis import judge
from tuner.errors import InputError
from tuner.execution.allocation import fits
from tuner.execution.attempt import Attempt, conclude
from tuner.execution.interfaces import Plan, TrialObserver, TrialSource
from tuner.execution.retries import Retries
from tuner.execution.worker_pool import WorkerPool
from tuner.launchers.launcher import Event, InlineLauncher, Launcher, WorkerExited
from tuner.processes.active_time import ActiveTime, step_of
from tuner.processes.stop_requests import STOPS, StopRequests, handled, heeded
from tuner.search.ranking import failing
from tuner.settings.settings import TrialSettings
from tuner.tracking import Tracker
from tuner.trial.budget import may_prune
from tuner.trial.duration import told
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
    Conclude,
    Continue,
    Failed,
    Finished,
    Keep,
    Prepare,
    Progress,
    Ready,
    Reported,
    Run,
    Started,
    Stop,
    ToWorker,
)

POLL_SECONDS = 0.2
LISTENING_STEP = 5.0
"""Seconds that count as a worker's silence after this agent was itself suspended, or blocked."""

LOOK_SECONDS = 1.0
"""A free slot for which there was no trial asks again after this; other agents may lose theirs."""


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
        on_finished: Callable[[TrialSpec, TrialOutcome], None],
        on_idle: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Binds the parts together; `run` starts.

        Args:
            plan: What to do.
            source: Gives trials and takes their results.
            launcher: Its workers are already started.
            tracker: Open.
            folder: The study's files.
            watcher: Shows what happens.
            on_finished: Called with each trial that ended.
            on_idle: Called when there is no trial for a slot any more, or none for now.
            clock: Seconds, monotonic.
        """
        self._plan = plan
        self._source = source
        self._launcher = launcher
        self._tracker = tracker
        self._folder = folder
        self._watcher = watcher
        self._on_finished = on_finished
        self._on_idle = on_idle
        self._clock = clock
        self._listening = ActiveTime(clock, step_of(plan.stall_timeout, LISTENING_STEP))
        if isinstance(launcher, InlineLauncher):
            launcher.answer_with(self._handle)
        self._crew = WorkerPool(launcher, plan.trials_per_worker, watcher.notice)
        self._running: dict[int, Attempt] = {}
        self._longest = plan.longest
        self._whole = plan.time_left()
        self._ends: float | None = None if self._whole is None else clock() + self._whole
        self._is_late = self._cut_off = False
        self._enough = ""
        self._retries = Retries(folder, plan.max_attempts)
        self._look_at = clock()
        self._stops = StopRequests()
        self._any_ran = False
        self._wrong_input: TrialError | None = None
        self.outcomes: list[TrialOutcome] = []

    @property
    def interrupted(self) -> bool:
        """Whether somebody asked it to stop, or its allocation is too short for what is left."""
        return self._stops.requested or self._cut_off

    @property
    def failed(self) -> str:
        """Causes of the failures in a row that stopped it; empty when it did not stop."""
        return failing(self.outcomes, self._plan.max_failures)

    def take_over(self, earlier: "Sweep") -> None:
        """Goes on with the workers of another sweep over the same launcher, which has ended."""
        self._crew = earlier._crew  # noqa: SLF001  (of our own kind)

    def prepare(self, settings: TrialSettings) -> None:
        """Lets every worker import, build and tokenise for this configuration ahead of time."""
        spec = TrialSpec(
            number=-1, parameters={}, settings=settings, folder=str(self._folder.path)
        )
        for slot in self._launcher.slots:
            self._launcher.send(slot, Prepare(spec=spec))

    def run(self) -> list[TrialOutcome]:
        """Runs to the end.

        Returns:
            How the trials of this run ended, in the order in which they did.

        Raises:
            TunerError: Workers do not start.
            InputError: The first trials can not be run as they are configured.
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
            if self._is_late:
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
        """Says why it ended before its total, where nobody saw it happen."""
        if self._cut_off and self._ends is not None:
            left = told(max(0.0, self._ends - self._clock()))
            self._watcher.notice(
                f"the scheduler ends this allocation in {left}, before another trial would end; "
                "the same command goes on"
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
            or self._runs_late()
        )

    def _runs_late(self) -> bool:
        """Whether the allocation that we are in ends before another trial would."""
        if self._whole is not None and self._ends is not None:
            left = self._ends - self._clock()
            self._is_late = self._is_late or not fits(left, self._whole, self._longest)
        return self._is_late

    def _is_done(self) -> bool:
        """Whether nothing runs and nothing comes, from us or from other agents."""
        busy = self._running or self._retries
        return not busy and not self._source.may_claim(self._plan.n_trials)

    def _fill(self) -> None:
        for slot in self._crew.idle:
            spec = self._next(slot)
            if spec is None:
                break
            self._start(slot, spec)

    def _next(self, slot: int) -> TrialSpec | None:
        while self._retries and not self._crew.is_suspect(slot):
            spec = self._retries.pop()
            if self._source.owns(spec.number):
                return spec
        if self._clock() < self._look_at:
            return None
        asked = self._source.claim(self._plan.n_trials)
        if asked is None:
            self._look_at = self._clock() + LOOK_SECONDS
            self._on_idle()
            return None
        self._retries.crashes[asked.number] = asked.crashes
        if asked.attempt > 1:
            # Of an agent that could not end its run.
            self._tracker.abandon([asked.number], self._plan.role)
        return TrialSpec(
            number=asked.number,
            parameters=dict(asked.parameters),
            settings=self._retries.cut(self._plan.compose(asked.parameters)),
            folder=str(self._folder.trial(asked.number).path.absolute()),
            attempt=asked.attempt,
        )

    def _start(self, slot: int, spec: TrialSpec) -> None:
        config, crashes = self._plan.render(spec.settings), self._retries.crashes[spec.number]
        self._folder.trial(spec.number).begin(config)
        self._source.started(spec.number, config, attempt=spec.attempt, crashes=crashes)
        now = self._clock()
        self._running[slot] = Attempt(spec=spec, since=now, heard=self._listening())
        self._tracker.trial_started(spec, self._plan.role, config)
        self._watcher.trial_started(slot, spec)
        if crashes >= self._plan.max_attempts:
            self._finish(slot, error=worn_out(crashes))
        else:
            self._crew.busy(slot)
            self._launcher.send(slot, Run(spec=spec))
            self._plan.hooks.on_started(spec)

    # -- hearing ----------------------------------------------------------------------------

    def _handle(self, event: Event) -> None:
        slot = event.slot
        if slot in self._running:
            self._running[slot].heard = self._listening()
        match event.message:
            case Ready():
                self._crew.ready(slot)
            case Started() as started:
                self._note(self._running[slot], started)
            case Progress(share=share, examples_per_second=rate):
                self._watcher.progressed(slot, share, rate)
            case Reported(report=report):
                self._report(slot, report)
            case Finished(diverged=diverged, model_error=model_error):
                self._running[slot].model_error = self._running[slot].model_error or model_error
                self._finish(slot, diverged=diverged)
                self._crew.free(slot)
            case Failed(error=error):
                self._finish(slot, error=error)
                self._after_error(slot, error)
            case WorkerExited() as exited:
                self._on_worker_exit(slot, exited)

    def _after_error(self, slot: int, error: TrialError) -> None:
        match error.kind:
            case "out_of_memory":
                self._crew.replace(slot)  # What it still holds the next would lack.
            case "device":
                self._crew.broken(slot)
            case _:
                self._crew.free(slot)

    def _note(self, attempt: Attempt, started: Started) -> None:
        """A trial began, or goes on after an evaluation point of an earlier attempt."""
        attempt.guess, attempt.labels = started.constant_guess, started.labels
        attempt.reports = self._folder.trial(attempt.spec.number).keep(started.resumed_at)
        attempt.kept = len(attempt.reports)
        self._tracker.training_started(
            attempt.spec.number, resumed_at=started.resumed_at, kept=attempt.reports
        )

    def _report(self, slot: int, report: Report) -> None:
        running = self._running[slot]
        number = running.spec.number
        running.add(report)
        self._crew.works(slot)
        if not self._source.owns(number):
            self._launcher.kill_slot(slot)  # Its worker waits for an answer about it.
            self._finish(slot)
            return
        self._write_down(running, report)
        goals = self._plan.goals
        measured = goals.measure(running.reports)
        self._source.report(number, report.point, measured)
        self._launcher.send(slot, _message(self._answer(running, report), running))
        running.heard = self._listening()  # A study that was away is not the worker's silence.
        self._tracker.reported(number, report)
        share = report.examples_seen / report.total_examples
        self._watcher.progressed(slot, share, report.examples_per_second)
        self._watcher.reported(slot, measured[goals.objective])
        self._plan.hooks.on_reported(running.spec, report)

    def _write_down(self, running: Attempt, report: Report) -> None:
        """Keep a report in the trial's folder, which somebody may have removed."""
        number = running.spec.number
        folder = self._folder.trial(number)
        if not folder.path.is_dir():
            self._watcher.notice(f"{folder.path} was removed while it was used; it is made again")
            folder.restore(self._plan.render(running.spec.settings), running.reports[:-1])
        folder.append(report)

    def _answer(self, running: Attempt, report: Report) -> Decision:
        """Whether the trial goes on: what others reached, and what its own curve shows."""
        number = running.spec.number
        judged = Decision.CONTINUE
        convergence = running.spec.settings.convergence
        may_end = self._plan.is_search or convergence.stop_single_runs
        if may_end and running.guess is not None and not report.final:
            judged = judge(running.reports, running.guess, running.spec.settings)
        if report.point == self._plan.concludes_at(number) and not report.final:
            judged = Decision.FINISH_EARLY
        # The untuned default goes on: what tuning gains is told against it.
        if self._should_prune(running.spec, report):
            running.stop(TrialState.PRUNED, "pruner")
        elif judged is Decision.STOP and not self._plan.is_untuned(number):
            running.stop(TrialState.PRUNED, "not_learning")
        if report.final:
            measured = self._plan.goals.measure(running.reports)
            running.saves_model = self._plan.wants_model(measured)
        if running.told is not None:
            if running.saves_model:
                running.model_error = "the trial was stopped as it made its last report"
            return Decision.STOP
        if report.final:
            return Decision.KEEP if running.saves_model else Decision.CONTINUE
        return Decision.CONTINUE if judged is Decision.STOP else judged

    def _should_prune(self, spec: TrialSpec, report: Report) -> bool:
        # Asked at every point, also where the answer is not taken: successive halving and
        # Hyperband note a trial's value at a rung only when they are asked there.
        asked = self._source.should_prune(spec.number)
        poor = asked and not self._plan.is_untuned(spec.number)
        warmup = spec.settings.schedule.warmup_fraction
        return poor and may_prune(report.point, report.points, warmup)

    def _on_worker_exit(self, slot: int, exited: WorkerExited) -> None:
        """A worker died: its trial is tried again or fails, a new worker takes the slot."""
        silent, timeout = self._crew.was_silent(slot), self._plan.stall_timeout
        in_trial = slot in self._running
        if in_trial:
            log = self._folder.trial(self._running[slot].spec.number).log_tail() or exited.log
            if silent and timeout is not None:
                self._finish(slot, error=stall(timeout, log))
            else:
                died = death(exited.code, log, exited.oom_kills, exited.lost_node)
                self._finish(slot, error=died)
        self._crew.exited(slot, exited, in_trial=in_trial)

    def _end_silent(self, listened: float) -> None:
        """Ends the workers that have said nothing for too long.

        Args:
            listened: When they were last listened to, in seconds of active time.
        """
        timeout = self._plan.stall_timeout
        for slot, attempt in self._running.items():
            if timeout is not None and listened - attempt.heard > timeout:
                self._crew.silence(slot)

    # -- ending -----------------------------------------------------------------------------

    def _finish(self, slot: int, *, diverged: str = "", error: TrialError | None = None) -> None:
        attempt = self._running.pop(slot)
        attempt.diverged = diverged
        if error is not None:
            attempt.fail(error)
        owned = self._source.owns(attempt.spec.number)
        told = self._retries.follow(attempt) if owned else ""
        outcome = self._conclude(slot, attempt)
        if attempt.error is not None and told:
            self._watcher.notice(
                f"{self._plan.noun} {outcome.number} {outcome.state.value}: "
                f"{attempt.error.message}; {told}"
            )
        if outcome.model_error is not None:
            self._watcher.notice(
                f"the model of {self._plan.noun} {outcome.number} could not be saved: "
                f"{outcome.model_error}; its score counts"
            )
        if outcome.state is TrialState.RETRIED:
            return
        self.outcomes.append(outcome)
        error = attempt.error
        if error is not None and error.kind == "input" and not self._any_ran:
            self._wrong_input = error
        self._any_ran = self._any_ran or outcome.last is not None
        if outcome.state is TrialState.COMPLETE:
            self._longest = max(self._longest or 0.0, outcome.seconds)
        self._enough = self._enough or self._plan.enough()
        self._watcher.trial_finished(slot, outcome)
        self._on_finished(attempt.spec, outcome)
        self._plan.hooks.on_finished(attempt.spec, outcome)

    def _provenance(self, slot: int, number: int) -> Provenance:
        return Provenance(
            mlflow_run=self._tracker.run_id(number),
            git_commit=self._plan.git_commit,
            cpu_threads=self._launcher.slots[slot].threads,
        )

    def _conclude(self, slot: int, attempt: Attempt) -> TrialOutcome:
        """Writes down how an attempt ended, wherever that has to be known."""
        number = attempt.spec.number
        outcome = conclude(
            attempt, self._plan.goals, self._clock(), self._provenance(slot, number)
        )
        folder = self._folder.trial(number)
        if outcome.model_error is not None:
            folder.drop_model()  # A worker that was killed leaves a part of it.
        if self._source.owns(number):
            folder.finish(outcome)
            self._source.finish(outcome)
        if not self._source.owns(number):
            outcome = replace(outcome, state=TrialState.RETRIED, value=None)
            self._watcher.notice(
                f"{self._plan.noun} {number} went to another agent: this one showed no sign of "
                "life for storage.heartbeat_timeout; what it found out counts for nothing"
            )
        self._look_at = self._clock()
        self._tracker.trial_finished(outcome, folder.artifacts, attempt.labels)
        return outcome

    def _give_back(self) -> None:
        """Lets go of attempts that no worker took up any more; the next start does."""
        while self._retries:
            spec = self._retries.pop()
            number = spec.number
            outcome = TrialOutcome(
                number=number,
                attempt=spec.attempt,
                state=TrialState.INTERRUPTED,
                parameters=spec.parameters,
                stopped_by="interrupt",
            )
            if self._source.owns(number):
                self._folder.trial(number).finish(outcome)
                self._source.finish(outcome)

    def _abandon(self) -> None:
        """Interrupted twice: no worker is waited for."""
        self._launcher.kill()
        for slot in list(self._running):
            self._running[slot].told = None
            self._running[slot].stop(TrialState.INTERRUPTED, "interrupt")
            self._finish(slot)

    def _stop_trials(self, notice: str) -> None:
        """End the running trials at their next update; they keep their state."""
        for slot, running in self._running.items():
            running.stop(TrialState.INTERRUPTED, "interrupt")
            self._launcher.send(slot, _message(Decision.STOP, running))
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


def _message(answer: Decision, attempt: Attempt) -> ToWorker:
    """An answer as the worker hears it; what is interrupted keeps its state for the next start."""
    match answer:
        case Decision.CONTINUE:
            return Continue()
        case Decision.FINISH_EARLY:
            return Conclude()
        case Decision.KEEP:
            return Keep()
        case Decision.STOP:
            return Stop(keep=attempt.told is TrialState.INTERRUPTED)
