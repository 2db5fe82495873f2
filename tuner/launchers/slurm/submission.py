"""Submits agents, and keeps in the study's folder which jobs they are."""

import json
import logging
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuner.errors import InputError
from tuner.files.atomic import write_whole
from tuner.launchers.slurm.library import (
    FailedJobError,
    FailedSubmissionError,
    JobPaths,
    SlurmExecutor,
)
from tuner.launchers.slurm.spec import log_tail

_log = logging.getLogger(__name__)

PYTHON = f"{shlex.quote(sys.executable)} -P"
"""Python command of a job: without modules of the folder that the job starts in."""

REQUEUES = 1000
"""Time-outs after which submitit gives a job up."""


class _Anywhere(SlurmExecutor):
    """Writes batch scripts on machines without Slurm, too."""

    @classmethod
    def affinity(cls) -> int:
        """More than 0: usable."""
        return 1

    def script(self) -> str:
        """Return the batch script of the parameters."""
        return self._make_submission_file_text(self._submitit_command_str, uid="")


class AgentFolder:
    """The folder `slurm` of a study: `jobs.json`, and what submitit keeps of each job."""

    def __init__(self, study: Path) -> None:
        """Take the settings; make nothing yet.

        Args:
            study: The study's folder.

        Raises:
            InputError: Slurm would read its path as a pattern.
        """
        self.path = study.absolute() / "slurm"
        self._jobs = self.path / "jobs.json"
        if "%" in str(self.path):
            raise InputError(
                "Slurm reads % as a pattern in the paths of its logs",
                where=str(self.path),
                remedy="study=NAME output=FOLDER, both without %",
            )

    def jobs(self) -> list[str]:
        """Ids of the jobs that were submitted, the oldest first."""
        try:
            found: list[str] = json.loads(self._jobs.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        return found

    def log(self, job: str) -> Path:
        """Return the output of a job's agent."""
        return Path(JobPaths(self.path, job).stdout)

    def log_tail(self, job: str) -> str:
        """The last lines of it; empty where there is none yet."""
        try:
            return log_tail(self.log(job).read_text(encoding="utf-8", errors="replace"))
        except FileNotFoundError:
            return ""

    def script(self, agents: int, options: Mapping[str, Any]) -> str:
        """The batch script that `submit` hands over.

        Args:
            agents: Number of agents.
            options: See `tuner.launchers.slurm.spec.batch_options`.
        """
        executor = _Anywhere(self.path, python=PYTHON)
        executor.update_parameters(**options)
        if agents > 1:
            executor.parameters["map_count"] = agents  # As submitit does for an array.
        return executor.script()

    def submit(self, run: Any, agents: int, options: Mapping[str, Any]) -> list[str]:
        """Submit agents, several as one array, and note their jobs.

        Args:
            run: Work of each agent, with a method `checkpoint`.
            agents: Number of agents.
            options: See `tuner.launchers.slurm.spec.batch_options`.

        Returns:
            Ids of the new jobs.

        Raises:
            InputError: There is no Slurm here, or it refuses the options.
        """
        if shutil.which("sbatch") is None:
            raise InputError(
                "there is no Slurm on this machine (no sbatch)",
                where="launcher=slurm",
                remedy="the same command on a login node of the cluster; launcher.dry_run=true "
                "prints the batch script on any machine",
            )
        executor = SlurmExecutor(self.path, max_num_timeout=REQUEUES, python=PYTHON)
        executor.update_parameters(**options)
        try:
            with executor.batch():
                jobs = [executor.submit(run) for _ in range(agents)]
        except (FailedJobError, FailedSubmissionError) as error:
            raise InputError(
                f"Slurm refuses the agents: {error}",
                where="the keys of launcher",
                remedy="launcher.dry_run=true shows the batch script; sinfo the partitions",
            ) from error
        ids = [job.job_id for job in jobs]
        _log.info("submitted jobs %s of agents", ids)
        write_whole(self._jobs, json.dumps([*self.jobs(), *ids]) + "\n")
        return ids
