"""Choice of the exported trials, and the export formats."""

import shlex
from dataclasses import replace

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from tests.components import make_optimizer, make_schedule
from tests.goals import goals
from tests.records import GUESS, outcome, report, settings
from tuner import schedules
from tuner.results.export import choose, training_arguments
from tuner.results.export.training_arguments import budget_updates
from tuner.settings.export import ExportSettings
from tuner.settings.overrides import as_overrides
from tuner.trial.records import Convergence, Diagnosis, TrialState

ACCURACY = goals(("val_accuracy",))


def ended(number, value, status="converged", accuracy=0.7, val_loss=0.5):
    return replace(
        outcome(number, value=value),
        diagnosis=Diagnosis(status=Convergence(status), reason="", advice=""),
        last=report(5, val_accuracy=accuracy, val_loss=val_loss),
        guess=GUESS,
    )


def numbers(outcomes, **asked):
    return [o.number for o in choose(outcomes, ACCURACY, ExportSettings(**asked)).outcomes]


TRIALS = [
    ended(0, 0.6),
    ended(1, 0.8, "improving"),
    outcome(2, TrialState.PRUNED),
    ended(3, 0.9, "overfitting"),
    ended(4, 0.7),
]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, [3]),
        ({"top": 3}, [3, 1, 4]),
        ({"top": 9}, [3, 1, 4, 0]),
        ({"convergence": "converged"}, [4]),
        ({"convergence": "converged", "top": 2}, [4, 0]),
        ({"trial": 1}, [1]),
        ({"trial": 2}, [2]),
    ],
)
def test_the_best_that_are_asked_for(asked, expected):
    assert numbers(TRIALS, **asked) == expected


@pytest.mark.parametrize(
    ("outcomes", "asked", "reason"),
    [
        ([], {}, "no trial completed (none has ended)"),
        ([outcome(0, TrialState.PRUNED)], {}, "no trial completed (1 pruned)"),
        (
            TRIALS,
            {"convergence": "plateaued"},
            (
                "none of the 4 completed trials is plateaued "
                "(1 overfitting, 1 improving, 2 converged)"
            ),
        ),
        (
            [ended(0, 0.5, accuracy=0.5, val_loss=0.7)],
            {},
            "none of 1 trials beats the constant guess",
        ),
        (TRIALS, {"trial": 7}, "no trial 7 has ended (ended: 0, 1, 2, 3, 4)"),
    ],
)
def test_why_there_is_nothing_to_export(outcomes, asked, reason):
    assert choose(outcomes, ACCURACY, ExportSettings(**asked)).reason == reason


def test_one_that_learned_nothing_does_not_stand_in_the_way_of_one_that_did():
    trials = [ended(0, 0.9, accuracy=0.5, val_loss=0.7), ended(1, 0.6)]
    assert numbers(trials) == [1]


def test_overrides_are_read_as_they_were_meant():
    parameters = {
        "optimizer.learning_rate": 3.1e-05, "optimizer": "adamw", "training.clip_norm": None,
        "training.deterministic": True, "training.batch_size": 16, "data.text": "a b'c\\,${x}",
        "training.oversample": "none", "data.label": "null",
    }  # fmt: skip
    words = shlex.split(as_overrides(parameters))
    read = OverridesParser.create().parse_overrides(words)
    assert words[0] == "optimizer=adamw"
    found = {o.key_or_group: o.value() for o in read}
    assert found == {**parameters, "data.text": found["data.text"], "data.label": "null"}
    assert str(found["data.text"]).strip("'") == "a b'c\\,${x}"


def test_training_arguments_of_the_default():
    arguments, left_out = training_arguments(settings(batch_size=8, accumulation_steps=4))
    assert arguments["optim"] == "adamw_torch"
    assert (arguments["learning_rate"], arguments["weight_decay"]) == (1e-4, 0.01)
    assert arguments["per_device_train_batch_size"] == 8
    assert arguments["gradient_accumulation_steps"] == 4
    assert arguments["lr_scheduler_type"] == "linear"
    assert arguments["warmup_steps"] == 0.1
    assert arguments["eval_steps"] == pytest.approx(0.1)
    assert [item.key for item in left_out] == [
        "model.checkpoint", "model.max_length", "model.dropout", "data.seed",
        "schedule.warmup_fraction",
    ]  # fmt: skip


def keys_of(left_out):
    """Settings left out in addition to those of every trial with a warm-up."""
    always = {
        "model.checkpoint", "model.max_length", "model.dropout", "data.seed",
        "schedule.warmup_fraction",
    }  # fmt: skip
    return [item.key for item in left_out if item.key not in always]


def test_warmup_that_climbs_otherwise_in_the_trainer_is_named_with_its_difference():
    last = report(5, examples_seen=1600, total_examples=1600)
    said = training_arguments(settings(epochs=1.0), last)[1][-1]
    assert (said.key, said.value) == ("schedule.warmup_fraction", 0.1)
    assert "W = 10 updates" in said.remedy
    assert "9.1% of the peak" in said.remedy


