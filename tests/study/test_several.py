"""Studies of several objectives, and of constraints, on real storages."""

import optuna
import pytest
from optuna.trial import TrialState as OptunaState

from tests.goals import goals
from tests.records import outcome, report, settings
from tuner.config.checks import SAMPLERS_OF_SEVERAL
from tuner.search.space import Dimension, FloatInterval, SearchSpace
from tuner.settings.settings import StorageSettings
from tuner.study import Definition, InitialPoints, Study
from tuner.study.curves import curve
from tuner.study.reader import StudyReader
from tuner.trial.records import TrialState

SPACE = SearchSpace([Dimension(key="model.dropout", domain=FloatInterval(low=0.0, high=0.5))])
BOTH = goals(["val_accuracy", "examples_per_second"])
BOUND = goals(["val_accuracy"], {"peak_memory_bytes": "<= 2e9"})
EXTRAPOLATION = {"name": "extrapolation", "threshold": 0.02}
POINTS = 8


@pytest.fixture(params=["sqlite", "journal"])
def open_study(tmp_path, request):
    opened = []
    folder = tmp_path / "s"
    folder.mkdir()

    def open_(given=BOTH, sampler="random", **options):
        file = folder / ("study.db" if request.param == "sqlite" else "study.journal")
        study = Study(
            name="s",
            url=f"{request.param}:///{file}",
            definition=Definition(space=SPACE, base=settings(), goals=given),
            sampler={"name": sampler, "seed": 0, **options},
            pruner=EXTRAPOLATION,
            defaults={"model.dropout": 0.1},
        )
        opened.append(study)
        return study

    yield open_
    for study in opened:
        study.close()


def run(study, **ends):
    """A trial that is at its ends from the third point on, to its end."""
    asked = study.claim(None)
    for point in range(1, POINTS + 1):
        study.report(asked.number, point, dict(ends))
    measured = ended(study, asked.number, ends)
    study.finish(measured)
    return asked.number


def ended(study, number, ends):
    given = study._goals
    return outcome(
        number,
        value=ends[given.objective],
        measured=ends,
        violated=given.violated(ends),
        last=report(POINTS, POINTS),
    )


def stopped(study, **ends):
    """The points at which a trial that stays where it is would be stopped."""
    asked = study.claim(None)
    found = []
    for point in range(1, POINTS + 1):
        study.report(asked.number, point, dict(ends))
        if study.should_prune(asked.number):
            found.append(point)
    study.finish(outcome(asked.number, TrialState.PRUNED, measured=ends))
    return found


def test_what_a_completed_trial_beats_in_all_is_stopped_and_a_trade_off_is_not(open_study):
    study = open_study()
    run(study, val_accuracy=0.9, examples_per_second=100.0)
    assert stopped(study, val_accuracy=0.6, examples_per_second=50.0) == [3, 4, 5, 6, 7, 8]
    assert stopped(study, val_accuracy=0.6, examples_per_second=200.0) == []
    assert stopped(study, val_accuracy=0.95, examples_per_second=50.0) == []


def test_another_agent_prunes_by_what_this_one_reported(open_study):
    run(open_study(), val_accuracy=0.9, examples_per_second=100.0)
    assert stopped(open_study(), val_accuracy=0.6, examples_per_second=50.0)


def test_optuna_and_the_reader_know_every_objective_and_curve(open_study, tmp_path):
    study = open_study()
    number = run(study, val_accuracy=0.9, examples_per_second=100.0)
    assert study.values() == [(0.9, 100.0)]
    reader = StudyReader("s", StorageSettings(), tmp_path)
    read = reader.read()
    assert read.goals == BOTH
    ends = {"val_accuracy": 0.9, "examples_per_second": 100.0}
    assert read.trials[number].values == dict.fromkeys(range(1, POINTS + 1), ends)
    trial = reader._study.get_trials()[number]
    assert trial.values == [0.9, 100.0]
    assert curve(trial, "examples_per_second")[POINTS] == 100.0
    reader.close()


def test_a_point_that_was_told_before_is_left_as_it_was(open_study):
    study = open_study()
    asked = study.claim(None)
    study.report(asked.number, 1, {"val_accuracy": 0.5, "examples_per_second": 10.0})
    study.report(asked.number, 1, {"val_accuracy": 0.9, "examples_per_second": 90.0})
    (trial,) = study._study.get_trials()
    assert curve(trial, "val_accuracy") == {1: 0.5}


