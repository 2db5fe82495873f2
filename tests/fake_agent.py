"""`python -m tests.fake_agent sweep ...`, or `train`: the command, with a fake fine-tune."""

import functools
import sys

from tuner.__main__ import main
from tuner.launchers import local

if __name__ == "__main__":
    worker = (sys.executable, "-m", "tests.worker.fake")
    local.LocalLauncher = functools.partial(local.LocalLauncher, command=worker)
    sys.exit(main())
