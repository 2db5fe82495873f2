"""How the parameters of a new trial are drawn: by a sampler, in the space, and never twice."""

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
"""A sampler that proposes configurations which were tried is asked so often."""

RANDOM_DRAWS = 200
"""After that so many points are drawn at random, where the space is not finite."""

MODELLED = "modelled"
"""System attribute of a trial that CMA-ES drew: the dimensions, which must stay the same."""


class ExhaustedError(Exception):
    """Every configuration that a trial could have is another trial's."""


class SpaceSampler(BaseSampler):
    """An Optuna sampler that sees the trials of a search space alone, and repeats none.

    Optuna's samplers model the parameters that all trials have in common. The untuned default
    may lie outside the space, and then lacks some: such trials are hidden from the sampler, and
    those that model a fixed set of parameters are told which.
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
        """Draw nothing yet.

        Args:
            name: Of the sampler, as in conf/sampler.
            sampler: Optuna's.
            space: What is searched.
            defaults: Value of each searched key in the untuned default configuration.
            configurations: What the study's trials have.
            unvisited: The points of a grid, or of a finite space, that no trial has.
            seed: Of what is drawn where the sampler finds nothing new.
            set_system_attr: Sets a system attribute of the trial of a number.
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
        self._seen: dict[int, bool] = {}
        self._drawn: dict[int, Named] = {}

    # -- what Optuna asks ---------------------------------------------------------------------

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Draw the whole trial; called before its first parameter that is not given.

        Raises:
            ExhaustedError: Each configuration that it could have is another trial's.
        """
        self._drawn = {trial.number: self._draw(study, trial)}
        return {}

    def sample_relative(
        self,
        study: optuna.Study,  # noqa: ARG002
        trial: FrozenTrial,  # noqa: ARG002
        search_space: dict[str, BaseDistribution],  # noqa: ARG002
    ) -> dict[str, Any]:
        """Nothing: the parameters are answered one by one."""
        return {}

    def sample_independent(
        self,
        study: optuna.Study,  # noqa: ARG002
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,  # noqa: ARG002
    ) -> Any:
        """Return what was drawn."""
        return self._drawn[trial.number][param_name]

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Tell the sampler."""
        self._sampler.before_trial(self._view(study), trial)

    def after_trial(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Tell the sampler."""
        self._sampler.after_trial(self._view(study), trial, state, values)

    def reseed_rng(self) -> None:
        """Tell the sampler."""
        self._sampler.reseed_rng()

    # -- drawing ------------------------------------------------------------------------------

    def _draw(self, study: optuna.Study, trial: FrozenTrial) -> Named:
        """Draw until the configuration is the trial's own.

        Raises:
            ExhaustedError: Each configuration that it could have is another trial's.
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
        """What a sampler proposes for what is not given."""
        relative = self._proposed_together(sampler, study, trial)
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

    def _proposed_together(
        self, sampler: BaseSampler, study: optuna.Study, trial: FrozenTrial
    ) -> Mapping[str, Any]:
        """The parameters that a sampler models together."""
        if sampler is self._sampler and self._name in FIXED_SPACE:
            wanted = dict(sorted(self._relative.items()))
            found = sampler.sample_relative(study, trial, wanted)
            if found and self._name == "cmaes":
                self._set_system_attr(trial.number, MODELLED, sorted(wanted))
            return found
        wanted = sampler.infer_relative_search_space(study, trial)
        return sampler.sample_relative(study, trial, wanted)

    # -- what the sampler sees ----------------------------------------------------------------

    def _view(self, study: optuna.Study) -> optuna.Study:
        return filtered(study, self.sees)

    def sees(self, trial: FrozenTrial) -> bool:
        """True if a trial is one of the search space, so that a sampler may learn from it."""
        if trial.number == UNTUNED and not self._fits:
            return False
        if not trial.state.is_finished():
            return True
        if trial.number not in self._seen:
            self._seen[trial.number] = self._is_of_the_space(trial)
        return self._seen[trial.number]

    def _is_of_the_space(self, trial: FrozenTrial) -> bool:
        if not self._space.admits(by_key(self._space, trial.params)):
            return False
        if self._name == "cmaes" and any("cma" in key for key in trial.system_attrs):
            # A state over other dimensions would make it draw at random without a word.
            found = trial.system_attrs.get(MODELLED, self._before)
            return bool(found == sorted(self._relative))
        return True


def _narrowed(space: SearchSpace, given: Named) -> SearchSpace:
    """The space with one value for each dimension that is given."""
    return SearchSpace(
        replace(dimension, domain=Choice(values=(given[dimension.name],)))
        if dimension.name in given
        else dimension
        for dimension in space.dimensions
    )
