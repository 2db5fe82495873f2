import itertools
import math
import random
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.records import outcome, report
from tuner.config import compose_sweep
from tuner.config.expressions import read_domain
from tuner.core.checks import _TRIAL_RULES
from tuner.core.goals import Goals
from tuner.core.metrics import macro_f1, matthews_correlation
from tuner.core.reading import lines, read_sweep
from tuner.core.reading.limits import LIMITS, NOWHERE, expression, widened
from tuner.core.reading.noise import standard_error
from tuner.core.reading.rank_tests import EXACT, discoveries, location, overlap, spread
from tuner.core.reading.separation import Place
from tuner.core.reading.statements import next_name
from tuner.core.space import Choice, Dimension, FloatInterval, IntInterval, SearchSpace, contains
from tuner.core.trial import Convergence, Diagnosis, TrialState

RATE = "optimizer.learning_rate"
LOW_TO_HIGH = FloatInterval(low=1e-6, high=1e-3, log=True)
DROPOUT = FloatInterval(low=0.0, high=0.3)
CONVERGED, IMPROVING = Convergence.CONVERGED, Convergence.IMPROVING
NOT_LEARNING, DIVERGED = Convergence.NOT_LEARNING, Convergence.DIVERGED


def searching(**domains):
    """A space of `optimizer__learning_rate=...` and the like."""
    return SearchSpace(Dimension(key=_key(k), domain=d) for k, d in domains.items())


def _key(name):
    return name.replace("__", ".")


def trial(number, value=0.7, status=CONVERGED, state=TrialState.COMPLETE, **parameters):
    return outcome(
        number,
        state,
        value,
        parameters={_key(k): v for k, v in parameters.items()},
        last=report(5, 5, val_accuracy=value),
        diagnosis=Diagnosis(status=status, reason="", advice=""),
    )


def rates(pairs, value=None):
    """Trials of (learning rate, status), the first the best."""
    return [
        trial(i, 0.9 - i / 100 if value is None else value, s, optimizer__learning_rate=rate)
        for i, (rate, s) in enumerate(pairs)
    ]


def read(outcomes, space, **given):
    objective = given.pop("objective", "val_accuracy")
    arguments = {"goals": Goals(objectives=(objective,)), "importances": {}, "epochs": 3.0} | given
    return read_sweep(outcomes, space=space, **arguments)


def told(outcomes, space, **given):
    return "\n".join(lines(read(outcomes, space, **given), "lr"))


# -- rank tests ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "others", "expected"),
    [([1, 2, 3], [4, 5, 6, 7], 1 / 35), ([1, 2], [2, 3], 2 / 6), ([1], [2], 1 / 2)],
)
def test_the_exact_location_test_counts_every_way_to_draw(group, others, expected):
    assert location(group, others).low == pytest.approx(expected)
    assert location([-x for x in group], [-x for x in others]).high == pytest.approx(expected)


def test_location_and_spread_agree_with_drawing_by_hand():
    generator = random.Random(1)  # noqa: S311
    values = [generator.randrange(6) for _ in range(9)]
    ranks = [sum(o < v for o in values) + (values.count(v) + 1) / 2 for v in values]
    for test, scores in ((location, ranks), (spread, [abs(r - 5) for r in ranks])):
        sums = [sum(drawn) for drawn in itertools.combinations(scores, 4)]
        tails = test(values[:4], values[4:])
        assert tails.low == pytest.approx(sum(s <= sum(scores[:4]) for s in sums) / len(sums))
        assert tails.high == pytest.approx(sum(s >= sum(scores[:4]) for s in sums) / len(sums))


def test_the_normal_approximation_joins_the_exact_test():
    generator = random.Random(2)  # noqa: S311
    values = [generator.gauss(0, 1) for _ in range(EXACT)]
    group, others = [v - 0.5 for v in values[:15]], values[15:]
    exact = location(group, others).low
    one_more = location(group, [*others, 0.0]).low
    assert one_more == pytest.approx(exact, rel=0.4)
    assert location([1.0] * 30, [1.0] * 30).two_sided == 1.0


def test_overlap_is_fishers_and_discoveries_are_benjamini_and_hochbergs():
    assert overlap(5, 5, 5, 10) == pytest.approx(1 / 252)
    assert overlap(0, 5, 5, 10) == pytest.approx(1.0)
    assert discoveries([0.01, 0.04, 0.03, 0.9], 0.05) == [True, False, False, False]
    assert discoveries([0.01, 0.02, 0.03, 0.9], 0.05) == [True, True, True, False]
    assert discoveries([], 0.05) == []


# -- which values went with which status --------------------------------------------------------


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


# -- edges --------------------------------------------------------------------------------------


