"""The trials that wait in a study before any is drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tuner.search.space import SearchSpace
from tuner.study.attributes import WaitingPoint
from tuner.study.configurations import Identify
from tuner.study.parameters import complete, fixed
from tuner.trial.records import Scalar


@dataclass(frozen=True, kw_only=True)
class First:
    """Values of some searched keys for the first trials; the others are drawn."""

    always: Sequence[Mapping[str, Scalar]] = ()
    """Also of a study that there is, unless they were added before."""
    if_new: Sequence[Mapping[str, Scalar]] = ()
    """After those, where the study is made now."""


def untuned_point(
    space: SearchSpace, defaults: Mapping[str, Scalar], identify: Identify | None
) -> WaitingPoint:
    """Return trial 0: the untuned default, as far as Optuna can store it.

    Args:
        space: What is searched.
        defaults: Value of each searched key in the untuned default configuration.
        identify: Names a configuration; None: trials may repeat one another.
    """
    return WaitingPoint(
        values=fixed(space, defaults),
        configuration=None if identify is None else identify(space.untuned(defaults)),
    )


def waiting_point(
    space: SearchSpace, values: Mapping[str, Scalar], identify: Identify | None
) -> WaitingPoint:
    """Return a trial that begins with some values.

    Args:
        space: What is searched.
        values: Of some of its keys; the others are drawn.
        identify: Names a configuration; None: trials may repeat one another.
    """
    named = fixed(space, values)
    whole = complete(space, named)
    name = None if identify is None or whole is None else identify(whole)
    return WaitingPoint(values=named, configuration=name)
