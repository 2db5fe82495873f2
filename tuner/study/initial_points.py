"""Trials that are enqueued in a study before any is drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tuner.search.space import SearchSpace
from tuner.study.attributes import WaitingPoint
from tuner.study.configurations import Identify
from tuner.study.parameters import complete, fixed
from tuner.trial.records import Scalar


@dataclass(frozen=True, kw_only=True)
class InitialPoints:
    """Values of some searched keys for the first trials; the rest is drawn."""

    always: Sequence[Mapping[str, Scalar]] = ()
    """Points for new and existing studies, unless they were enqueued before."""
    if_new: Sequence[Mapping[str, Scalar]] = ()
    """Points that follow them in a new study."""


def untuned_point(
    space: SearchSpace, defaults: Mapping[str, Scalar], identify: Identify | None
) -> WaitingPoint:
    """Return trial 0: the untuned default, as far as Optuna can store it.

    Args:
        space: Search space of the study.
        defaults: Value of each searched key in the untuned default configuration.
        identify: Function that returns the name of a configuration; None: trials may repeat.
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
        space: Search space of the study.
        values: Values of some keys; the rest is drawn.
        identify: Function that returns the name of a configuration; None: trials may repeat.
    """
    named = fixed(space, values)
    whole = complete(space, named)
    name = None if identify is None or whole is None else identify(whole)
    return WaitingPoint(values=named, configuration=name)