def test_a_trial_that_ended_early_stands_at_the_points_that_it_did_not_need(open_study):
    study = open_study()
    asked = study.claim(None)
    ends = {"val_accuracy": 0.9, "examples_per_second": 100.0}
    study.report(asked.number, 1, ends)
    study.finish(
        outcome(asked.number, value=0.9, measured=ends, last=report(1, POINTS, final=True))
    )
    (trial,) = study._study.get_trials()
    assert list(curve(trial, "examples_per_second")) == list(range(1, POINTS + 1))


@pytest.mark.parametrize("sampler", sorted(set(SAMPLERS_OF_SEVERAL) - {"gp", "grid"}))
def test_every_sampler_goes_on_after_completed_pruned_and_failed_trials(open_study, sampler):
    options = {"population_size": 4} if sampler == "nsgaii" else {}
    study = open_study(sampler=sampler, **options)
    for number in range(12):
        ends = {"val_accuracy": 0.5 + number / 100, "examples_per_second": 100.0 - number}
        if number % 3:
            run(study, **ends)
        else:
            stopped(study, **ends)
    failed = study.claim(None)
    study.finish(outcome(failed.number, TrialState.FAILED))
    assert 0.0 <= study.claim(None).parameters["model.dropout"] <= 0.5


def test_what_can_not_keep_a_constraint_is_stopped_and_told_as_infeasible(open_study):
    study = open_study(BOUND)
    large, small = (
        run(study, val_accuracy=0.9, peak_memory_bytes=3e9),
        run(study, val_accuracy=0.7, peak_memory_bytes=1e9),
    )
    assert stopped(study, val_accuracy=0.95, peak_memory_bytes=3e9)
    assert stopped(study, val_accuracy=0.8, peak_memory_bytes=1.5e9) == []  # Better than `small`.
    assert stopped(study, val_accuracy=0.6, peak_memory_bytes=1e9)
    assert study.values()[:2] == [None, (0.7,)]
    trials = study._study.get_trials()
    assert trials[large].constraints["peak_memory_bytes <="] == pytest.approx(0.5)
    assert trials[small].constraints["peak_memory_bytes <="] == pytest.approx(-0.5)
    assert [t.state for t in trials[:2]] == [OptunaState.COMPLETE] * 2


def test_a_bound_of_the_objective_itself_is_told_too(open_study):
    study = open_study(goals(["val_accuracy"], {"val_accuracy": "<= 0.88"}))
    over = run(study, val_accuracy=0.9)
    assert stopped(study, val_accuracy=0.87) == []
    assert study.values() == [None, None]
    assert study._study.get_trials()[over].constraints["val_accuracy <="] > 0.0


def test_points_for_a_new_study_are_not_added_to_one_that_there_is(tmp_path):
    made = {"definition": Definition(space=SPACE, base=settings(), goals=BOTH)}
    made |= {"name": "s", "url": f"sqlite:///{tmp_path}/study.db", "pruner": {"name": "none"}}
    made |= {"sampler": {"name": "random", "seed": 0}, "defaults": {"model.dropout": 0.1}}
    sizes = []
    for point in (0.2, 0.3):
        first = InitialPoints(always=[{"model.dropout": 0.4}], if_new=[{"model.dropout": point}])
        study = Study(**made, first=first)
        sizes.append((study.is_new, study.size))
        study.close()
    assert sizes == [(True, 3), (False, 3)]


def test_tpe_leaves_the_part_of_the_space_that_misses_a_constraint(open_study):
    study = open_study(BOUND, "tpe")
    asked = []
    for _ in range(40):
        trial = study.claim(None)
        dropout = trial.parameters["model.dropout"]
        asked.append(dropout)
        ends = {"val_accuracy": 0.5 + dropout, "peak_memory_bytes": 8e9 * dropout}
        study.finish(ended(study, trial.number, ends))
    late = asked[20:]
    assert sum(dropout <= 0.26 for dropout in late) > len(late) / 2


def test_another_constraint_is_another_study(open_study):
    open_study(BOUND)
    with pytest.raises(Exception, match=r"sweep\.constraints\.peak_memory_bytes: <= 2000000000"):
        open_study(goals(["val_accuracy"], {"peak_memory_bytes": "<= 3e9"}))


def test_importances_are_those_of_the_first_objective(open_study):
    study = open_study()
    for _ in range(8):
        trial = study.claim(None)
        dropout = trial.parameters["model.dropout"]
        ends = {"val_accuracy": dropout, "examples_per_second": 1.0}
        study.finish(ended(study, trial.number, ends))
    assert set(study.importances()) <= {"model.dropout"}
    assert optuna.logging.get_verbosity() == optuna.logging.ERROR
