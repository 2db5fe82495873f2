"""Trials that the version before wrote, optimizers as mappings, are read and written alike."""

import json
from pathlib import Path

import pytest
import yaml

from tuner import optimizers, schedules
from tuner.config import compose_sweep, dump_trial, load_trial, read_trial
from tuner.trial.records import TrialSpec
from tuner.trial.serialization import from_plain, to_plain

FOLDER = Path(__file__).parent / "made_before"
MADE = json.loads((FOLDER / "trials.json").read_text(encoding="utf-8"))
CASES = {" ".join(trial["overrides"]): trial for trial in MADE["trials"]}


@pytest.mark.parametrize("case", CASES)
def test_mappings_are_read_and_written_alike(case, tmp_path):
    trial = CASES[case]
    composed = compose_sweep(["sweep=lr_search", *trial["overrides"]], tmp_path).base
    for registry, made in ((optimizers, composed.optimizer), (schedules, composed.schedule)):
        mapping = trial[made.group]
        assert registry.from_mapping(mapping) == made
        # The order counts, too: in files, and in what identifies a configuration.
        assert json.dumps(made.to_mapping()) == json.dumps(mapping)
    assert read_trial(dump_trial(composed)) == composed


def test_a_trial_on_the_wire_is_read_and_written_alike():
    spec = from_plain(TrialSpec, MADE["spec"])
    assert spec.settings.optimizer == optimizers.AdamW(learning_rate=1e-5)
    assert json.dumps(without_new_keys(to_plain(spec))) == json.dumps(MADE["spec"])


def test_a_file_is_read_and_written_alike(tmp_path):
    text = (FOLDER / "best.yaml").read_text(encoding="utf-8")
    trial = load_trial(FOLDER / "best.yaml", folder=tmp_path)
    assert trial == from_plain(TrialSpec, MADE["spec"]).settings
    assert read_trial(text) == trial
    written = yaml.safe_load(dump_trial(trial))
    assert json.dumps(without_new_keys({"settings": written})["settings"]) == json.dumps(
        yaml.safe_load(text)
    )


def without_new_keys(plain):
    """A trial without what the version before did not have, at its defaults."""
    settings = dict(plain["settings"])
    assert settings.pop("task") == {"name": "classification"}
    data = dict(settings["data"])
    new = [data.pop(name) for name in ("label_separator", "label_columns", "choices")]
    assert new == [None, None, None]
    settings["data"] = data
    later = ("metrics", "times_inference")
    rest = {name: value for name, value in plain.items() if name not in later}
    assert not any(plain.get(name) for name in later)
    return {**rest, "settings": settings}
