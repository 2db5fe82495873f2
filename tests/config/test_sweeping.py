import subprocess
import sys

import pytest

from tuner.config import check_space, compose_sweep, compose_trial, render
from tuner.errors import InputError
from tuner.optimizers import Adam, AdamW
from tuner.schedules import Constant
from tuner.search.space import Choice, FloatInterval, IntInterval


@pytest.fixture
def write(tmp_path):
    def write(path, text):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    return write


def domains(composed):
    return {dimension.name: dimension.domain for dimension in composed.space.dimensions}


def test_the_grammar_of_the_contract(tmp_path, write):
    write(
        "sweeps/mine.yaml",
        """
n_trials: 4
space:
  optimizer: choice(adamw, sgd)
  optimizer.learning_rate: tag(log, interval(1e-6, 1e-3))
  training.batch_size: choice(8, 16, 32)
  training.accumulation_steps: range(1, 8)
  optimizer.momentum: {values: "interval(0.5, 0.99)", when: {optimizer: sgd}}
""",
    )
    composed = compose_sweep(["sweep=mine"], tmp_path)
    check_space(composed)
    assert composed.agent.study_name == "mine"
    assert domains(composed) == {
        "optimizer": Choice(values=("adamw", "sgd")),
        "optimizer.learning_rate": FloatInterval(low=1e-6, high=1e-3, log=True),
        "training.batch_size": Choice(values=(8, 16, 32)),
        "training.accumulation_steps": IntInterval(low=1, high=7),
        "optimizer.momentum": FloatInterval(low=0.5, high=0.99),
    }
    assert composed.defaults == {
        "optimizer": "adamw",
        "optimizer.learning_rate": 5e-5,
        "training.batch_size": 16,
        "training.accumulation_steps": 1,
    }


def test_a_search_on_the_command_line_replaces_or_adds_a_dimension(tmp_path):
    composed = compose_sweep(
        [
            "sweep=lr_search",
            "optimizer.learning_rate=tag(log,interval(1e-6,1e-4))",
            "training.batch_size=8,16",
        ],
        tmp_path,
    )
    assert domains(composed)["optimizer.learning_rate"].high == 1e-4
    assert domains(composed)["training.batch_size"] == Choice(values=(8, 16))
    assert composed.overrides == ()


def test_a_plain_value_fixes_a_searched_key(tmp_path):
    composed = compose_sweep(["sweep=lr_search", "schedule.warmup_fraction=0.25"], tmp_path)
    assert "schedule.warmup_fraction" not in composed.space.keys
    assert compose_trial(composed, {"schedule": "cosine"}).schedule.warmup_fraction == 0.25


def test_the_last_override_of_a_key_wins(tmp_path):
    fixed = compose_sweep(
        ["sweep=lr_search", "schedule=cosine,linear", "schedule=cosine"], tmp_path
    )
    assert "schedule" not in fixed.space.keys
    assert fixed.base.schedule.name == "cosine"
    searched = compose_sweep(
        ["sweep=lr_search", "schedule=cosine", "schedule=cosine,linear"], tmp_path
    )
    assert "schedule" in searched.space.keys


def test_a_fixed_group_settles_the_conditions_on_it(tmp_path):
    composed = compose_sweep(["sweep=optimizer_search", "optimizer=sgd"], tmp_path)
    assert domains(composed) == {
        "optimizer.learning_rate": FloatInterval(low=1e-3, high=1e-1, log=True),
        "optimizer.momentum": FloatInterval(low=0.5, high=0.99),
        "optimizer.nesterov": Choice(values=(True, False)),
    }
    assert all(not dimension.when for dimension in composed.space.dimensions)


def test_a_narrowed_group_drops_what_can_not_hold(tmp_path):
    composed = compose_sweep(["sweep=optimizer_search", "optimizer=sgd,lion"], tmp_path)
    check_space(composed)
    assert list(domains(composed)) == [
        "optimizer",
        "optimizer.learning_rate@optimizer=sgd",
        "optimizer.learning_rate@optimizer=lion",
        "optimizer.weight_decay",
        "optimizer.momentum",
        "optimizer.nesterov",
    ]


def test_a_plain_value_for_a_conditional_key_holds_where_the_key_exists(tmp_path):
    composed = compose_sweep(["sweep=optimizer_search", "optimizer.momentum=0.8"], tmp_path)
    check_space(composed)
    assert "optimizer.momentum" not in composed.space.keys
    sgd = compose_trial(composed, {"optimizer": "sgd", "optimizer.learning_rate": 0.01})
    assert sgd.optimizer.momentum == 0.8
    assert isinstance(composed.base.optimizer, AdamW)


