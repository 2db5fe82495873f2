"""Choice of the configurations that get more seeds, and the estimate from repeats."""

import math
import random
from dataclasses import replace

import pytest

from tests.goals import goals
from tests.records import outcome
from tuner.confirmation import (
    SEED,
    beaten_by,
    confirmation,
    confirmation_lines,
    difference,
    estimate,
    leaders,
    more_seeds_override,
    repeats,
    table_row,
    with_intervals,
)
from tuner.confirmation.estimate import interval_narrowing, student_t
from tuner.confirmation.result import luck
from tuner.settings.settings import ConfirmSettings
from tuner.trial.records import Convergence, Diagnosis, TrialState

ACCURACY = goals(["val_accuracy"])


def repeat(trial, seed, value=None, **given):
    state = TrialState.PRUNED if value is None else TrialState.COMPLETE
    parameters = {"confirms": trial, "training.seed": seed}
    return outcome(0, state, value, parameters=parameters, **given)


def confirmed(scores, *more, promised=0.9, objective="val_accuracy", seeds=3):
    """A confirmation of trials that all promised the same."""
    chosen = [outcome(trial, value=promised) for trial in scores]
    ended = [
        repeat(trial, seed, value)
        for trial, values in scores.items()
        for seed, value in enumerate(values, start=1)
    ]
    return confirmation(chosen, [*ended, *more], goals([objective]), seeds)


@pytest.mark.parametrize(
    ("freedom", "confidence", "bound"),
    [
        (1, 0.95, 12.7062),
        (2, 0.95, 4.3027),
        (3, 0.95, 3.1824),
        (4, 0.95, 2.7764),
        (4, 0.99, 4.6041),
        (9, 0.95, 2.2622),
        (30, 0.95, 2.0423),
        (101, 0.95, 1.9837),
    ],
)
def test_students_t_is_that_of_the_tables(freedom, confidence, bound):
    assert student_t(freedom, confidence) == pytest.approx(bound, abs=5e-5)


def test_a_mean_has_its_interval_from_two_values_on():
    found = estimate([0.8, 0.9, 0.85])
    assert found.mean == pytest.approx(0.85)
    assert found.margin == pytest.approx(4.3027 * 0.05 / 3**0.5, rel=1e-4)
    assert estimate([0.8]).margin is None


def test_repeats_advance_together_with_seeds_that_the_search_did_not_use():
    assert repeats([outcome(7), outcome(3)], 42, 2) == [
        {"confirms": 7, "training.seed": 43},
        {"confirms": 3, "training.seed": 43},
        {"confirms": 7, "training.seed": 44},
        {"confirms": 3, "training.seed": 44},
    ]


def test_seeds_that_the_search_drew_itself_are_no_new_ones():
    leaders = [outcome(7, parameters={SEED: 43}), outcome(3, parameters={SEED: 45})]
    assert [repeat[SEED] for repeat in repeats(leaders, 42, 2)] == [44, 44, 46, 46]


def test_completed_trials_alone_are_confirmed_and_only_where_asked():
    trials = [outcome(0, value=0.7), outcome(1, TrialState.PRUNED), outcome(2, value=0.8)]
    chosen = leaders(trials, "maximize", ConfirmSettings(top=3))
    assert [each.number for each in chosen] == [2, 0]
    assert [o.number for o in leaders(trials, "minimize", ConfirmSettings(top=1))] == [0]
    assert leaders(trials, "maximize", ConfirmSettings()) == []


def test_a_configuration_far_behind_is_out_after_two_seeds():
    scores = {1: {1: 0.90, 2: 0.91}, 2: {1: 0.80, 2: 0.80}, 3: {1: 0.89, 2: 0.91}}
    leader, behind = beaten_by(scores, 2)
    assert leader == 1
    assert behind.mean == pytest.approx(0.105)
    assert beaten_by(scores, 3) is None
    assert beaten_by(scores, 1) is None


def test_one_seed_decides_nothing():
    assert beaten_by({1: {1: 0.9}, 2: {1: 0.1}}, 2) is None
    assert beaten_by({1: {1: 0.9, 2: 0.9}, 2: {1: 0.1}}, 2) is None
    assert beaten_by({}, 2) is None
    assert beaten_by({1: {1: 0.9, 2: 0.9}}, 2) is None


def test_differences_that_agree_by_chance_are_as_uncertain_as_the_repeats():
    scores = {1: {1: 0.90, 2: 0.80}, 2: {1: 0.89, 2: 0.79}}
    assert difference(scores, 1, 2).mean == pytest.approx(0.01)
    assert not difference(scores, 1, 2).excludes_zero
    many = {trial: {s: 0.9 - 0.1 * trial - 0.1 * (s % 2) for s in range(6)} for trial in (0, 1)}
    assert difference(many, 0, 1).excludes_zero  # Enough pairs are believed.
    assert difference({1: {1: 0.9}, 2: {2: 0.9}}, 1, 2) is None


