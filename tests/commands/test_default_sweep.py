"""The main job as the README gives it: the embedded model on the embedded reviews."""

import os
import subprocess
import sys
from collections import Counter

import pytest
from mlflow import MlflowClient

ENDS = {"pruned", "complete"}


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_default_sweep_finds_a_good_configuration(tmp_path):
    environment = {**os.environ, "TUNER_CACHE": str(tmp_path / "cache")}
    environment.pop("MLFLOW_TRACKING_URI", None)
    ended = subprocess.run(
        [sys.executable, "-m", "tuner", "sweep=lr_search"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    print(ended.stdout)
    assert ended.returncode == 0, ended.stderr
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("lr_search").experiment_id
    trials = client.search_runs([experiment], "tags.role = 'trial'")
    states = Counter(run.data.tags["trial_state"] for run in trials)
    assert len(trials) >= 10
    assert states["pruned"] > 0
    assert set(states) <= ENDS
    (sweep,) = client.search_runs([experiment], "tags.role = 'sweep'")
    assert sweep.data.metrics["best_objective"] >= 0.78
    best = max(trials, key=lambda run: run.data.metrics.get("objective", 0.0))
    history = client.get_metric_history(best.info.run_id, "val_accuracy")
    assert history[-1].value == best.data.metrics["objective"]
