"""Parameters of new trials: proposed by a sampler, inside the space, and never twice."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, TrialState

from tuner.search.domain import OUTSIDE, Choice, contains, member
from tuner.search.grid import Grid, is_finite
from tuner.search.modelled import FIXED_SPACE, modelled
from tuner.search.space import SearchSpace, Values
from tuner.study.attributes import FIXED
from tuner.study.configurations import Configurations, Unvisited
from tuner.study.filtered_study import filtered
from tuner.study.parameters import Named, by_key, distribution, fixed, single
from tuner.trial.records import UNTUNED, Scalar

DRAWS = 10
"""Number of proposals that a sampler may make for one trial before it is bypassed."""

RANDOM_DRAWS = 200
"""Number of random points that are tried after that, if the space is not finite."""

MODELLED = "modelled"
"""System attribute of a trial that CMA-ES drew: its dimensions, which must stay the same."""


class ExhaustedError(Exception):
    """Every configuration that a trial could have belongs to another trial."""


class SpaceSampler(BaseSampler):
    """An Optuna sampler that sees only the trials of a search space and repeats none of them.

    Optuna's samplers model the parameters that all trials have in common. The untuned default
    may lie outside the space and then lacks some: such trials are hidden from the sampler, and
    samplers that model a fixed set of parameters are given that set.
    """

    def __init__(
        self,
        *,
        name: str,
        sampler: BaseSampler,
        space: SearchSpace,
        defaults: Values,
        configurations: Configurations,
        unvisited: Unvisited | None,
        seed: int | None,
        set_system_attr: Callable[[int, str, Any], None],
    ) -> None:
        """Prepare the sampler without drawing.

        Args:
            name: Name of the sampler, as in conf/sampler.
            sampler: Sampler of Optuna.
            space: Search space of the study.
            defaults: Value of each searched key in the untuned default configuration.
            configurations: Configurations of the study's trials.
            unvisited: Points of a grid or of a finite space that no trial has; None if it is
                infinite.
            seed: Seed of the draws that are made when the sampler finds nothing new.
            set_system_attr: Function that sets a system attribute of the trial of a number.
        """
        self._name = name
        self._sampler = sampler
        self._random = RandomSampler(seed)
        self._space = space
        self._configurations = configurations
        self._unvisited = unvisited
        self._seed = seed or 0
        self._set_system_attr = set_system_attr
        self._fits = space.admits(space.untuned(defaults))
        self._relative = {d.name: distribution(d.domain) for d in modelled(name, space)}
        stored = fixed(space, defaults)
        self._before = sorted(name for name in self._relative if name in stored)
        self._visible_trials: dict[int, bool] = {}
        self._drawn: dict[int, Named] = {}

    # -- Optuna's interface -------------------------------------------------------------------

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Draw the whole trial; called before its first parameter that was not enqueued.

        Raises:
            ExhaustedError: Every configuration that it could have belongs to another trial.
        """
        self._drawn = {trial.number: self._draw(study, trial)}
        return {}

    def sample_relative(
        self,
        study: optuna.Study,  # noqa: ARG002
        trial: FrozenTrial,  # noqa: ARG002
        search_space: dict[str, BaseDistribution],  # noqa: ARG002
    ) -> dict[str, Any]:
        """Return nothing: the parameters are returned one by one."""
        return {}

    def sample_independent(
        self,
        study: optuna.Study,  # noqa: ARG002
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,  # noqa: ARG002
    ) -> Any:
        """Return the value that was drawn."""
        return self._drawn[trial.number][param_name]

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Call the wrapped sampler."""
        self._sampler.before_trial(self._view(study), trial)

    def after_trial(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Call the wrapped sampler."""
        self._sampler.after_trial(self._view(study), trial, state, values)

    def reseed_rng(self) -> None:
        """Call the wrapped sampler."""
        self._sampler.reseed_rng()

    # -- drawing ------------------------------------------------------------------------------

    def _draw(self, study: optuna.Study, trial: FrozenTrial) -> Named:
        """Draw until the configuration is new.

        Raises:
            ExhaustedError: Every configuration that it could have belongs to another trial.
        """
        self._configurations.refresh()
        self._configurations.release(trial)
        given = {**trial.system_attrs.get(FIXED, {}), **trial.params}
        for named in self._proposals(study, trial, given):
            if self._configurations.reserve(trial.number, by_key(self._space, named)):
                return named
        raise ExhaustedError

    def _proposals(self, study: optuna.Study, trial: FrozenTrial, given: Named) -> Iterator[Named]:
        if self._name == "grid" and not given:
            yield from self._points_of(self._unvisited)
            return
        view = self._view(study)
        for _ in range(DRAWS):
            yield self._proposal(self._sampler, view, trial, given)
        narrowed = _narrowed(self._space, given)
        if not given and self._unvisited is not None:
            yield from self._points_of(self._unvisited)
        elif is_finite(narrowed):
            points = Unvisited(Grid(narrowed), self._seed, self._configurations)
            yield from self._points_of(points)
        else:
            for _ in range(RANDOM_DRAWS):
                yield self._proposal(self._random, view, trial, given)

    def _points_of(self, unvisited: Unvisited | None) -> Iterator[Named]:
        while unvisited is not None and (point := unvisited.first()) is not None:
            yield fixed(self._space, point)

    def _proposal(
        self, sampler: BaseSampler, study: optuna.Study, trial: FrozenTrial, given: Named
    ) -> Named:
        """Return a sampler's proposal for the parameters that are not given."""
        relative = self._relative_values(sampler, study, trial)
        named: dict[str, Scalar] = {}
        values: dict[str, Scalar] = {}
        for dimension in self._space.dimensions:
            if not self._space.active(dimension, values):
                continue
            value, only = relative.get(dimension.name), single(dimension.domain)
            if dimension.name in given:
                value = given[dimension.name]
            elif only is not OUTSIDE:
                value = only
            elif dimension.name not in relative or not contains(dimension.domain, value):
                value = sampler.sample_independent(
                    study, trial, dimension.name, distribution(dimension.domain)
                )
            found = member(dimension.domain, value)
            named[dimension.name] = value if found is OUTSIDE else found
            values[dimension.key] = named[dimension.name]
        return named

    def _relative_values(
        self, sampler: BaseSampler, study: optuna.Study, trial: FrozenTrial
    ) -> Mapping[str, Any]:
        """Return the parameters that a sampler models together."""
        if sampler is self._sampler and self._name in FIXED_SPACE:
            wanted = dict(sorted(self._relative.items()))
            found = sampler.sample_relative(study, trial, wanted)
            if found and self._name == "cmaes":
                self._set_system_attr(trial.number, MODELLED, sorted(wanted))
            return found
        wanted = sampler.infer_relative_search_space(study, trial)
        return sampler.sample_relative(study, trial, wanted)

    # -- trials that the sampler sees ---------------------------------------------------------

    def _view(self, study: optuna.Study) -> optuna.Study:
        return filtered(study, self.is_visible)

    def is_visible(self, trial: FrozenTrial) -> bool:
        """Return True if a trial lies in the search space, so that a sampler may learn from it."""
        if trial.number == UNTUNED and not self._fits:
            return False
        if not trial.state.is_finished():
            return True
        if trial.number not in self._visible_trials:
            self._visible_trials[trial.number] = self._is_of_the_space(trial)
        return self._visible_trials[trial.number]

    def _is_of_the_space(self, trial: FrozenTrial) -> bool:
        if not self._space.admits(by_key(self._space, trial.params)):
            return False
        if self._name == "cmaes" and any("cma" in key for key in trial.system_attrs):
            # With a state over other dimensions CMA-ES would silently draw at random.
            found = trial.system_attrs.get(MODELLED, self._before)
            return bool(found == sorted(self._relative))
        return True


def _narrowed(space: SearchSpace, given: Named) -> SearchSpace:
    """Return the space with one value for each dimension that is given."""
    return SearchSpace(
        replace(dimension, domain=Choice(values=(given[dimension.name],)))
        if dimension.name in given
        else dimension
        for dimension in space.dimensions
    )
