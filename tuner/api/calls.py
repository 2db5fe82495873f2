"""Functions of the Python interface."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tuner.api.callbacks import Callback, CallbackRunner
from tuner.api.display import terminal
from tuner.api.model import Model
from tuner.api.running import SweepRequest, checked_overrides, compose, run, show_on
from tuner.api.study import Study
from tuner.config import compose_report, compose_training
from tuner.errors import INTERRUPTED, InputError, TunerError
from tuner.metrics import Metric, check_importable, records_of
from tuner.orchestration.training_run import check_named
from tuner.orchestration.training_run import train as fine_tune
from tuner.settings.overrides import hydra_override
from tuner.settings.settings import JOURNAL
from tuner.settings.storage import backend
from tuner.study.reader import metrics_beside
from tuner.tracking import origin
from tuner.trial.folder import StudyFolder
from tuner.trial.records import TrialOutcome


def sweep(
    name: str | None = None,
    *,
    space: Mapping[str, Any] | None = None,
    overrides: Sequence[str] = (),
    callbacks: Sequence[Callback] = (),
    metrics: Sequence[Metric] = (),
    quiet: bool = False,
) -> Study:
    """Run a sweep, or resume it up to its total.

    Ctrl-C stops it gently: running trials end at their next update, the study is returned, and
    the same call resumes it. Python delivers signals to the main thread alone; in any other
    thread, `study.stop()` in a callback stops the sweep.

    Args:
        name: Sweep in ./sweeps or a bundled one, such as `lr_search`; with `space` the name of the
            study.
        space: Searched key to an expression (`"tag(log, interval(1e-6, 1e-3))"`), to a list of
            values, or to mappings `{"values": …, "when": {…}}`; None for the space of the sweep.
        overrides: Overrides as on the command line: `"training.epochs=2"`, `"model=bert_base"`.
        callbacks: Objects that are called as trials start, report and finish.
        metrics: Metrics made by `tuner.metric`, which are measured beside the task's scores;
            `sweep.objectives` and `sweep.constraints` may name them.
        quiet: True to show only warnings and results.

    Returns:
        Study; its `interrupted` is True if the sweep was stopped.

    Raises:
        InputError: The sweep cannot run as it is configured; nothing was changed.
        TunerError: Workers do not start, or the storage is lost.
        Exception: First exception of a callback, raised once everything is stored.

    Example::

        study = tuner.sweep("lr_search", overrides=["training.epochs=2"])
        print(study.best.score, study.best.parameters)
    """
    request = SweepRequest(
        name=name,
        space=space,
        overrides=checked_overrides(overrides),
        quiet=quiet,
        metrics=records_of(metrics),
    )
    composed = compose(request)
    agent = composed.agent
    if callbacks and agent.launcher.submits_agents:
        raise InputError(
            f"callbacks are not called by the agents of launcher={agent.launcher.name}, which are "
            "other processes",
            where="callbacks",
            remedy='overrides=["launcher=local"] or overrides=["launcher=ray"]; or callbacks=[]',
        )
    study = Study(agent.study_name, Path(agent.output), agent.storage, request)
    shown = show_on(composed, quiet=quiet)
    runner = CallbackRunner(callbacks, study, shown.warn)
    study.interrupted = run(composed, request, shown, runner.hooks) == INTERRUPTED
    if runner.error is not None:
        raise runner.error
    return study


def load_study(name: str, output: str | Path = "outputs", storage: str | None = None) -> Study:
    """Open a stored study; nothing is written.

    Args:
        name: Name of the study.
        output: Folder of all studies.
        storage: `sqlite`, `journal` or a URL such as `postgresql://USER@HOST/DATABASE`; None for
            the file in the study's folder.

    Raises:
        InputError: There is no such study, or its storage cannot be read.

    Example::

        study = tuner.load_study("lr_search")
        study.to_frame().sort_values("val_accuracy")
    """
    words = [hydra_override("study", name), hydra_override("output", str(output))]
    folder = StudyFolder(Path(output), name)
    if storage is None and folder.journal.is_file() and not folder.database.is_file():
        storage = JOURNAL
    if storage is not None and ":" in storage:
        words += [f"storage={backend(storage)}", hydra_override("storage.url", storage)]
    elif storage is not None:
        words.append(f"storage={storage}")
    composed = compose_report(words, Path.cwd())
    study = Study(name, Path(composed.output), composed.storage, place=tuple(words))
    study.objective  # noqa: B018 - refuses a study that is not there
    return study


def train(
    file: str | Path | None = None,
    overrides: Sequence[str] = (),
    *,
    metrics: Sequence[Metric] = (),
    quiet: bool = False,
) -> Model:
    """Fine-tune once, without a search.

    Args:
        file: Configuration such as `outputs/lr_search/best.yaml`; None if overrides name a model
            and a data set.
        overrides: Overrides of the file, as on the command line.
        metrics: Metrics made by `tuner.metric`, which are measured beside the task's scores.
        quiet: True to show only warnings and results.

    Returns:
        Trained model, with its settings and scores.

    Raises:
        InputError: Model, data or a setting cannot be used.
        TunerError: The fine-tune did not complete, or its model could not be saved.
        KeyboardInterrupt: The fine-tune was stopped; its files are kept.

    Example::

        model = tuner.train("outputs/lr_search/best.yaml")
        model.predict(["a fine film"])[0].label
    """
    overrides = checked_overrides(overrides)
    path = None if file is None else Path(file)
    if path is None:
        check_named(overrides)
    records = records_of(metrics)
    composed = compose_training(path, overrides, Path.cwd(), records, metrics_beside)
    if not composed.launcher.runs_inline:
        check_importable(records)
    words = [] if path is None else [str(path)]
    tags = origin(["train", *words, *overrides], Path.cwd())
    moves = not composed.launcher.runs_inline
    shown = terminal(composed.goals.objective, quiet=quiet, moves=moves)
    ended = fine_tune(composed, tags, shown)
    if ended.interrupted:
        raise KeyboardInterrupt
    if (saved := ended.saved) is not None:
        model = ended.folder.trial(saved.number).model
        return Model(model, settings=composed.trial, scores=saved.scores)
    raise TunerError(_failure(ended.outcomes[-1]) if ended.outcomes else "nothing was trained")


def _failure(outcome: TrialOutcome) -> str:
    if outcome.error is not None:
        return f"the fine-tune failed with {outcome.error.text}"
    if outcome.model_error is not None:
        return f"the model could not be saved: {outcome.model_error}"
    reason = f": {outcome.diagnosis.reason}" if outcome.diagnosis else ""
    return f"the fine-tune ended as {outcome.state.value}{reason}"
