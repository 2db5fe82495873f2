"""Messages of other programs' errors, safe to show."""

from tuner.secrets import hidden

LENGTH = 300


def one_line(error: Exception) -> str:
    """Return an error in one line, without passwords, tokens and SQL."""
    text = hidden(" ".join(str(error).split())).partition(" [SQL:")[0]
    return text[:LENGTH] or type(error).__name__
