"""Exporting from a study that a real sweep left; only the fine-tune in the worker was a fake."""

import json
import shlex

import pytest
import yaml

from tests.commands.conftest import OWN
from tuner.__main__ import main
from tuner.commands.export import _dump
from tuner.config import compose_training, load_trial
from tuner.trial.serialization import to_plain


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
    assert words[:2] == ["tuner", "train"]
    assert compose_training(None, words[2:], swept).trial == load_trial(swept / "e.yaml")
    rate = best["optimizer"]["learning_rate"]

    assert export("export.format=json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["configuration"] == to_plain(load_trial(swept / "e.yaml"))
    (swept / "e.json").write_text(json.dumps(told["configuration"]))
    assert load_trial(swept / "e.json") == load_trial(swept / "e.yaml")
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


def test_a_pasted_line_trains_what_the_trial_was(swept, capsys):
    number = yaml.safe_load((swept / "outputs/mine/best.yaml").read_text())["provenance"]["trial"]
    assert export("export.format=cli") == 0
    words = shlex.split(capsys.readouterr().out)
    assert main(words[1:]) == 0
    again = load_trial(swept / "outputs/train/trials/00000/config.yaml")
    assert again == load_trial(swept / f"outputs/mine/trials/{number:05}/config.yaml")


def test_without_a_file_model_and_data_are_named(swept, capsys):
    for words in (
        [],
        ["training.epochs=1"],
        ["model=minilm"],
        ["data=csv", "data.train=train.csv"],
    ):
        assert main(["train", *words]) == 2
        assert "no configuration file" in capsys.readouterr().err


def test_a_file_of_several_configurations_is_refused_by_name(swept, capsys):
    assert export("export.top=2", "export.output=two.yaml") == 0
    assert main(["train", "two.yaml"]) == 2
    assert "the file contains several configurations" in capsys.readouterr().err


def test_json_is_valid_where_a_number_is_not_finite(swept, capsys):
    assert export("export.format=json", "export.trial=0") == 0
    json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    refused = json.loads(_dump([{"value": float("nan"), "rates": [float("inf"), 1.0]}]))
    assert refused == {"value": "nan", "rates": ["inf", 1.0]}


def test_what_is_left_out_of_several_trials_names_them(swept, capsys):
    assert export("export.top=2", "export.format=training_arguments", "export.output=t.json") == 0
    found = json.loads((swept / "t.left_out.json").read_text())
    assert len({item["trial"] for item in found}) == 2
    assert "not in TrainingArguments of trial" in capsys.readouterr().err


def test_the_model_goes_with_the_best_alone(swept, capsys):
    best = yaml.safe_load((swept / "outputs/mine/best.yaml").read_text())["provenance"]["trial"]
    assert export("export.model=m") == 0
    assert (swept / "m/model.safetensors").read_text() == "a model"
    assert export("export.model=m") == 2
    assert "is not empty" in capsys.readouterr().err
    other = 0 if best else 1
    assert export("export.model=n", f"export.trial={other}") == 2
    assert f"the one that is kept is of trial {best}" in capsys.readouterr().err


def test_what_can_not_be_exported(swept, capsys):
    for argument, code, message in (
        ("export.convergence=diverged", 1, "completed trials is diverged"),
        ("export.trial=99", 1, "no trial 99 has ended"),
        ("export.format=xml", 2, "one of hydra, cli, json, training_arguments"),
        ("export.convergence=good", 2, "one of converged, improving"),
        ("export.top=0", 2, "1 or more"),
        ("export.quantize=int8", 2, "export.onnx=DIR"),
        ("export.quantize=int4", 2, "int8, or null"),
        ("export.quantize_loss=0.1", 2, "export.quantize=int8"),
        ("export.calibrate=true", 2, "export.onnx=DIR"),
        ("study=other", 2, "there is no study 'other'"),
    ):
        assert export(argument) == code
        assert message in capsys.readouterr().err


@pytest.mark.parametrize("onnx", ["m", "m/onnx", "./x/../m", "."])
def test_folders_of_an_export_are_apart(swept, onnx, capsys):
    assert export("export.model=m", f"export.onnx={onnx}") == 2
    assert "export.onnx" in capsys.readouterr().err
    assert not (swept / "m").exists()