def test_a_race_seldom_loses_the_truly_best():
    draw = random.Random(1)  # noqa: S311
    lost = 0
    for _ in range(400):
        scores = {trial: {} for trial in range(3)}
        out = set()
        for seed in range(5):
            for trial, true in enumerate((0.5, 0.0, 0.0)):
                if beaten_by({t: s for t, s in scores.items() if t not in out}, trial):
                    out.add(trial)
                elif trial not in out:
                    scores[trial][seed] = draw.gauss(true, 1.0)
        lost += 0 in out
    assert lost <= 0.02 * 400


def test_the_ranking_is_by_mean_with_what_the_search_promised_beside():
    found = confirmed({4: [0.84, 0.86, 0.85], 2: [0.87, 0.88, 0.86]})
    assert [each.trial for each in found.configurations] == [2, 4]
    assert found.best.estimate.mean == pytest.approx(0.87)
    assert found.optimism == pytest.approx(0.05)  # Of trial 4, which led the search.
    assert found.lead.mean == pytest.approx(0.02)
    assert table_row(found.best, found) == (
        "2", "0.8700", "0.8431 to 0.8929", "3", "0.9000", "",
    )  # fmt: skip


def test_of_a_loss_the_smallest_mean_is_best_and_optimism_is_still_positive():
    found = confirmed({1: [0.5, 0.52], 2: [0.4, 0.41]}, promised=0.3, objective="val_loss")
    assert found.best.trial == 2
    assert found.optimism == pytest.approx(0.21)
    assert found.lead.mean > 0
    assert found.corrected(goals(["val_loss"])) >= found.best.estimate.mean


def test_what_does_not_bear_every_seed_or_was_raced_out_stands_behind():
    broken = repeat(1, 3, stopped_by="diverged")
    out = repeat(2, 3, stopped_by="pruner")
    found = confirmed({1: [0.99, 0.99], 2: [0.98, 0.98], 3: [0.8, 0.8, 0.8]}, broken, out)
    assert [each.trial for each in found.configurations] == [3, 1, 2]
    notes = [table_row(each, found)[-1] for each in found.configurations]
    assert notes == [
        "",
        "1 diverged, learned nothing or missed a constraint",
        "could no longer win",
    ]


def test_a_repeat_that_learned_nothing_counts_in_the_mean_and_against_its_configuration():
    flat = Diagnosis(status=Convergence.NOT_LEARNING, reason="", advice="")
    found = confirmed({1: [0.99, 0.99], 2: [0.8, 0.8, 0.8]}, repeat(1, 3, 0.5, diagnosis=flat))
    assert [each.trial for each in found.configurations] == [2, 1]
    assert list(found.of(1).scores.values()) == [0.99, 0.99, 0.5]
    assert (found.of(1).broken, found.of(1).not_learning) == (0, 1)
    assert table_row(found.of(1), found)[-1] == "1 did not beat the constant guess"


def test_a_configuration_of_which_a_repeat_misses_a_constraint_stands_behind():
    missed = repeat(1, 3, 0.99, violated=("val_loss 0.6, not <= 0.5",))
    found = confirmed({1: [0.99, 0.99], 2: [0.8, 0.8, 0.8]}, missed)
    assert [each.trial for each in found.configurations] == [2, 1]
    assert found.of(1).broken == 1
    assert list(found.of(1).scores) == [1, 2]


def test_what_completed_no_repeat_is_not_ranked():
    found = confirmed({1: [], 2: [0.8]})
    assert [each.trial for each in found.configurations] == [2]
    assert found.optimism is None
    assert table_row(found.best, found)[-1] == "2 failed"
    assert confirmed({1: []}) is None


def test_the_best_of_equal_means_was_lucky_and_one_far_ahead_was_not():
    draw = random.Random(3)  # noqa: S311
    noisy = {trial: {seed: draw.gauss(0, 1) for seed in range(5)} for trial in range(5)}
    assert 0.1 < luck(noisy) < 0.6
    ahead = {**noisy, 9: {seed: 50 + draw.gauss(0, 1) for seed in range(5)}}
    assert luck(ahead) < 0.05
    assert luck({1: {1: 0.9, 2: 0.8}}) == 0.0
    assert luck({1: {1: 0.9}, 2: {1: 0.8}}) == 0.0


def test_the_correction_takes_much_of_the_luck_away_on_average():
    draw = random.Random(5)  # noqa: S311
    excess = corrected = 0.0
    for _ in range(40):
        scores = {t: [draw.gauss(0.8, 0.02) for _ in range(5)] for t in range(5)}
        found = confirmed(scores, seeds=5)
        excess += (found.best.estimate.mean - 0.8) / 40
        corrected += (found.corrected(ACCURACY) - 0.8) / 40
    assert excess > 0.007
    assert abs(corrected) < 0.6 * excess


