"""A grid of thousands of points: none is written down before its turn."""

from tests.studies import complete, on_both, stored
from tuner.search.grid import Grid
from tuner.search.space import Dimension, FloatInterval, SearchSpace

LARGE = SearchSpace(
    Dimension(key=f"k{number}", domain=FloatInterval(low=0.0, high=1.0)) for number in range(2)
)
GRID = {"name": "grid", "seed": 0, "points_per_interval": 75}
DEFAULTS = {"k0": 0.3, "k1": 0.3}


@on_both
def test_only_trials_that_begin_are_in_the_study(open_study, tmp_path):
    study = open_study(space=LARGE, defaults=DEFAULTS, sampler=GRID)
    assert len(stored(tmp_path).trials) == 1
    for count in (1, 2, 3):
        assert LARGE.admits(study.claim(None).parameters)
        assert len(stored(tmp_path).trials) == count


def test_what_a_trial_costs_does_not_depend_on_the_grids_size(open_study, monkeypatch):
    looked_at, point = [], Grid.point

    def counted(self, position):
        looked_at.append(position)
        return point(self, position)

    monkeypatch.setattr(Grid, "point", counted)
    study = open_study(space=LARGE, defaults=DEFAULTS, sampler=GRID)
    for _ in range(10):
        study.claim(None)
    assert 9 <= len(looked_at) < 50


def test_a_later_start_goes_on_where_the_grid_was(open_study):
    found = []
    for _ in range(3):
        study = open_study(space=LARGE, defaults=DEFAULTS, sampler=GRID)
        found += [tuple(complete(study).parameters.values()) for _ in range(3)]
    assert len(set(found)) == 9
