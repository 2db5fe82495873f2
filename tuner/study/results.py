"""Results of the ended trials of a study."""

from collections.abc import Iterable

from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from tuner.study.attributes import COUNTED
from tuner.trial.records import TrialOutcome
from tuner.trial.serialization import from_plain


def outcomes(trials: Iterable[FrozenTrial]) -> list[TrialOutcome]:
    """Return the outcomes of all ended trials."""
    return [
        from_plain(TrialOutcome, trial.user_attrs["outcome"])
        for trial in trials
        if trial.state.is_finished() and "outcome" in trial.user_attrs
    ]


def config(trials: Iterable[FrozenTrial], number: int) -> str | None:
    """Return a trial's configuration as YAML; None before its first attempt."""
    found = next((trial for trial in trials if trial.number == number), None)
    return found.user_attrs.get("config") if found else None


def values(trials: Iterable[FrozenTrial]) -> list[tuple[float, ...] | None]:
    """Return the objectives of the trials that count toward a study's total.

    Returns:
        None for trials that did not complete or miss a constraint.
    """
    return [
        tuple(trial.values) if _is_usable(trial) else None
        for trial in trials
        if trial.state in COUNTED
    ]


def _is_usable(trial: FrozenTrial) -> bool:
    met = all(value <= 0.0 for value in trial.constraints.values())
    return trial.state is OptunaState.COMPLETE and met
