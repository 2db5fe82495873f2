"""A wheel, away from the checkout: what users install must bring everything with it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.packages import unpacked_wheel
from tests.tiny_checkpoints import write_checkpoint, write_reviews

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder that holds the unpacked wheel and nothing else."""
    return unpacked_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.mark.tf
def test_a_wheel_runs_a_two_trial_sweep_from_an_empty_folder(installed, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    checkpoint = write_checkpoint(tmp_path / "tiny", "bert")
    train = write_reviews(tmp_path / "train.csv", 80, seed=1)
    environment = {
        **os.environ,
        "PYTHONPATH": str(installed),
        "TUNER_CACHE": str(tmp_path / "cache"),
    }
    environment.pop("MLFLOW_TRACKING_URI", None)

    def python(*arguments):
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=work,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    where = python("-c", "import tuner; print(tuner.__file__)").stdout
    assert Path(where.strip()).is_relative_to(installed)
    ended = python(
        *("-m", "tuner", "sweep=lr_search", "sweep.n_trials=2", "launcher.slots=1"),
        *(f"model.checkpoint={checkpoint}", "model.max_length=32"),
        *("data=csv", f"data.train={train}", "data.validation_fraction=0.25"),
        *("training.interim_examples=null", "training.epochs=2"),
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    left = {path.name for path in work.iterdir()}
    assert {"outputs", "mlflow.db"} <= left
    outcomes = sorted((work / "outputs/lr_search/trials").glob("*/outcome.json"))
    ends = [json.loads(path.read_text())["state"] for path in outcomes]
    assert len(ends) == 2
    assert ends[0] == "complete"

    again = python("-m", "tuner", "train", "outputs/lr_search/best.yaml")
    assert again.returncode == 0, again.stdout + again.stderr
    best = yaml.safe_load((work / "outputs/lr_search/best.yaml").read_text())
    assert f"val_accuracy  {best['provenance']['value']}" in again.stdout
