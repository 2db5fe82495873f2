"""Slurm's own commands, asked about jobs; accounting (`sacct`) is not needed."""

import logging
import subprocess
from collections.abc import Iterable, Mapping

from tuner.errors import TunerError
from tuner.launchers.slurm.spec import QUEUE_FORMAT, AgentJob, read_queue

_log = logging.getLogger(__name__)

ASK_SECONDS = 60.0

_FORGOTTEN = "Invalid job id"
"""Message of `squeue` when it knows none of the jobs any more."""


class QueueError(TunerError):
    """Slurm does not answer, for now."""


def look(jobs: Iterable[str]) -> Mapping[str, AgentJob]:
    """Return the states of jobs in Slurm.

    Args:
        jobs: Their ids, as `123` or `123_0`.

    Raises:
        QueueError: It does not answer.
    """
    jobs = list(jobs)
    if not jobs:
        return {}
    arrays = ",".join(dict.fromkeys(job.partition("_")[0] for job in jobs))
    try:
        output = _asked(
            "squeue", "--array", "--noheader", "--states=all",
            f"--jobs={arrays}", f"--Format={QUEUE_FORMAT}",
        )  # fmt: skip
    except QueueError as error:
        if _FORGOTTEN not in str(error):
            raise
        output = ""
    found = read_queue(output, jobs)
    _log.debug("queue: %s", list(found.values()))
    return found


def is_running(job: str) -> bool:
    """Return True if Slurm still lets a job run: it is not cancelled, requeued or over."""
    try:
        return _asked("squeue", "--noheader", f"--jobs={job}", "--format=%T").strip() == "RUNNING"
    except QueueError:
        return False


def start_now(job: str) -> None:
    """Ask Slurm to start a requeued job at once; some sites refuse, and it waits on."""
    _log.info("job %s is asked to start at once", job)
    command = ("scontrol", "update", f"jobid={job}", "StartTime=now")
    subprocess.run(command, capture_output=True, check=False, timeout=ASK_SECONDS)


def _asked(*command: str) -> str:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=ASK_SECONDS
        ).stdout
    except subprocess.CalledProcessError as error:
        raise QueueError(_unanswered(error.stderr)) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise QueueError(_unanswered(str(error))) from error


def _unanswered(text: str) -> str:
    return f"Slurm does not answer: {text.strip()}"
