"""The errors that a user may see: one short message each, never a traceback."""

INTERRUPTED = 130
"""Exit code of a command that somebody stopped: 128 and the number of SIGINT, as in shells."""


class TunerError(Exception):
    """Root of every error of ours.

    The message says what is wrong, where, and what would be right. `exit_code` is what the
    process ends with: 1, nothing usable came out.
    """

    exit_code = 1


class InputError(TunerError):
    """The user's input is wrong: command line, configuration, data or checkpoint. Exit code 2."""

    exit_code = 2

    def __init__(self, problem: str, *, where: str = "", remedy: str = "") -> None:
        """Builds the message from its three parts.

        Args:
            problem: What is wrong, with the offending value; a clause without a full stop.
            where: The file, key or column that it is wrong in.
            remedy: What would be right; a clause without a full stop.
        """
        self.problem = problem
        self.where = where
        self.remedy = remedy
        lines = [problem]
        if where:
            lines.append(f"  where: {where}")
        if remedy:
            lines.append(f"  try:   {remedy}")
        super().__init__("\n".join(lines))
