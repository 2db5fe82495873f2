"""Folders and studies whose names mean something in an address, a format or a shell."""

import os
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from tests.commands.conftest import OWN, SWEEP
from tests.tiny_checkpoints import write_checkpoint, write_reviews
from tuner.processes.python_process import python_module

STUDY = "it {0} #2 50%"


@pytest.fixture(params=["my exp é#", "{b}", "a%20b?"])
def odd_folder(request, tmp_path, monkeypatch):
    """The current folder; MLflow's own default holds, as for a new user."""
    folder = tmp_path / "parent" / request.param
    (folder / "sweeps").mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TUNER_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    write_checkpoint(folder / "tiny", "bert")
    write_reviews(folder / "train.csv", 60, seed=1)
    write_reviews(folder / "validation.csv", 40, seed=2)
    (folder / "sweeps" / "mine.yaml").write_text(SWEEP)
    return folder


def test_a_sweep_stays_in_its_folder_and_prints_commands_that_work(odd_folder):
    command = [*OWN, "sweep.n_trials=2", f'study="{STUDY}"', "tracking.plots=true"]
    # A process of its own, as for a user: MLflow keeps the store of an address open, and the
    # address may be relative to the folder.
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-m", "tests.fake_agent", *command],
        env=os.environ | {"PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed = done.stdout
    assert [found.name for found in odd_folder.parent.iterdir()] == [odd_folder.name]
    assert (odd_folder / "mlflow.db").is_file()
    assert "mlflow ui\n" in printed
    line = next(line for line in printed.splitlines() if line.startswith("next "))
    file = shlex.split(line)[-1]
    assert Path(file) == Path("outputs") / STUDY / "best.yaml"
    assert yaml.safe_load(Path(file).read_text())["model"]["checkpoint"] == "tiny"
    with closing(sqlite3.connect(odd_folder / "mlflow.db")) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM experiments")]
    assert STUDY in names
    assert list((odd_folder / "mlruns").rglob("best.yaml"))

    for words in (["report"], ["export", "export.output=best.yaml"]):
        arguments = [*words, "sweep=mine", f'study="{STUDY}"']
        run = subprocess.run(
            [*python_module("tuner"), *arguments], capture_output=True, check=False
        )
        assert run.returncode == 0, run.stderr
    assert Path("best.yaml").is_file()


def test_quoted_overrides_mean_the_same_in_a_shell_and_in_hydra():
    from tuner.config import compose_sweep
    from tuner.settings.overrides import override

    for name in (STUDY, "a b", "a,b", "x=y", "[1]", "null", "$HOME", "1e5", "a:b", "é"):
        words = override("study", name)
        done = subprocess.run(
            [
                "sh",
                "-c",
                f"{shlex.quote(sys.executable)} -c 'import sys; print(sys.argv[1])' {words}",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        composed = compose_sweep(["sweep=lr_search", done.stdout.removesuffix("\n")], Path.cwd())
        assert composed.agent.study_name == name
