"""`tuner sweep=NAME`: runs a sweep, or resumes it up to its total."""

import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from tuner import __version__
from tuner.config import (
    ComposedSweep,
    check,
    compose_sweep,
    compose_trial,
    dump_trial,
    render,
)
from tuner.core.objectives import direction
from tuner.core.ranking import best, ranked
from tuner.core.settings import TrialSettings
from tuner.core.trial import TrialOutcome, TrialSpec
from tuner.data import prepare
from tuner.folder import StudyFolder, write_whole
from tuner.launchers.devices import local_slots
from tuner.launchers.local import LocalLauncher
from tuner.search import build_pruner, build_sampler
from tuner.study import Definition, Study, sqlite_url
from tuner.summary import Closing, description, show
from tuner.sweep import Plan, Sweep
from tuner.terminal import Terminal
from tuner.tracking import Tracker


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
    build_sampler(agent.sampler, existing=0)
    build_pruner(agent.pruner)
    variants = check(composed)
    folder = StudyFolder(Path(agent.output), agent.study_name)
    terminal = Terminal(agent.sweep.objectives[0])
    devices = max(settings.training.devices for settings in variants)
    launcher = LocalLauncher(local_slots(agent.launcher.slots, devices))
    with ExitStack() as stack:
        stack.callback(launcher.close, agent.launcher.stop_timeout)
        # While the workers import their libraries, the agent looks at what they will be fed.
        for slot in launcher.slots:
            launcher.start(slot)
        for line in check_inputs(variants):
            terminal.notice(line)
        tracker = Tracker(agent.tracking, agent.study_name)
        tracker.open()
        stack.callback(lambda: terminal.warn(tracker.close()))
        study = open_study(composed, folder)
        stack.callback(study.close)
        return _sweep(composed, folder, terminal, launcher, tracker, study, begun)


def check_inputs(variants: Iterable[TrialSettings]) -> list[str]:
    """Locates, reads, checks and tokenises every model and data that trials may meet.

    Returns:
        The data report, line by line, for people.

    Raises:
        InputError: Model or data can not be used.
    """
    lines: list[str] = []
    seen = set()
    for settings in variants:
        key = repr((settings.data, settings.model.checkpoint, settings.model.max_length))
        if key not in seen:
            seen.add(key)
            lines += prepare(settings.data, settings.model).report.lines()
    return lines


def open_study(composed: ComposedSweep, folder: StudyFolder) -> Study:
    """Opens or makes the study of a composed sweep."""
    agent = composed.agent
    objective = agent.sweep.objectives[0]
    return Study(
        name=agent.study_name,
        url=agent.storage.url or sqlite_url(folder.database),
        definition=Definition(
            space=composed.space,
            base=composed.base,
            objective=objective,
            direction=direction(objective),
        ),
        sampler=agent.sampler,
        pruner=agent.pruner,
        defaults=composed.defaults,
    )


def _sweep(
    composed: ComposedSweep,
    folder: StudyFolder,
    terminal: Terminal,
    launcher: LocalLauncher,
    tracker: Tracker,
    study: Study,
    begun: float,
) -> int:
    agent = composed.agent
    objective = agent.sweep.objectives[0]
    earlier = study.outcomes()
    tracker.sweep_started(
        {"objective": objective, "n_trials": str(agent.sweep.n_trials), "tuner": __version__},
        {"sweep.yaml": render(composed)},
    )
    tracker.abandon(study.release_orphans())
    sweep = Sweep(
        plan=Plan(
            objective=objective,
            compose=lambda parameters: compose_trial(composed, parameters),
            render=dump_trial,
            n_trials=agent.sweep.n_trials,
            timeout=agent.sweep.timeout,
            max_failures=agent.sweep.max_failures,
        ),
        source=study,
        launcher=launcher,
        tracker=tracker,
        folder=folder,
        watcher=terminal,
        on_finished=BestKeeper(composed, folder, earlier),
    )
    sweep.prepare(composed.base)
    terminal.begin(agent.study_name, agent.sweep.n_trials, len(earlier), launcher.slots)
    try:
        sweep.run()
    finally:
        terminal.end()
    closing = Closing(
        study=agent.study_name,
        objective=objective,
        outcomes=ranked(study.outcomes(), direction(objective)),
        interrupted=sweep.interrupted,
        failed=sweep.failed,
        seconds=time.monotonic() - begun,
        busy=sum(outcome.seconds_busy for outcome in sweep.outcomes),
        slots=len(launcher.slots),
        best_file=folder.best,
        tracking_uri=tracker.uri,
    )
    tracker.sweep_finished(
        closing.metrics(),
        description(closing),
        [folder.best] if folder.best.exists() else [],
        "KILLED" if sweep.interrupted else "FINISHED",
    )
    show(closing, terminal.console)
    return closing.exit_code


class BestKeeper:
    """Rewrites best.yaml after every new best."""

    def __init__(
        self, composed: ComposedSweep, folder: StudyFolder, earlier: Sequence[TrialOutcome]
    ) -> None:
        """Starts from what an earlier start of the sweep left.

        Args:
            composed: The sweep.
            folder: The study's files.
            earlier: Outcomes of the study so far.
        """
        self._folder = folder
        self._study = composed.agent.study_name
        self._objective = composed.agent.sweep.objectives[0]
        self._direction = direction(self._objective)
        self._best = best(earlier, self._direction)
        if self._best is not None and not folder.best.exists():
            self._write(compose_trial(composed, self._best.parameters), self._best)

    def __call__(self, spec: TrialSpec, outcome: TrialOutcome) -> None:
        """Looks at a finished trial."""
        rivals = [outcome] if self._best is None else [self._best, outcome]
        if best(rivals, self._direction) is outcome:
            self._best = outcome
            self._write(spec.settings, outcome)

    def _write(self, settings: TrialSettings, outcome: TrialOutcome) -> None:
        provenance = {
            "study": self._study,
            "trial": outcome.number,
            "objective": self._objective,
            "value": outcome.value,
            "convergence": outcome.diagnosis.status.value if outcome.diagnosis else None,
            "tuner": __version__,
        }
        score = f"{self._objective} {outcome.value:.4f}"
        header = [
            f"Best of {self._study}: trial {outcome.number}, {score}.",
            f"Train it with: python -m tuner train {self._folder.best}",
        ]
        write_whole(self._folder.best, dump_trial(settings, header, provenance))
