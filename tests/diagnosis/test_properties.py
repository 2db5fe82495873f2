"""Properties of the rules that hold for every curve."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from tests.components import make_optimizer
from tests.diagnosis.generated_curves import generate
from tests.records import GUESS, report, settings
from tuner.diagnosis import diagnose, judge
from tuner.tasks import Baseline
from tuner.trial.records import Convergence, Decision, FixedRows, Report

LEVELS = st.floats(0.1, 0.4)
POINTS = st.integers(10, 24)


def sampled(shape, points, accuracy=0.85, training=None):
    """A smooth curve as it would be reported at so many points."""
    reports = []
    for point in range(1, points + 1):
        share = point / points
        reports.append(
            report(
                point,
                points,
                examples_seen=round(4800 * share),
                total_examples=4800,
                updates=round(300 * share),
                val_loss=shape(share),
                train_loss=(training or shape)(share),
                val_accuracy=accuracy,
            )
        )
    return reports


def status(reports):
    return diagnose(reports, GUESS, settings()).status


SHAPES = {
    "converged": lambda level: lambda s: level + (0.69 - level) * math.exp(-12 * s),
    "improving": lambda level: lambda s: 0.69 - (0.69 - level) * s,
    "overfitting": lambda level: lambda s: level + abs(s - 0.4) * (0.7 if s < 0.4 else 0.5),
    "oscillating": lambda level: lambda s: level + 0.12 + 0.12 * math.cos(8 * math.pi * s),
}


@pytest.mark.parametrize("expected", SHAPES)
@given(level=LEVELS, points=POINTS)
def test_reporting_twice_as_often_changes_nothing(expected, level, points):
    shape = SHAPES[expected](level)

    def training(share):
        return 0.69 * math.exp(-3 * share) if expected == "overfitting" else shape(share)

    once = status(sampled(shape, points, training=training))
    assert once == expected
    assert status(sampled(shape, 2 * points, training=training)) == once


@pytest.mark.parametrize("expected", ["plateaued", "not_learning"])
@given(points=POINTS)
def test_flat_curves_are_the_same_at_any_rate_of_reports(expected, points):
    level, accuracy = (0.6, 0.68) if expected == "plateaued" else (0.69, 0.51)

    def shape(share):
        return level + (0.69 - level) * math.exp(-20 * share)

    for count in (points, 2 * points):
        assert status(sampled(shape, count, accuracy)) == expected


CONVERGED = [curve for curve in generate() if curve.status is Convergence.CONVERGED]


@given(which=st.integers(0, len(CONVERGED) - 1), longer=st.integers(1, 30))
def test_a_longer_flat_tail_never_turns_converged_into_improving(which, longer):
    curve = CONVERGED[which]
    points = len(curve.reports) + longer
    last = curve.reports[-1]
    each = last.examples_seen // len(curve.reports)
    tail = [
        replace(last, point=k, examples_seen=last.examples_seen + each * (k - last.point))
        for k in range(last.point + 1, points + 1)
    ]
    total = last.examples_seen + each * longer
    reports = [
        replace(r, points=points, total_examples=total, final=r.point == points)
        for r in [*curve.reports, *tail]
    ]
    found = diagnose(reports, curve.guess, curve.settings)
    assert found.status is not Convergence.IMPROVING


LEARNED = [curve for curve in generate(per_status=10) if len(curve.reports) > 2]


@given(
    which=st.integers(0, len(LEARNED) - 1),
    where=st.integers(0, 100),
    name=st.sampled_from(["train_loss", "val_loss", "weight_change"]),
    bad=st.sampled_from([math.nan, math.inf, -math.inf]),
)
def test_nan_and_inf_in_losses_or_weights_are_diverged(which, where, name, bad):
    curve = LEARNED[which]
    reports = list(curve.reports)
    place = where % len(reports)
    reports[place] = replace(reports[place], **{name: bad})
    found = diagnose(reports, curve.guess, curve.settings)
    assert found.status is Convergence.DIVERGED


@given(which=st.integers(0, len(LEARNED) - 1), skipped=st.integers(1, 1000))
def test_skipped_updates_change_no_status(which, skipped):
    curve = LEARNED[which]
    reports = [replace(r, skipped_updates=skipped) for r in curve.reports]
    found = diagnose(reports, curve.guess, curve.settings)
    assert found.status is diagnose(curve.reports, curve.guess, curve.settings).status


ANY = st.floats(allow_nan=True, allow_infinity=True)
SHARE = st.floats(0, 1)
COUNT = st.integers(1, 10**9)

FIXED = st.builds(
    FixedRows, examples=COUNT, loss=ANY, loss_error=st.floats(0, 1e9), score=SHARE,
    association=st.floats(-40, 40), error_within_strata=st.floats(0, 1e9), majority_share=SHARE,
)  # fmt: skip


@st.composite
def any_reports(draw):
    points = draw(st.integers(1, 12))
    seen = sorted(draw(st.lists(COUNT, min_size=points, max_size=points)))
    reports = []
    for point in range(1, draw(st.integers(0, points)) + 1):
        numbers = {
            name: draw(ANY)
            for name in ("train_loss", "train_loss_max", "grad_norm", "weight_change", "val_loss")
        }
        reports.append(
            report(
                point, points, **numbers,
                fixed=draw(FIXED),
                train_loss_std=draw(st.floats(0, 1e9)),
                examples_seen=seen[point - 1],
                total_examples=seen[-1],
                updates=draw(st.integers(0, 10**6)),
            )
        )  # fmt: skip
    return reports


@budget(max_examples=300)
@given(
    reports=any_reports(),
    guess=st.builds(Baseline, score=SHARE, loss=st.floats(0, 10)),
    optimizer=st.sampled_from(["adamw", "sgd", "nadam"]),
)
def test_no_input_breaks_the_rules(reports: list[Report], guess, optimizer):
    made = make_optimizer({"name": optimizer, "learning_rate": 1e-4, "weight_decay": 0.01})
    configured = replace(settings(), optimizer=made)
    found = diagnose(reports, guess, configured)
    assert found.status in Convergence
    assert isinstance(found.advice, str)
    if reports:
        assert judge(reports, guess, configured) in Decision
