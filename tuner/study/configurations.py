"""Configurations of a study's trials, kept so that none runs twice."""

from collections.abc import Callable, Iterable

from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from tuner.search.configuration_id import canonical
from tuner.search.grid import Grid, Shuffled
from tuner.search.space import SearchSpace, Values
from tuner.study.attributes import CONFIGURATION
from tuner.study.parameters import by_key, complete
from tuner.trial.records import UNTUNED, Scalar

Identify = Callable[[Values], str]
"""Function of a trial's parameters; returns the name of the configuration that they make."""


class Configurations:
    """The configurations that the trials of a study have run, are running or wait to run.

    A failed trial keeps its configuration, too: it would fail again.
    """

    def __init__(
        self,
        *,
        space: SearchSpace,
        defaults: Values,
        identify: Identify,
        trials: Callable[[], Iterable[FrozenTrial]],
        reserve: Callable[[int, str], bool],
    ) -> None:
        """Read nothing yet.

        Args:
            space: Search space of the study.
            defaults: Value of each searched key in the untuned default configuration.
            identify: Function that returns the name of a configuration.
            trials: Function that reads all trials of the study.
            reserve: Function that writes a configuration for the trial of a number and returns
                True, or returns False if another trial has it.
        """
        self._space = space
        self._defaults = defaults
        self._identify = identify
        self._trials = trials
        self._reserve = reserve
        self._read: set[int] = set()
        self._held: set[str] = set()
        self._points: set[str] = set()
        self._names: dict[str, str] = {}

    def refresh(self) -> None:
        """Read the trials that are new or have changed."""
        for trial in self._trials():
            if trial.number in self._read:
                continue
            name, point = trial.user_attrs.get(CONFIGURATION), self._parameters(trial)
            if name is not None:
                self._held.add(name)
            if point is not None:
                self._points.add(canonical(point))
            if point is not None or trial.state.is_finished():
                self._read.add(trial.number)

    def release(self, trial: FrozenTrial) -> None:
        """Let a trial without all its parameters take the configuration that it had reserved.

        The reservation may be left over from a call that the storage interrupted, or from an agent
        that died.
        """
        self._held.discard(trial.user_attrs.get(CONFIGURATION, ""))

    def is_taken(self, parameters: Values) -> bool:
        """Return True if a trial that was read has this configuration.

        The parameters are compared first, because the name of a configuration takes a while to
        find.
        """
        return canonical(parameters) in self._points or self.name(parameters) in self._held

    def reserve(self, number: int, parameters: Values) -> bool:
        """Reserve a configuration for a trial, unless another trial has it.

        Returns:
            True if the trial may run it.
        """
        if self.is_taken(parameters):
            return False
        name = self.name(parameters)
        self._held.add(name)
        return self._reserve(number, name)

    def name(self, parameters: Values) -> str:
        """Return the name of the configuration that these parameters make."""
        point = canonical(parameters)
        if point not in self._names:
            self._names[point] = self._identify(parameters)
        return self._names[point]

    def _parameters(self, trial: FrozenTrial) -> dict[str, Scalar] | None:
        """Return the parameters of a trial by key; None as long as some are missing."""
        if trial.number == UNTUNED:
            return self._space.untuned(self._defaults)
        if trial.state is OptunaState.WAITING and not trial.params:
            return None
        if complete(self._space, trial.params) is None:
            return None
        return by_key(self._space, trial.params)


class Unvisited:
    """The points of a grid that no trial has, in a random order given by a seed."""

    def __init__(self, grid: Grid, seed: int, configurations: Configurations) -> None:
        """Prepare the order without reading any point.

        Args:
            grid: Points to visit.
            seed: Seed of the order.
            configurations: Configurations of the study's trials.
        """
        self.size = grid.size
        self._grid = grid
        self._order = Shuffled(grid.size, seed)
        self._configurations = configurations
        self._place = 0

    def first(self) -> dict[str, Scalar] | None:
        """Return the first point that no trial has; None if every point is taken.

        Over a whole search each point is checked once. At the end all are checked once more, for
        points that were skipped for an agent which died.
        """
        while self._place < self.size:
            point = self._grid.point(self._order[self._place])
            if not self._configurations.is_taken(point):
                return point
            self._place += 1
        return next((p for p in self._grid if not self._configurations.is_taken(p)), None)
