"""What other people's errors say, fit to be shown."""

from tuner.secrets import hidden

LENGTH = 300


def one_line(error: Exception) -> str:
    """An error in one line, without passwords and tokens: a server may answer with what it got."""
    text = hidden(" ".join(str(error).split()))
    return text[:LENGTH] or type(error).__name__
