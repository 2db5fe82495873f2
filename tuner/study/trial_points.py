"""Parameters of trials: enqueued values, or values that a sampler draws."""

from collections.abc import Mapping
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage

from tuner.search.extent import grid_of
from tuner.search.goals import Goals
from tuner.search.space import SearchSpace, Values
from tuner.study.attributes import CONFIGURATION, PARAMETERS
from tuner.study.claims import TrialClaims
from tuner.study.configurations import Configurations, Identify, Unvisited
from tuner.study.drawing import ExhaustedError, SpaceSampler
from tuner.study.handle import TrialHandle
from tuner.study.parameters import complete
from tuner.trial.records import UNTUNED, Scalar


class TrialPoints:
    """The parameters of a study's trials.

    Attributes:
        exhausted: True once every configuration of the space, or of the grid, belongs to a trial.
    """

    def __init__(
        self,
        *,
        study: optuna.Study,
        storage: BaseStorage,
        claims: TrialClaims,
        space: SearchSpace,
        goals: Goals,
        defaults: Values,
    ) -> None:
        """Start without a sampler: trials have their enqueued values and may repeat.

        Args:
            study: Optuna's study.
            storage: Storage of the study.
            claims: Claims on the study's trials.
            space: Search space of the study.
            goals: Goals of the study.
            defaults: Value of each searched key in the untuned default configuration.
        """
        self._study = study
        self._storage = storage
        self._claims = claims
        self._space = space
        self._goals = goals
        self._defaults = defaults
        self._configurations: Configurations | None = None
        self._unvisited: Unvisited | None = None
        self.exhausted = False

    def use_sampler(
        self, settings: Mapping[str, Any], sampler: BaseSampler, identify: Identify
    ) -> None:
        """Draw the values that trials were not enqueued with, and let no configuration run twice.

        Args:
            settings: Group `sampler`.
            sampler: Sampler of Optuna.
            identify: Function that returns the name of a configuration.
        """
        seed = settings.get("seed")
        self._configurations = Configurations(
            space=self._space,
            defaults=self._defaults,
            identify=identify,
            trials=lambda: self._study.get_trials(deepcopy=False),
            reserve=self._claims.reserve,
        )
        grid = grid_of(self._space, settings)
        if grid is not None:
            self._unvisited = Unvisited(grid, seed or 0, self._configurations)
        self._study.sampler = SpaceSampler(
            name=settings["name"],
            sampler=sampler,
            space=self._space,
            defaults=self._defaults,
            configurations=self._configurations,
            unvisited=self._unvisited,
            seed=seed,
            set_system_attr=self._set_system_attr,
        )

    def _set_system_attr(self, number: int, name: str, value: Any) -> None:
        self._storage.set_trial_system_attr(self._claims.id_of(number), name, value)

    def has_more(self) -> bool:
        """Return True if a configuration may be left that no trial has."""
        if self._configurations is None:
            return False
        if self._unvisited is not None and not self.exhausted:
            self._configurations.refresh()
            self.exhausted = self._unvisited.first() is None
        return not self.exhausted

    def assign(self, claimed: optuna.Trial) -> tuple[TrialHandle, dict[str, Scalar]] | None:
        """Give a trial its parameters.

        Args:
            claimed: Trial that is RUNNING and ours.

        Returns:
            The trial, and key to value for the active dimensions. None if every configuration that
            it
                could have belongs to another trial; the trial has then failed.
        """
        trial_id = self._claims.id_of(claimed.number)
        trial = TrialHandle(claimed, self._goals, self._storage, trial_id)
        if self._is_repeated(trial):
            trial = trial.without_given()
        try:
            parameters = trial.ask(self._space, self._defaults)
        except ExhaustedError:
            if not trial.given:
                trial.fail_unplaced()
                self.exhausted = True
                return None
            trial = trial.without_given()
            return self.assign(trial.optuna)
        if trial.number == UNTUNED and self._configurations is not None:
            trial.set_attrs({PARAMETERS: parameters})
        return trial, parameters

    def _is_repeated(self, trial: TrialHandle) -> bool:
        """True if another trial has taken the configuration that a trial was enqueued with."""
        if self._configurations is None or trial.has_parameters:
            return False
        if CONFIGURATION in trial.user_attrs:
            return False
        is_untuned = trial.number == UNTUNED
        whole: Values | None = self._space.untuned(self._defaults)
        if not is_untuned:
            whole = complete(self._space, trial.given)
        if whole is None:
            return False
        self._configurations.refresh()
        return not self._configurations.reserve(trial.number, whole) and not is_untuned
