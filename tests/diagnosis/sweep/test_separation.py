import random

from tests.diagnosis.sweep.trials import (
    CONVERGED,
    DIVERGED,
    DROPOUT,
    IMPROVING,
    LOW_TO_HIGH,
    NOT_LEARNING,
    RATE,
    rates,
    read,
    searching,
    told,
    trial,
)
from tuner.diagnosis.sweep.separation import Place
from tuner.search.space import Choice, Dimension, FloatInterval, SearchSpace


def test_both_ends_of_the_rates_do_not_learn():
    pairs = [(10.0**-e, CONVERGED) for e in (4.0, 4.1, 4.2, 4.3, 4.4, 4.5, 4.6)]
    pairs += [(r, NOT_LEARNING) for r in (1e-6, 2e-6, 3.2e-6, 4e-4, 6e-4, 9e-4)]
    found = read(rates(pairs), searching(optimizer__learning_rate=LOW_TO_HIGH)).separations
    assert {(s.status, s.place) for s in found} == {
        (CONVERGED, Place.MIDDLE),
        (NOT_LEARNING, Place.ENDS),
    }
    text = told(rates(pairs), searching(optimizer__learning_rate=LOW_TO_HIGH))
    assert f"not_learning went with {RATE} up to 3.2e-6 or from 0.0004" in text


def test_one_side_is_said_as_a_range_and_an_overlap_by_its_median():
    space = searching(optimizer__learning_rate=LOW_TO_HIGH)
    good = [(r * 1e-5, CONVERGED) for r in range(2, 10)]
    bad = [(r * 1e-4, DIVERGED) for r in range(4, 9)]
    assert f"diverged went with {RATE} from 0.0004, all others 2e-5 to 9e-5" in told(
        rates([*good, *bad]), space
    )
    assert f"diverged went with {RATE} on the high side: median" in told(
        rates([*good, *bad, (8.5e-5, DIVERGED)]), space
    )


def test_a_choice_is_said_with_its_counts():
    space = searching(optimizer=Choice(values=("adamw", "sgd")))
    pairs = [("sgd", NOT_LEARNING)] * 6 + [("adamw", CONVERGED)] * 6 + [("sgd", CONVERGED)]
    trials = [trial(i, status=s, optimizer=o) for i, (o, s) in enumerate(pairs)]
    assert "not_learning went with optimizer=sgd: 6 of its 6 trials, 1 of the 7 others" in told(
        trials, space
    )


def test_a_conditional_key_is_compared_where_it_was_asked():
    adamw = Dimension(key=RATE, name="a", domain=LOW_TO_HIGH, when={"optimizer": ("adamw",)})
    sgd = Dimension(
        key=RATE,
        name="s",
        domain=FloatInterval(low=1e-3, high=1e-1, log=True),
        when={"optimizer": ("sgd",)},
    )
    optimizer = Dimension(key="optimizer", domain=Choice(values=("adamw", "sgd")))
    space = SearchSpace([optimizer, adamw, sgd])
    values = [("adamw", (i + 1) * 1e-5, CONVERGED) for i in range(6)]
    values += [("sgd", (i + 1) * 1e-2, NOT_LEARNING) for i in range(6)]
    trials = [
        trial(i, 0.9 - i / 100, s, optimizer=o, optimizer__learning_rate=r)
        for i, (o, r, s) in enumerate(values)
    ]
    found = read(trials, space).separations
    assert {(s.status, s.dimension.key) for s in found} == {
        (CONVERGED, "optimizer"),
        (NOT_LEARNING, "optimizer"),
    }


def test_chance_is_rarely_taken_for_a_separation():
    generator, said = random.Random(3), 0  # noqa: S311
    space = searching(
        optimizer__learning_rate=LOW_TO_HIGH,
        model__dropout=DROPOUT,
        schedule=Choice(values=("linear", "constant", "cosine")),
    )
    for _ in range(200):
        trials = [
            trial(
                i,
                status=generator.choice([CONVERGED, IMPROVING, NOT_LEARNING]),
                optimizer__learning_rate=10 ** generator.uniform(-6, -3),
                model__dropout=generator.uniform(0, 0.3),
                schedule=generator.choice(["linear", "constant", "cosine"]),
            )
            for i in range(20)
        ]
        said += bool(read(trials, space).separations)
    assert said <= 14  # 5 % of 200 is 10
