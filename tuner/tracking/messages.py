"""What other people's errors say, fit to be shown."""

from tuner.secrets import hidden

LENGTH = 300


def one_line(error: Exception) -> str:
    """An error in one line, without passwords and tokens, nor the SQL that met with it."""
    text = hidden(" ".join(str(error).split())).partition(" [SQL:")[0]
    return text[:LENGTH] or type(error).__name__
