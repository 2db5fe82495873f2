"""Labels and inputs that a model's folder records."""

import json
from dataclasses import replace

import pytest

from tests.records import settings
from tests.tiny_checkpoints import write_checkpoint
from tuner.__main__ import main
from tuner.checkpoints.saved import INPUTS, ModelInputs, read_inputs, read_task, write_inputs
from tuner.errors import InputError
from tuner.tasks import Classification, Multilabel, Regression, TokenClassification

PAIRS = ModelInputs(
    text="premise",
    text_pair="hypothesis",
    label="gold",
    max_length=24,
    task={"name": "classification"},
)


@pytest.fixture
def folder(tmp_path):
    return write_checkpoint(tmp_path / "model", labels=("a", "b"))


def edit_config(folder, **changes):
    path = folder / "config.json"
    config = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({k: v for k, v in config.items() if v is not None}))


def test_inputs_are_those_of_the_configuration_and_read_as_written(folder):
    case = settings()
    data = replace(case.data, text="premise", text_pair="hypothesis", label="gold")
    inputs = ModelInputs.of(replace(case, data=data, model=replace(case.model, max_length=24)))
    expected = replace(PAIRS, task={"name": "classification"})
    assert inputs == expected
    assert read_inputs(folder) is None
    write_inputs(folder, inputs)
    assert read_inputs(folder) == expected


def test_the_class_of_a_model_says_its_task_and_the_record_its_settings(folder):
    edit_config(folder, architectures=["BertForTokenClassification"], problem_type=None)
    assert read_task(folder) == (TokenClassification(), ("a", "b"))
    task = {"name": "token_classification", "stride": 7}
    write_inputs(folder, replace(PAIRS, problem_type=None, task=task))
    assert read_task(folder)[0] == TokenClassification(stride=7)
    edit_config(folder, architectures=["BertForSequenceClassification"])
    assert read_task(folder)[0] == Classification()


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "{}",
        '{"text": 1}',
        '{"text": "a", "label": "b", "max_length": 9, "task": 1}',
        '{"text": "a", "label": "b", "max_length": 0}',
    ],
)
def test_a_malformed_record_is_refused_with_its_file(folder, content):
    (folder / INPUTS).write_text(content)
    with pytest.raises(InputError) as refused:
        read_inputs(folder)
    assert str(folder / INPUTS) in refused.value.where


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"problem_type": "regression"}, "problem_type"),
        (
            {"problem_type": "multi_label_classification", "function_to_apply": "softmax"},
            "function",
        ),
        ({"problem_type": 3}, "problem_type"),
        ({"function_to_apply": "sigmoid"}, "function_to_apply"),
        ({"function_to_apply": "none"}, "function_to_apply"),
        ({"id2label": {"0": "a"}, "problem_type": "single_label_classification"}, "id2label"),
        ({"id2label": {"0": "a", "1": "a"}}, "id2label"),
        ({"id2label": {"0": "a", "2": "b"}}, "id2label"),
        ({"id2label": {"zero": "a", "one": "b"}}, "id2label"),
        ({"id2label": ["a", "b"]}, "id2label"),
    ],
)
def test_predict_refuses_other_tasks_by_the_key(folder, changes, key, capsys, monkeypatch):
    monkeypatch.chdir(folder.parent)
    (folder.parent / "texts.csv").write_text("text\na film\n")
    edit_config(folder, **changes)
    assert main(["predict", "model", "texts.csv"]) == 2
    told = capsys.readouterr().err
    assert key in told
    assert "config.json" in told


@pytest.mark.parametrize("problem_type", [None, "single_label_classification"])
def test_labels_of_one_label_of_several_are_read(folder, problem_type):
    edit_config(folder, problem_type=problem_type)
    assert read_task(folder) == (Classification(), ("a", "b"))
    edit_config(folder, id2label=None)
    assert read_task(folder) == (Classification(), None)


@pytest.mark.parametrize(
    ("changes", "task"),
    [
        ({"problem_type": "multi_label_classification"}, Multilabel()),
        ({"id2label": {"0": "LABEL_0"}}, Regression()),
        ({"id2label": {"0": "score"}, "problem_type": "regression"}, Regression()),
        ({"id2label": None, "num_labels": 1}, Regression()),
    ],
)
def test_the_task_is_the_one_that_transformers_takes(folder, changes, task):
    edit_config(folder, **changes)
    assert read_task(folder)[0] == task


def test_texts_of_another_form_are_refused_by_the_key(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder.parent)
    (folder.parent / "texts.csv").write_text("text,premise,hypothesis\na film,so,it\n")
    (folder.parent / "half.csv").write_text("text,premise\na film,so\n")
    write_inputs(folder, replace(PAIRS, text_pair=None))
    assert main(["predict", "model", "texts.csv", "predict.text_pair=hypothesis"]) == 2
    told = capsys.readouterr().err
    assert "trained on single texts" in told
    assert "predict.text_pair" in told
    write_inputs(folder, PAIRS)
    assert main(["predict", "model", "half.csv"]) == 2
    told = capsys.readouterr().err
    assert "there is no column 'hypothesis'" in told
    assert "predict.text_pair=COLUMN" in told
    with pytest.raises(InputError, match="pairs of texts"):
        PAIRS.check_pairs(given=False, key="text_pair")


def test_the_task_that_was_trained_is_read_with_its_fields_as_the_export_needs_them(folder):
    case = settings()

    def read(task, **changes):
        write_inputs(folder, ModelInputs.of(replace(case, task=task)))
        edit_config(folder, problem_type=task.problem_type, **changes)
        return read_task(folder)[0]

    assert read(Multilabel(threshold=0.3)) == Multilabel(threshold=0.3)
    # The last layer of the export has the scale.
    scaled = Regression(center=2.0, scale=3.0)
    assert read(scaled, id2label={"0": "score"}) == Regression()
    edit_config(folder, problem_type=None, id2label={"0": "a", "1": "b"})
    assert read_task(folder)[0] == Classification()  # config.json says another task.


def test_a_task_of_a_package_that_is_not_installed_is_named(folder):
    case = settings()
    inputs = replace(ModelInputs.of(case), task={"name": "ranks", "package": "tuner-ranks"})
    write_inputs(folder, inputs)
    with pytest.raises(InputError, match="tuner-ranks") as refused:
        read_task(folder)
    assert "install" in refused.value.remedy
