"""`tuner sweep=NAME launcher=slurm`: submits agents, follows them, shows how the study ends."""

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
from tuner.orchestration.following import Follower, StudyLook
from tuner.processes.agent_log import agent_log
from tuner.processes.invocation import Invocation
from tuner.results.pasted import print_command
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


def run(composed: ComposedSweep, call: Call, terminal: Terminal, begun: float) -> int:
    """Submits the agents that are missing, and follows all of them to their end.

    Args:
        composed: The sweep, whose trials compose; its launcher is Slurm.
        call: What asked for it; its overrides are those of the agents.
        terminal: Shows what happens.
        begun: Start of the command, in seconds of the monotonic clock.

    Returns:
        0 done; 1 nothing usable came out, or agents failed before the study was complete; 130
        somebody ended the following, not the sweep.

    Raises:
        InputError: The sweep can not run on many nodes, or Slurm refuses what it is asked for.
    """
    agent, launcher = composed.agent, composed.agent.launcher
    assert isinstance(launcher, SlurmSettings), "the one that submits agents"  # noqa: S101
    _refuse(agent, launcher, call.overrides)
    folder = StudyFolder(Path(agent.output), agent.study_name)
    agents = AgentFolder(folder.path)
    options = batch_options(launcher, agent.study_name)
    if launcher.dry_run:
        print(agents.script(launcher.agents, options), end="")  # noqa: T201
        return 0
    study = StudyLook(agent)
    follower = Follower(study, agents, terminal)
    try:
        run = AgentRun((*call.overrides, IN_JOB), Path.cwd(), AGENT, loaded_packages())
        with agent_log(folder.path):
            jobs = follower.follow(
                _found_or_submitted(run, launcher.agents, options, study, agents, terminal)
            )
    except KeyboardInterrupt:
        _leave(follower.jobs, call.invocation, terminal)
        return INTERRUPTED
    return _close(composed, study, agents, jobs, call.invocation, terminal, begun)


def _refuse(agent: AgentSettings, launcher: SlurmSettings, arguments: Sequence[str]) -> None:
    """What can not go well, told before anything is submitted."""
    if agent.sweep.dry_run:
        raise InputError(
            "a dry run of the sweep runs a few updates, for which launcher=slurm has no machine",
            where="sweep.dry_run and launcher",
            remedy="launcher=local on a node as the sweep will have; launcher.dry_run=true prints "
            "the batch script",
        )
    if agent.storage.url is None and kind(agent.storage) == SQLITE:
        raise InputError(
            "SQLite in the study's folder can not be shared by several nodes",
            where="storage",
            remedy="storage=journal, a file on the shared file system, or storage=postgresql "
            "storage.url=postgresql://USER@HOST/DATABASE",
        )
    taken = taken_options(launcher)
    if taken:
        raise InputError(
            "options of sbatch that are keys of launcher",
            where="launcher.options",
            remedy=", ".join(taken),
        )
    if any(hidden(word) != word for word in arguments):
        raise InputError(
            "a password on the command line would stand in the files of the jobs",
            where="command line",
            remedy="an environment variable, as PGPASSWORD: jobs have those of this shell",
        )


def _found_or_submitted(
    run: AgentRun,
    wanted: int,
    options: Mapping[str, Any],
    study: StudyLook,
    agents: AgentFolder,
    terminal: Terminal,
) -> dict[str, AgentJob]:
    """The agents of an earlier start that have not ended, and those that were missing."""
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


def _leave(jobs: Sequence[AgentJob], invocation: Invocation, terminal: Terminal) -> None:
    """Says that the sweep goes on, how to follow it again and how to end it."""
    living = [job.id for job in jobs if job.phase is not Phase.ENDED]
    if living:
        terminal.result("\nThe agents go on without this command.")
        print_command(terminal.console, invocation.again, "follow")
        print_command(terminal.console, f"scancel {' '.join(living)}", "end them")


def _close(
    composed: ComposedSweep,
    study: StudyLook,
    agents: AgentFolder,
    jobs: Sequence[AgentJob],
    invocation: Invocation,
    terminal: Terminal,
    begun: float,
) -> int:
    """Shows the ranked table, and why agents failed if they left the study incomplete."""
    stored = study.stored
    lost = [] if study.is_complete else failed(jobs)
    code = 1
    if stored is None:
        terminal.warn(f"the study can not be shown: {study.refusal}")
    else:
        closing = _closing(composed, study, stored, invocation, begun)
        print_summary(closing, terminal.console)
        code = closing.exit_code
    if not study.is_complete:
        terminal.warn(f"All agents have ended at {study.text}; the same command submits others.")
    for job in lost:
        terminal.warn(f"agent {ended_text(job)}; its log: {agents.log(job.id)}")
    if lost:
        terminal.result(agents.log_tail(lost[-1].id))
    return 1 if lost else code


def _review(agent: AgentSettings) -> Sequence[str]:
    if not agent.tracking.send:
        return (sending_command(agent.study_name, agent.tracking.uri),)
    return review_steps(hidden(tracking_uri(agent.tracking.uri)), None)


def _closing(
    composed: ComposedSweep,
    study: StudyLook,
    stored: StoredStudy,
    invocation: Invocation,
    begun: float,
) -> SweepSummary:
    """All that the end is told from."""
    agent = composed.agent
    outcomes = by_preference(study.outcomes, stored.goals)
    reading = read_sweep(
        outcomes,
        space=stored.space,
        goals=stored.goals,
        importances=study.importances(),
        epochs=stored.epochs,
    )
    return SweepSummary(
        study=stored.name,
        goals=stored.goals,
        outcomes=outcomes,
        reading=reading,
        confirmation=stored.confirmation,
        interrupted=False,
        failed="",
        time=TimeSpent(
            seconds=time.monotonic() - begun,
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
