"""The Trainer trains exported arguments as ours did (see make_references)."""

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.training.exports import (
    exported,
    finished,
    of_schedule,
    optimizer_cases,
    schedule_cases,
)
from tests.training.references import load, write_tiny
from tuner.checkpoints import inspect
from tuner.results.export import training_arguments
from tuner.tasks import Classification

SCHEDULES = load("schedules.json")
OPTIMIZERS = load("trainer_optimizers.json")
RATES = {case: (settings, updates) for case, settings, updates in schedule_cases()}
MADE = dict(optimizer_cases())


def left_out(settings, updates):
    """Left out keys of the schedule, to what is said of them."""
    found = training_arguments(*finished(settings, updates))[1]
    return {item.key: item for item in found if item.key.startswith("schedule")}


@pytest.mark.parametrize("case", RATES)
def test_rates_are_the_same_or_what_differs_is_named(case):
    settings, updates = RATES[case]
    peak = settings.optimizer.learning_rate
    ours = [
        settings.schedule.learning_rate(peak, update, updates) / peak
        for update in range(1, updates + 1)
    ]
    said, stored = left_out(settings, updates), SCHEDULES[case]
    assert of_schedule(exported(settings, updates)) == stored["arguments"]
    if "rates" not in stored:
        assert list(said) == ["schedule"]
        assert said["schedule"].value == settings.schedule.to_mapping()
        return
    difference = np.abs(np.array(ours) - stored["rates"])
    if not said:
        assert difference.max() < 1e-7
        return
    assert list(said) == ["schedule.warmup_fraction"]
    warmup = int(np.ceil(settings.schedule.warmup_fraction * updates))
    assert difference.max() == pytest.approx(1 / (warmup + 1), rel=1e-6)
    assert f"{1 / (warmup + 1):.1%} of the peak" in said["schedule.warmup_fraction"].remedy
    np.testing.assert_allclose(ours[warmup:], stored["rates"][warmup:], atol=1e-7)


def test_which_schedules_have_no_counterpart():
    without = {
        case.partition(" warmup")[0] for case in SCHEDULES if "rates" not in SCHEDULES[case]
    }
    assert without == {
        "name=cosine_restarts cycles=3 end_fraction=0.1",
        "name=exponential decay_rate=0.5 steps=4",
        "name=exponential decay_rate=0.5 steps=4 staircase=True",
    }


def test_without_warmup_and_with_all_of_it_nothing_differs():
    for case, (settings, updates) in RATES.items():
        if settings.schedule.warmup_fraction in (0.0, 1.0) and "rates" in SCHEDULES[case]:
            assert not left_out(settings, updates), case


@pytest.mark.parametrize("case", MADE)
def test_optimizers_are_the_same_or_named(case):
    settings, stored = MADE[case], OPTIMIZERS[case]
    arguments, said = training_arguments(settings)
    named = {item.key: item.remedy for item in said if item.key.startswith("optimizer")}
    assert arguments == stored["arguments"]
    name = settings.optimizer.name
    if name == "lion":
        assert "bitsandbytes" in stored["needs"]
        assert "pip install bitsandbytes" in named["optimizer.name"]
        return
    if name in ("adafactor", "nadam") or settings.optimizer.uses_keras:
        assert "optim" not in arguments
        assert named
        return
    classes = {"adamw": "AdamW", "adam": "AdamW", "sgd": "SGD", "rmsprop": "RMSprop"}
    assert stored["class"] == classes[name]
    given, decay = stored["given"], settings.optimizer.weight_decay
    assert given["lr"] == settings.optimizer.learning_rate
    coupled = name in ("sgd", "rmsprop") and decay > 0
    assert ("optimizer.weight_decay" in named) == coupled
    assert arguments.get("weight_decay", 0.0) == (0.0 if coupled else decay)
    assert given == {"lr": given["lr"], **expected_fields(settings.optimizer)}


def expected_fields(optimizer):
    """Arguments of torch's class."""
    fields = optimizer.own_fields
    match optimizer.name:
        case "sgd":
            return fields
        case "rmsprop":
            names = {"rho": "alpha", "epsilon": "eps"}
            return {names.get(key, key): value for key, value in fields.items()}
        case _:
            return {"betas": [fields["beta_1"], fields["beta_2"]], "eps": fields["epsilon"]}


@pytest.mark.tf
@pytest.mark.parametrize("model_type", load("decayed.json"))
def test_weight_decay_spares_the_same_parameters(model_type, tmp_path):
    from tuner.training.hugging_face import save_model
    from tuner.training.model import Classifier

    source = write_tiny(tmp_path / "source", model_type)
    classifier = Classifier(inspect(source), 3)
    for parameter, variable in zip(classifier.parameters, classifier.variables, strict=True):
        variable.assign(np.full(variable.shape, float(parameter.decays)))
    save_model(
        tmp_path / "model", classifier, inspect(source), Classification(), ("a", "b", "c"), 32
    )
    tensors = load_file(tmp_path / "model" / "model.safetensors")
    ours = {name for name, tensor in tensors.items() if tensor.any()}
    assert ours == set(load("decayed.json")[model_type])
