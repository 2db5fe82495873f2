"""`tuner train`: one fine-tune of a file, of overrides, or of both; no search."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from tuner.commands.command_words import read_options
from tuner.commands.inputs import check_inputs, evaluation_lines
from tuner.config import ComposedTraining, compose_training, dump_trial, render_training
from tuner.devices.slots import local_slots
from tuner.errors import INTERRUPTED, InputError
from tuner.execution.interfaces import Plan
from tuner.execution.loop import Sweep
from tuner.execution.memory_check import memory_lines, with_batch_size
from tuner.execution.single_trial import SingleTrial, SingleTrialSource
from tuner.formatting.timestamps import local_time
from tuner.launchers.local import LocalLauncher
from tuner.results.terminal import Terminal
from tuner.search.goals import Goals, score
from tuner.tracking import COMMIT, Tracker, origin
from tuner.trial.folder import StudyFolder
from tuner.trial.records import TrialOutcome, TrialState

STUDY = "train"
"""MLflow experiment and output folder of single fine-tunes."""

LABEL = 13
"""Columns of the names in the result."""

_NAMING = (("model", "model.checkpoint"), ("data", "data.train", "data.name"))
"""Keys of which one of each row names what is trained, where there is no file."""


def run(arguments: Sequence[str]) -> int:
    """Runs the command.

    Args:
        arguments: A configuration's file and overrides; or overrides alone, which name a model
            and a data set. `--cfg job` prints the configuration instead.

    Returns:
        0 done, 1 the fine-tune did not complete or its model could not be saved, 130 interrupted.

    Raises:
        InputError: Nothing is named that could be trained, or it cannot be used.
    """
    options = read_options(arguments, command=STUDY)
    path, overrides = split_file(options.overrides)
    composed = compose_training(path, overrides, Path.cwd())
    if options.prints_config:
        print(render_training(composed), end="")  # noqa: T201
        return 0
    tags = origin(["train", *arguments], Path.cwd())
    return train(composed, tags, quiet=options.quiet)


def split_file(words: Sequence[str]) -> tuple[Path | None, list[str]]:
    """Part the configuration's file from the overrides around it.

    Args:
        words: A file's path, at any place, and overrides.

    Returns:
        The file, None where there is none, and the overrides.

    Raises:
        InputError: There are two files, or neither a file nor both a model and a data set.
    """
    files = [word for word in words if _is_file(word)]
    overrides = [word for word in words if word not in files]
    if len(files) > 1:
        raise InputError(
            f"there are {len(files)} configuration files: {', '.join(files)}",
            where="command line",
            remedy="one of them, and overrides as KEY=VALUE",
        )
    given = {word.partition("=")[0] for word in overrides}
    if not files and not all(given.intersection(keys) for keys in _NAMING):
        raise InputError(
            "no configuration file is named, and not both a model and a data set",
            where="command line",
            remedy="tuner train outputs/lr_search/best.yaml; or without a file: "
            "tuner train model=minilm data=rotten_tomatoes",
        )
    return (Path(files[0]) if files else None), overrides


def _is_file(word: str) -> bool:
    """Whether a word is a path; one of a folder with an `=` in its name is one, too."""
    return "=" not in word or (not word.startswith(("+", "~")) and Path(word).is_file())


def train(composed: ComposedTraining, tags: Mapping[str, str], *, quiet: bool = False) -> int:
    """Fine-tunes once and shows the result.

    Args:
        composed: What to train.
        tags: Of its run in MLflow: where it comes from.
        quiet: True to show warnings and the result alone.
    """
    study = composed.study or STUDY
    folder = StudyFolder(Path(composed.output), study)
    folder.refuse_misplaced()
    launcher = LocalLauncher(local_slots(1, composed.trial.training.devices))
    room = launcher.room()
    goals = composed.goals
    terminal = Terminal(goals.objective, quiet=quiet, now=local_time)
    tracker = Tracker(composed.tracking, study, folder, notice=terminal.warn)
    tracker.check()
    with ExitStack() as stack:
        stack.callback(launcher.close, composed.launcher.stop_timeout)
        launcher.start(0)
        inputs = check_inputs([composed.trial])
        trial = with_batch_size(composed.trial, room)
        counts = evaluation_lines([trial], inputs)
        for line in (*inputs.lines, *counts, *memory_lines([trial], room)):
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
            ),
            source=SingleTrialSource(SingleTrial(number=folder.take_number())),
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
        for line in result_lines(outcomes, goals, folder):
            terminal.result(line)
        for outcome in outcomes:
            if outcome.model_error is not None:
                terminal.warn(f"its model could not be saved: {outcome.model_error}")
        terminal.result(f"{'review':<{LABEL}} {tracker.review}")
        return exit_code(outcomes, interrupted=sweep.interrupted)


def result_lines(
    outcomes: Sequence[TrialOutcome], goals: Goals, folder: StudyFolder
) -> Iterator[str]:
    """What came of a fine-tune, its objectives first.

    Args:
        outcomes: How its attempts ended.
        goals: What its result is measured by.
        folder: Where its files are.
    """
    for outcome in outcomes:
        for name, way in zip(goals.objectives, goals.directions, strict=True):
            if name in outcome.measured:
                better = "higher" if way == "maximize" else "lower"
                yield f"{name:<{LABEL}} {outcome.measured[name]}  (objective; {better} is better)"
        if outcome.last is not None:
            figures = {"val_loss": outcome.last.val_loss, **outcome.last.metrics}
            for name, value in figures.items():
                if name not in goals.objectives:
                    yield f"{name:<{LABEL}} {score(value)}"
        for text in outcome.violated:
            yield f"{'constraint':<{LABEL}} missed: {text}"
        if outcome.diagnosis is not None:
            told = outcome.diagnosis
            yield f"{'convergence':<{LABEL}} {told.status}: {told.reason}"
            if told.advice:
                yield f"{'advice':<{LABEL}} {told.advice}"
        yield f"{'files':<{LABEL}} {folder.trial(outcome.number).path}"


def exit_code(outcomes: Sequence[TrialOutcome], *, interrupted: bool) -> int:
    """Return 0 where a model was trained and saved, 130 where somebody stopped it, else 1."""
    if interrupted:
        return INTERRUPTED
    saved = [o for o in outcomes if o.state is TrialState.COMPLETE and o.model_error is None]
    return 0 if saved else 1
