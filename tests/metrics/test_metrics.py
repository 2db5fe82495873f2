"""Users' metrics: what is refused, where a function is found again, values and standard errors."""

import math
import sys
from dataclasses import replace

import numpy as np
import pytest

import tuner
from tests.packages import install_package
from tuner import metrics
from tuner.config.user_metrics import measured
from tuner.doctor.plugins import plug_in_lines
from tuner.errors import InputError
from tuner.fields import plugins
from tuner.fields.intervals import Range
from tuner.metrics import check_importable, load, measure, record, records_of
from tuner.settings.objectives import measured_scores
from tuner.settings.settings import SweepSettings
from tuner.tasks import Classification, Multilabel, Regression
from tuner.trial.serialization import from_plain, to_plain

MODULE = """\
import tuner

WEIGHT = 2.0


@tuner.metric("cost", direction="minimize", low=0.0)
def cost(targets, predictions):
    return WEIGHT * (targets != predictions.argmax(axis=1)).mean()
"""


@tuner.metric("share", direction="maximize", low=0.0, high=1.0)
def share(targets, predictions):
    return (targets == predictions).mean()


def refused(action, *parts):
    with pytest.raises(InputError) as caught:
        action()
    for part in parts:
        assert part in str(caught.value)
    assert caught.value.remedy


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A user's module in a folder that only this process has on its path."""
    (tmp_path / "my_metrics.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    import my_metrics

    yield my_metrics
    del sys.modules["my_metrics"]


@pytest.fixture
def elsewhere(monkeypatch):
    """Forgets what a function imported, as another process would never have known."""

    def forget():
        monkeypatch.setattr(record, "_live", {})
        monkeypatch.setattr(sys, "path", [each for each in sys.path if "pytest" not in each])
        sys.modules.pop("my_metrics", None)

    return forget


@pytest.mark.parametrize("name", ["accuracy", "rmse", "average_precision", "loss", "A", "a b", ""])
def test_names_of_built_in_scores_and_odd_names_are_refused(name):
    refused(lambda: tuner.metric(name, direction="minimize"), repr(name))


def test_an_unknown_direction_is_refused():
    refused(lambda: tuner.metric("cost", direction="down"), "'down'", "minimize, maximize")


def test_what_is_no_metric_and_twice_the_same_name_are_refused():
    refused(lambda: records_of([len]), "len")
    refused(lambda: records_of([share, share]), "'share'")
    refused(lambda: records_of(5), "5")


def test_a_record_is_plain_and_finds_its_function_in_another_process(module, elsewhere, tmp_path):
    (made,) = records_of([module.cost])
    assert (made.module, made.qualname, made.direction) == ("my_metrics", "cost", "minimize")
    assert made.folder == str(tmp_path)
    assert from_plain(metrics.MetricRecord, to_plain(made)) == made
    check_importable([made])
    elsewhere()
    assert load(made)(np.array([1, 0]), np.eye(2)[[1, 1]]) == 1.0


def test_a_changed_module_is_refused(module, elsewhere, tmp_path):
    (made,) = records_of([module.cost])
    elsewhere()
    (tmp_path / "my_metrics.py").write_text(MODULE.replace("2.0", "30.0"))
    refused(lambda: load(made), "cost", "another one", made.code)


def test_a_missing_module_and_another_name_are_refused(module, elsewhere):
    (made,) = records_of([module.cost])
    elsewhere()
    refused(lambda: load(replace(made, module="gone_metrics")), "ModuleNotFoundError")
    refused(lambda: load(replace(made, qualname="WEIGHT")), "no metric")


def test_functions_that_workers_cannot_import_are_refused():
    @tuner.metric("inner", direction="maximize")
    def inner(targets, predictions):
        return 0.0

    refused(lambda: check_importable(records_of([inner])), "inside a function", "launcher=debug")

    def shadowed(targets, predictions):
        return 0.0

    shadowed.__module__ = "__main__"
    notebook = tuner.metric("noted", direction="maximize")(shadowed)
    refused(lambda: check_importable(records_of([notebook])), "notebook", "launcher=debug")
    undecorated = tuner.metric("other", direction="maximize")(refused)
    refused(lambda: check_importable(records_of([undecorated])), "decorator")
    assert load(records_of([inner])[0]) is inner  # In this process it is found.


@pytest.mark.parametrize(
    ("function", "parts"),
    [
        (lambda t, p: 1 / 0, ["ZeroDivisionError"]),
        (lambda t, p: math.nan, ["nan"]),
        (lambda t, p: math.inf, ["inf"]),
        (lambda t, p: "high", ["'high'"]),
        (lambda t, p: None, ["None"]),
        (lambda t, p: True, ["True"]),
        (lambda t, p: p, ["ValueError"]),
        (lambda t: 1.0, ["TypeError"]),
    ],
)
def test_a_function_that_fails_is_an_error_with_its_name(function, parts):
    broken = tuner.metric("broken", direction="maximize")(function)
    (made,) = records_of([broken])
    rows = np.zeros(7)
    refused(lambda: measure(made, broken, rows, rows), "broken", "7 rows", *parts)


@pytest.mark.parametrize("value", [3, 2.5, np.float32(2.5), np.int64(3), np.array(2.5)])
def test_numbers_of_every_kind_are_values(value):
    constant = tuner.metric("constant", direction="maximize")(lambda t, p: value)
    (made,) = records_of([constant])
    assert measure(made, constant, np.zeros(5), np.zeros(5)) == (float(value), 0.0)


def test_the_standard_error_is_that_of_theory():
    targets, predictions = np.zeros(400), np.repeat([0.0, 1.0], [280, 120])
    (made,) = records_of([share])
    value, error = measure(made, share, targets, predictions)
    assert value == 0.7
    assert error == pytest.approx(math.sqrt(0.7 * 0.3 / 400), rel=0.25)
    assert measure(made, share, targets, predictions) == (value, error)


def test_draws_without_a_value_are_left_out_and_too_many_leave_the_error_unknown():
    (made,) = records_of([share])
    rows = np.arange(20)

    def needs(first):
        def function(targets, predictions):
            return float(targets[targets < first].mean())  # NaN where none was drawn.

        return tuner.metric("share", direction="maximize")(function)

    with np.errstate(invalid="ignore"), pytest.warns(RuntimeWarning):
        assert measure(made, needs(1), rows, rows) == (0.0, 0.0)  # 64 % of the draws have row 0.
    assert measure(made, replace(share, resamples=0), rows, rows)[1] is None
    assert measure(made, share, rows[:1], rows[:1])[1] is None
    strict = tuner.metric("share", direction="maximize")(lambda t, p: 1 / (len(set(t)) == 20))
    assert measure(made, strict, rows, rows) == (1.0, None)


def test_a_model_that_diverged_is_not_measured():
    outputs, targets = np.full((4, 2), np.nan), np.array([0, 1, 0, 1])
    with np.errstate(invalid="ignore"):
        made = Classification().evaluate(outputs, targets)
    assert metrics.with_metrics(made, {records_of([share])[0]: share}, targets, outputs) is made


def test_each_task_gives_targets_and_predictions_in_the_users_terms():
    outputs = np.array([[0.0, math.log(3.0)], [0.0, 0.0]])
    targets, shares = Classification().for_metrics(outputs, np.array([1, 0]))
    assert targets.tolist() == [1, 0]
    assert shares == pytest.approx(np.array([[0.25, 0.75], [0.5, 0.5]]))
    _, shares = Multilabel().for_metrics(outputs, np.eye(2))
    assert shares == pytest.approx(np.array([[0.5, 0.75], [0.5, 0.5]]))
    task = Regression(center=10.0, scale=2.0)
    targets, values = task.for_metrics(np.array([[1.0], [0.0]]), np.array([0.5, -0.5]))
    assert (targets.tolist(), values.tolist()) == ([11.0, 9.0], [12.0, 10.0])


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Installs packages of metrics."""
    monkeypatch.syspath_prepend(tmp_path / "site")

    def install(name, code, **targets):
        install_package(tmp_path / "site", name, {"tuner.metrics": targets}, code)
        plugins.plug_ins.cache_clear()

    yield install
    plugins.plug_ins.cache_clear()
    for name in ("their_metrics", "more_metrics"):
        sys.modules.pop(name, None)


def test_a_packages_metric_has_its_direction_and_range(package):
    package("their-metrics", MODULE.replace("cost", "fee"), fee="their_metrics:fee")
    made = metrics.installed("fee")
    score = measured_scores(Classification, [made])["val_fee"]
    assert (score.direction, score.values) == ("minimize", Range(low=0.0))
    assert (made.package, made.folder) == ("their-metrics", None)
    assert metrics.installed("tariff") is None


def test_a_package_that_cannot_be_used_is_named(package):
    package("their-metrics", "toll = 1", toll="their_metrics:toll", gone="their_metrics:gone")
    for name in ("toll", "gone"):
        refused(lambda name=name: metrics.installed(name), "their-metrics 1.0", "uninstall")
    package("more-metrics", "", toll="more_metrics:toll")
    refused(lambda: metrics.installed("toll"), "their-metrics 1.0", "more-metrics 1.0")


def test_doctor_lists_metrics_and_what_is_wrong_with_them(package):
    code = f"{MODULE.replace('cost', 'fee')}\n\ntoll = 1\n"
    package("their-metrics", code, fee="their_metrics:fee", toll="their_metrics:toll")
    good, bad = sorted(plug_in_lines([]), key=lambda line: "toll" in line.text)
    assert "metric fee of their-metrics 1.0" in good.text
    assert "their_metrics:toll" in bad.text
    assert "uninstall" in bad.remedy


def test_metrics_of_one_factory_are_told_apart_by_name():
    def weighted(name, weight):
        @tuner.metric(name, direction="minimize")
        def measure(targets, predictions):
            return weight

        return measure

    records = records_of([weighted("one", 1.0), weighted("two", 2.0)])
    assert [load(record)(None, None) for record in records] == [1.0, 2.0]


def test_the_studys_own_metric_comes_before_a_packages(monkeypatch):
    own, other = (
        records_of([tuner.metric("cost", direction=way)(share.function)])
        for way in ("minimize", "maximize")
    )
    monkeypatch.setattr(metrics, "installed", lambda _: other[0])
    sweep = SweepSettings(name="mine", objectives=["val_cost"])
    assert measured(sweep, Classification(), (), lambda: own) == own
    assert measured(sweep, Classification(), (), tuple) == other
