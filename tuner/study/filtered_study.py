"""A study without some of its trials, as one of Optuna's samplers reads it.

This is the only place that relies on something private to Optuna: its samplers read the trials of
a study by `_get_trials`, which Hyperband does not filter, unlike `get_trials`.
tests/study/test_filtered_study.py holds each assumption.
"""

from collections.abc import Callable, Iterable
from typing import Any, cast

import optuna
from optuna.trial import FrozenTrial, TrialState


def filtered(study: optuna.Study, keep: Callable[[FrozenTrial], bool]) -> optuna.Study:
    """Return a study without some of its trials.

    Args:
        study: Optuna's study, or one that a pruner filters already.
        keep: Function that returns True for a trial that stays visible.
    """
    return cast("optuna.Study", _FilteredStudy(study, keep))


class _FilteredStudy:
    def __init__(self, study: optuna.Study, keep: Callable[[FrozenTrial], bool]) -> None:
        self._study = study
        self._keep = keep

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def get_trials(
        self, deepcopy: bool = True, states: Iterable[TrialState] | None = None
    ) -> list[FrozenTrial]:
        found = self._study.get_trials(deepcopy, None if states is None else tuple(states))
        return [trial for trial in found if self._keep(trial)]

    def _get_trials(
        self,
        deepcopy: bool = True,
        states: Iterable[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        """Read the trials as Optuna's samplers do."""
        found = self._study._get_trials(  # noqa: SLF001
            deepcopy, None if states is None else tuple(states), use_cache
        )
        return [trial for trial in found if self._keep(trial)]
