"""`tuner sweep=NAME launcher=slurm`: submits agents, follows them and shows the final result."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tuner.config import ComposedSweep
from tuner.diagnosis.sweep import read_sweep
from tuner.errors import INTERRUPTED, InputError
from tuner.fields.plugins import loaded_packages
from tuner.files.exclusive import exclusive
from tuner.launchers.slurm import queue
from tuner.launchers.slurm.job import AGENT, AgentRun
from tuner.launchers.slurm.settings import SlurmSettings
from tuner.launchers.slurm.spec import (
    IN_JOB,
    AgentJob,
    Phase,
    batch_options,
    ended_text,
    failed,
    missing,
    taken_options,
)
from tuner.launchers.slurm.submission import AgentFolder
from tuner.orchestration.call import Call
from tuner.orchestration.following import Follower, StudyWatcher
from tuner.processes.agent_log import agent_log
from tuner.processes.invocation import Invocation
from tuner.results.pasted import print_command
from tuner.results.publication import publication
from tuner.results.summary import SweepSummary, print_summary
from tuner.results.terminal import Terminal
from tuner.results.time_spent import TimeSpent
from tuner.search.pareto import by_preference
from tuner.secrets import hidden
from tuner.settings.settings import SQLITE, AgentSettings
from tuner.settings.storage import kind
from tuner.study.reader import StoredStudy
from tuner.tracking import tracking_uri
from tuner.tracking.view import review_steps, sending_command
from tuner.trial.folder import StudyFolder
from tuner.trial.kept_model import model_note


def run(composed: ComposedSweep, call: Call, terminal: Terminal, started_at: float) -> int:
    """Submit the missing agents, and follow all of them to their end.

    Args:
        composed: Sweep whose trials compose; its launcher is Slurm.
        call: Request of the user; its overrides are passed to the agents.
        terminal: Display.
        started_at: Start of the command, in seconds of the monotonic clock.

    Returns:
        0 if done; 1 if there is no usable result, or agents failed before the study was complete;
        130 if the user ended following, not the sweep.

    Raises:
        InputError: The sweep cannot run on several nodes, or Slurm refuses the request.
    """
    agent, launcher = composed.agent, composed.agent.launcher
    assert isinstance(launcher, SlurmSettings), "the one that submits agents"  # noqa: S101
    _check(agent, launcher, call.overrides)
    folder = StudyFolder(Path(agent.output), agent.study_name)
    agents = AgentFolder(folder.path)
    options = batch_options(launcher, agent.study_name)
    if launcher.dry_run:
        print(agents.script(launcher.agents, options), end="")  # noqa: T201
        return 0
    study = StudyWatcher(agent)
    follower = Follower(study, agents, terminal)
    try:
        run = AgentRun((*call.overrides, IN_JOB), Path.cwd(), AGENT, loaded_packages())
        with agent_log(folder.path):
            jobs = follower.follow(
                _find_or_submit(run, launcher.agents, options, study, agents, terminal)
            )
    except KeyboardInterrupt:
        _show_continuing(follower.jobs, call.invocation, terminal)
        return INTERRUPTED
    return _show_end(composed, study, agents, jobs, call.invocation, terminal, started_at)


def _check(agent: AgentSettings, launcher: SlurmSettings, arguments: Sequence[str]) -> None:
    """Refuse a sweep that cannot succeed before anything is submitted."""
    if agent.sweep.dry_run:
        raise InputError(
            "a dry run of the sweep trains a few updates, but launcher=slurm has no machine for "
            "them",
            where="sweep.dry_run and launcher",
            remedy="set launcher=local on a node like those of the sweep; launcher.dry_run=true "
            "prints the batch script",
        )
    if agent.storage.url is None and kind(agent.storage) == SQLITE:
        raise InputError(
            "SQLite in the study's folder cannot be shared by several nodes",
            where="storage",
            remedy="set storage=journal, a file on the shared file system, or storage=postgresql "
            "storage.url=postgresql://USER@HOST/DATABASE",
        )
    owned_options = taken_options(launcher)
    if owned_options:
        raise InputError(
            "these options of sbatch have a key of launcher",
            where="launcher.options",
            remedy=f"use the keys instead: {', '.join(owned_options)}",
        )
    if any(hidden(word) != word for word in arguments):
        raise InputError(
            "a password on the command line would be stored in the files of the jobs",
            where="command line",
            remedy="export PGPASSWORD=..., or another variable: jobs have those of this shell",
        )


def _find_or_submit(
    run: AgentRun,
    wanted: int,
    options: Mapping[str, Any],
    study: StudyWatcher,
    agents: AgentFolder,
    terminal: Terminal,
) -> dict[str, AgentJob]:
    """Return the agents of an earlier start that have not ended, and the newly submitted ones."""
    with exclusive(str(agents.path)):
        known = queue.look(agents.jobs())
        jobs = {id_: job for id_, job in known.items() if job.phase is not Phase.ENDED}
        if jobs:
            terminal.notice(f"found agents {' '.join(jobs)}")
        count = 0 if study.is_complete else missing(wanted, jobs.values())
        if count:
            new = agents.submit(run, count, options)
            terminal.notice(f"submitted agents {' '.join(new)}; their logs: {agents.path}")
            jobs |= {id_: AgentJob(id=id_, state="PENDING") for id_ in new}
    return jobs


def _show_continuing(jobs: Sequence[AgentJob], invocation: Invocation, terminal: Terminal) -> None:
    """Print that the sweep continues, and the commands to follow it again and to end it."""
    living = [job.id for job in jobs if job.phase is not Phase.ENDED]
    if living:
        terminal.result("\nThe agents go on without this command.")
        print_command(terminal.console, invocation.again, "follow")
        print_command(terminal.console, f"scancel {' '.join(living)}", "end them")


def _show_end(
    composed: ComposedSweep,
    study: StudyWatcher,
    agents: AgentFolder,
    jobs: Sequence[AgentJob],
    invocation: Invocation,
    terminal: Terminal,
    started_at: float,
) -> int:
    """Show the ranked table, and why agents failed if the study is incomplete."""
    stored = study.stored
    lost = [] if study.is_complete else failed(jobs)
    code = 1
    if stored is None:
        terminal.warn(f"the study cannot be shown: {study.refusal}")
    else:
        summary = _summary(composed, study, stored, invocation, started_at)
        print_summary(summary, terminal.console)
        code = summary.exit_code
    if not study.is_complete:
        terminal.warn(
            f"All agents have ended at {study.text}; repeat the command to submit others."
        )
    for job in lost:
        terminal.warn(f"agent {ended_text(job)}; its log: {agents.log(job.id)}")
    if lost:
        terminal.result(agents.log_tail(lost[-1].id))
    return 1 if lost else code


def _review(agent: AgentSettings) -> Sequence[str]:
    if not agent.tracking.send:
        return (sending_command(agent.study_name, agent.tracking.uri),)
    return review_steps(hidden(tracking_uri(agent.tracking.uri)), None)


def _summary(
    composed: ComposedSweep,
    study: StudyWatcher,
    stored: StoredStudy,
    invocation: Invocation,
    started_at: float,
) -> SweepSummary:
    """Collect the facts of the final summary."""
    agent = composed.agent
    outcomes = by_preference(study.outcomes, stored.goals)
    reading = read_sweep(
        outcomes,
        space=stored.space,
        goals=stored.goals,
        importances=study.importances(),
        epochs=stored.epochs,
    )
    published = publication(outcomes, stored.goals, stored.confirmation, stored.soup)
    return SweepSummary(
        study=stored.name,
        goals=stored.goals,
        outcomes=outcomes,
        reading=reading,
        confirmation=stored.confirmation,
        soup=None if published is None else published.soup,
        interrupted=False,
        failed="",
        time=TimeSpent(
            seconds=time.monotonic() - started_at,
            busy=0.0,
            slots=0,
            ended=0,
            earlier=len(outcomes),
            in_trials=sum(outcome.seconds for outcome in outcomes),
        ),
        invocation=invocation,
        study_exists=study.folder.has_sibling,
        best_file=study.folder.best,
        model_note=model_note(study.folder),
        review=_review(agent),
        keys=stored.space.keys,
    )
