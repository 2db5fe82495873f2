"""Names of the files in a trial's folder, and the last attempt's part of its log."""

from pathlib import Path

STATE_NAME = "state.safetensors"
"""State in the trial's folder, from which another attempt resumes."""

PROFILE_NAME = "profile"
"""In the trial's folder: the profiler's trace, where the trial's settings ask for one."""

MODEL_NAME = "model"
"""In the trial's folder: its model, where the agent wants it kept."""

MEMBER_NAME = "member.safetensors"
"""In the trial's folder: what its training changed, for the average of several trials."""

LOG_NAME = "worker.log"

BEGIN = "attempt begins"
"""In the first line that an attempt prints."""


def last_attempt(folder: Path) -> str:
    """Return the output of the last attempt at a trial; empty without a log.

    Args:
        folder: The trial's.
    """
    try:
        text = (folder / LOG_NAME).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    _, begin, rest = text.rpartition(BEGIN)
    return begin + rest
