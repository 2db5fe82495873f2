"""Users' metrics in the attributes of a study."""

import json
from dataclasses import replace

import pytest

from tuner.errors import InputError
from tuner.metrics import MetricRecord
from tuner.settings.objectives import measured_scores
from tuner.study.definition import DEFINITION, made_with, version_warning
from tuner.study.stored_metrics import (
    metrics_attributes,
    scores_attributes,
    stored_metrics,
    stored_scores,
)
from tuner.tasks import Classification, Regression

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
    now = made_with([replace(COST, code="bbb")])
    assert "metric cost: my_metrics:cost aaa → my_metrics:cost bbb" in version_warning(
        "mine", made_with([COST]), now
    )
    assert "metric cost" not in made_with()


def test_a_study_has_the_scores_of_all_its_starts():
    first = scores_attributes({}, measured_scores(Classification, [COST]))
    second = scores_attributes(first, measured_scores(Classification, [GAIN]))
    assert stored_scores(json.loads(json.dumps(second))) == measured_scores(
        Classification, [COST, GAIN]
    )


def test_scores_of_an_earlier_version_come_from_its_task_and_metrics():
    earlier = metrics_attributes("mine", {}, [COST])
    of_task = {DEFINITION: {"base": {"task": Regression().to_mapping()}}}
    assert stored_scores(earlier | of_task) == measured_scores(Regression, [COST])
    # A start that names no metric keeps them.
    continued = scores_attributes(earlier | of_task, measured_scores(Regression, []))
    assert stored_scores(earlier | of_task | continued) == measured_scores(Regression, [COST])
    assert stored_scores({DEFINITION: {"base": {}}}) == measured_scores(Classification)
