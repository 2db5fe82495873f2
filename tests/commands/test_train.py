"""One configuration trained alone: it has its whole budget, whatever ran in its folder before."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agents import until
from tests.bench import settings
from tuner.__main__ import main
from tuner.commands.train import split_file
from tuner.config import dump_trial
from tuner.errors import InputError
from tuner.files.model_folder import defect
from tuner.search.goals import score
from tuner.trial.folder import StudyFolder
from tuner.trial.records import TrialOutcome, TrialState
from tuner.trial.serialization import from_json, to_plain

BASE = ["data.train=train.csv", "data.validation=validation.csv", "model.max_length=32"]
SEARCH_RULES = "convergence.stop_single_runs=true"
POINTS = 10


@pytest.fixture
def train(folder, fake_workers):
    """Trains a configuration; returns the exit code and the outcome."""
    study = StudyFolder(folder / "outputs", "train")
    (folder / "quick").symlink_to(folder / "tiny")
    (folder / "best.yaml").write_text(dump_trial(settings(evaluations=POINTS)))

    def run(*overrides):
        number = study.next_number()
        code = main(["train", "best.yaml", *BASE, *overrides])
        return code, from_json(TrialOutcome, study.trial(number).outcome.read_text())

    return run


def result(outcome):
    """All that a fine-tune gave, without its number, its times and its run."""
    plain = to_plain(outcome)
    return {
        key: plain[key]
        for key in ("state", "value", "measured", "stopped_by", "diagnosis", "last")
    }


@pytest.mark.parametrize("override", ["optimizer.learning_rate=1e-6", "model.checkpoint=quick"])
def test_every_run_of_a_configuration_has_its_whole_budget(train, override):
    runs = [train(override) for _ in range(3)]
    for code, outcome in runs:
        assert code == 0
        assert (outcome.state, outcome.stopped_by) == (TrialState.COMPLETE, "")
        assert outcome.last.point == POINTS
    assert result(runs[0][1]) == result(runs[1][1]) == result(runs[2][1])


def test_the_rules_of_a_search_end_a_run_where_they_are_asked_for(train):
    for _ in range(2):
        code, outcome = train("optimizer.learning_rate=1e-6", SEARCH_RULES)
        assert (code, outcome.state, outcome.stopped_by) == (1, TrialState.PRUNED, "not_learning")
        code, outcome = train("model.checkpoint=quick", SEARCH_RULES)
        assert (code, outcome.state, outcome.stopped_by) == (0, TrialState.COMPLETE, "converged")
        assert outcome.last.point < POINTS


def test_a_loss_that_is_nan_ends_every_run(train):
    for _ in range(2):
        code, outcome = train("optimizer.learning_rate=0.5")
        assert (code, outcome.state, outcome.stopped_by) == (1, TrialState.PRUNED, "diverged")


@pytest.mark.parametrize("objective", ["val_loss", "val_macro_f1", "examples_per_second"])
def test_the_objective_of_the_file_is_what_is_told(folder, fake_workers, capsys, objective):
    (folder / "best.yaml").write_text(
        dump_trial(settings(evaluations=3), provenance={"objective": objective})
    )
    study = StudyFolder(folder / "outputs", "train")
    assert main(["train", "best.yaml", "model.checkpoint=tiny", *BASE]) == 0
    outcome = from_json(TrialOutcome, study.trial(0).outcome.read_text())
    assert outcome.value == outcome.measured[objective]
    told = capsys.readouterr().out.splitlines()
    results = [line for line in told if line.startswith(("val_", "examples_"))]
    assert results[0].split()[:2] == [objective, score(outcome.value)]
    assert ("lower is better" in results[0]) == (objective == "val_loss")
    assert [line.split()[0] for line in results].count(objective) == 1


def test_a_baseline_needs_no_file(folder, fake_workers, capsys):
    words = ["model.checkpoint=tiny", *BASE, "training.evaluations=3"]
    assert main(["train", *words, "--cfg", "job"]) == 0
    (folder / "job.yaml").write_text(capsys.readouterr().out)
    assert main(["train", *words, "--quiet"]) == 0
    quiet = capsys.readouterr().out
    assert "trial" not in quiet.replace("trials/", "")
    assert "val_accuracy" in quiet
    assert main(["train", "job.yaml", "training.seed=1"]) == 0
    study = StudyFolder(folder / "outputs", "train")
    outcomes = [from_json(TrialOutcome, study.trial(n).outcome.read_text()) for n in (0, 1)]
    assert [outcome.state for outcome in outcomes] == [TrialState.COMPLETE] * 2


def test_progress_has_its_time_and_the_result_has_none(folder, fake_workers, capsys):
    assert main(["train", "model.checkpoint=tiny", *BASE, "training.evaluations=3"]) == 0
    told = capsys.readouterr().out.splitlines()
    stamped = [re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d \S", line) for line in told]
    assert any(stamped)
    first_result = stamped.index(None)
    assert all(stamped[:first_result])
    assert not any(stamped[first_result:])
    assert told[first_result].startswith("val_accuracy")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "no configuration file"),
        (["training.epochs=2"], "no configuration file"),
        (["model=minilm", "data.label=stars"], "no configuration file"),
        (["model.dropout=0.2", "data.train=a.csv"], "no configuration file"),
        (["a.yaml", "b.yaml"], "2 configuration files"),
    ],
)
def test_what_names_nothing_to_train_is_refused(words, problem):
    with pytest.raises(InputError) as caught:
        split_file(words)
    assert problem in caught.value.problem


def test_a_file_may_stand_anywhere_and_have_an_equals_sign(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    odd = tmp_path / "a=b" / "best.yaml"
    odd.parent.mkdir()
    odd.touch()
    words = ["training.epochs=2", "a=b/best.yaml", "model=minilm"]
    assert split_file(words) == (Path("a=b/best.yaml"), ["training.epochs=2", "model=minilm"])


def test_two_fine_tunes_at_once_have_a_folder_each(train, folder):
    """Both are in the middle of their training at the same time."""
    (folder / "gate:open").symlink_to(folder / "tiny")
    words = ["train", "best.yaml", *BASE, "model.checkpoint=gate:open"]
    command = [sys.executable, "-m", "tests.fake_agent", *words]
    running = [subprocess.Popen(command) for _ in range(2)]
    study = StudyFolder(folder / "outputs", "train")
    try:
        until(lambda: len(list(study.path.glob("trials/*/reports.jsonl"))) == 2, 300)
    finally:
        (folder / "open").touch()
        codes = [process.wait(300) for process in running]
    assert codes == [0, 0]
    for number in (0, 1):
        place = study.trial(number)
        assert [report.point for report in place.read_reports()] == list(range(1, POINTS + 1))
        assert from_json(TrialOutcome, place.outcome.read_text()).number == number
        assert defect(place.model, contents=True) is None


def test_more_evaluations_than_updates_are_told_once(train, capsys):
    """Sixty rows in batches of sixteen are four updates an epoch, twelve in all."""
    train()
    assert "training.evaluations=" not in capsys.readouterr().out
    train("training.evaluations=13")
    line = "training.evaluations=13 is more than the 12 updates of a trial"
    assert capsys.readouterr().out.count(line) == 1
