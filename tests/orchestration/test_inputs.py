"""Figures of the data that the plan of a sweep depends on."""

import json
from dataclasses import replace

from tests.records import settings
from tests.tiny_checkpoints import write_checkpoint
from tuner.orchestration.inputs import check_inputs
from tuner.settings.settings import DataSettings, ModelSettings
from tuner.tasks import MultipleChoice


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