def rising(count=10, low=1e-6, high=1e-3):
    """The higher the rate the better."""
    steps = [low * (high / low) ** (i / (count - 1)) for i in range(count)]
    return rates([(rate, CONVERGED) for rate in reversed(steps)])


def test_the_best_at_the_upper_bound_moves_it_in_a_study_of_its_own():
    text = told(rising(), searching(optimizer__learning_rate=LOW_TO_HIGH))
    assert f"the best {RATE}, 0.001, lies at the upper bound 0.001, and the better trials" in text
    assert text.endswith("with: study=lr-2 'optimizer.learning_rate=tag(log,interval(1e-6,0.01))'")


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
    assert (
        f"may be chance: the better trials do not point there; a bound moved all the same: {moved}"
        in text
    )
    assert text.endswith("the same command with: study=lr-2 training.epochs=6")


def test_a_default_outside_the_space_is_beyond_its_bound():
    edge = read(rates([(0.05, CONVERGED)]), searching(optimizer__learning_rate=LOW_TO_HIGH)).edges[
        0
    ]
    assert edge.outside
    assert "interval(1e-6,0.5)" in edge.overrides[RATE]


@pytest.mark.parametrize(
    ("domain", "side", "key", "expected"),
    [
        (LOW_TO_HIGH, "lower", RATE, "tag(log,interval(1e-7,0.001))"),
        (DROPOUT, "upper", "model.dropout", "interval(0.0,0.6)"),
        (DROPOUT, "lower", "model.dropout", None),
        (FloatInterval(low=0.0, high=0.6), "upper", "model.dropout", "interval(0.0,0.8)"),
        (
            FloatInterval(low=0.0, high=0.6),
            "upper",
            "schedule.warmup_fraction",
            "interval(0.0,1.0)",
        ),
        (FloatInterval(low=0.0, high=1.0), "upper", "schedule.warmup_fraction", None),
        (FloatInterval(low=1e-5, high=1e-3), "lower", RATE, "interval(5e-6,0.001)"),
        (FloatInterval(low=-1.0, high=1.0), "lower", "optimizer.own", "interval(-3.0,1.0)"),
        (FloatInterval(low=1e-300, high=1e300), "upper", RATE, "interval(1e-300,2e300)"),
        (FloatInterval(low=1e-300, high=1.7e308), "upper", RATE, None),
        (IntInterval(low=1, high=7), "upper", "training.accumulation_steps", "range(1,14)"),
        (IntInterval(low=1, high=7), "lower", "training.accumulation_steps", None),
        (IntInterval(low=8, high=64, step=8), "upper", "training.batch_size", "range(8,121,8)"),
        (IntInterval(low=20, high=60, step=8), "lower", "training.batch_size", "range(4,61,8)"),
        (
            IntInterval(low=8, high=64, log=True),
            "lower",
            "training.batch_size",
            "tag(log,range(1,65))",
        ),
        (Choice(values=(8, 32, 16)), "upper", "training.batch_size", "choice(8,16,32,64)"),
        (Choice(values=(1, 2, 4)), "lower", "training.accumulation_steps", None),
        (Choice(values=(0.0, 0.01, 0.1)), "lower", "optimizer.weight_decay", None),
        (
            Choice(values=(0.0, 0.01, 0.1)),
            "upper",
            "optimizer.weight_decay",
            "choice(0.0,0.01,0.1,1.0)",
        ),
        (Choice(values=(0.0, 0.1)), "upper", "optimizer.weight_decay", "choice(0.0,0.1,0.2)"),
        (Choice(values=(0.01, 0.1)), "lower", "optimizer.weight_decay", "choice(0.001,0.01,0.1)"),
        (Choice(values=(0.98, 0.999)), "upper", "optimizer.beta_2", "choice(0.98,0.999,0.9995)"),
    ],
)
def test_how_a_bound_moves_and_where_it_cannot(domain, side, key, expected):
    bounds = domain.values if isinstance(domain, Choice) else (domain.low, domain.high)
    value = min(bounds) if side == "lower" else max(bounds)
    moved = widened(domain, side, value, key)
    assert (None if moved is None else expression(moved)) == expected
    if moved is not None:
        assert read_domain(expression(moved), "test") == moved


def test_the_limits_are_those_that_are_checked():
    checked = {key: holds for key, holds, _ in _TRIAL_RULES}
    for key, limit in LIMITS.items():
        if limit is NOWHERE or key == "model.max_length":
            continue
        for bound, is_open in ((limit.low, limit.open_low), (limit.high, limit.open_high)):
            if math.isfinite(bound):
                assert checked[key](bound) is not is_open, key
        assert not checked[key](limit.low - 0.1), key
        if math.isfinite(limit.high):
            assert not checked[key](limit.high + 0.1), key


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


# -- budget, importances, noise -----------------------------------------------------------------


