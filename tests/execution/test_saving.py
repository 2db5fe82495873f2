"""A model that cannot be saved costs no score; what is published instead, and what is told."""

import pytest

from tests.bench import states
from tuner.trial.records import TrialState


@pytest.mark.parametrize(
    ("checkpoint", "why"),
    [("unsaved", "No space left on device"), ("killed_saving", "killed by SIGKILL")],
)
def test_a_score_does_not_depend_on_saving_the_model(bench, checkpoint, why):
    bench.run(checkpoint=checkpoint, trials=4, max_attempts=2, max_failures=2)
    scored = [each for each in bench.outcomes if each.stopped_by != "diverged"]
    assert len(scored) > 1
    assert set(states(scored)) == {TrialState.COMPLETE}
    for outcome in scored:
        assert outcome.attempt == 1
        assert outcome.error is None
        assert why in outcome.model_error
        assert not list(bench.folder.trial(outcome.number).path.glob("*model*"))
    stored = bench.optuna_trials()
    assert {stored[outcome.number].state.name for outcome in scored} == {"COMPLETE"}
    told = [text for text in bench.watch.notices if "model of trial" in text]
    assert len(told) == len(scored)
    assert why in told[0]


def test_what_dies_after_the_last_report_with_no_model_wanted_lacks_nothing(bench):
    bench.run(checkpoint="unsaved", trials=1, wants_model=lambda measured: False)
    (outcome,) = bench.outcomes
    assert (outcome.state, outcome.model_error) == (TrialState.COMPLETE, None)


def test_an_attempt_does_not_inherit_the_model_of_an_earlier_one(bench):
    trial = bench.folder.trial(0)
    for left in (trial.model, trial.partial_model):
        left.mkdir(parents=True)
        (left / "model.safetensors").write_text("of an attempt whose agent was killed")
    bench.run(checkpoint="unsaved", trials=1)
    assert not list(trial.path.glob("*model*"))
    assert not trial.partial_model.exists()
