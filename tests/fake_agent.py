"""`python -m tests.fake_agent sweep ...`: the command as it is, only the fine-tune is a fake."""

import functools
import sys

from tuner.__main__ import main
from tuner.commands import start
from tuner.launchers.local import LocalLauncher

if __name__ == "__main__":
    worker = (sys.executable, "-m", "tests.worker.fake")
    start.LocalLauncher = functools.partial(LocalLauncher, command=worker)
    sys.exit(main())
