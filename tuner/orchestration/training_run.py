"""One fine-tune from its settings to its result; no search."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from tuner.config import ComposedTraining, dump_trial
from tuner.errors import INTERRUPTED, InputError
from tuner.execution.interfaces import Plan
from tuner.execution.loop import Sweep
from tuner.execution.memory_check import memory_lines, with_batch_size
from tuner.execution.single_trial import SingleTrialSource
from tuner.orchestration.inputs import check_inputs, evaluation_lines
from tuner.processes.agent_log import agent_log
from tuner.results.pasted import LABEL_WIDTH
from tuner.results.terminal import Terminal
from tuner.search.goals import Goals, score
from tuner.study import made_with
from tuner.tracking import COMMIT, Tracker
from tuner.trial.folder import StudyFolder
from tuner.trial.records import ClaimedTrial, TrialOutcome, TrialState

STUDY = "train"
"""MLflow experiment and output folder of single fine-tunes."""

_NAMING = (("model", "model.checkpoint"), ("data", "data.train", "data.name"))
"""Keys that name model and data without a file; one of each row is required."""


def check_named(overrides: Sequence[str]) -> None:
    """Refuse a fine-tune that has no file and names no model or no data set.

    Raises:
        InputError: There is no file, and no model or no data set.
    """
    given = {word.partition("=")[0] for word in overrides}
    if not all(given.intersection(keys) for keys in _NAMING):
        raise InputError(
            "there is no configuration file, and not both a model and a data set",
            where="command line",
            remedy="run tuner train outputs/lr_search/best.yaml; or without a file: "
            "tuner train model=minilm data=rotten_tomatoes",
        )


@dataclass(frozen=True, kw_only=True)
class FineTune:
    """Fine-tune that has ended."""

    outcomes: Sequence[TrialOutcome]
    """Outcome of the trial; empty if it was stopped before it began."""
    folder: StudyFolder
    """Files of the study."""
    interrupted: bool
    """True if it was stopped."""

    @property
    def saved(self) -> TrialOutcome | None:
        """Outcome of the trial whose model was trained and saved; None if there is none."""
        completed = (each for each in self.outcomes if each.state is TrialState.COMPLETE)
        return next((each for each in completed if each.model_error is None), None)

    @property
    def exit_code(self) -> int:
        """Return 0 if a model was trained and saved, 130 if it was stopped, else 1."""
        if self.interrupted:
            return INTERRUPTED
        return 0 if self.saved is not None else 1


def train(composed: ComposedTraining, tags: Mapping[str, str], terminal: Terminal) -> FineTune:
    """Fine-tune once and show the result.

    Args:
        composed: Configuration of the fine-tune.
        tags: Origin of the run, as MLflow's tags.
        terminal: Display.

    Raises:
        InputError: Model or data cannot be used.
    """
    study = composed.study or STUDY
    folder = StudyFolder(Path(composed.output), study)
    folder.refuse_misplaced()
    with ExitStack() as stack:
        stack.enter_context(agent_log(folder.path))
        settings = replace(composed.launcher, slots=1)
        launcher = settings.make(composed.trial.training.devices, folder.path, terminal.notice)
        memory = launcher.room()
        goals = composed.goals
        tracker = Tracker(composed.tracking, study, folder, notice=terminal.warn)
        tracker.check()
        stack.callback(launcher.close, composed.launcher.stop_timeout)
        launcher.start(0)
        inputs = check_inputs([composed.trial], composed.metrics)
        trial = with_batch_size(composed.trial, memory, inputs.shape)
        counts = evaluation_lines([trial], inputs)
        for line in (*inputs.lines, *counts, *memory_lines([trial], memory, inputs.shape)):
            terminal.notice(line)
        tracker.open(tags, inputs.of)
        stack.callback(lambda: terminal.warn(tracker.close()))
        sweep = Sweep(
            plan=Plan(
                goals=goals,
                compose=lambda _: trial,
                render=dump_trial,
                n_trials=1,
                max_attempts=composed.launcher.max_attempts,
                stall_timeout=composed.launcher.stall_timeout,
                role="train",
                git_commit=tags.get(COMMIT, ""),
                metrics=composed.metrics,
                versions=made_with(composed.metrics),
            ),
            source=SingleTrialSource(ClaimedTrial(number=folder.take_number())),
            launcher=launcher,
            tracker=tracker,
            folder=folder,
            watcher=terminal,
        )
        terminal.begin(study, 1, launcher.slots)
        try:
            outcomes = sweep.run()
        finally:
            terminal.end()
        for line in result_lines(outcomes, goals, folder):
            terminal.result(line)
        for outcome in outcomes:
            if outcome.model_error is not None:
                terminal.warn(f"its model could not be saved: {outcome.model_error}")
        terminal.result(f"{'review':<{LABEL_WIDTH}} {tracker.review}")
        return FineTune(outcomes=outcomes, folder=folder, interrupted=sweep.interrupted)


def result_lines(
    outcomes: Sequence[TrialOutcome], goals: Goals, folder: StudyFolder
) -> Iterator[str]:
    """Yield the result of a fine-tune, its objectives first.

    Args:
        outcomes: Outcomes of its attempts.
        goals: Objectives and constraints.
        folder: Files of the study.
    """
    for outcome in outcomes:
        for name, way in zip(goals.objectives, goals.directions, strict=True):
            if name in outcome.measured:
                better = "higher" if way == "maximize" else "lower"
                reached = score(outcome.measured[name])
                yield f"{name:<{LABEL_WIDTH}} {reached}  (objective; {better} is better)"
        if outcome.last is not None:
            for name, value in outcome.last.scores.items():
                if name not in goals.objectives:
                    yield f"{name:<{LABEL_WIDTH}} {score(value)}"
        for text in outcome.violated:
            yield f"{'constraint':<{LABEL_WIDTH}} missed: {text}"
        if outcome.diagnosis is not None:
            diagnosis = outcome.diagnosis
            yield f"{'convergence':<{LABEL_WIDTH}} {diagnosis.status}: {diagnosis.reason}"
            if diagnosis.advice:
                yield f"{'advice':<{LABEL_WIDTH}} {diagnosis.advice}"
        yield f"{'files':<{LABEL_WIDTH}} {folder.trial(outcome.number).path}"
