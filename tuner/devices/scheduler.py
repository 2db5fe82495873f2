"""Job of a scheduler that a process belongs to."""

from collections.abc import Mapping


def own_job(environment: Mapping[str, str]) -> str | None:
    """Id of the job that a process is in; None outside of one.

    Of an array it names the one task: SLURM_JOB_ID of the last task is the id of the whole array.

    Args:
        environment: Environment variables of the process.
    """
    array, task = (environment.get(f"SLURM_ARRAY_{name}_ID") for name in ("JOB", "TASK"))
    return f"{array}_{task}" if array and task else environment.get("SLURM_JOB_ID") or None
