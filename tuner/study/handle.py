"""A trial of ours in Optuna's terms: what it is asked for, what it tells, how it ends."""

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.storages import _CachedStorage
from optuna.trial import TrialState as OptunaState

from tuner.search.goals import Goals
from tuner.search.space import SearchSpace
from tuner.study.curves import tell
from tuner.study.ledger import ATTEMPT, CRASHES, FIXED, NOT_RUN
from tuner.study.parameters import ask, complete
from tuner.trial.records import UNTUNED, Convergence, Scalar, TrialOutcome, TrialState
from tuner.trial.serialization import to_plain


class TrialHandle:
    """A running trial, which the ledger made and Optuna did not.

    Attributes:
        id: In the storage.
    """

    def __init__(self, study: optuna.Study, goals: Goals, trial_id: int) -> None:
        """Lets Optuna know the trial, as its own `ask` does.

        Args:
            study: Optuna's.
            goals: Of the study.
            trial_id: In the storage.
        """
        self.id = trial_id
        self._study = study
        self._goals = goals
        study._thread_local.cached_all_trials = None  # noqa: SLF001
        with _without_warnings():
            self._trial = optuna.Trial(study, trial_id)
        _acquaint(self._trial)

    @property
    def number(self) -> int:
        """In the study."""
        return self._trial.number

    @property
    def given(self) -> dict[str, Scalar]:
        """Dimension's name to value, for what it waited with."""
        return dict(self._trial.storage.get_trial_system_attrs(self.id).get(FIXED, {}))

    @property
    def has_parameters(self) -> bool:
        """True if some of its parameters are stored, which is for good."""
        return bool(self._trial.params)

    @property
    def user_attrs(self) -> Mapping[str, Any]:
        """What is noted of it."""
        return self._trial.user_attrs

    @property
    def attempt(self) -> int:
        """Which try at it this is, counted from 1."""
        return int(self._trial.user_attrs[ATTEMPT])

    @property
    def crashes(self) -> int:
        """How many tries at it ended with a worker or an agent that died."""
        return int(self._trial.user_attrs.get(CRASHES, 0))

    def ask(self, space: SearchSpace, defaults: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """Its parameters; see `tuner.study.parameters.ask`."""
        known = {**self.given, **self._trial.params}
        # An untuned default outside the searched interval is meant as it is.
        with _without_warnings():
            if self.number != UNTUNED and complete(space, known) is None:
                # Drawn whole before any of it is stored, which would be for good.
                _ = self._trial.relative_params
            return ask(self._trial, space, defaults)

    def report(self, point: int, values: Mapping[str, float]) -> None:
        """Tells what counts at an evaluation point; a point told before is left as it was."""
        with _without_warnings():
            tell(self._trial, self._goals, point, values)

    def should_prune(self) -> bool:
        """Whether the pruner would stop it; Optuna asks for studies of one objective alone."""
        if not self._goals.several:
            return self._trial.should_prune()
        now = self._trial.storage.get_trial(self.id)
        return self._study.pruner.prune(self._study, now)

    def finish(self, outcome: TrialOutcome) -> None:
        """Tells how it ended, which is for good."""
        self._trial.set_user_attr("outcome", to_plain(outcome))
        # Above 0 is infeasible: TPE then steers away; from FAIL no sampler learns.
        hopeless = _hopeless(outcome)
        missed = {hopeless: 1.0} if hopeless else {}
        with _without_warnings():
            for name, excess in (missed | self._goals.excesses(outcome.measured)).items():
                self._trial.set_constraint(name, excess if math.isfinite(excess) else 1.0)
        if outcome.state is TrialState.COMPLETE:
            self._hold(outcome)
            values = self._goals.values(outcome)
            self._study.tell(self._trial, [values[name] for name in self._goals.objectives])
        elif outcome.state is TrialState.FAILED:
            self._study.tell(self._trial, state=OptunaState.FAIL)
        else:
            self._study.tell(self._trial, state=OptunaState.PRUNED)

    def give_up(self) -> None:
        """Ends a trial that has no parameters: there is nothing that it could run."""
        self._trial.set_user_attr(NOT_RUN, "every configuration is another trial's")
        self._study.tell(self._trial, state=OptunaState.FAIL)

    def _hold(self, outcome: TrialOutcome) -> None:
        """Lets a trial that was ended as converged stand at the points that it did not need.

        Otherwise those that go on would meet nobody there, and be pruned by poorer ones only.
        """
        last = outcome.last
        if last is None:
            return
        values = self._goals.values(outcome)
        for point in range(last.point + 1, last.points + 1):
            self.report(point, values)
            self.should_prune()  # Successive halving notes a value only when asked.


def _acquaint(trial: optuna.Trial) -> None:
    """Lets Optuna's cache know a trial that was not made through it."""
    study, cache = trial.study, trial.storage
    if isinstance(cache, _CachedStorage):
        known = trial._cached_frozen_trial  # noqa: SLF001
        cache.get_study_name_from_id(study._study_id)  # noqa: SLF001  (it makes room)
        cache._add_trials_to_cache(study._study_id, [known])  # noqa: SLF001


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Without Optuna's, as that about what was told before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def _hopeless(outcome: TrialOutcome) -> str:
    """Why no sampler should come near these parameters again; empty where nothing says so.

    What completed has a value that says it; and a Gaussian process takes as many constraints of
    each completed trial.
    """
    if outcome.state is TrialState.COMPLETE:
        return ""
    if outcome.state is TrialState.INFEASIBLE:
        return "infeasible"
    diagnosis = outcome.diagnosis
    if diagnosis is not None and diagnosis.status is Convergence.DIVERGED:
        return "diverged"
    return "not_learning" if outcome.stopped_by == "not_learning" else ""
