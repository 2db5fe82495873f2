"""Figures of the data that the plan of a sweep depends on."""

import json
from dataclasses import replace

from tests.records import settings
from tests.tiny_checkpoints import write_checkpoint
from tuner.orchestration.inputs import check_inputs, evaluation_lines
from tuner.settings.settings import DataSettings, ModelSettings
from tuner.tasks import MultipleChoice, TokenClassification


def test_choices_in_one_column_of_lists_are_counted(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNER_CACHE", str(tmp_path / "cache"))
    rows = [{"text": f"film {n}", "endings": list("abcd"), "label": n % 4} for n in range(24)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    trial = replace(
        settings(),
        task=MultipleChoice(),
        data=DataSettings(format="json", train=str(tmp_path / "rows.jsonl"), choices=["endings"]),
        model=ModelSettings(checkpoint=str(write_checkpoint(tmp_path / "bert")), max_length=32),
    )
    found = check_inputs([trial])
    assert found.shape(trial).inputs == 4
    # A length that no variant has.
    assert found.shape(replace(trial, model=replace(trial.model, max_length=24))).inputs == 4


def test_windows_are_the_rows_of_training(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNER_CACHE", str(tmp_path / "cache"))
    rows = [{"tokens": ["film"] * 50, "tags": ["O", "B-a"] * 25} for _ in range(20)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    trial = settings(evaluations=3, batch_size=10, epochs=1.0)
    data = DataSettings(
        format="json", train=str(tmp_path / "rows.jsonl"), text="tokens", label="tags"
    )
    checkpoint = str(write_checkpoint(tmp_path / "bert"))
    trial = replace(
        trial,
        task=TokenClassification(stride=4),
        data=data,
        model=ModelSettings(checkpoint=checkpoint, max_length=32),
    )
    found = check_inputs([trial])
    # 30 words, then 26 new ones beside an overlap of 4.
    assert found.variant(trial).data.train_rows == 18
    assert (found.variant(trial).train_rows, found.variant(trial).rows_each) == (36, 2.0)
    # Four updates of at most 10 windows.
    assert evaluation_lines([trial], found) == []
