"""Whole sweeps on a GPU, by the command that users give."""

import os
import subprocess
import sys

import pytest

from tests.tiny_checkpoints import write_checkpoint, write_reviews
from tuner.trial.records import TrialOutcome, TrialState
from tuner.trial.serialization import from_json

pytestmark = [pytest.mark.gpu, pytest.mark.tf]


@pytest.mark.parametrize("slots", [1, 3])
def test_trials_share_a_gpu(slots, tmp_path):
    write_checkpoint(tmp_path / "bert")
    write_reviews(tmp_path / "train.csv", 160, seed=1)
    command = [
        sys.executable, "-m", "tuner", "sweep=lr_search", "data=csv", "data.train=train.csv",
        "model.checkpoint=bert", "model.max_length=32", "sweep.n_trials=6", "pruner=none",
        f"launcher.slots={slots}", "training.precision=mixed_bfloat16",
    ]  # fmt: skip
    environment = os.environ | {"TUNER_CACHE": str(tmp_path / "cache")}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    outcomes = [
        from_json(TrialOutcome, path.read_text())
        for path in (tmp_path / "outputs" / "lr_search" / "trials").glob("*/outcome.json")
    ]
    assert len(outcomes) == 6
    assert {outcome.state for outcome in outcomes} <= {TrialState.COMPLETE, TrialState.PRUNED}
