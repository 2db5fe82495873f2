"""A dry run shows what a sweep would do and leaves nothing behind."""

import re

from mlflow import MlflowClient

from tests.commands.conftest import OWN
from tuner.__main__ import main
from tuner.orchestration.dry_run_lines import space_lines
from tuner.search.space import Choice, Dimension, FloatInterval, IntInterval, SearchSpace

DRY = [*OWN, "sweep.dry_run=true", "launcher.slots=2"]


def test_space_first_trials_memory_and_time_are_shown(folder, fake_workers, mlflow_uri, capsys):
    assert main(DRY) == 0
    printed = capsys.readouterr().out
    assert "optimizer.learning_rate  1e-06 to 0.01, log   (default 5e-05)" in printed
    assert re.search(r"estimated memory .* training.batch_size=16", printed)
    assert re.search(r"^    0  .*\(untuned default\)$", printed, re.MULTILINE)
    assert len(re.findall(r"^    \d  optimizer", printed, re.MULTILINE)) == 4
    # The fake's 100 examples a second: 60 to train on; four updates are evaluated four times.
    assert "100 examples a second on each of 2 slots" in printed
    assert "  1 s a trial, 2 s for 4; pruning shortens that" in printed
    assert not (folder / "outputs").exists()
    assert MlflowClient(mlflow_uri).get_experiment_by_name("mine") is None


def test_it_reads_no_study_and_changes_none(folder, fake_workers, capsys):
    assert main(OWN) == 0
    before = (folder / "outputs/mine/study.db").read_bytes()
    assert main([*DRY, "sweep.n_trials=9"]) == 0
    assert (folder / "outputs/mine/study.db").read_bytes() == before
    assert " for 9; pruning" in capsys.readouterr().out


def test_trials_that_can_not_run_are_told(folder, fake_workers, capsys):
    (folder / "tiny").rename(folder / "fail")
    assert main([*DRY, "model.checkpoint=fail"]) == 1
    assert "this checkpoint always fails" in capsys.readouterr().err
    (folder / "fail").rename(folder / "crash")
    assert main([*DRY, "model.checkpoint=crash"]) == 1
    assert "died" in capsys.readouterr().err


def test_a_default_that_diverges_is_told(folder, fake_workers, capsys):
    assert main([*DRY, "optimizer.learning_rate=0.5", "schedule.warmup_fraction=0,0.1"]) == 1
    assert "the untuned default diverges: train_loss is nan" in capsys.readouterr().err


def test_a_time_limit_below_the_time_is_named(folder, fake_workers, capsys):
    confirm = "sweep.confirm={top: 3, seeds: 4}"
    assert main([*DRY, "sweep.timeout=1", "sweep.n_trials=40", confirm]) == 0
    printed = capsys.readouterr().out
    assert "no trial starts after 1 s (sweep.timeout)" in printed
    assert "up to 7 s for 12 repeats of the best after it (sweep.confirm)" in printed


def test_every_kind_of_dimension_reads_well():
    space = SearchSpace(
        [
            Dimension(key="optimizer", domain=Choice(values=("adamw", "sgd"))),
            Dimension(
                key="optimizer.momentum",
                domain=FloatInterval(low=0.5, high=0.99),
                when={"optimizer": ("sgd", "lion")},
            ),
            Dimension(key="training.epochs", domain=IntInterval(low=2, high=8, step=2)),
        ]
    )
    assert list(space_lines(space, {"optimizer": "adamw", "training.epochs": 1})) == [
        "  optimizer           adamw, sgd   (default adamw)",
        "  optimizer.momentum  0.5 to 0.99, when optimizer is sgd or lion",
        "  training.epochs     2 to 8 in steps of 2",
    ]