def test_it_is_told_whether_first_and_second_differ():
    near = confirmation_lines(confirmed({1: [0.90, 0.80], 2: [0.89, 0.81]}), ACCURACY)
    assert near[0].startswith("Confirmed best: trial 1, val_accuracy 0.8500 (95 % interval 0.")
    assert "over 2 new seeds" in near[0]
    assert "inside the noise" in near[2]
    assert "promised 0.0500 above" in near[3]
    far = confirmation_lines(confirmed({1: [0.90, 0.91], 2: [0.60, 0.61]}), ACCURACY)
    assert "outside the noise" in far[2]
    alone = confirmation_lines(confirmed({1: [0.95]}), ACCURACY)
    assert alone[0] == "Confirmed best: trial 1, val_accuracy 0.9500 over 1 new seed."
    assert "promised 0.0500 below" in alone[2]


def test_an_interval_over_seeds_keeps_within_the_metrics_range():
    two = confirmed({1: [0.915, 0.940]}).best.estimate
    assert (two.mean, two.margin) == pytest.approx((0.9275, 0.1588), abs=1e-4)
    low, high = two.interval
    assert 0.0 < low < 0.9275 < high < 1.0
    assert (low, high) == pytest.approx((0.5468, 0.9926), abs=1e-3)
    mcc = confirmed({1: [-0.1, 0.3]}, objective="val_mcc").best.estimate
    assert -1.0 < mcc.low < 0.0 < mcc.high < 1.0
    for objective in ("val_loss", "train_loss", "examples_per_second", "peak_memory_bytes"):
        found = confirmed({1: [0.2, 0.9], 2: [5.0, 5.1]}, objective=objective)
        low, high = found.of(1).estimate.interval
        assert 0.0 < low < 0.55 < high
        assert math.isfinite(high)


def test_a_difference_keeps_within_the_range_of_differences():
    found = confirmed({1: [0.99, 0.70], 2: [0.20, 0.15]})
    low, high = found.lead.interval
    assert -1.0 < low < found.lead.mean < high < 1.0
    losses = confirmed({1: [0.1, 0.4], 2: [0.9, 0.3]}, objective="val_loss").lead
    assert losses.low < 0.0 < losses.high


def test_seeds_that_agree_give_no_interval_of_their_own():
    alone = confirmed({1: [0.9, 0.9, 0.9]})
    assert alone.best.estimate.interval is None
    assert table_row(alone.best, alone)[2] == ""
    assert any("same score" in line for line in confirmation_lines(alone, ACCURACY))
    # The others' deviation is known, and the scores agree by chance.
    beside = confirmed({1: [0.9, 0.9, 0.9], 2: [0.86, 0.88, 0.87]})
    low, high = beside.of(1).estimate.interval
    assert low < 0.9 < high
    perfect = confirmed({1: [1.0, 1.0, 1.0], 2: [0.96, 0.98, 0.97]}).of(1).estimate
    assert perfect.high == 1.0
    assert perfect.low < 1.0


def test_differences_that_are_all_the_same_prove_nothing_without_any_deviation():
    same = {1: {1: 0.9, 2: 0.9}, 2: {1: 0.8, 2: 0.8}}
    assert difference(same, 1, 2).interval is None
    assert not difference(same, 1, 2).excludes_zero
    assert beaten_by(same, 2) is None
    (line,) = [
        line
        for line in confirmation_lines(confirmed({1: [0.9, 0.9], 2: [0.8, 0.8]}), ACCURACY)
        if "seed by seed" in line
    ]
    assert "the noise is" in line


@pytest.mark.parametrize(
    ("seeds", "told_so"), [(1, True), (2, True), (3, True), (5, False), (8, False)]
)
def test_it_is_told_how_little_few_seeds_say(seeds, told_so):
    scores = [0.90 + 0.01 * (seed % 3) for seed in range(seeds)]
    found = more_seeds_override(confirmed({1: scores}, seeds=seeds).best)
    assert found == ({"sweep.confirm.seeds": "sweep.confirm.seeds=5"} if told_so else {})


def test_more_seeds_make_an_interval_narrower():
    assert interval_narrowing(2, 5) == pytest.approx(
        12.7062 / 2**0.5 / (2.7764 / 5**0.5), rel=1e-4
    )
    assert interval_narrowing(3, 5) == pytest.approx(2.0, abs=0.01)


def test_the_corrected_mean_keeps_within_the_range():
    scores = {trial: [0.0, 0.02 + 0.001 * trial] for trial in range(6)}
    assert confirmed(scores).corrected(ACCURACY) >= 0.0


def test_an_older_versions_interval_is_computed_again():
    found = confirmed({1: [0.915, 0.940], 2: [0.90, 0.91]})
    old = replace(
        found,
        configurations=tuple(
            replace(each, estimate=replace(each.estimate, low=None, high=None))
            for each in found.configurations
        ),
        lead=replace(found.lead, low=None, high=None),
    )
    assert with_intervals(old, ACCURACY) == found
