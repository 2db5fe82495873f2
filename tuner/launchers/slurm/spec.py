"""Agents as jobs of Slurm: resources, states in the queue, missing agents."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tuner.launchers.slurm.settings import SlurmSettings

IN_JOB = "launcher.in_job=true"
"""Override of the agents in the jobs."""

QUEUE_FORMAT = "JobArrayID:40|,State:20|,Reason:80|,NodeList:80|,RestartCnt:6"
"""Fields for `squeue --Format`; `read_queue` reads them."""

_KEYS: Mapping[str, str] = {
    "partition": "partition",
    "account": "account",
    "constraint": "constraint",
    "gpus-per-node": "gpus_per_node",
    "cpus-per-task": "cpus_per_node",
    "mem": "memory",
    "time": "time_limit",
    "array": "agents",
}
"""Option of sbatch to the key of `launcher` that sets it."""

_SHORTEST_WARNING, _LONGEST_WARNING = 20, 120


class Phase(StrEnum):
    """Phase of an agent's job."""

    PENDING = "pending"
    RUNNING = "running"
    ENDED = "ended"


_PENDING = frozenset({"PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT"})
_ENDED = frozenset(
    {
        "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL",
        "OUT_OF_MEMORY", "PREEMPTED", "REVOKED", "TIMEOUT",
    }
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class AgentJob:
    """State of one agent's job in Slurm.

    Attributes:
        id: Slurm's, as `123` or `123_0`.
        state: In Slurm's word; empty: Slurm does not know it any more.
        reason: Why it waits, or why it ended.
        node: Node on which it runs or ran; empty before.
        restarts: Number of times that it was requeued.
    """

    id: str
    state: str = ""
    reason: str = ""
    node: str = ""
    restarts: int = 0

    @property
    def phase(self) -> Phase:
        """A job that is completing still runs; one that Slurm has forgotten has ended."""
        if self.state in _PENDING:
            return Phase.PENDING
        return Phase.ENDED if self.state in _ENDED or not self.state else Phase.RUNNING

    @property
    def rests(self) -> bool:
        """True if it waits only for the two minutes that Slurm lets pass at a requeue."""
        return self.phase is Phase.PENDING and self.reason == "BeginTime" and self.restarts > 0


def read_queue(text: str, jobs: Iterable[str]) -> dict[str, AgentJob]:
    """Read the output of `squeue --array --noheader` in `QUEUE_FORMAT`.

    Args:
        text: Output of `squeue`.
        jobs: Ids of the jobs of interest; those that it does not name have ended long ago.
    """
    found = {}
    for line in text.splitlines():
        id_, state, reason, node, restarts = (part.strip() for part in line.split("|"))
        found[id_] = AgentJob(
            id=id_,
            state=state,
            reason="" if reason == "None" else reason,
            node=node,
            restarts=int(restarts),
        )
    return {id_: found.get(id_, AgentJob(id=id_)) for id_ in jobs}


def warning_seconds(time_limit: int) -> int:
    """Seconds before the limit at which a job is signalled to save its trials: a tenth of it.

    Args:
        time_limit: Minutes.

    Returns:
        Seconds, 20 to 120.
    """
    return max(_SHORTEST_WARNING, min(_LONGEST_WARNING, 6 * time_limit))


def batch_options(launcher: SlurmSettings, study: str) -> dict[str, Any]:
    """Parameters of submitit's batch script for one agent.

    `srun` gets the cores again, because since Slurm 22.05 it does not take them from the job.

    Args:
        launcher: Group `launcher`.
        study: The study's name.
    """
    return {
        "job_name": f"tuner-{study}",
        "partition": launcher.partition,
        "account": launcher.account,
        "constraint": launcher.constraint,
        "nodes": 1,
        "ntasks_per_node": 1,
        "gpus_per_node": launcher.gpus_per_node or None,
        "cpus_per_task": launcher.cpus_per_node,
        "mem": launcher.memory,
        "time": launcher.time_limit,
        "signal_delay_s": warning_seconds(launcher.time_limit),
        "array_parallelism": launcher.agents,
        "setup": launcher.setup or None,
        "srun_args": ["--cpus-per-task", str(launcher.cpus_per_node)],
        "stderr_to_stdout": True,
        "wckey": None,
        "additional_parameters": {
            "requeue": True,
            **{
                name.replace("_", "-"): value
                for name, value in launcher.options.items()
                if value is not None and value is not False
            },
        },
    }


def taken_options(launcher: SlurmSettings) -> list[str]:
    """The `launcher.options` that a key of its own sets, each with that key."""
    return [
        f"{name}: launcher.{_KEYS[name.replace('_', '-')]}"
        for name in launcher.options
        if name.replace("_", "-") in _KEYS
    ]


def missing(agents: int, jobs: Iterable[AgentJob]) -> int:
    """Number of agents to submit so that there are as many as requested."""
    return max(0, agents - sum(job.phase is not Phase.ENDED for job in jobs))


def agents_text(jobs: Iterable[AgentJob]) -> str:
    """Number of agents in each phase, and the reasons of those that wait."""
    jobs = list(jobs)
    counted = Counter(job.phase for job in jobs)
    reasons = dict.fromkeys(
        job.reason for job in jobs if job.phase is Phase.PENDING and job.reason
    )
    why = f" ({', '.join(reasons)})" if reasons else ""
    parts = (
        f"{counted[phase]} {phase}{why if phase is Phase.PENDING else ''}"
        for phase in (Phase.RUNNING, Phase.PENDING, Phase.ENDED)
        if counted[phase]
    )
    return "agents: " + (", ".join(parts) or "none")


def news(before: Mapping[str, AgentJob], now: Mapping[str, AgentJob]) -> list[str]:
    """Changes of the agents between two polls, a line each."""
    lines = (_change(before.get(id_, AgentJob(id=id_)), job) for id_, job in now.items())
    return [line for line in lines if line]


def _change(before: AgentJob, now: AgentJob) -> str:
    was, phase = before.phase, now.phase
    if phase is Phase.RUNNING and (was is not phase or before.node != now.node):
        return f"agent {now.id} runs on {now.node}"
    if phase is Phase.PENDING and was is Phase.RUNNING:
        return (
            f"agent {now.id} lost its node {before.node} or its time there, and waits for another "
            f"({now.reason}); its trials resume from their saved state"
        )
    if phase is Phase.ENDED and was is not phase:
        return f"agent {ended_text(now)}"
    return ""


def ended_text(job: AgentJob) -> str:
    """End of a job, with its node."""
    where = f" on {job.node}" if job.node else ""
    why = f" ({job.reason})" if job.reason else ""
    return f"{job.id} ended{where}: {job.state or 'Slurm knows it no more'}{why}"


def failed(jobs: Iterable[AgentJob]) -> list[AgentJob]:
    """The jobs that ended otherwise than by coming to their end."""
    return [job for job in jobs if job.phase is Phase.ENDED and job.state != "COMPLETED"]


def log_tail(text: str, lines: int = 12) -> str:
    """Return the last lines of an agent's log, without submitit's own."""
    kept = [line for line in text.splitlines() if not line.startswith("submitit INFO")]
    return "\n".join(kept[-lines:]).strip()
