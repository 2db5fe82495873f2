"""The errors that a user may see: one short message each, never a traceback, never a password."""

from tuner.formatting.printable import printable
from tuner.secrets import hidden

INTERRUPTED = 130
"""Exit code of a command that somebody stopped: 128 and the number of SIGINT, as in shells."""

_MOST_SHOWN = 1000
"""Characters of each part of a message, which may quote what it refuses."""


class TunerError(Exception):
    """Root of every error of ours.

    The message says what is wrong, where, and what would be right. `exit_code` is what the
    process ends with: 1, nothing usable came out.
    """

    exit_code = 1

    def __init__(self, message: str) -> None:
        """Take the message; passwords of URLs in it are masked."""
        super().__init__(hidden(message))


class InputError(TunerError):
    """The user's input is wrong: command line, configuration, data or checkpoint. Exit code 2."""

    exit_code = 2

    def __init__(self, problem: str, *, where: str = "", remedy: str = "") -> None:
        """Build the message from its three parts.

        Args:
            problem: Problem with the offending value; a clause without a full stop.
            where: The file, key or column that it is wrong in.
            remedy: Correct input or command; a clause without a full stop.
        """
        self.problem, self.where, self.remedy = map(_shown, (problem, where, remedy))
        lines = [self.problem]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.remedy:
            lines.append(f"  try:   {self.remedy}")
        super().__init__("\n".join(lines))


def _shown(text: str) -> str:
    """A part of a message: no password, nothing that steers a terminal, short enough to read."""
    text = printable(hidden(text), keep="\n")
    half = _MOST_SHOWN // 2
    return text if len(text) <= _MOST_SHOWN else f"{text[:half]} … {text[-half:]}"
