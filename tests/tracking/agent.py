"""A process that tracks trials as the sweep's loop does, to be killed.

`python -m tests.tracking.agent URI OUTPUT FIRST COUNT [SECONDS]`: a line for each trial that
ended, and at last what the tracker has to tell; so many seconds between two reports. Sends nothing
where URI is `offline`. Waits for the file OUTPUT/go before it begins, if OUTPUT/ready is there.
"""

import sys
import time
from functools import partial
from pathlib import Path

from tests.tracking.runs import run_trial
from tuner.settings.settings import TrackingSettings
from tuner.tracking import Tracker
from tuner.trial.folder import StudyFolder


def main(uri: str, output: str, first: int, count: int, seconds: float = 0.0) -> None:
    folder = StudyFolder(Path(output), "s")
    offline = TrackingSettings(send=False)
    settings = offline if uri == "offline" else TrackingSettings(uri=uri, on_outage="spool")
    tracker = Tracker(settings, "s", folder)
    tracker.open()
    wait_for_others(Path(output))
    tracker.sweep_started({"objective": "val_accuracy"}, {"sweep.yaml": "a: 1\n"})
    tracker.abandon([])
    for number in range(first, first + count):
        run_trial(tracker, folder, number, pause=partial(time.sleep, seconds))
        print("trial", number, flush=True)
    tracker.sweep_finished({"best_objective": 0.7}, "text", [], "FINISHED")
    print(repr(tracker.close()), flush=True)


def wait_for_others(output: Path) -> None:
    """Lets several agents begin at the same moment."""
    print("open", flush=True)
    while (output / "ready").exists() and not (output / "go").exists():
        time.sleep(0.001)


if __name__ == "__main__":
    uri, output, *numbers = sys.argv[1:]
    main(uri, output, int(numbers[0]), int(numbers[1]), *map(float, numbers[2:]))
