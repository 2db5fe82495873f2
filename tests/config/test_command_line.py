"""A trial's configuration as a line of `tuner train`: pasting it gives the same configuration."""

import shlex
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tuner.config import compose_sweep, compose_training, compose_trial, train_command
from tuner.errors import InputError
from tuner.optimizers.keras_optimizer import Nadam
from tuner.settings.settings import PackagedFiles

words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), min_size=1)
words = words.filter(lambda word: word != "???" and "\\" not in word)


def pasted(line, folder):
    """Settings that the command line trains."""
    command, *arguments = shlex.split(line)
    assert [command, arguments[0]] == ["tuner", "train"]
    return compose_training(None, arguments[1:], folder).trial


def composed(folder, *arguments):
    return compose_training(None, ["model=minilm", "data=imdb", *arguments], folder).trial


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("optimizer=lion", "schedule=cosine_restarts", "optimizer.beta_1=0.95"),
        ("data=csv", "data.train=a b.csv", "data.text_pair='it\\'s'", "+data.where.lang=true"),
        ("data=hub", "data.name=nyu-mll/glue", "data.train='train[:10%]'"),
        ("~data.where.source",),
        ("model=bert_base", "model.revision=1e5", "training.clip_norm=null"),
        ("training.batch_size=auto", "training.effective_batch_size=32"),
        ("training.class_weights={very good: 2.0, 1: 0.5}", "training.precision=mixed_bfloat16"),
        ("convergence.converged_patience=null", "model.package=null"),
    ],
)
def test_a_pasted_line_trains_the_same(tmp_path, arguments):
    trial = composed(tmp_path, *arguments)
    assert pasted(train_command(trial, tmp_path), tmp_path) == trial


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rate=st.floats(min_value=1e-300, max_value=1e9), text=words, where=words)
def test_any_text_and_number(tmp_path, rate, text, where):
    trial = composed(tmp_path, "data=csv", "data.train=x")
    data = replace(trial.data, train=text, where={"source": where})
    trial = replace(trial, data=data, optimizer=replace(trial.optimizer, learning_rate=rate))
    assert pasted(train_command(trial, tmp_path), tmp_path) == trial


def test_references_are_texts(tmp_path):
    trial = composed(tmp_path, "data=csv", "data.train=x")
    trial = replace(trial, data=replace(trial.data, train="a${b}"))
    assert pasted(train_command(trial, tmp_path), tmp_path) == trial


def test_the_overrides_of_a_sweep_and_of_its_command_are_in_it(tmp_path):
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "sweeps" / "mine.yaml").write_text(
        "overrides: [model=bert_base, training.label_smoothing=0.1]\n"
        "space: {optimizer: 'choice(adamw, sgd)', training.seed: 'range(0, 9)'}\n"
    )
    sweep = compose_sweep(["sweep=mine", "data=imdb", "training.epochs=7"], tmp_path)
    trial = compose_trial(sweep, {"optimizer": "sgd", "training.seed": 3})
    line = train_command(trial, tmp_path)
    assert {"model=bert_base", "data=imdb", "optimizer=sgd", "training.seed=3"} <= {*line.split()}
    assert {"training.label_smoothing=0.1", "training.epochs=7.0"} <= {*line.split()}
    assert pasted(line, tmp_path) == trial


def test_options_of_the_user_s_own_are_named(tmp_path):
    (tmp_path / "conf" / "optimizer").mkdir(parents=True)
    (tmp_path / "conf" / "optimizer" / "mine.yaml").write_text(
        "defaults: [sgd, _self_]\nmomentum: 0.5\nnesterov: true\n"
    )
    (tmp_path / "conf" / "optimizer" / "broken.yaml").write_text("[")
    trial = composed(tmp_path, "optimizer=mine")
    line = train_command(trial, tmp_path)
    assert "optimizer=mine" in line.split()
    assert pasted(line, tmp_path) == trial


def test_what_has_no_form_as_an_override_is_named(tmp_path):
    trial = composed(tmp_path, "data=csv", "data.train=x")
    weights = replace(trial, training=replace(trial.training, class_weights={"\n": 1.0}))
    package = replace(trial, data=replace(trial.data, package=PackagedFiles(name="a", path="b")))
    for case, key in ((weights, "training.class_weights"), (package, "data.package")):
        with pytest.raises(InputError, match=key) as refused:
            train_command(case, tmp_path)
        assert "export.format=hydra" in refused.value.remedy
    greek = replace(trial, training=replace(trial.training, class_weights={"καλό": 1.0}))
    with pytest.raises(InputError, match="cannot be written as overrides"):
        train_command(greek, tmp_path)


def test_an_optimizer_without_a_file_is_named(tmp_path):
    trial = replace(composed(tmp_path), optimizer=Nadam(learning_rate=1.0, beta_1=0.5))
    line = train_command(trial, tmp_path)
    assert {"optimizer=nadam", "optimizer.learning_rate=1.0"} <= {*line.split()}
    assert pasted(line, tmp_path) == trial


def test_a_mapping_may_be_given_to_a_section_that_is_null(tmp_path):
    with pytest.raises(InputError, match="package"):
        composed(tmp_path, "data=csv", "data.train=x", "data.package={name: a, path: b}")
