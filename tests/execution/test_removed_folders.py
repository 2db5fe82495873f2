"""Folders of running trials that somebody removes."""

import shutil
import threading
import time

import pytest

from tests.bench import states
from tuner.trial.records import TrialState


def remove_when(condition, *paths):
    def wait():
        while not condition():
            time.sleep(0.01)
        for path in paths:
            shutil.rmtree(path, ignore_errors=True)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("name", ["00000", ""])
def test_a_running_trials_folder_is_made_again_with_all_its_reports(name, bench):
    trial = bench.folder.trial(0)
    removing = remove_when(lambda: len(bench.watch.scores) >= 2, trial.path.parent / name)
    outcomes = bench.run(trials=2, checkpoint="slow:0.4", evaluations=5)
    removing.join()
    assert states(outcomes) == [TrialState.COMPLETE] * 2
    assert [report.point for report in trial.read_reports()] == [1, 2, 3, 4, 5]
    assert trial.config.read_text() == "a: 1\n"
    assert trial.outcome.exists()
    assert any("was removed" in notice for notice in bench.watch.notices)
    statuses = {run.data.tags["trial_state"] for run in bench.runs()}
    assert statuses == {"complete"}
