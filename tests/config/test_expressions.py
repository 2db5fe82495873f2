import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.config.expressions import Kind, read_domain, read_overrides
from tuner.errors import InputError
from tuner.search.space import Choice, FloatInterval, IntInterval


@pytest.mark.parametrize(
    ("expression", "domain"),
    [
        ("choice(a, 'b c', 2, 0.5, true)", Choice(values=("a", "b c", 2, 0.5, True))),
        ("8, 16", Choice(values=(8, 16))),
        ("0.5, null", Choice(values=(0.5, None))),
        ("interval(0, 0.3)", FloatInterval(low=0.0, high=0.3)),
        ("tag(log, interval(1e-6, 1e-3))", FloatInterval(low=1e-6, high=1e-3, log=True)),
        ("int(interval(1, 8))", IntInterval(low=1, high=8)),
        ("tag(log, int(interval(1, 64)))", IntInterval(low=1, high=64, log=True)),
        ("range(4)", IntInterval(low=0, high=3)),
        ("range(1, 8)", IntInterval(low=1, high=7)),
        ("range(8, 33, 8)", IntInterval(low=8, high=32, step=8)),
        ("range(8, 32, 8)", IntInterval(low=8, high=24, step=8)),
        ("range(3, 0, -1)", IntInterval(low=1, high=3)),
        ("range(1, 2)", Choice(values=(1,))),
        ("range(0, 9000000000000000)", IntInterval(low=0, high=8999999999999999)),
        ("range(0, 1, 0.3)", Choice(values=(0.0, 0.3, 0.6, 0.9))),
    ],
)
def test_an_expression_is_a_domain(expression, domain):
    assert read_domain(expression, "file") == domain


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("tag(linear, interval(0, 1))", "unknown tag linear"),
        ("tag(log, choice(1, 2))", "no log scale"),
        ("choice([1, 2], [3])", "not a single value"),
        ("choice(1, 1)", "lists 1 twice"),
        ("range(1, 8, 0)", "the step is 0"),
        ("tag(log, interval(0, 1))", "starts above 0"),
        ("linear", "is not a search"),
        ([8, 16], "is not a search"),
    ],
)
def test_what_is_no_domain_is_refused(expression, problem):
    with pytest.raises(InputError) as caught:
        read_domain(expression, "sweeps/x.yaml, sweep.space, key")
    assert problem in caught.value.problem
    assert caught.value.where == "sweeps/x.yaml, sweep.space, key"


@given(st.integers(-100, 100), st.integers(2, 100), st.integers(1, 20))
def test_a_range_has_the_values_that_python_s_has(start, length, step):
    stop = start + length
    values = range(start, stop, step)
    domain = read_domain(f"range({start}, {stop}, {step})", "file")
    if len(values) == 1:
        assert domain == Choice(values=(start,))
    else:
        assert domain == IntInterval(low=values[0], high=values[-1], step=step)


@given(st.floats(1e-300, 1e300), st.floats(1e-300, 1e300))
def test_bounds_keep_every_digit(one, other):
    low, high = sorted((one, other))
    if low < high:
        domain = read_domain(f"tag(log, interval({low!r}, {high!r}))", "file")
        assert domain == FloatInterval(low=low, high=high, log=True)


@given(st.text(max_size=30))
def test_no_text_breaks_the_reader(text):
    try:
        read_domain(text, "file")
        read_overrides([text], "command line")
    except InputError:
        pass


def test_overrides_are_told_apart():
    texts = [
        "model=x",
        "training.epochs=2",
        "training.epochs=1,2",
        "+data.where.a=b",
        "~data.where.a",
    ]
    kinds = [setting.kind for setting in read_overrides(texts, "command line")]
    assert kinds == [Kind.GROUP, Kind.VALUE, Kind.SEARCH, Kind.VALUE, Kind.RAW]
