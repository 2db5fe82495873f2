"""The command with `launcher=ray`, on a Ray of this machine alone."""

import functools

import pytest

from tests.bench import FAKE
from tests.commands.conftest import OWN
from tuner.__main__ import main

pytest.importorskip("ray", reason="Ray is not installed")
ON_RAY = [*OWN, "launcher=ray", "launcher.address=auto", "launcher.slots=1", "sweep.n_trials=2"]


@pytest.fixture
def alone(monkeypatch):
    """No cluster of this machine is joined."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


@pytest.mark.slow
@pytest.mark.tf
def test_a_sweep_of_real_fine_tunes_runs_on_ray(folder, alone, capsys):
    assert main(ON_RAY) == 0
    printed = capsys.readouterr().out
    assert "Best: trial" in printed
    assert (folder / "outputs/mine/best_model/model.safetensors").exists()
    assert not list((folder / "outputs/mine").glob(".shared-*"))


@pytest.mark.slow
def test_a_dry_run_leaves_nothing_on_ray_either(folder, alone, monkeypatch, capsys):
    from tuner.launchers import ray

    launcher = functools.partial(ray.RayLauncher, command=FAKE)
    monkeypatch.setattr(ray, "RayLauncher", launcher)
    assert main([*ON_RAY, "sweep.dry_run=true"]) == 0
    assert "examples a second on each of 1 slots" in capsys.readouterr().out
    assert not (folder / "outputs").exists()


def test_a_cluster_that_does_not_answer_ends_with_2(folder, capsys):
    assert main([*ON_RAY, "launcher.address=127.0.0.1:9"]) == 2
    assert "where: launcher.address=127.0.0.1:9" in capsys.readouterr().err
