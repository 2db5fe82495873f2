"""Hyperparameter sweeps for fine-tuning BERT-like encoders."""

import sys

if sys.argv[:1] == ["-m"] and not sys.flags.safe_path:
    # `python -m tuner` looks for every module in the working folder first, where a user's
    # statistics.py or queue.py would be taken for Python's. This comes before all other imports.
    from tuner.processes.python_process import leave_working_folder

    leave_working_folder(sys.path)

from tuner.installation.distribution import version

__version__ = version()
