"""The parts of submitit, an extra, that are used here."""

from tuner.errors import InputError
from tuner.installation.remedies import install_extra

try:
    from submitit.core.utils import FailedJobError, FailedSubmissionError, JobPaths
    from submitit.helpers import DelayedSubmission
    from submitit.slurm.slurm import SlurmExecutor
except ImportError as error:
    raise InputError(
        "launcher=slurm needs submitit",
        where="launcher=slurm",
        remedy=install_extra("slurm"),
    ) from error

__all__ = [
    "DelayedSubmission",
    "FailedJobError",
    "FailedSubmissionError",
    "JobPaths",
    "SlurmExecutor",
]
