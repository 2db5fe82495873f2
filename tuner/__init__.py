"""Hyperparameter sweeps for fine-tuning BERT-like encoders."""

import sys
from importlib import import_module
from typing import Any

if sys.argv[:1] == ["-m"] and not sys.flags.safe_path:
    # `python -m tuner` looks for every module in the working folder first, where a user's
    # statistics.py or queue.py would be taken for Python's. This comes before all other imports.
    from tuner.processes.python_process import leave_working_folder

    leave_working_folder(sys.path)

from tuner.installation.distribution import version

__version__ = version()

__all__ = [
    "Callback",
    "InputError",
    "Model",
    "Prediction",
    "Study",
    "Task",
    "Trial",
    "TunerError",
    "__version__",
    "load_study",
    "metric",
    "sweep",
    "train",
]

_ELSEWHERE = {"Task": "tuner.tasks", "metric": "tuner.metrics"}
"""Modules of the names that workers import, too, and that the whole interface would slow down."""


def __getattr__(name: str) -> Any:
    """Import the Python interface, which takes a while, with the first use of a name of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_ELSEWHERE.get(name, "tuner.api")), name)


def __dir__() -> list[str]:
    """Return the names, those that are not imported yet among them."""
    return sorted({*globals(), *__all__})
