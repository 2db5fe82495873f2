"""One configuration trained alone: it has its whole budget, whatever ran in its folder before."""

import pytest

from tests.bench import settings
from tuner.__main__ import main
from tuner.config import dump_trial
from tuner.core.trial import TrialOutcome, TrialState
from tuner.folder import StudyFolder
from tuner.records import from_json, to_plain

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
