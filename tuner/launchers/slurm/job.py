"""Content of a job: an agent, which is asked to save its trials before the job ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from tuner.devices.scheduler import own_job
from tuner.errors import INTERRUPTED, InputError
from tuner.fields.plugins import check_installed
from tuner.launchers.slurm.library import DelayedSubmission
from tuner.launchers.slurm.queue import is_running
from tuner.processes.python_process import python_module

AGENT = python_module("tuner", "sweep")

_NOT_FOR_AGENTS = (signal.SIGTERM, signal.SIGUSR2)
"""Slurm may send these to every process of a job; the agent would take a second one as a hurry."""


class AgentRun:
    """Runs one agent to its end; submitit pickles it, calls it, and asks it for a checkpoint.

    submitit hears SIGUSR2 before the time limit, calls `checkpoint`, and requeues the job. SIGTERM
    is Slurm's at a preemption: then the same is done, unless Slurm has ended or requeued the job.
    """

    _packages: Sequence[str] = ()  # A job that an earlier version submitted has none.

    def __init__(
        self,
        overrides: Sequence[str],
        folder: Path,
        agent: Sequence[str],
        packages: Iterable[str] = (),
    ) -> None:
        """Take the settings; start nothing.

        Args:
            overrides: Overrides of the agent's command line.
            folder: Working folder of the agent, on every node.
            agent: Command that starts it.
            packages: Packages of the plug-ins that the sweep uses.
        """
        self._overrides = tuple(overrides)
        self._folder = folder
        self._agent = tuple(agent)
        self._packages = tuple(packages)
        self._process: subprocess.Popen[bytes] | None = None
        self._told = False

    def __call__(self) -> int:
        """Run the agent; it continues the study.

        Returns:
            0; with any other exit code this process ends with the same, and the job has failed.
        """
        try:
            check_installed(self._packages)
        except InputError as error:
            print(f"tuner: {error}", file=sys.stderr)  # noqa: T201
            sys.exit(error.exit_code)
        signal.signal(signal.SIGTERM, self._terminated)
        self._process = self._started()
        self._wait()
        code = self._process.wait()
        if code == INTERRUPTED:
            self._requeue()
        if code:
            sys.exit(code)
        return 0

    def checkpoint(self) -> DelayedSubmission:
        """End the agent, which saves its trials, and return what runs after the requeue."""
        self._interrupt()
        again = AgentRun(self._overrides, self._folder, self._agent, self._packages)
        return DelayedSubmission(again)

    def _started(self) -> "subprocess.Popen[bytes]":
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _NOT_FOR_AGENTS)
        try:
            return subprocess.Popen([*self._agent, *self._overrides], cwd=self._folder)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _wait(self) -> None:
        """Wait until the agent has ended, without taking its exit code, so it may be nested."""
        with suppress(ChildProcessError):
            if self._process is not None:
                os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)

    def _interrupt(self) -> None:
        if self._process is not None and not self._told:
            self._told = True  # A second signal would not let it save.
            self._process.send_signal(signal.SIGINT)
        self._wait()

    def _terminated(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._interrupt()
        self._requeue()

    def _requeue(self) -> None:
        """Let submitit requeue the job if Slurm still lets it run."""
        job = own_job(os.environ)
        if job is not None and is_running(job):
            os.kill(os.getpid(), signal.SIGUSR2)
