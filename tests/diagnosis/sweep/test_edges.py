import shlex

from tests.diagnosis.sweep.trials import (
    CONVERGED,
    DROPOUT,
    IMPROVING,
    LOW_TO_HIGH,
    RATE,
    rates,
    read,
    searching,
    told,
    trial,
)
from tests.records import outcome
from tuner.config import compose_sweep
from tuner.search.space import Choice, FloatInterval, IntInterval


def rising(count=10, low=1e-6, high=1e-3):
    """The higher the rate the better."""
    steps = [low * (high / low) ** (i / (count - 1)) for i in range(count)]
    return rates([(rate, CONVERGED) for rate in reversed(steps)])


def test_the_best_at_the_upper_bound_moves_it_in_a_study_of_its_own():
    text = told(rising(), searching(optimizer__learning_rate=LOW_TO_HIGH))
    assert f"the best {RATE}, 0.001, lies at the upper bound 0.001, and the better trials" in text
    assert text.endswith("study=lr-2 'optimizer.learning_rate=tag(log,interval(1e-6,0.01))'")


def test_the_edge_is_five_hundredths_of_the_width_in_the_scale_of_the_search():
    space = searching(optimizer__learning_rate=LOW_TO_HIGH)
    for best, expected in ((7.2e-4, 1), (6.9e-4, 0), (1.4e-6, 1), (1.5e-6, 0)):
        assert len(read(rates([(best, CONVERGED)]), space).edges) == expected
    linear = searching(schedule__warmup_fraction=DROPOUT)
    for best, expected in ((0.286, 1), (0.284, 0)):
        found = read([trial(0, schedule__warmup_fraction=best)], linear).edges
        assert len(found) == expected


def test_an_edge_that_may_be_chance_is_moved_only_on_its_own():
    trials = rates([(9.9e-4, IMPROVING)] + [(i * 1e-5, CONVERGED) for i in range(1, 8)])
    text = told(trials, searching(optimizer__learning_rate=LOW_TO_HIGH))
    moved = "study=lr-2 'optimizer.learning_rate=tag(log,interval(1e-6,0.01))'"
    chance = next(line for line in text.splitlines() if "may be chance" in line)
    assert chance.endswith(moved)
    assert text.endswith("study=lr-2 training.epochs=6")


def test_a_default_outside_the_space_is_beyond_its_bound():
    edge = read(rates([(0.05, CONVERGED)]), searching(optimizer__learning_rate=LOW_TO_HIGH)).edges[
        0
    ]
    assert edge.outside
    assert "interval(1e-6,0.5)" in edge.overrides[RATE]


def test_the_first_of_few_values_takes_a_trend():
    space = searching(training__batch_size=Choice(values=(8, 16, 32)))
    once = [trial(0, 0.9, training__batch_size=32), trial(1, 0.8, training__batch_size=8)]
    assert read(once, space).edges == ()
    often = [trial(i, 0.9 - i / 100, training__batch_size=(32, 16, 8)[i // 3]) for i in range(9)]
    assert read(often, space).edges[0].overrides == {
        "training.batch_size": "'training.batch_size=choice(8,16,32,64)'"
    }


def test_seeds_and_unordered_choices_have_no_edge():
    space = searching(
        training__seed=IntInterval(low=0, high=9), schedule=Choice(values=("linear", "cosine"))
    )
    trials = [trial(i, 0.9 - i / 100, training__seed=9 - i, schedule="linear") for i in range(10)]
    assert read(trials, space).edges == ()


def test_a_key_of_several_dimensions_fixes_what_chose_this_one_and_composes(tmp_path):
    composed = compose_sweep(["sweep=optimizer_search"], tmp_path)
    parameters = {"optimizer": "lion", RATE: 9.8e-5, "optimizer.weight_decay": 0.1}
    found = read([outcome(0, value=0.9, parameters=parameters)], composed.space).edges
    (edge,) = found
    assert list(edge.overrides.values()) == [
        "optimizer=lion",
        "'optimizer.learning_rate=tag(log,interval(3e-7,0.001))'",
    ]
    words = shlex.split(" ".join(edge.overrides.values()))
    wider = compose_sweep(["sweep=optimizer_search", *words], tmp_path).space
    (rate,) = wider.of(RATE)
    assert rate.domain == FloatInterval(low=3e-7, high=1e-3, log=True)
    assert rate.when == {}
