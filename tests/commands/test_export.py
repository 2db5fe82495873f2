"""Exporting from a study that a real sweep left; only the fine-tune in the worker was a fake."""

import json
import shlex

import pytest
import yaml

from tests.commands.conftest import OWN
from tuner.__main__ import main
from tuner.config import load_trial


@pytest.fixture
def swept(folder, fake_workers, capsys):
    """The folder after a sweep."""
    assert main([*OWN, "launcher.slots=2"]) == 0
    capsys.readouterr()
    return folder


def export(*arguments):
    return main(["export", "sweep=mine", *arguments])


def test_every_form_tells_the_best_trial(swept, capsys):
    best = yaml.safe_load((swept / "outputs/mine/best.yaml").read_text())
    assert export("export.output=e.yaml") == 0
    assert yaml.safe_load((swept / "e.yaml").read_text()) == best
    assert load_trial(swept / "e.yaml") == load_trial(swept / "outputs/mine/best.yaml")
    capsys.readouterr()

    assert export("export.format=cli") == 0
    words = shlex.split(capsys.readouterr().out)
    assert f"schedule={best['schedule']['name']}" in words
    rate = best["optimizer"]["learning_rate"]
    assert f"optimizer.learning_rate={rate}" in words

    assert export("export.format=json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["configuration"]["optimizer"]["learning_rate"] == rate
    assert {key: told[key] for key in best["provenance"]} == best["provenance"]
    assert told["standard_error"] > 0

    assert export("export.format=training_arguments", "export.output=t.json") == 0
    assert json.loads((swept / "t.json").read_text())["learning_rate"] == rate
    left_out = json.loads((swept / "t.left_out.json").read_text())
    assert "model.max_length" in [item["key"] for item in left_out]
    assert "model.max_length: 32 →" in capsys.readouterr().err

    # The sweep's file is not asked for, and a study is only read.
    (swept / "sweeps/mine.yaml").unlink()
    assert export("export.top=2", "export.format=json") == 0
    assert len(json.loads(capsys.readouterr().out)) == 2


def test_the_model_goes_with_the_best_alone(swept, capsys):
    best = yaml.safe_load((swept / "outputs/mine/best.yaml").read_text())["provenance"]["trial"]
    assert export("export.model=m") == 0
    assert (swept / "m/model.safetensors").read_text() == "a model"
    assert export("export.model=m") == 2
    assert "there is something already" in capsys.readouterr().err
    other = 0 if best else 1
    assert export("export.model=n", f"export.trial={other}") == 2
    assert f"the one that is kept is of trial {best}" in capsys.readouterr().err


def test_what_can_not_be_exported(swept, capsys):
    for argument, code, said in (
        ("export.convergence=diverged", 1, "completed trials is diverged"),
        ("export.trial=99", 1, "no trial 99 has ended"),
        ("export.format=xml", 2, "one of hydra, cli, json, training_arguments"),
        ("export.convergence=good", 2, "one of converged, improving"),
        ("export.top=0", 2, "1 or more"),
        ("study=other", 2, "there is no study 'other'"),
    ):
        assert export(argument) == code
        assert said in capsys.readouterr().err
