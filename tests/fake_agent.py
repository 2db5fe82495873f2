"""`python -m tests.fake_agent sweep ...`, or `train`: the command, with a fake fine-tune."""

import functools
import sys

from tuner.__main__ import main
from tuner.launchers.local import LocalLauncher
from tuner.orchestration import start, training_run

if __name__ == "__main__":
    worker = (sys.executable, "-m", "tests.worker.fake")
    start.LocalLauncher = functools.partial(LocalLauncher, command=worker)
    training_run.LocalLauncher = start.LocalLauncher
    sys.exit(main())
