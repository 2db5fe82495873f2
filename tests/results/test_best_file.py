"""Provenance in best.yaml: whose test scores it has."""

from dataclasses import replace

import pytest

from tests.confirmation.test_confirmation import confirmed
from tests.goals import goals
from tests.records import outcome
from tuner.confirmation import EvaluatedModel, FinalEvaluation, Score
from tuner.results.best_file import StudyFacts, provenance
from tuner.trial.model_identity import KeptModel

SINGLE = KeptModel(trial=3, seed=1)
SOUP = replace(SINGLE, members=((3, 1), (4, 2)))


def evaluated(model):
    """A confirmation whose test rows were scored for a model."""
    subject = EvaluatedModel(trial=model.trial, seed=model.seed, members=model.members, rows="abc")
    scores = {"accuracy": Score(value=0.8, error=0.04)}
    evaluation = FinalEvaluation(
        subject=subject, examples=100, in_training=0, in_validation=0, scores=scores
    )
    return replace(confirmed({3: [0.9, 0.8]}), final_evaluation=evaluation)


@pytest.mark.parametrize("model", [SINGLE, SOUP])
def test_test_scores_are_shown_with_their_model_only(model):
    others = {SINGLE, SOUP, replace(SINGLE, seed=2), replace(SOUP, members=((3, 1),)), None}
    for described in others:
        facts = StudyFacts(
            name="mine",
            goals=goals(["val_accuracy"]),
            confirmation=evaluated(model),
            model=described,
        )
        found = provenance(facts, outcome(3, value=0.9))
        assert ("test" in found) == (described == model)
        assert "test" not in provenance(facts, outcome(4, value=0.8))
        if described == model:
            members = [(each["trial"], each["seed"]) for each in found["test"].get("members", ())]
            assert (found["test"]["seed"], tuple(members)) == (model.seed, model.members)
            assert found["test"]["accuracy"]["value"] == 0.8
