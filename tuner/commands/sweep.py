"""`tuner sweep=NAME`: runs a sweep, or resumes it up to its total."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tuner import __version__
from tuner.commands.best import BestKeeper
from tuner.commands.inputs import InputReport, check_inputs
from tuner.config import (
    ComposedSweep,
    check,
    compose_sweep,
    compose_trial,
    dump_trial,
    render,
    searched_options,
)
from tuner.core.objectives import direction
from tuner.core.ranking import ranked
from tuner.core.reading import read_sweep
from tuner.core.settings import TrialSettings
from tuner.core.trial import UNTUNED, TrialOutcome, TrialSpec
from tuner.dry_run import measured_rate, space_lines, time_lines
from tuner.errors import InputError
from tuner.exclusive import exclusive
from tuner.exported import StudyFacts
from tuner.folder import StudyFolder
from tuner.launchers.devices import local_slots
from tuner.launchers.local import LocalLauncher
from tuner.launchers.room import Room, local_room
from tuner.memory_check import memory_lines, with_batch_size
from tuner.plan import Plan
from tuner.publishing import Publisher, Request
from tuner.search import build_pruner, build_sampler
from tuner.study import Definition, Study, made_with, sqlite_url
from tuner.summary import Closing, description, show
from tuner.sweep import Sweep
from tuner.terminal import Terminal, parameters_text
from tuner.tracking import COMMIT, Tracker, View, origin, tracking_uri

FIRST_TRIALS = 5
"""So many are shown by a dry run."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """All that a sweep runs with, checked and open.

    Attributes:
        composed: The sweep.
        inputs: What was found in models and data.
        room: Memory that each trial has; None where that is unknown.
        folder: The study's files.
        terminal: Shows what happens.
        launcher: Its workers are started.
        tracker: Open.
        study: Open.
        publisher: Waits.
        git_commit: See `Plan`.
        begun: Seconds of the monotonic clock when the command was given.
    """

    composed: ComposedSweep
    inputs: InputReport
    room: Room | None
    folder: StudyFolder
    terminal: Terminal
    launcher: LocalLauncher
    tracker: Tracker
    study: Study
    publisher: Publisher
    git_commit: str
    begun: float


def run(arguments: Sequence[str]) -> int:
    """Runs the command.

    Args:
        arguments: Hydra overrides; `--cfg job` prints the configuration instead.

    Returns:
        0 done, 1 nothing usable came out, 130 interrupted.
    """
    begun = time.monotonic()
    overrides = [word for word in arguments if word not in ("--cfg", "job")]
    composed = compose_sweep(overrides, Path.cwd())
    if "--cfg" in arguments:
        print(render(composed), end="")  # noqa: T201
        return 0
    agent = composed.agent
    if not composed.space.dimensions:
        raise InputError(
            "nothing is left to search",
            where="sweep.space, and the values that the command line fixes",
            remedy="a key to search, as training.batch_size=8,16; for one fine-tune without a "
            "search: tuner train FILE.yaml",
        )
    build_sampler(agent.sampler, opened=0)
    build_pruner(agent.pruner)
    variants = check(composed)
    folder = StudyFolder(Path(agent.output), agent.study_name)
    terminal = Terminal(agent.sweep.objectives[0])
    tracker = Tracker(agent.tracking, agent.study_name, folder, notice=terminal.warn)
    tracker.check()
    devices = max(settings.training.devices for settings in variants)
    launcher = LocalLauncher(local_slots(agent.launcher.slots, devices))
    room = local_room(launcher.slots.values())
    with ExitStack() as stack:
        stack.callback(launcher.close, agent.launcher.stop_timeout)
        # While the workers import their libraries, the agent looks at what they will be fed.
        for slot in launcher.slots:
            launcher.start(slot)
        inputs = check_inputs(variants)
        trials = [with_batch_size(settings, room) for settings in variants]
        for line in (*inputs.lines, *memory_lines(trials, room)):
            terminal.notice(line)
        if agent.sweep.dry_run:
            _dry_run(composed, variants, inputs, launcher, terminal)
            return 0
        study = open_study(composed, folder, variants, inputs.contents)
        stack.callback(study.close)
        terminal.warn(study.notice)
        tags = origin(["sweep", *arguments], Path.cwd())
        tracker.open(tags, inputs.of)
        stack.callback(lambda: terminal.warn(tracker.close()))
        publisher = Publisher(_request(composed, folder))
        stack.callback(publisher.close)
        parts = Parts(
            composed=composed,
            inputs=inputs,
            room=room,
            folder=folder,
            terminal=terminal,
            launcher=launcher,
            tracker=tracker,
            study=study,
            publisher=publisher,
            git_commit=tags.get(COMMIT, ""),
            begun=begun,
        )
        return _run(parts)


def _dry_run(
    composed: ComposedSweep,
    variants: Sequence[TrialSettings],
    inputs: InputReport,
    launcher: LocalLauncher,
    terminal: Terminal,
) -> None:
    """Shows what the sweep would do; it leaves nothing but what was tokenised."""
    agent = composed.agent
    private = replace(composed, agent=replace(agent, storage=replace(agent.storage, url=None)))
    with TemporaryDirectory() as place, ExitStack() as stack:
        folder = StudyFolder(Path(place), agent.study_name)
        study = open_study(private, folder, variants, inputs.contents)
        stack.callback(study.close)
        terminal.notice("\nSpace")
        for line in space_lines(composed.space, composed.defaults):
            terminal.notice(line)
        terminal.notice("\nFirst trials")
        for _ in range(min(FIRST_TRIALS, agent.sweep.n_trials)):
            asked = study.claim(None)
            if asked is not None:
                compose_trial(composed, asked.parameters)
                untuned = "   (untuned default)" if asked.number == UNTUNED else ""
                terminal.notice(
                    f"  {asked.number:>3}  {parameters_text(asked.parameters)}{untuned}"
                )
        terminal.notice("\nTime")
        base = with_batch_size(composed.base, local_room(launcher.slots.values()))
        rate = measured_rate(launcher, base, Path(place))
        rows = inputs.rows_of(composed.base)
        for line in time_lines(base, rows, rate, agent.sweep.n_trials, len(launcher.slots)):
            terminal.notice(line)


def open_study(
    composed: ComposedSweep,
    folder: StudyFolder,
    variants: Sequence[TrialSettings],
    contents: Mapping[str, Sequence[str]],
) -> Study:
    """Opens or makes the study of a composed sweep.

    Args:
        composed: The sweep.
        folder: The study's files.
        variants: What `check` composed of it.
        contents: Hashes of models and data; see `tuner.study.Definition`.
    """
    agent = composed.agent
    objective = agent.sweep.objectives[0]
    with exclusive(agent.storage.url or str(folder.database.absolute())):
        return Study(
            name=agent.study_name,
            url=agent.storage.url or sqlite_url(folder.database),
            definition=Definition(
                space=composed.space,
                base=composed.base,
                objective=objective,
                direction=direction(objective),
                options=searched_options(composed, variants),
                contents=contents,
            ),
            sampler=agent.sampler,
            pruner=agent.pruner,
            defaults=composed.defaults,
            settings=agent.storage,
        )


def _run(parts: Parts) -> int:
    composed, folder, terminal = parts.composed, parts.folder, parts.terminal
    launcher, tracker, study = parts.launcher, parts.tracker, parts.study
    agent = composed.agent
    objective = agent.sweep.objectives[0]
    earlier = study.outcomes()
    tracker.sweep_started(
        {"objective": objective, "n_trials": str(agent.sweep.n_trials), "tuner": __version__},
        {"sweep.yaml": render(composed), **parts.inputs.artifacts},
    )
    tracker.show(
        View(
            objective=objective,
            direction=direction(objective),
            keys=composed.space.keys,
        )
    )
    tracker.abandon(study.release_orphans())
    terminal.notice(f"review: {tracker.review}")
    facts = StudyFacts(
        name=agent.study_name,
        objective=objective,
        contents=parts.inputs.contents,
        made_with=made_with(),
    )
    keeper = BestKeeper(facts, composed, folder, earlier, study.outcomes)
    publisher = parts.publisher

    def finished(spec: TrialSpec, outcome: TrialOutcome) -> None:
        keeper(spec, outcome)
        publisher.refresh()

    sweep = Sweep(
        plan=Plan(
            objective=objective,
            compose=lambda parameters: with_batch_size(
                compose_trial(composed, parameters), parts.room
            ),
            render=dump_trial,
            n_trials=agent.sweep.n_trials,
            timeout=agent.sweep.timeout,
            max_failures=agent.sweep.max_failures,
            max_attempts=agent.launcher.max_attempts,
            stall_timeout=agent.launcher.stall_timeout,
            git_commit=parts.git_commit,
            wants_model=keeper.wants_model,
        ),
        source=study,
        launcher=launcher,
        tracker=tracker,
        folder=folder,
        watcher=terminal,
        on_finished=finished,
    )
    sweep.prepare(with_batch_size(composed.base, parts.room))
    terminal.begin(agent.study_name, agent.sweep.n_trials, len(earlier), launcher.slots)
    try:
        sweep.run()
    finally:
        terminal.end()
    outcomes = ranked(study.outcomes(), direction(objective))
    closing = Closing(
        study=agent.study_name,
        objective=objective,
        outcomes=outcomes,
        reading=read_sweep(
            outcomes,
            space=composed.space,
            objective=objective,
            importances=study.importances(),
            epochs=composed.base.training.epochs,
        ),
        interrupted=sweep.interrupted,
        failed=sweep.failed,
        seconds=time.monotonic() - parts.begun,
        busy=sum(outcome.seconds_busy for outcome in sweep.outcomes),
        slots=len(launcher.slots),
        best_file=folder.best,
        review=tracker.review,
    )
    tracker.sweep_finished(
        closing.metrics(),
        description(closing),
        [folder.best] if folder.best.exists() else [],
        "KILLED" if sweep.interrupted else "FINISHED",
    )
    show(closing, terminal.console)
    if not sweep.interrupted:
        terminal.warn(publisher.finish())
    return closing.exit_code


def _request(composed: ComposedSweep, folder: StudyFolder) -> Request:
    """What of a composed sweep is published in MLflow beside its runs."""
    agent = composed.agent
    return Request(
        study=agent.study_name,
        objective=agent.sweep.objectives[0],
        storage=agent.storage.url or sqlite_url(folder.database),
        tracking=tracking_uri(agent.tracking.uri),
        folder=str(folder.path.absolute()),
        draw=agent.tracking.plots,
        log_model=agent.tracking.log_model,
        register=agent.tracking.register,
    )
