"""A running trial that this agent owns, in Optuna's terms: parameters, reports, end."""

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import TrialState as OptunaState

from tuner.search.goals import Goals
from tuner.search.space import SearchSpace
from tuner.study.attributes import ATTEMPT, CRASHES, FIXED, NOT_RUN
from tuner.study.curves import tell
from tuner.study.parameters import ask, complete
from tuner.trial.records import UNTUNED, Convergence, Scalar, TrialOutcome, TrialState
from tuner.trial.serialization import to_plain


class TrialHandle:
    """A running trial that this agent has claimed.

    Attributes:
        optuna: Optuna's trial.
    """

    def __init__(
        self, trial: optuna.Trial, goals: Goals, storage: BaseStorage, trial_id: int
    ) -> None:
        """Bind the parts together.

        Args:
            trial: Optuna's trial.
            goals: Goals of the study.
            storage: Storage of the study.
            trial_id: Id of the trial in the storage.
        """
        self.optuna = trial
        self._study = trial.study
        self._goals = goals
        self._storage = storage
        self._id = trial_id

    @property
    def number(self) -> int:
        """Number of the trial in the study."""
        return self.optuna.number

    @property
    def given(self) -> dict[str, Scalar]:
        """Values by dimension name that the trial was enqueued with."""
        return dict(self._storage.get_trial_system_attrs(self._id).get(FIXED, {}))

    def without_given(self) -> "TrialHandle":
        """Return the trial without its enqueued values, to be drawn like any other."""
        self._storage.set_trial_system_attr(self._id, FIXED, {})
        with _without_warnings():
            trial = optuna.Trial(self._study, self._id)
        return TrialHandle(trial, self._goals, self._storage, self._id)

    def set_attrs(self, values: Mapping[str, Any]) -> None:
        """Set user attributes; unchanged values are not written."""
        known = self.optuna.user_attrs
        for key, value in values.items():
            if key not in known or known[key] != value:
                self.optuna.set_user_attr(key, value)

    @property
    def has_parameters(self) -> bool:
        """True if some of its parameters are stored; Optuna never changes them."""
        return bool(self.optuna.params)

    @property
    def user_attrs(self) -> Mapping[str, Any]:
        """User attributes of the trial."""
        return self.optuna.user_attrs

    @property
    def attempt(self) -> int:
        """Number of this attempt, counted from 1."""
        return int(self.optuna.user_attrs[ATTEMPT])

    @property
    def crashes(self) -> int:
        """Number of attempts that ended with a worker or an agent that died."""
        return int(self.optuna.user_attrs.get(CRASHES, 0))

    def ask(self, space: SearchSpace, defaults: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """Return the parameters of the trial; see `tuner.study.parameters.ask`."""
        known = {**self.given, **self.optuna.params}
        # An untuned default outside the searched interval is intended.
        with _without_warnings():
            if self.number != UNTUNED and complete(space, known) is None:
                # Drawn completely before the first value is stored, which is final.
                _ = self.optuna.relative_params
            return ask(self.optuna, space, defaults)

    def report(self, point: int, values: Mapping[str, float]) -> None:
        """Report the watched metrics of an evaluation point; a point reported before is kept."""
        with _without_warnings():
            tell(self.optuna, self._goals, point, values)

    def should_prune(self) -> bool:
        """Return True if the pruner would stop it; Optuna itself asks only with one objective."""
        if not self._goals.several:
            return self.optuna.should_prune()
        return self._study.pruner.prune(self._study, self._storage.get_trial(self._id))

    def finish(self, outcome: TrialOutcome) -> None:
        """Tell Optuna how the trial ended, which is final."""
        self.optuna.set_user_attr("outcome", to_plain(outcome))
        # Above 0 is infeasible: TPE then avoids the region; from FAIL no sampler learns.
        reason = _infeasible_reason(outcome)
        missed = {reason: 1.0} if reason else {}
        with _without_warnings():
            for name, excess in (missed | self._goals.excesses(outcome.measured)).items():
                self.optuna.set_constraint(name, excess if math.isfinite(excess) else 1.0)
        if outcome.state is TrialState.COMPLETE:
            self._fill_curve(outcome)
            values = self._goals.values(outcome)
            self._study.tell(self.optuna, [values[name] for name in self._goals.objectives])
        elif outcome.state is TrialState.FAILED:
            self._study.tell(self.optuna, state=OptunaState.FAIL)
        else:
            self._study.tell(self.optuna, state=OptunaState.PRUNED)

    def fail_unplaced(self) -> None:
        """Fail a trial without parameters: no configuration is left for it."""
        self.optuna.set_user_attr(NOT_RUN, "every configuration is another trial's")
        self._study.tell(self.optuna, state=OptunaState.FAIL)

    def _fill_curve(self, outcome: TrialOutcome) -> None:
        """Extend the curve of a trial that ended as converged to its remaining points.

        Otherwise trials that run longer would be compared there with poorer trials only.
        """
        last = outcome.last
        if last is None:
            return
        values = self._goals.values(outcome)
        for point in range(last.point + 1, last.points + 1):
            self.report(point, values)
            self.should_prune()  # Successive halving stores a value only when asked.


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Suppress Optuna's warnings, for example about a point that was reported before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def _infeasible_reason(outcome: TrialOutcome) -> str:
    """Return a reason for samplers to avoid these parameters; empty if there is none.

    A completed trial has a value that says so; and a Gaussian process needs the same number of
    constraints from every completed trial.
    """
    if outcome.state is TrialState.COMPLETE:
        return ""
    if outcome.state is TrialState.INFEASIBLE:
        return "infeasible"
    diagnosis = outcome.diagnosis
    if diagnosis is not None and diagnosis.status is Convergence.DIVERGED:
        return "diverged"
    return "not_learning" if outcome.stopped_by == "not_learning" else ""
