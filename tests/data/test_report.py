"""Lines of the data report that real data sets do not produce."""

import pytest

from tuner.data import DataReport
from tuner.tasks.label_counts import label_summary


def make(**given):
    values = {
        "train_rows": 100,
        "validation_rows": 20,
        "labels": ("no", "yes"),
        "train_counts": (50, 50),
        "validation_counts": (10, 10),
        "targets": "2 labels: no 50, yes 50",
        "target_warnings": (),
        "duplicates": 0,
        "contradictions": 0,
        "shared": 0,
        "empty": 0,
        "truncated": 0.0,
        "unknown": 0.0,
        "length_median": 10.0,
        "length_p95": 20.0,
        "length_max": 30,
        "max_length": 128,
        "tokenizer_vocabulary": 30522,
        "model_vocabulary": 30522,
    }
    return DataReport(**(values | given))


def test_sound_data_warn_of_nothing():
    assert make().warnings() == []


def test_a_tokenizer_of_another_model_is_named_with_both_sizes():
    report = make(model_vocabulary=50265)
    assert any("30522" in line and "50265" in line for line in report.warnings())
    assert any("30522" in line and "50265" in line for line in report.lines())


def test_a_few_spare_embeddings_are_shown_and_no_warning():
    report = make(model_vocabulary=30528)
    assert report.warnings() == []
    assert any("30528" in line for line in report.lines())


@pytest.mark.parametrize("labels", [("Yes", "yes"), ("yes", "yes ")])
def test_labels_that_differ_in_case_or_spaces_alone_are_asked_about(labels):
    (warning,) = label_summary(labels * 50, labels * 10, labels).warnings
    assert make(target_warnings=(warning,)).warnings() == [warning]
    assert "should be one" in warning