def test_a_budget_is_too_short_for_most_or_for_the_best():
    space = searching(optimizer__learning_rate=LOW_TO_HIGH)

    def statuses(*given):
        return rates([(1e-5, status) for status in given])

    most = read(statuses(CONVERGED, IMPROVING, IMPROVING), space).budget
    assert most is not None
    assert (most.improving, most.ended, most.best, most.epochs) == (2, 3, False, 6.0)
    assert read(statuses(CONVERGED, IMPROVING), space).budget is None
    assert "the best among them, were still improving; more of it: training.epochs=6" in told(
        statuses(IMPROVING, CONVERGED, CONVERGED), space
    )


def test_a_trial_that_was_stopped_says_nothing_of_the_budget():
    stopped = outcome(
        0,
        TrialState.PRUNED,
        last=report(2, 5),
        diagnosis=Diagnosis(status=IMPROVING, reason="", advice=""),
    )
    assert read([stopped], SearchSpace()).budget is None


def test_searched_epochs_are_doubled_from_what_the_trials_had():
    space = searching(training__epochs=Choice(values=(1, 2, 5, 7)))
    trials = [trial(0, 0.9, IMPROVING, training__epochs=5)]
    assert told(trials, space).endswith("study=lr-2 training.epochs=10")


def test_importances_take_six_completed_trials_that_differ():
    space, shares = searching(optimizer__learning_rate=LOW_TO_HIGH), {"a": 0.25, "b": 0.75}
    far = rates([(1e-5, CONVERGED)] * 6)
    far[0] = trial(0, 0.99, optimizer__learning_rate=1e-5)
    assert "what mattered among the 6 completed trials: b 75%, a 25%" in told(
        far, space, importances=shares
    )
    assert "no parameter stands out from chance" in told(far, space)
    assert "2 completed trials are too few" in told(far[:2], space, importances=shares)
    assert "no parameter can be said to matter" in told([*far[1:], trial(9, 0.85)], space)


def test_trials_within_the_noise_of_the_best_are_not_told_apart():
    values = (0.80, 0.79, 0.76, 0.70)
    found = read([trial(i, v) for i, v in enumerate(values)], SearchSpace()).noise
    assert found is not None
    assert found.error == pytest.approx(math.sqrt(0.8 * 0.2 / 400), rel=0.02)
    assert (found.tied, found.completed, found.examples) == (3, 4, 400)
    assert found.lead == pytest.approx(0.01)
    text = told([trial(i, v) for i, v in enumerate(values)], SearchSpace())
    assert "the first 3 of 4 completed trials cannot be told apart by 400 validation rows" in text
    assert "the best trial leads by 0.2, more than" in told(
        [trial(0, 0.9), trial(1, 0.7)], SearchSpace()
    )


def test_a_perfect_score_on_few_rows_has_an_error():
    perfect = report(5, 5, val_accuracy=1.0, validation_examples=10)
    assert standard_error(perfect, "val_accuracy") == pytest.approx(0.0935, abs=0.001)
    of_all = report(5, 5, val_accuracy=1.0, confusion=[[200, 0], [0, 200]])
    assert standard_error(of_all, "val_macro_f1") == standard_error(of_all, "val_accuracy")


@pytest.mark.parametrize(
    ("objective", "metric"),
    [("val_macro_f1", macro_f1), ("val_mcc", matthews_correlation)],
)
@pytest.mark.parametrize(
    "confusion", [[[180, 20], [60, 140]], [[90, 5, 5], [20, 60, 20], [9, 1, 40]]]
)
def test_the_delta_method_agrees_with_drawing_the_rows_again(objective, metric, confusion):
    generator = random.Random(4)  # noqa: S311
    cells = [
        (i, j) for i, row in enumerate(confusion) for j, n in enumerate(row) for _ in range(n)
    ]
    drawn = []
    for _ in range(400):
        again = [[0] * len(confusion) for _ in confusion]
        for i, j in generator.choices(cells, k=len(cells)):
            again[i][j] += 1
        drawn.append(metric(again))
    mean = sum(drawn) / len(drawn)
    resampled = math.sqrt(sum((d - mean) ** 2 for d in drawn) / len(drawn))
    given = report(5, 5, confusion=confusion, validation_examples=len(cells))
    assert standard_error(given, objective) == pytest.approx(resampled, rel=0.15)


def test_the_error_of_a_loss_is_that_of_the_fixed_rows_scaled_to_all():
    assert standard_error(report(), "val_loss") == pytest.approx(0.4 / 20)
    assert standard_error(report(), "train_loss") is None
    assert standard_error(report(), "val_mcc") is None


# -- whatever comes -----------------------------------------------------------------------------


