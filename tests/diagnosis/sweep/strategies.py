"""Whatever a sweep may have been."""

from hypothesis import strategies as st

from tests.records import outcome, report
from tuner.diagnosis.sweep.limits import LIMITS
from tuner.search.space import Choice, Dimension, FloatInterval, IntInterval, SearchSpace
from tuner.trial.records import Convergence, Diagnosis, TrialState

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