def test_a_sweep_has_overrides_beneath_those_of_the_command_line(tmp_path, write):
    write(
        "sweeps/mine.yaml",
        """
overrides: [model=bert_base, training.epochs=2, training.evaluations=4]
space: {schedule: "choice(linear, cosine)"}
""",
    )
    composed = compose_sweep(["sweep=mine", "training.epochs=3"], tmp_path)
    assert composed.base.model.checkpoint == "google-bert/bert-base-uncased"
    assert (composed.base.training.epochs, composed.base.training.evaluations) == (3.0, 4)


def test_values_reach_the_trial_without_loss(tmp_path):
    composed = compose_sweep(["sweep=lr_search"], tmp_path)
    rate = 3.0000000000000004e-05
    trial = compose_trial(composed, {"optimizer.learning_rate": rate, "schedule": "constant"})
    assert trial.optimizer.learning_rate == rate
    assert trial.schedule == Constant(warmup_fraction=0.1)
    assert compose_trial(composed, {}) == composed.base


def test_awkward_text_reaches_the_trial_as_it_is(tmp_path):
    composed = compose_sweep(["sweep=lr_search", r"model.checkpoint='a, b=\'c\' (d)'"], tmp_path)
    assert composed.base.model.checkpoint == "a, b='c' (d)"


def test_an_int_given_for_a_float_is_one(tmp_path):
    base = compose_sweep(["sweep=lr_search", "optimizer.weight_decay=0"], tmp_path).base
    assert repr(base.optimizer.weight_decay) == "0.0"


def test_own_files_win_by_name_and_inherit(tmp_path, write):
    write("conf/optimizer/adamw.yaml", "learning_rate: 3e-5\n")
    write("conf/optimizer/bold.yaml", "defaults: [adam, _self_]\nlearning_rate: 7e-5\n")
    write("conf/model/mine.yaml", "# @package _global_\nmodel: {checkpoint: here}\n")
    own = compose_sweep(["sweep=lr_search", "model=mine"], tmp_path).base
    assert own.optimizer.learning_rate == 3e-5
    assert own.optimizer.weight_decay == 0.01
    assert own.model.checkpoint == "here"
    bold = compose_sweep(["sweep=lr_search", "optimizer=bold"], tmp_path).base.optimizer
    assert bold == Adam(learning_rate=7e-5)


def test_files_that_are_not_needed_are_not_read(tmp_path, write):
    for path in (
        "conf/config.yaml",
        "sweeps/other.yaml",
        "conf/model/broken.yaml",
        "conf/hydra/launcher/x.yaml",
        "conf/db/y.yaml",
    ):
        write(path, "a: [")
    assert compose_sweep(["sweep=lr_search"], tmp_path).base.model.max_length == 128


def test_a_sweep_may_build_on_another(tmp_path, write):
    write("sweeps/mine.yaml", "defaults: [lr_search, _self_]\nn_trials: 3\n")
    composed = compose_sweep(["sweep=mine"], tmp_path)
    assert composed.agent.sweep.n_trials == 3
    assert composed.agent.study_name == "mine"
    assert "schedule" in composed.space.keys


def test_rows_can_be_picked_by_columns_of_ones_own(tmp_path):
    base = compose_sweep(["sweep=lr_search", "data.where.source=imdb"], tmp_path).base
    assert base.data.where == {"source": "imdb"}
    added = compose_sweep(["sweep=lr_search", "+data.where.language=en"], tmp_path).base
    assert added.data.where == {"source": "rotten_tomatoes", "language": "en"}


def test_a_trial_outside_what_makes_sense_is_refused(tmp_path):
    composed = compose_sweep(["sweep=lr_search"], tmp_path)
    with pytest.raises(InputError, match="learning_rate is -1"):
        compose_trial(composed, {"optimizer.learning_rate": -1.0})


def test_rendering_shows_the_agent_and_the_base(tmp_path):
    text = render(compose_sweep(["sweep=lr_search", "sweep.n_trials=7"], tmp_path))
    assert "n_trials: 7\n" in text
    assert "  learning_rate: 5.0e-05\n" in text


def test_composing_loads_no_heavy_library():
    code = """
import sys
from pathlib import Path
from tuner.config import compose_sweep
compose_sweep(["sweep=lr_search"], Path("/nowhere"))
heavy = {"tensorflow", "keras", "mlflow", "datasets", "pandas", "transformers", "optuna"}
sys.exit(", ".join(heavy & set(sys.modules)) or 0)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_option_may_refer_to_another_group(tmp_path):
    arguments = ["sweep=lr_search", "pruner=hyperband", "training.evaluations=8"]
    assert compose_sweep(arguments, tmp_path).agent.pruner["max_resource"] == 8
    fixed = compose_sweep([*arguments, "pruner.max_resource=4"], tmp_path)
    assert fixed.agent.pruner["max_resource"] == 4
