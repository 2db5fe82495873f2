"""`tuner train FILE.yaml`: one fine-tune from an exported configuration, no search."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tuner.commands.inputs import check_inputs
from tuner.config import ComposedTraining, compose_training, dump_trial
from tuner.core.goals import Goals
from tuner.core.trial import Scalar, TrialOutcome, TrialState
from tuner.errors import INTERRUPTED, InputError
from tuner.folder import StudyFolder
from tuner.launchers.devices import local_slots
from tuner.launchers.local import LocalLauncher
from tuner.memory_check import memory_lines, with_batch_size
from tuner.plan import Plan
from tuner.sweep import Sweep
from tuner.terminal import Terminal
from tuner.tracking import COMMIT, Tracker, origin

STUDY = "train"
"""MLflow experiment and output folder of single fine-tunes."""

OBJECTIVE = "val_accuracy"


@dataclass(frozen=True, kw_only=True)
class SingleTrial:
    """The one trial that there is.

    Attributes:
        number: Its number: the next free folder.
        parameters: None were searched.
        attempt: Its first.
        crashes: None yet.
    """

    number: int
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    attempt: int = 1
    crashes: int = 0


class Single:
    """A source of one trial that no other agent has and nothing prunes."""

    def __init__(self, number: int) -> None:
        """The trial has not been claimed yet."""
        self._left: list[SingleTrial] = [SingleTrial(number=number)]

    def claim(self, total: int) -> SingleTrial | None:  # noqa: ARG002
        """The trial, once."""
        return self._left.pop() if self._left else None

    def awaiting(self, total: int) -> bool:  # noqa: ARG002
        """Until it was claimed."""
        return bool(self._left)

    def owns(self, number: int) -> bool:  # noqa: ARG002
        """Always."""
        return True

    def started(self, number: int, config: str, *, attempt: int, crashes: int) -> None:
        """The configuration stands in the trial's folder."""

    def report(self, number: int, point: int, values: Mapping[str, float]) -> None:
        """Nobody compares."""

    def should_prune(self, number: int) -> bool:  # noqa: ARG002
        """Never."""
        return False

    def finish(self, outcome: TrialOutcome) -> None:
        """The outcome stands in the trial's folder."""

    def hurry(self) -> None:
        """It never waits."""


def run(arguments: Sequence[str]) -> int:
    """Runs the command.

    Args:
        arguments: The exported configuration, then Hydra overrides; or overrides alone, a model
            and a data set among them, as `export.format=cli` writes them.

    Returns:
        0 done, 1 the fine-tune did not complete or its model could not be saved, 130 interrupted.

    Raises:
        InputError: No file is named, or it can not be used.
    """
    alone = {"model", "data"} <= {word.partition("=")[0] for word in arguments if "=" in word}
    if not arguments or ("=" in arguments[0] and not alone):
        raise InputError(
            "no configuration file is named",
            where="the command line",
            remedy="tuner train outputs/lr_search/best.yaml; or without a file, both a model and "
            "data: tuner train model=minilm data=rotten_tomatoes",
        )
    without_file = "=" in arguments[0]
    path = None if without_file else Path(arguments[0])
    composed = compose_training(path, arguments[not without_file :], Path.cwd())
    return train(composed, origin(["train", *arguments], Path.cwd()))


def train(composed: ComposedTraining, tags: Mapping[str, str]) -> int:
    """Fine-tunes once and shows the result.

    Args:
        composed: What to train.
        tags: Of its run in MLflow: where it comes from.
    """
    study = composed.study or STUDY
    folder = StudyFolder(Path(composed.output), study)
    folder.refuse_misplaced()
    launcher = LocalLauncher(local_slots(1, composed.trial.training.devices))
    room = launcher.room()
    terminal = Terminal(OBJECTIVE)
    tracker = Tracker(composed.tracking, study, folder, notice=terminal.warn)
    tracker.check()
    with ExitStack() as stack:
        stack.callback(launcher.close, composed.launcher.stop_timeout)
        launcher.start(0)
        inputs = check_inputs([composed.trial])
        trial = with_batch_size(composed.trial, room)
        for line in (*inputs.lines, *memory_lines([trial], room)):
            terminal.notice(line)
        tracker.open(tags, inputs.of)
        stack.callback(lambda: terminal.warn(tracker.close()))
        sweep = Sweep(
            plan=Plan(
                goals=Goals(objectives=(OBJECTIVE,)),
                compose=lambda _: trial,
                render=dump_trial,
                n_trials=1,
                max_attempts=composed.launcher.max_attempts,
                stall_timeout=composed.launcher.stall_timeout,
                role="train",
                git_commit=tags.get(COMMIT, ""),
            ),
            source=Single(folder.next_number()),
            launcher=launcher,
            tracker=tracker,
            folder=folder,
            watcher=terminal,
            on_finished=lambda spec, outcome: None,  # noqa: ARG005
        )
        terminal.begin(study, 1, launcher.slots)
        try:
            outcomes = sweep.run()
        finally:
            terminal.end()
        return _show(outcomes, folder, terminal, tracker, interrupted=sweep.interrupted)


def _show(
    outcomes: Sequence[TrialOutcome],
    folder: StudyFolder,
    terminal: Terminal,
    tracker: Tracker,
    *,
    interrupted: bool,
) -> int:
    for outcome in outcomes:
        if outcome.last is not None:
            figures = {"val_loss": outcome.last.val_loss, **outcome.last.metrics}
            for name, value in figures.items():
                terminal.notice(f"{name:<13} {value}")
        if outcome.diagnosis is not None:
            terminal.notice(
                f"{'convergence':<13} {outcome.diagnosis.status}: {outcome.diagnosis.reason}"
            )
        terminal.notice(f"{'files':<13} {folder.trial(outcome.number).path}")
        if outcome.model_error is not None:
            terminal.warn(f"its model could not be saved: {outcome.model_error}")
    terminal.notice(f"{'review':<13} {tracker.review}")
    if interrupted:
        return INTERRUPTED
    saved = [o for o in outcomes if o.state is TrialState.COMPLETE and o.model_error is None]
    return 0 if saved else 1
