"""What other people's errors say, fit to be shown."""

import os

from tuner.secrets import MASK, hidden

LENGTH = 300

_LOGINS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "DATABRICKS_TOKEN")


def one_line(error: Exception) -> str:
    """An error in one line, without passwords and tokens: a server may answer with what it got."""
    text = hidden(" ".join(str(error).split()))
    for name in _LOGINS:
        if secret := os.environ.get(name):
            text = text.replace(secret, MASK)
    return text[:LENGTH] or type(error).__name__