def test_the_code_that_is_shown_gives_the_rates_of_the_trial():
    schedule = {"name": "exponential", "warmup_fraction": 0.2, "decay_rate": 0.25, "steps": 2}
    case = replace(settings(epochs=1.0), schedule=make_schedule(schedule))
    last = report(5, examples_seen=1600, total_examples=1600)
    arguments, left_out = training_arguments(case, last)
    assert "lr_scheduler_type" not in arguments
    code = left_out[-1].remedy.partition("LambdaLR(optimizer, ")[2].partition(", with ")[0]
    rate = eval(code.removesuffix(")))"), {"from_mapping": schedules.from_mapping})  # noqa: S307
    for update in range(1, 101):
        assert rate(update - 1) == case.schedule.learning_rate(1.0, update, 100)
    assert rate(100) == rate(99)


@pytest.mark.parametrize(
    ("epochs", "total_examples", "expected"),
    [(3.0, 300, 21), (1.0, 100, 7), (0.3, 30, 2), (2.5, 250, 18), (0.01, 1, 1)],
)
def test_updates_of_the_budget_follow_from_its_examples(epochs, total_examples, expected):
    case = settings(epochs=epochs, batch_size=16)
    assert budget_updates(case, total_examples) == expected
    arguments = training_arguments(case, report(5, total_examples=total_examples))[0]
    assert arguments.get("max_steps") == (None if epochs.is_integer() else expected)


def test_a_trial_that_was_ended_early_says_so():
    last = report(3, examples_seen=600, total_examples=1000, updates=38, skipped_updates=1)
    arguments, left_out = training_arguments(settings(epochs=1.0), last)
    assert arguments["num_train_epochs"] == 1.0
    said = next(item for item in left_out if item.key == "convergence.converged_patience")
    assert "after 39 of 63 updates" in said.remedy


@pytest.mark.parametrize(
    ("given", "micro_batch", "accumulation", "whole"),
    [
        ({"batch_size": 8, "effective_batch_size": 32}, 8, 4, True),
        ({"batch_size": 64, "effective_batch_size": 32}, 32, 1, True),
        ({"batch_size": 8, "effective_batch_size": 32, "devices": 2}, 8, 2, True),
        ({"batch_size": 3, "accumulation_steps": 6, "effective_batch_size": 16}, 3, 6, False),
    ],
)
def test_an_update_has_as_many_examples(given, micro_batch, accumulation, whole):
    arguments, left_out = training_arguments(settings(**given))
    assert arguments["per_device_train_batch_size"] == micro_batch
    assert arguments["gradient_accumulation_steps"] == accumulation
    assert ("training.effective_batch_size" not in keys_of(left_out)) == whole


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({"ema_decay": 0.99}, ["training.ema_decay"]),
        ({"class_weights": "balanced"}, ["training.class_weights"]),
        ({"devices": 2}, ["training.devices"]),
        (
            {"batch_size": 3, "accumulation_steps": 6, "effective_batch_size": 16},
            ["training.effective_batch_size"],
        ),
    ],
)
def test_what_has_no_counterpart_is_listed(changes, keys):
    assert keys_of(training_arguments(settings(**changes))[1]) == keys


@pytest.mark.parametrize(
    ("optimizer", "expected", "keys"),
    [
        (
            {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9, "nesterov": True},
            {"optim": "sgd", "optim_args": "momentum=0.9,nesterov=True"},
            [],
        ),
        (
            {"name": "sgd", "learning_rate": 0.1, "weight_decay": 0.01},
            {"optim": "sgd"},
            ["optimizer.weight_decay"],
        ),
        (
            {"name": "lion", "learning_rate": 1e-5, "beta_1": 0.9, "layer_decay": 0.8},
            {"optim": "lion_32bit", "adam_beta1": 0.9, "adam_beta2": 0.99},
            ["optimizer.layer_decay", "optimizer.name"],
        ),
    ],
)
def test_optimizers(optimizer, expected, keys):
    arguments, left_out = training_arguments(
        replace(settings(), optimizer=make_optimizer(optimizer))
    )
    assert expected.items() <= arguments.items()
    assert keys_of(left_out) == keys


@pytest.mark.parametrize(
    ("schedule", "name", "kwargs", "keys"),
    [
        ({"name": "constant"}, "constant", None, []),
        ({"name": "constant", "warmup_fraction": 0.1}, "constant_with_warmup", None, []),
        ({"name": "cosine", "end_fraction": 0.1}, "cosine_with_min_lr", {"min_lr_rate": 0.1}, []),
        (
            {"name": "linear", "end_fraction": 0.1},
            "polynomial",
            {"power": 1.0, "lr_end": pytest.approx(1e-5)},
            [],
        ),
        ({"name": "cosine_restarts", "cycles": 3}, "cosine_with_restarts", {"num_cycles": 3}, []),
        (
            {"name": "exponential", "decay_rate": 0.5},
            None,
            None,
            ["schedule"],
        ),
        ({"name": "inverse_sqrt"}, "inverse_sqrt", {"timescale": 1}, []),
        ({"name": "inverse_sqrt", "warmup_fraction": 0.1}, "inverse_sqrt", None, []),
        ({"name": "linear", "warmup_fraction": 1.0}, None, None, ["schedule"]),
    ],
)
def test_schedules(schedule, name, kwargs, keys):
    arguments, left_out = training_arguments(replace(settings(), schedule=make_schedule(schedule)))
    assert arguments.get("lr_scheduler_type") == name
    assert arguments.get("lr_scheduler_kwargs") == kwargs
    assert keys_of(left_out) == keys
