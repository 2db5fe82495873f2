"""Memory that the commands show, and the batch size that follows from it."""

import yaml

from tests.commands.conftest import OWN
from tuner.__main__ import main

SMALL_ROOM = 1_200_000_000


def training(path):
    return yaml.safe_load(path.read_text())["training"]


def test_an_automatic_batch_size_is_a_number_in_all_that_a_trial_leaves(
    folder, fake_workers, capsys, monkeypatch
):
    automatic = ["training.batch_size=auto", "training.effective_batch_size=1024"]
    monkeypatch.setattr("tuner.devices.room.host_memory", lambda: SMALL_ROOM)
    assert main([*OWN, *automatic, "launcher.slots=1", "sweep.n_trials=2"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert " of 1.2 GB available " in printed
    assert ") with training.batch_size=" in printed
    best = training(folder / "outputs/mine/best.yaml")
    assert 1 < best["batch_size"] < 1024
    assert best["batch_size"] * best["accumulation_steps"] == 1024
    assert main([*OWN, *automatic, "sweep.n_trials=3"]) == 0  # the same study


def test_a_single_fine_tune_has_it_too(folder, fake_workers, capsys):
    assert main([*OWN, "sweep.n_trials=1"]) == 0
    automatic = ["training.batch_size=auto", "training.accumulation_steps=2"]
    assert main(["train", str(folder / "outputs/mine/best.yaml"), *automatic]) == 0
    assert "estimated memory of the largest trial: " in capsys.readouterr().out
    ran = training(folder / "outputs/train/trials/00000/config.yaml")
    assert (ran["batch_size"], ran["accumulation_steps"]) == (32, 1)
