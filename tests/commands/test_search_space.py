"""Messages of a sweep about its space; each configuration runs once."""

import pytest
import yaml

from tests.commands.conftest import OWN
from tests.tracking.runs import found
from tuner.__main__ import main
from tuner.settings.settings import StorageSettings
from tuner.study.reader import StudyReader

FOUR = ["optimizer.learning_rate=1e-4,1e-3", "training.batch_size=8,32", "schedule=linear"]
"""Four configurations; the untuned default, with a batch of 16, is none of them."""


def tried(folder, study="mine"):
    """The parameters of a study's trials, by number."""
    reader = StudyReader(study, StorageSettings(), folder / "outputs")
    trials = reader.read().trials
    reader.close()
    return [dict(trial.parameters) for trial in trials]


@pytest.mark.parametrize(
    "sampler", [["sampler=nsgaii", "sampler.population_size=2"], ["sampler=grid"]]
)
def test_a_finite_space_ends_the_sweep_before_its_total(
    folder, fake_workers, capsys, mlflow_uri, sampler
):
    order = [*OWN, *FOUR, *sampler, "sweep.n_trials=8", "launcher.slots=2"]
    assert main(order) == 0
    printed = capsys.readouterr().out
    assert "4 configurations and the untuned default" in printed
    assert "after 5 trials at most, before sweep.n_trials=8" in printed
    assert "every configuration of the search space has been tried" in printed
    values = tried(folder)
    assert len(values) == 5
    assert values[0]["training.batch_size"] == 16
    assert {(v["optimizer.learning_rate"], v["training.batch_size"]) for v in values[1:]} == {
        (rate, batch) for rate in (1e-4, 1e-3) for batch in (8, 32)
    }
    untuned = found(mlflow_uri, study="mine")[0]
    assert untuned.data.params["training.batch_size"] == "16"
    assert main(order) == 0
    assert len(tried(folder)) == 5
    assert main(["report", "study=mine"]) == 0
    table = capsys.readouterr().out
    assert next(line for line in table.splitlines() if " 5e-05 " in line).split()[6] == "16"


def test_keys_that_the_sampler_does_not_model_are_named_at_the_start(folder, fake_workers, capsys):
    order = [*OWN, "sampler=cmaes", "training.batch_size=8,32", "sweep.dry_run=true"]
    assert main(order) == 0
    printed = capsys.readouterr().out
    line = next(each for each in printed.splitlines() if "sampler=cmaes" in each)
    assert "models optimizer.learning_rate only" in line
    assert "schedule" in line
    assert "training.batch_size" in line


def test_a_large_grid_is_announced_and_no_trial_waits_for_it(folder, fake_workers, capsys):
    grid = ["optimizer.learning_rate=tag(log,interval(1e-6,1e-2))", "sampler=grid"]
    size = ["sampler.points_per_interval=75", "sweep.n_trials=3"]
    other = ["schedule=linear", "schedule.warmup_fraction=interval(0,0.3)"]
    assert main([*OWN, *grid, *other, *size]) == 0
    printed = capsys.readouterr().out
    assert "grid: 5,625 points" in printed
    assert "sweep.n_trials=3 covers 2 of them" in printed or "covers 3 of them" in printed
    assert len(tried(folder)) == 3


def test_what_start_from_does_not_carry_over_is_told_and_whole_numbers_are(
    folder, fake_workers, capsys
):
    (folder / "earlier.yaml").write_text(
        "optimizer:\n  name: adamw\n  learning_rate: 0.5\n  weight_decay: 0.3\n"
        "training:\n  epochs: 4\n  batch_size: 12\nschedule:\n  name: constant\n"
    )
    order = [*OWN, "training.epochs=range(1,9)", "training.batch_size=8,32"]
    assert main([*order, "sweep.start_from=[earlier.yaml]", "sweep.n_trials=2"]) == 0
    printed = capsys.readouterr().out
    missing = next(line for line in printed.splitlines() if "the space has no" in line)
    assert "optimizer.learning_rate=0.5" in missing
    assert "training.batch_size=12" in missing
    assert "training.epochs" not in missing
    other = next(line for line in printed.splitlines() if "not searched here" in line)
    assert "optimizer.weight_decay" in other
    assert "0.3 there" in other
    first = tried(folder)[1]
    assert (first["training.epochs"], first["schedule"]) == (4, "constant")


def test_a_study_that_starts_from_an_earlier_best_runs_it_once(folder, fake_workers):
    small = [*OWN, *FOUR, "sweep.n_trials=5"]
    assert main([*small, "study=first"]) == 0
    best = yaml.safe_load((folder / "outputs/first/best.yaml").read_text())
    start = "sweep.start_from=[outputs/first/best.yaml,first]"
    assert main([*small, "study=second", start]) == 0
    values = tried(folder, "second")
    assert len(values) == 5
    assert len({tuple(sorted(each.items())) for each in values}) == 5
    begun = values[1] if best["training"]["batch_size"] != 16 else values[0]
    assert begun["optimizer.learning_rate"] == best["optimizer"]["learning_rate"]


def test_seeds_that_are_searched_are_no_repeats(folder, fake_workers):
    seeds = ["training.seed=0,1,2", "optimizer.learning_rate=1e-4", "schedule=linear"]
    assert main([*OWN, *seeds, "sweep.n_trials=9"]) == 0
    assert sorted(each["training.seed"] for each in tried(folder)) == [0, 1, 2]
