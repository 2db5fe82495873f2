"""Values that no configuration may contain, whatever the key."""

from dataclasses import dataclass, field

import pytest

from tests.records import settings
from tuner.config.checks import check_agent, check_trial
from tuner.config.rules import LARGEST, broken, too_large
from tuner.fields.bounds import whole
from tuner.settings.settings import AgentSettings, SweepSettings, TrackingSettings
from tuner.tasks import Classification


@dataclass(frozen=True)
class Inner:
    count: int = 1
    options: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)


@pytest.mark.parametrize("value", [LARGEST + 1, -LARGEST - 1, 2**63, 1e300, float("inf")])
def test_a_number_that_is_too_large_is_found_wherever_it_is(value):
    for outer in (Outer(Inner(count=value)), Outer(Inner(options={"count": value}))):
        (finding,) = too_large(outer)
        assert finding.key in ("inner.count", "inner.options.count")
        assert finding.value == value


def test_nan_is_no_number_and_usual_values_are():
    assert list(too_large(Outer(Inner(count=float("nan")))))
    assert not list(too_large(Outer(Inner(count=LARGEST, options={"a": True, "b": "x"}))))


@pytest.mark.parametrize("value", ["abc", [], {}, 1.5, True, 0])
def test_a_value_of_another_type_breaks_a_rule_and_raises_nothing(value):
    (finding,) = broken({"group": {"count": value}}, (("group.count", whole(1, "auto")),))
    assert finding.value == value


@pytest.mark.parametrize(
    "training",
    [{"seed": 2**63}, {"seed": -1}, {"epochs": 1e300}, {"evaluations": 1_000_000}],
)
def test_a_trial_that_could_not_run_is_refused(training):
    (finding,) = check_trial(settings(**training))
    assert finding.key == f"training.{next(iter(training))}"


SEARCHES = {
    "sampler.popsize": (1, 2.5, "abc"),
    "sampler.sigma0": (0, -1.0),
    "sampler.population_size": (1,),
    "sampler.crossover_prob": (2.0,),
    "sampler.qmc_type": ("x",),
    "sampler.n_startup_trials": (-1, 1e300),
    "sampler.points_per_interval": (10**9,),
    "pruner.max_resource": (0, -1, "abc"),
    "pruner.min_resource": (0,),
    "pruner.reduction_factor": (1, 0),
    "pruner.min_early_stopping_rate": (-1, 10**9),
    "pruner.interval_steps": (0,),
    "pruner.n_min_trials": (0,),
    "pruner.percentile": (-1.0, 101.0),
    "pruner.upper": ("abc", float("nan")),
}


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in SEARCHES.items() for value in values]
)
def test_an_option_that_optuna_meets_in_mid_sweep_is_refused_before(key, value):
    group, _, option = key.partition(".")
    (finding,) = checked(agent(**{group: {option: value}}))
    assert finding.key == key


def test_a_smallest_resource_above_the_largest_is_refused():
    (finding,) = checked(agent(pruner={"min_resource": 9, "max_resource": 4}))
    assert finding.key == "pruner.min_resource"
    assert not checked(agent(pruner={"min_resource": 1, "max_resource": "auto"}))


def checked(settings):
    return check_agent(settings, Classification())


def agent(**groups):
    return AgentSettings(sweep=SweepSettings(name="mine", objectives=["val_accuracy"]), **groups)


@pytest.mark.parametrize("key", ["log_model", "send"])
def test_a_name_for_a_model_that_is_not_logged_is_found(key):
    tracking = {"register": "reviews", key: False}
    (finding,) = checked(agent(tracking=TrackingSettings(**tracking)))
    assert (finding.key, finding.value) == ("tracking.register", "reviews")
    assert not checked(agent(tracking=TrackingSettings(register="reviews")))
