"""Every variety of every status: the story that makes it, and what is done to its reports."""

from collections.abc import Callable, Mapping

from numpy.random import Generator

from tests.diagnosis.generated_curves.diverged import (
    all_nan,
    before_the_break,
    blown_up_early,
    blown_up_late,
    infinite_training,
    infinite_validation,
    nan_at_last_update,
)
from tests.diagnosis.generated_curves.learning import (
    converged_easy,
    converged_hard,
    converged_ordinary,
    improving_cut_off,
    improving_late,
    improving_slow,
    plateaued_early,
    plateaued_frozen,
    plateaued_gradual,
)
from tests.diagnosis.generated_curves.not_learning import (
    collapsed,
    degenerate,
    majority_only,
    rate_too_low,
    shuffled_once,
)
from tests.diagnosis.generated_curves.oscillating import fell_back, spiking, swinging
from tests.diagnosis.generated_curves.overfitting import (
    few_examples,
    overfitting_at_once,
    overfitting_rising,
    shuffled_often,
)
from tests.diagnosis.generated_curves.plan import Plan, pick
from tests.diagnosis.generated_curves.story import Story
from tuner.trial.records import Convergence, Report

Maker = Callable[[Generator], tuple[Plan, Story]]
Breaker = Callable[[Plan, tuple[Report, ...]], tuple[Report, ...]]


def _cut_to(count: int) -> Breaker:
    return lambda _, reports: reports[:count]


def _anything(rng: Generator) -> tuple[Plan, Story]:
    """Any story: too early to say which."""
    makers = (
        converged_ordinary,
        improving_slow,
        plateaued_early,
        collapsed,
        overfitting_rising,
        swinging,
    )
    return pick(rng, makers)(rng)


KINDS: Mapping[Convergence, Mapping[str, tuple[Maker, Breaker | None]]] = {
    Convergence.CONVERGED: {
        "easy data": (converged_easy, None),
        "ordinary data": (converged_ordinary, None),
        "hard data": (converged_hard, None),
    },
    Convergence.IMPROVING: {
        "slow": (improving_slow, None),
        "late start": (improving_late, None),
        "cut off": (improving_cut_off, None),
    },
    Convergence.PLATEAUED: {
        "early": (plateaued_early, None),
        "gradual": (plateaued_gradual, None),
        "frozen encoder": (plateaued_frozen, None),
    },
    Convergence.NOT_LEARNING: {
        "rate too low": (rate_too_low, None),
        "collapsed": (collapsed, None),
        "degenerate": (degenerate, None),
        "imbalanced": (majority_only, None),
        "shuffled, one pass": (shuffled_once, None),
    },
    Convergence.OSCILLATING: {
        "swinging": (swinging, None),
        "spiking": (spiking, None),
        "fell back": (fell_back, None),
    },
    Convergence.OVERFITTING: {
        "rising": (overfitting_rising, None),
        "rising at once": (overfitting_at_once, None),
        "memorised, few examples": (few_examples, None),
        "memorised, shuffled": (shuffled_often, None),
    },
    Convergence.DIVERGED: {
        "NaN": (before_the_break, all_nan),
        "NaN at the last update": (before_the_break, nan_at_last_update),
        "infinite training loss": (before_the_break, infinite_training),
        "infinite validation loss": (before_the_break, infinite_validation),
        "blown up early": (blown_up_early, None),
        "blown up late": (blown_up_late, None),
    },
    Convergence.UNDETERMINED: {
        "no report": (_anything, _cut_to(0)),
        "one report": (_anything, _cut_to(1)),
        "two reports": (_anything, _cut_to(2)),
    },
}
"""Recipe for each variety of each status: a story, and changes to its reports."""
