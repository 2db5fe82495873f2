"""Settings of agents as jobs of Slurm; they are read where submitit is not installed, too."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

from tuner.devices.slots import local_slots
from tuner.fields.bounds import at_least, between
from tuner.launchers import local
from tuner.settings.launchers import MOST_SLOTS, LauncherSettings


@dataclass(frozen=True, kw_only=True)
class SlurmSettings(LauncherSettings):
    """Agents as Slurm jobs, each on its own node; needs `uv pip install 'submitit>=1.5.3'`."""

    name: ClassVar[str] = "slurm"

    slots: Annotated[int | None, between(1, MOST_SLOTS)] = None
    """Trials at a time on each node; null: one per GPU, or per `training.devices` of them,
    otherwise as many as run fastest."""

    agents: Annotated[int, between(1, MOST_SLOTS)] = 1
    """Jobs at a time, each on its own node."""

    partition: str | None = None
    """Partition; null: the cluster's default."""

    account: str | None = None
    """Account that is charged; null: the user's default."""

    constraint: str | None = None
    """Features of the nodes, as in `sbatch --constraint`."""

    gpus_per_node: Annotated[int | None, at_least(0)] = None
    """GPUs of each agent; null: none requested."""

    cpus_per_node: Annotated[int, at_least(1)] = 1
    """CPU cores of each agent."""

    memory: str | None = None
    """Memory of each agent, for example `64G`; null: the cluster's default."""

    time_limit: Annotated[int, at_least(1)] = 60
    """Minutes of a job; its trials are saved and resume in the next job."""

    options: dict[str, Any] = field(default_factory=dict)
    """Other options of sbatch, for example `{reservation: mine, qos: high}`."""

    setup: list[str] = field(default_factory=list)
    """Shell commands that each job runs first, for example `[module load cuda]`."""

    dry_run: bool = False
    """True: print the batch script and submit nothing."""

    in_job: bool = False
    """True: run trials on this node as one agent and submit nothing; the jobs set it."""

    @property
    def submits_agents(self) -> bool:
        """True outside the jobs."""
        return not self.in_job

    def make(
        self,
        devices: int,
        folder: Path,  # noqa: ARG002
        notice: Callable[[str], None],
    ) -> local.LocalLauncher:
        """Return the launcher of an agent's node; see `LauncherSettings.make`."""
        return local.LocalLauncher(local_slots(self.slots, devices, self.trials_per_gpu, notice))
