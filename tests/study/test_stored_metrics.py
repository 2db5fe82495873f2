"""Users' metrics in the attributes of a study."""

from dataclasses import replace

import pytest

from tuner import metrics
from tuner.errors import InputError
from tuner.metrics import MetricRecord
from tuner.settings.objectives import direction
from tuner.study.definition import made_with, version_warning
from tuner.study.stored_metrics import metrics_attributes, stored_metrics

COST = MetricRecord(
    name="cost",
    direction="minimize",
    title="cost",
    low=0.0,
    high=None,
    module="my_metrics",
    qualname="cost",
    code="aaa",
    folder="/home/me",
)
GAIN = replace(COST, name="gain", qualname="gain")


def test_metrics_of_all_starts_are_kept_with_their_last_code():
    first = metrics_attributes("mine", {}, [COST])
    changed = replace(COST, code="bbb")
    second = metrics_attributes("mine", first, [GAIN, changed])
    assert stored_metrics(second) == (changed, GAIN)
    assert metrics_attributes("mine", second, []) == {}
    assert stored_metrics({}) == ()


def test_another_direction_is_refused():
    stored = metrics_attributes("mine", {}, [COST])
    with pytest.raises(InputError, match="cost") as caught:
        metrics_attributes("mine", stored, [replace(COST, direction="maximize")])
    assert "study=mine-2" in caught.value.remedy


def test_changed_code_is_another_version():
    metrics.use([COST])
    before = made_with()
    metrics.use([replace(COST, code="bbb")])
    assert "metric cost: my_metrics:cost aaa → my_metrics:cost bbb" in version_warning(
        "mine", before, made_with()
    )
    metrics.use([])
    assert "metric cost" not in made_with()


def test_a_study_that_is_read_makes_its_metrics_known():
    metrics.remember([replace(COST, name="levy", direction="maximize")])
    assert direction("val_levy") == "maximize"
