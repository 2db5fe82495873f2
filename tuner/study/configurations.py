"""The configurations that the trials of a study have run or will run, so that none runs twice."""

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
"""From a trial's parameters to what is the same for the same configuration."""


class Configurations:
    """What the trials of a study have run, are running or wait to run.

    A trial of any state holds its configuration, a failed one too: the same would fail again.
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
            space: What is searched.
            defaults: Value of each searched key in the untuned default configuration.
            identify: Names a configuration.
            trials: Reads all trials of the study.
            reserve: Notes a configuration for the trial of a number, unless another has it;
                True if it did.
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
        """Read the trials that are new or went on."""
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
        """Let a trial without all its parameters take again what it had reserved.

        Its reservation may be left from a call that the storage broke off, or from an agent that
        died.
        """
        self._held.discard(trial.user_attrs.get(CONFIGURATION, ""))

    def holds(self, parameters: Values) -> bool:
        """True if a trial that was read has this configuration.

        Parameters that a trial has need no name, which takes a while to find.
        """
        return canonical(parameters) in self._points or self.name(parameters) in self._held

    def reserve(self, number: int, parameters: Values) -> bool:
        """Note the configuration of a trial, unless another trial has it.

        Returns:
            True if the trial may run it.
        """
        if self.holds(parameters):
            return False
        name = self.name(parameters)
        self._held.add(name)
        return self._reserve(number, name)

    def name(self, parameters: Values) -> str:
        """Return what is the same for the same configuration."""
        point = canonical(parameters)
        if point not in self._names:
            self._names[point] = self._identify(parameters)
        return self._names[point]

    def _parameters(self, trial: FrozenTrial) -> dict[str, Scalar] | None:
        """The parameters of a trial by key; None while there are none, or not all."""
        if trial.number == UNTUNED:
            return self._space.untuned(self._defaults)
        if trial.state is OptunaState.WAITING and not trial.params:
            return None
        if complete(self._space, trial.params) is None:
            return None
        return by_key(self._space, trial.params)


class Unvisited:
    """The points of a grid that no trial has, in a random order that a seed decides."""

    def __init__(self, grid: Grid, seed: int, configurations: Configurations) -> None:
        """Look at no point yet.

        Args:
            grid: The points.
            seed: Decides the order.
            configurations: What the study's trials have.
        """
        self.size = grid.size
        self._grid = grid
        self._order = Shuffled(grid.size, seed)
        self._configurations = configurations
        self._place = 0

    def first(self) -> dict[str, Scalar] | None:
        """Return the first point that no trial has; None where each is taken.

        Over a whole search the cost is that of one look at each point. At the end there is one
        more, for points that an agent which died had passed by.
        """
        while self._place < self.size:
            point = self._grid.point(self._order[self._place])
            if not self._configurations.holds(point):
                return point
            self._place += 1
        return next((p for p in self._grid if not self._configurations.holds(p)), None)
