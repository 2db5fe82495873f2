"""Comparison of a retrained trial with its record."""

from tests.records import outcome, report
from tuner.results.lost_models import LostModel, score_differences


def ended(**given):
    return outcome(3, value=0.7, last=report(5, 5, **given))


def test_equal_scores_differ_in_nothing_whatever_time_and_memory_were():
    again = ended(examples_per_second=9.0, seconds_training=1.0, peak_memory_bytes=1)
    assert score_differences(ended(), again) == []


def test_scores_that_differ_are_named_with_both_values():
    found = score_differences(ended(), ended(val_loss=0.5000001))
    assert found == ["val_loss 0.5000001, recorded 0.5"]
    found = score_differences(ended(), ended(val_accuracy=0.6))
    assert [text.partition(" ")[0] for text in found] == [
        "val_accuracy",
        "val_macro_f1",
        "val_mcc",
    ]


def test_a_trial_that_ended_early_concludes_there_again():
    early = outcome(3, value=0.7, stopped_by="converged", last=report(3, 5, final=True))
    lost = LostModel(outcome=early, trial=3, seed=None, reason="")
    assert lost.concludes_at == 3
    whole = LostModel(outcome=ended(), trial=3, seed=4, reason="")
    assert whole.concludes_at is None
    assert (lost.name, whole.name) == (
        "the model of trial 3", "the model of trial 3 with seed 4",
    )  # fmt: skip