def test_nothing_to_read_gives_nothing_to_say():
    space = searching(optimizer__learning_rate=LOW_TO_HIGH)
    assert lines(read([], space), "lr") == []
    assert lines(read([outcome(0, TrialState.FAILED)], space), "lr") == []


def test_one_trial_and_pruned_trials_alone_are_read():
    space = searching(optimizer__learning_rate=LOW_TO_HIGH)
    assert told(rates([(1e-5, CONVERGED)]), space).startswith("1 converged\n")
    pruned = [
        trial(i, status=NOT_LEARNING, state=TrialState.PRUNED, optimizer__learning_rate=1e-6)
        for i in range(3)
    ]
    assert told(pruned, space) == "3 not_learning"


@pytest.mark.parametrize(("name", "following"), [("lr", "lr-2"), ("lr-2", "lr-3"), ("2-", "2--2")])
def test_the_next_study_has_the_next_number(name, following):
    assert next_name(name) == following


DOMAINS = st.one_of(
    st.tuples(st.floats(1e-300, 1e300), st.floats(1e-300, 1e300), st.booleans())
    .filter(lambda t: t[0] < t[1])
    .map(lambda t: FloatInterval(low=t[0], high=t[1], log=t[2])),
    st.tuples(st.floats(-1e308, 1e308), st.floats(-1e308, 1e308))
    .filter(lambda t: t[0] < t[1])
    .map(lambda t: FloatInterval(low=t[0], high=t[1])),
    st.tuples(st.integers(1, 99), st.integers(1, 99), st.integers(1, 9), st.booleans()).map(
        lambda t: IntInterval(
            low=t[0], high=t[0] + t[1] * (1 if t[3] else t[2]), step=1 if t[3] else t[2], log=t[3]
        )
    ),
    st.lists(st.floats(-1e308, 1e308), min_size=1, unique=True).map(
        lambda values: Choice(values=tuple(values))
    ),
    st.just(Choice(values=(None, True, "a", 1.5))),
)
KEYS = st.sampled_from([*LIMITS, "optimizer.own", "schedule"])


@st.composite
def sweeps(draw):
    """A space with a condition, and trials that need not be of it."""
    keys = draw(st.lists(KEYS, min_size=1, max_size=3, unique=True))
    group = Dimension(key="group", domain=Choice(values=("a", "b")))
    dimensions = [
        Dimension(key=key, domain=draw(DOMAINS), when={"group": ("a",)} if i == 0 else {})
        for i, key in enumerate(keys)
    ]
    anything = st.one_of(
        st.floats(), st.integers(-1000, 1000), st.booleans(), st.none(), st.just("a")
    )
    trials = []
    for number in range(draw(st.integers(0, 12))):
        own = {d.key: draw(_values(d.domain) | anything) for d in dimensions}
        trials.append(
            outcome(
                number,
                draw(st.sampled_from(TrialState)),
                draw(st.none() | st.floats()),
                parameters={**own, "group": draw(st.sampled_from(["a", "b"]))},
                last=draw(
                    st.none()
                    | st.builds(
                        report,
                        st.integers(1, 5),
                        val_accuracy=st.floats(),
                        validation_examples=st.integers(1, 400),
                        confusion=st.none()
                        | st.just([[0, 0], [0, 0]])
                        | st.just([[3, 0], [5, 0]]),
                    )
                ),
                diagnosis=draw(
                    st.none()
                    | st.builds(
                        Diagnosis,
                        status=st.sampled_from(Convergence),
                        reason=st.just(""),
                        advice=st.just(""),
                    )
                ),
            )
        )
    return trials, SearchSpace([group, *dimensions])


def _values(domain):
    if isinstance(domain, Choice):
        return st.sampled_from(domain.values)
    return st.sampled_from((domain.low, domain.high))


@given(
    sweeps(),
    st.sampled_from(["val_accuracy", "val_macro_f1", "val_mcc", "val_loss", "train_loss"]),
    st.dictionaries(KEYS, st.floats(0, 1)),
)
def test_no_sweep_crashes_the_reading(sweep, objective, importances):
    trials, space = sweep
    found = read(trials, space, objective=objective, importances=importances)
    assert all("\n" not in line for line in lines(found, "lr"))


@given(DOMAINS, st.sampled_from(["lower", "upper"]), KEYS)
def test_a_moved_bound_holds_all_that_it_held_and_is_read_back(domain, side, key):
    if isinstance(domain, Choice) and (len(domain.values) == 1 or None in domain.values):
        return
    bounds = sorted(domain.values) if isinstance(domain, Choice) else (domain.low, domain.high)
    moved = widened(domain, side, bounds[0] if side == "lower" else bounds[-1], key)
    if moved is not None:
        assert all(contains(moved, bound) for bound in bounds)
        assert read_domain(expression(moved), "test") == moved
