"""The generator of labelled curves by itself: is it what it says it is?"""

import math
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from tests.diagnosis.generated_curves import KINDS, Curve, generate
from tuner.trial.records import Convergence

FIGURES = (
    "train_loss",
    "train_loss_std",
    "train_loss_max",
    "learning_rate",
    "grad_norm",
    "weight_change",
    "val_loss",
)


@pytest.fixture(scope="module")
def curves() -> list[Curve]:
    return generate(seed=3)


def _name(curve: Curve) -> str:
    return f"{curve.status}, {curve.kind}"


def test_the_seed_decides_everything():
    finite = [c for c in generate(seed=1, per_status=6) if c.status is not Convergence.DIVERGED]
    again = [c for c in generate(seed=1, per_status=6) if c.status is not Convergence.DIVERGED]
    other = [c for c in generate(seed=2, per_status=6) if c.status is not Convergence.DIVERGED]
    assert finite == again
    assert finite != other


def test_more_curves_keep_the_first_ones():
    few = generate(seed=1, per_status=2)
    more = generate(seed=1, per_status=3)
    assert few[0] == more[0]
    assert few[2] == more[3]


def test_every_status_and_kind_is_there(curves: list[Curve]):
    assert Counter(c.status for c in curves) == dict.fromkeys(Convergence, 60)
    assert {(c.status, c.kind) for c in curves} == {
        (status, kind) for status, kinds in KINDS.items() for kind in kinds
    }


def test_figures_are_finite_unless_diverged(curves: list[Curve]):
    for curve in curves:
        if curve.status is Convergence.DIVERGED:
            continue
        for report in curve.reports:
            values = [report.value(name) for name in FIGURES]
            values += [report.fixed.loss, report.fixed.loss_error]
            assert all(math.isfinite(value) for value in values), _name(curve)
            assert report.train_loss_max >= report.train_loss > 0, _name(curve)


def test_diverged_ones_break_or_blow_up(curves: list[Curve]):
    for curve in curves:
        if curve.status is not Convergence.DIVERGED:
            continue
        figures = [r.value(n) for r in curve.reports for n in FIGURES]
        broken = not all(math.isfinite(value) for value in figures)
        blown_up = curve.reports[-1].train_loss > 4 * curve.guess.loss
        assert broken or blown_up, _name(curve)
        assert len(curve.reports) >= 3, _name(curve)


def test_shares_are_shares(curves: list[Curve]):
    for curve in curves:
        for report in curve.reports:
            fixed = report.fixed
            shares = [fixed.score, fixed.majority_share, report.majority_share]
            shares += [report.metrics["val_accuracy"], report.metrics["val_macro_f1"]]
            assert all(0 <= share <= 1 for share in shares), _name(curve)
            assert all(-1 <= mcc <= 1 for mcc in (report.metrics["val_mcc"],))
            collapsed = fixed.majority_share == 1
            assert not collapsed or fixed.association == 0, _name(curve)


def test_points_ascend_to_one_final_point(curves: list[Curve]):
    for curve in curves:
        points = [report.point for report in curve.reports]
        assert points == list(range(1, len(points) + 1)), _name(curve)
        for report in curve.reports:
            assert not report.final or report.point == report.points, _name(curve)
        seen = [(report.examples_seen, report.updates) for report in curve.reports]
        assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(seen))
        settings = curve.settings.training
        assert all(report.points == settings.evaluations for report in curve.reports)


def test_only_the_final_point_has_all_rows(curves: list[Curve]):
    for curve in curves:
        assert len({report.fixed.examples for report in curve.reports}) <= 1, _name(curve)
        for report in curve.reports:
            if not report.final:
                rows = report.fixed
                assert report.validation_examples == rows.examples, _name(curve)
                same = replace(rows, loss=report.val_loss) == rows
                assert same or math.isnan(rows.loss), _name(curve)


def test_undetermined_ones_have_too_few_reports(curves: list[Curve]):
    for curve in curves:
        few = len(curve.reports) <= 2
        assert few == (curve.status is Convergence.UNDETERMINED), _name(curve)
