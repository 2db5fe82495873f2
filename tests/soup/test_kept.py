"""Models whose weights are kept for a soup, and when one is built."""

import pytest

from tests.records import outcome
from tuner.search.goals import Goals
from tuner.soup import (
    Candidate,
    Member,
    Soup,
    Step,
    StoredSoup,
    candidates,
    is_due,
    leading,
    member_of,
    model_key,
    obstacle,
    refusal,
    soup_folder_name,
)
from tuner.trial.records import TrialState

SMALL, LARGE = model_key({"model": "minilm"}), model_key({"model": "bert_base"})


def candidate(trial, value, model=SMALL, seed=0, **given):
    return Candidate(member=Member(trial=trial, seed=seed), value=value, model=model, **given)


def numbers(found):
    return [each.member.trial for each in found]


def test_the_leading_ones_are_kept_and_the_ninth_is_not():
    known = [candidate(number, number / 10) for number in range(9)]
    assert numbers(leading(known, "maximize", 8)) == [8, 7, 6, 5, 4, 3, 2, 1]
    assert numbers(leading(known, "minimize", 2)) == [0, 1]


def test_equals_are_kept_by_their_numbers_and_seeds():
    known = [candidate(2, 0.5), candidate(1, 0.5, seed=4), candidate(1, 0.5, seed=3)]
    found = [each.member for each in leading(known, "maximize", 2)]
    assert found == [Member(trial=1, seed=3), Member(trial=1, seed=4)]


def test_models_of_another_checkpoint_are_kept_only_while_there_is_room():
    known = [candidate(0, 0.9), candidate(1, 0.8, LARGE), candidate(2, 0.1), candidate(3, 0.2)]
    assert numbers(leading(known, "maximize", 4)) == [0, 3, 2, 1]
    assert numbers(leading(known, "maximize", 3)) == [0, 3, 2]
    # One of them becomes the best.
    assert numbers(leading([*known, candidate(4, 0.95, LARGE)], "maximize", 3)) == [4, 1, 0]


def test_what_may_be_published_without_a_soup_is_kept_first():
    repeats = [candidate(1, 0.9 - seed / 100, seed=seed, is_repeat=True) for seed in (1, 2, 3)]
    worse = [candidate(2, 0.5, seed=1, is_repeat=True), candidate(2, 0.4, seed=2, is_repeat=True)]
    known = [*repeats, *worse, candidate(1, 0.6), candidate(2, 0.7)]
    found = [each.member for each in leading(known, "maximize", 4)]
    assert found == [Member(trial=1, seed=1), Member(trial=2, seed=0), Member(trial=2, seed=1),
                     Member(trial=1, seed=2)]  # fmt: skip


def test_a_confirmed_configuration_of_another_checkpoint_is_kept_too():
    repeats = [candidate(1, 0.6, LARGE, seed=seed, is_repeat=True) for seed in (1, 2)]
    lucky = [candidate(number, 0.9 + number / 100) for number in range(2, 8)]
    found = [each.member for each in leading([*repeats, *lucky], "maximize", 4)]
    assert found[:2] == [Member(trial=7, seed=0), Member(trial=1, seed=1)]


def test_nothing_is_kept_of_nothing():
    assert leading([], "maximize", 8) == []


@pytest.mark.parametrize(
    ("parameters", "alike"),
    [
        ({"optimizer.learning_rate": 1e-4, "model.dropout": 0.2, "training.seed": 3}, True),
        ({"model": "bert_base"}, False),
        ({"model.max_length": 128}, False),
        ({"data.train_examples": 100}, False),
        ({"task.stride": 64}, False),
    ],
)
def test_what_decides_model_and_rows_decides_whether_weights_can_be_averaged(parameters, alike):
    assert (model_key(parameters) == model_key({})) == alike


def test_candidates_are_usable_trials_and_repeats_with_their_seeds():
    known = [
        outcome(0, value=0.7),
        outcome(1, value=0.8, parameters={"training.seed": 7}),
        outcome(2, TrialState.PRUNED),
        outcome(3, value=0.9, violated=("val_loss 3 misses <= 1",)),
        outcome(4, value=0.6, parameters={"confirms": 1, "training.seed": 12}),
    ]
    assert [each.member for each in candidates(known, 5)] == [
        Member(trial=0, seed=5), Member(trial=1, seed=7), Member(trial=1, seed=12),
    ]  # fmt: skip
    assert member_of(9, {}, 5) == Member(trial=9, seed=5)


@pytest.mark.parametrize(
    ("objectives", "has_soup"),
    [
        (("val_accuracy",), True),
        (("val_loss",), True),
        (("val_my_own",), True),
        (("examples_per_second",), False),
        (("train_loss",), False),
        (("val_accuracy", "val_loss"), False),
    ],
)
def test_a_soup_needs_one_objective_that_is_measured_on_predictions(objectives, has_soup):
    assert (refusal(Goals(objectives=objectives)) is None) == has_soup


A, B, C = (Member(trial=number, seed=0) for number in range(3))


def stored(considered, single=A):
    steps = tuple(Step(member=each, alone=0.8, score=0.8, kept=True) for each in considered)
    soup = Soup(objective="val_accuracy", steps=steps, selection_rows=20, acceptance_rows=20)
    return StoredSoup(soup=soup, considered=considered, instead_of=single)


@pytest.mark.parametrize(
    ("earlier", "here", "due"),
    [
        (None, {A, B}, True),
        (None, {A}, False),
        (None, {B, C}, False),  # The best model itself was lost.
        (stored((A, B)), {A, B}, False),
        (stored((A, B)), {A}, False),
        (stored((A, B)), {A, B, C}, True),
        (stored((A, B, C)), {A, C}, False),  # What was lost since changes nothing.
        (stored((A, B), single=B), {A, B}, True),  # Another one is the best by now.
    ],
)
def test_a_soup_is_built_where_there_is_something_new(earlier, here, due):
    assert is_due(earlier, A, here, is_lost=False) == due


@pytest.mark.parametrize(
    ("here", "due"),
    [({A, B}, True), ({A, B, C}, True), ({A, C}, True), ({B, C}, False), ({A}, False)],
)
def test_a_lost_soup_is_built_again_from_what_is_left(here, due):
    assert is_due(stored((A, B, C)), A, here, is_lost=True) == due


def test_an_obstacle_names_the_model_that_is_missing_or_alone():
    assert obstacle(A, {A, B}) is None
    assert A.text in obstacle(A, {B, C})
    assert A.text in obstacle(A, {A})
    assert obstacle(A, {B, C}) != obstacle(A, {A})


def test_the_folder_of_a_soup_follows_from_its_models():
    assert soup_folder_name((A, B), A) == soup_folder_name((B, A), A)
    others = {soup_folder_name((A, B), B), soup_folder_name((A, C), A)}
    assert soup_folder_name((A, B), A) not in others
