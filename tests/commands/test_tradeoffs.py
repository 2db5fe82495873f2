"""Several objectives and constraints as a user gives them; only the fine-tune is a fake."""

import json

import pytest
import yaml

from tests.commands.conftest import OWN
from tests.goals import goals
from tuner.__main__ import main
from tuner.config import load_trial
from tuner.search.pareto import front, pick
from tuner.settings.settings import StorageSettings
from tuner.study.reader import StudyReader

GIVEN = ["val_accuracy", "examples_per_second"]
BOTH = [*OWN, f"sweep.objectives=[{','.join(GIVEN)}]", "launcher.slots=2", "pruner=none"]


@pytest.fixture
def swept(folder, fake_workers, capsys):
    """The folder and what a sweep of two objectives printed."""
    assert main([*BOTH, "sweep.n_trials=6"]) == 0
    return folder, capsys.readouterr().out


def trials(folder):
    reader = StudyReader("mine", StorageSettings(), folder / "outputs")
    try:
        return [trial.outcome for trial in reader.read().trials]
    finally:
        reader.close()


def exported(capsys, *arguments):
    assert main(["export", "sweep=mine", "export.format=json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_best_of_two_objectives_is_the_knee_and_the_whole_front_can_be_taken(swept, capsys):
    folder, printed = swept
    best_ones = front(trials(folder), goals(GIVEN))
    numbers = {each.number for each in best_ones}
    knee = pick(best_ones, goals(GIVEN))
    assert len(numbers) > 1
    told = f"Best: trial {knee.number}, val_accuracy {knee.value:.4f}, examples_per_second"
    assert told in printed
    assert f"the knee of {len(numbers)} trials" in printed
    best = yaml.safe_load((folder / "outputs/mine/best.yaml").read_text())
    assert best["provenance"]["trial"] == knee.number
    assert best["provenance"]["measured"] == dict(knee.measured)
    assert exported(capsys)["trial"] == knee.number
    assert exported(capsys, "export.pick=first")["trial"] == best_ones[0].number
    weights = "export.weights={examples_per_second: 1}"
    fastest = max(best_ones, key=lambda each: each.measured["examples_per_second"])
    assert exported(capsys, "export.pick=weights", weights)["trial"] == fastest.number

    kept = {int(path.parent.name) for path in folder.glob("outputs/mine/trials/*/model")}
    assert kept == numbers
    for number in numbers:
        model = f"export.model=m{number}"
        assert main(["export", "sweep=mine", f"export.trial={number}", model]) == 0
        assert (folder / f"m{number}/model.safetensors").exists()
        beside = yaml.safe_load((folder / f"m{number}/best.yaml").read_text())
        assert beside["provenance"]["trial"] == number
    kept_best = folder / "outputs/mine/best_model/best.yaml"
    assert load_trial(kept_best) == load_trial(folder / "outputs/mine/best.yaml")


def test_a_sweep_of_two_objectives_goes_on_and_is_reported(swept, capsys):
    folder, _ = swept
    assert main([*BOTH, "sweep.n_trials=8", "pruner=extrapolation"]) == 0
    assert "8 trials: " in capsys.readouterr().out
    assert len(trials(folder)) == 8
    assert main(["report", "sweep=mine"]) == 0
    printed = capsys.readouterr().out
    assert "front" in printed
    assert (folder / "outputs/mine/report.html").stat().st_size > 10_000


def test_weights_of_no_objective_are_the_users_error(swept, capsys):
    for words, told in (
        (["export.pick=weights"], "at least one weight"),
        (["export.pick=weights", "export.weights={val_loss: 1}"], "val_loss"),
        (["export.pick=weights", "export.weights={val_accuracy: -1}"], "is negative"),
        (["export.weights={val_accuracy: 1}"], "export.pick=weights"),
        (["export.pick=best"], "knee, first, weights"),
    ):
        assert main(["export", "sweep=mine", *words]) == 2
        assert told in capsys.readouterr().err


def test_a_trial_that_misses_a_constraint_is_never_the_best(folder, fake_workers, capsys):
    bound = "sweep.constraints={val_accuracy: '<= 0.88'}"
    assert main([*OWN, bound, "pruner=none", "sampler=random", "sweep.n_trials=6"]) == 0
    ended = trials(folder)
    over = [each for each in ended if each.value and each.value > 0.88]
    under = [each.value for each in ended if each.value and each.value <= 0.88]
    assert over
    assert {each.violated for each in over} == {
        (f"val_accuracy {each.value:.4g}, not <= 0.88",) for each in over
    }
    best = yaml.safe_load((folder / "outputs/mine/best.yaml").read_text())
    assert best["provenance"]["value"] == max(under)
    assert {each.last.inference_ms for each in ended} == {None}  # It is no goal here.


def test_where_no_trial_meets_the_constraints_the_sweep_says_so(folder, fake_workers, capsys):
    costs = "inference_ms: '<= 5', model_mb: '<= 40'"  # The fake's are 4 ms and 50 MB.
    bound = f"sweep.constraints={{val_accuracy: '>= 0.999', {costs}}}"
    rates = "optimizer.learning_rate=interval(1e-5, 1e-3)"  # None diverges.
    assert main([*OWN, bound, rates, "pruner=none", "sweep.n_trials=2"]) == 1
    assert "None of the 2 completed trials meets the constraints" in capsys.readouterr().out
    for each in trials(folder):
        assert (each.measured["inference_ms"], each.measured["model_mb"]) == (4.0, 50.0)
        assert [text.split()[0] for text in each.violated] == ["val_accuracy", "model_mb"]
    assert not (folder / "outputs/mine/best.yaml").exists()
    assert not list(folder.glob("outputs/mine/**/model.safetensors"))
    assert main(["export", "sweep=mine"]) == 1
    assert "meets the constraints" in capsys.readouterr().err


def test_of_trials_that_are_equal_the_one_that_is_taken_has_its_model(folder, fake_workers):
    same = ["optimizer.learning_rate=1e-4", "pruner=none", "sweep.n_trials=4"]
    assert main([*OWN, *same, "launcher.slots=2"]) == 0
    best = folder / "outputs/mine/best.yaml"
    kept = folder / "outputs/mine/best_model"
    assert (kept / "model.safetensors").exists()
    assert (kept / "best.yaml").read_text() == best.read_text()
