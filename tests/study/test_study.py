import itertools
import math
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState as OptunaState
from sqlalchemy import create_engine, event, text

from tests.records import outcome, settings
from tuner.core.goals import Goals
from tuner.core.settings import StorageSettings
from tuner.core.space import Choice, Dimension, FloatInterval, IntInterval, SearchSpace
from tuner.core.trial import Convergence, Diagnosis, TrialState
from tuner.disk import DiskFullError, UnwritableError
from tuner.errors import InputError
from tuner.study import Asked, Definition, Study, differences, sqlite_url
from tuner.study.journal import journal_url
from tuner.study.owner import identity
from tuner.study.patience import Patience, StorageAwayError

RATE = Dimension(
    key="optimizer.learning_rate", domain=FloatInterval(low=1e-6, high=1e-3, log=True)
)
OPTIMIZER = Dimension(key="optimizer", domain=Choice(values=("adamw", "sgd")))
MOMENTUM = Dimension(
    key="optimizer.momentum",
    domain=FloatInterval(low=0.5, high=0.99),
    when={"optimizer": ("sgd",)},
)
SPACE = SearchSpace([RATE, OPTIMIZER, MOMENTUM])
DEFAULTS = {"optimizer.learning_rate": 1e-4, "optimizer": "adamw"}
RANDOM = {"name": "random", "seed": 0}
NONE = {"name": "none"}


on_both = pytest.mark.parametrize("kind", ["sqlite", "journal"], indirect=True)
"""What holds for a study wherever it is kept."""


@pytest.fixture
def kind(request):
    """What the study is kept in."""
    return getattr(request, "param", "sqlite")


@pytest.fixture
def open_study(tmp_path, kind):
    opened = []
    journal = journal_url(tmp_path / "study.journal")

    def open_(
        space=SPACE, defaults=DEFAULTS, sampler=RANDOM, pruner=NONE, base=None, storage=None
    ):
        study = Study(
            name="s",
            url=sqlite_url(tmp_path / "study.db") if kind == "sqlite" else journal,
            definition=Definition(
                space=space,
                base=base or settings(),
                goals=Goals(objectives=("val_accuracy",)),
            ),
            sampler=sampler,
            pruner=pruner,
            defaults=defaults,
            settings=storage,
        )
        opened.append(study)
        return study

    yield open_
    for study in opened:
        study.close()


def stored(tmp_path):
    """The study as Optuna alone reads it."""
    journal = tmp_path / "study.journal"
    if journal.exists():
        storage = JournalStorage(JournalFileBackend(str(journal)))
        return optuna.load_study(study_name="s", storage=storage)
    return optuna.load_study(study_name="s", storage=f"sqlite:///{tmp_path / 'study.db'}")


def complete(study, value=0.7):
    asked = study.claim(None)
    study.finish(outcome(asked.number, value=value, parameters=asked.parameters))
    return asked


@on_both
def test_trial_0_is_the_untuned_default(open_study):
    assert open_study().claim(None).parameters == DEFAULTS


def test_a_default_outside_the_interval_is_run_as_it_is(open_study):
    asked = open_study(defaults=DEFAULTS | {"optimizer.learning_rate": 0.5}).claim(None)
    assert asked.parameters["optimizer.learning_rate"] == 0.5


def test_a_default_of_0_stays_the_default_where_a_log_scale_has_no_0(open_study):
    asked = open_study(defaults=DEFAULTS | {"optimizer.learning_rate": 0.0}).claim(None)
    assert asked.parameters == {"optimizer": "adamw"}


def test_a_default_outside_the_choices_stays_the_default_by_not_being_set(open_study):
    asked = open_study(defaults=DEFAULTS | {"optimizer": "lion"}).claim(None)
    assert asked.parameters == {"optimizer.learning_rate": 1e-4}


@on_both
def test_conditional_keys_are_asked_only_where_their_condition_holds(open_study):
    study = open_study()
    asked = [complete(study).parameters for _ in range(20)]
    assert all(("optimizer.momentum" in p) == (p["optimizer"] == "sgd") for p in asked)
    assert {p["optimizer"] for p in asked} == {"adamw", "sgd"}


@on_both
def test_the_total_counts_completed_pruned_and_running_but_not_failed(open_study):
    study = open_study()
    complete(study)
    study.finish(outcome(study.claim(None).number, TrialState.PRUNED))
    study.finish(outcome(study.claim(None).number, TrialState.FAILED))
    study.claim(None)
    assert study.claim(3) is None
    assert study.claim(4) is not None
    assert study.claim(4) is None


@on_both
@pytest.mark.parametrize(
    ("state", "status", "told", "constraints"),
    [
        (TrialState.PRUNED, Convergence.IMPROVING, OptunaState.PRUNED, {}),
        (TrialState.PRUNED, Convergence.DIVERGED, OptunaState.PRUNED, {"diverged": 1.0}),
        (TrialState.INFEASIBLE, Convergence.UNDETERMINED, OptunaState.PRUNED, {"infeasible": 1.0}),
        (TrialState.FAILED, Convergence.UNDETERMINED, OptunaState.FAIL, {}),
        (TrialState.COMPLETE, Convergence.DIVERGED, OptunaState.COMPLETE, {}),
    ],
)
def test_how_an_end_is_told_to_optuna(open_study, tmp_path, state, status, told, constraints):
    study = open_study()
    number = study.claim(None).number
    diagnosis = Diagnosis(status=status, reason="", advice="")
    study.finish(outcome(number, state, diagnosis=diagnosis))
    trial = stored(tmp_path).trials[number]
    assert trial.state is told
    assert trial.constraints == constraints


@on_both
def test_an_interrupted_trial_keeps_number_and_parameters(open_study, tmp_path):
    study = open_study()
    complete(study)
    asked = study.claim(None)
    study.report(asked.number, 1, {"val_accuracy": 0.6})
    study.finish(outcome(asked.number, TrialState.INTERRUPTED))
    assert stored(tmp_path).trials[asked.number].state is OptunaState.WAITING

    again = open_study()
    assert again.claim(None) == replace(asked, attempt=2)
    again.report(asked.number, 1, {"val_accuracy": 0.6})  # told before: left as it was
    again.finish(outcome(asked.number, value=0.8))
    assert [o.number for o in again.outcomes()] == [0, 1]


@on_both
def test_the_trial_of_an_agent_that_died_is_taken_up_again(open_study, tmp_path, kind):
    open_study()
    code = (
        "import os, pathlib, sys; sys.path.insert(0, sys.argv[2])\n"
        "from tests.study.test_study import *\n"
        "study = Study(name='s', url=sys.argv[1], definition=Definition("
        "space=SPACE, base=settings(), goals=Goals(objectives=('val_accuracy',))), "
        "sampler=RANDOM, pruner=NONE, defaults=DEFAULTS)\n"
        "print(study.claim(None).number, flush=True); os.kill(os.getpid(), 9)\n"
    )
    file = tmp_path / ("study.db" if kind == "sqlite" else "study.journal")
    ended = subprocess.run(
        [sys.executable, "-c", code, f"{kind}:///{file}", "."],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (-9, "0\n"), ended.stderr
    study = open_study()
    assert study.release_orphans() == [0]
    asked = study.claim(1)
    assert asked == Asked(number=0, parameters=DEFAULTS, attempt=2, crashes=1)
    assert study.claim(1) is None


@on_both
def test_a_restart_does_not_repeat_its_first_points(open_study):
    first = open_study()
    drawn = [complete(first).parameters["optimizer.learning_rate"] for _ in range(4)]
    second = open_study()
    drawn += [complete(second).parameters["optimizer.learning_rate"] for _ in range(4)]
    assert len(set(drawn)) == 8


@on_both
def test_a_grid_covers_every_point_once_and_then_ends(open_study):
    space = SearchSpace(
        [OPTIMIZER, Dimension(key="training.batch_size", domain=IntInterval(low=1, high=3))]
    )
    defaults = {"optimizer": "adamw", "training.batch_size": 2}
    study = open_study(
        space=space,
        defaults=defaults,
        sampler={"name": "grid", "seed": 0, "points_per_interval": 2},
    )
    seen = []
    while asked := study.claim(100):
        study.finish(outcome(asked.number, parameters=asked.parameters))
        seen.append(tuple(asked.parameters.values()))
    assert not study.awaiting(100)
    assert seen[0] == ("adamw", 2)
    assert sorted(seen) == [(o, n) for o in ("adamw", "sgd") for n in (1, 2, 3)]


@pytest.mark.parametrize("name", ["tpe", "random", "cmaes", "qmc", "nsgaii"])
def test_every_sampler_runs_on_a_conditional_space(open_study, name):
    study = open_study(sampler={"name": name, "seed": 0})
    for value in (0.5, 0.6, 0.7, 0.6, 0.5):
        complete(study, value)
    assert len(study.outcomes()) == 5


@pytest.mark.parametrize(
    "pruner",
    [
        {"name": "asha", "min_resource": 1, "reduction_factor": 2},
        {"name": "hyperband", "min_resource": 1, "max_resource": 5},
        {"name": "median", "n_startup_trials": 2},
        {"name": "percentile", "percentile": 50.0, "n_startup_trials": 2},
        {"name": "threshold", "lower": 0.55},
    ],
    ids=lambda pruner: pruner["name"],
)
def test_every_comparing_pruner_stops_a_poor_trial(open_study, pruner):
    study = open_study(pruner=pruner)
    for _ in range(6):
        asked = study.claim(None)
        for point in range(1, 6):
            study.report(asked.number, point, {"val_accuracy": 0.8})
            assert not study.should_prune(asked.number)
        study.finish(outcome(asked.number, value=0.8))
    asked = study.claim(None)
    stopped = []
    for point in range(1, 6):
        study.report(asked.number, point, {"val_accuracy": 0.5})
        stopped.append(study.should_prune(asked.number))
    assert any(stopped)


def test_patient_stops_what_no_longer_gets_better_and_none_stops_nothing(open_study):
    for pruner, expected in (({"name": "patient", "patience": 1}, True), (NONE, False)):
        study = open_study(pruner=pruner)
        asked = study.claim(None)
        for point, value in enumerate([0.8, 0.7, 0.6, 0.5], start=1):
            study.report(asked.number, point, {"val_accuracy": value})
        assert study.should_prune(asked.number) is expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sampler": {"name": "magic"}}, ["unknown sampler 'magic'", "tpe"]),
        ({"pruner": {"name": "magic"}}, ["unknown pruner 'magic'", "asha"]),
        ({"pruner": {"name": "asha", "reduction_factor": 0}}, ["pruner=asha"]),
        ({"sampler": {"name": "gp", "seed": 0}}, ["torch", "tuner[gp]"]),
    ],
)
def test_wrong_options_are_the_users_errors(open_study, monkeypatch, options, words):
    monkeypatch.setattr("tuner.search.importlib.util.find_spec", lambda _: None)
    with pytest.raises(InputError) as caught:
        open_study(**options)
    assert all(word in str(caught.value) for word in words)


@on_both
def test_a_study_made_of_something_else_is_refused_with_the_difference(open_study):
    open_study()
    with pytest.raises(InputError) as caught:
        open_study(base=settings(epochs=9.0))
    assert "training.epochs: 3.0 → 9.0" in str(caught.value)
    assert "study=s-2" in str(caught.value)
    with pytest.raises(InputError, match="space"):
        open_study(space=SearchSpace([RATE]))


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "nodriver://u:secret@h/x",
        "postgresql://u:secret@127.0.0.1:9/x",
        "sqlite:////proc/x",
    ],
)
def test_a_storage_that_can_not_be_opened_is_the_users_error_without_its_password(url):
    with pytest.raises(InputError) as caught:
        Study(
            name="s",
            url=url,
            definition=Definition(
                space=SPACE, base=settings(), goals=Goals(objectives=("val_accuracy",))
            ),
            sampler=RANDOM,
            pruner=NONE,
            defaults=DEFAULTS,
        )
    assert "storage.url" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_folder_that_can_not_be_written_is_the_users_error():
    with pytest.raises(InputError, match="output=/proc"):
        sqlite_url(Path("/proc/x/study.db"))


@on_both
def test_what_one_agent_has_settled_stands_for_all(open_study):
    ours, theirs = open_study(), open_study()
    assert ours.settle("tested", None) is None
    assert ours.settle("tested", {"trial": 3}) == {"trial": 3}
    assert theirs.settle("tested", {"trial": 5}) == {"trial": 3}
    assert theirs.settle("tested", None) == {"trial": 3}


def test_where_its_test_rows_are_makes_no_other_study(open_study):
    base = settings()
    open_study(base=base)
    open_study(base=replace(base, data=replace(base.data, test="test.csv")))


def test_differences_name_every_leaf():
    assert differences({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}, "d": 4}) == [
        "a.b: 1 → 3",
        "c: 2 → None",
        "d: None → 4",
    ]


def test_the_database_is_in_write_ahead_mode(tmp_path):
    sqlite_url(tmp_path / "deep" / "study.db")
    with closing(sqlite3.connect(tmp_path / "deep" / "study.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def run_trials(study, count, score):
    for _ in range(count):
        asked = study.claim(None)
        value = score(asked.parameters)
        study.finish(outcome(asked.number, value=value, parameters=asked.parameters))


def test_importances_find_what_decides_and_leave_chance_at_0(open_study):
    study = open_study()
    run_trials(study, 30, lambda p: -abs(math.log10(p["optimizer.learning_rate"]) + 5))
    found = study.importances()
    assert next(iter(found)) == "optimizer.learning_rate"
    assert sum(found.values()) == pytest.approx(1.0)
    assert found["optimizer.momentum"] == 0.0
    assert study.importances() == found


def test_importances_add_up_over_the_dimensions_of_a_key(open_study):
    rates = [
        Dimension(
            key="optimizer.learning_rate",
            name=f"optimizer.learning_rate@optimizer={name}",
            domain=FloatInterval(low=low, high=100 * low, log=True),
            when={"optimizer": (name,)},
        )
        for name, low in (("adamw", 1e-6), ("sgd", 1e-3))
    ]
    study = open_study(space=SearchSpace([OPTIMIZER, *rates]))
    middle = {"adamw": 1e-5, "sgd": 1e-2}
    run_trials(
        study,
        40,
        lambda p: -abs(math.log(p["optimizer.learning_rate"] / middle[p["optimizer"]])),
    )
    found = study.importances()
    assert set(found) == {"optimizer", "optimizer.learning_rate"}
    assert next(iter(found)) == "optimizer.learning_rate"


@pytest.mark.parametrize("values", [[], [0.7], [0.7, 0.7, 0.7]])
def test_without_a_difference_nothing_is_important(open_study, values):
    study = open_study()
    for value in values:
        complete(study, value)
    study.finish(outcome(study.claim(None).number, TrialState.PRUNED))
    assert study.importances() == {}


def test_importances_take_a_default_outside_the_space(open_study):
    study = open_study(defaults=DEFAULTS | {"optimizer.learning_rate": 0.5})
    for value in (0.9, 0.5, 0.6):
        complete(study, value)
    assert set(study.importances()) <= set(SPACE.keys)


# -- a database that is away ------------------------------------------------------------------

HOLD = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


@contextmanager
def held_by_another_process(database, seconds):
    """Nobody else can write the database for so long."""
    words = [sys.executable, "-c", HOLD, str(database), str(seconds)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        yield
        holder.kill()


def test_a_database_locked_for_longer_than_sqlite_waits_loses_nothing(
    open_study, tmp_path, monkeypatch
):
    monkeypatch.setattr("tuner.study.storage.LOCK_TIMEOUT", 0.2)
    study = open_study()
    asked = study.claim(None)
    with held_by_another_process(tmp_path / "study.db", 1.5):
        study.report(asked.number, 1, {"val_accuracy": 0.6})
        study.report(asked.number, 2, {"val_accuracy": 0.7})
        study.finish(outcome(asked.number, value=0.7, parameters=asked.parameters))
    (trial,) = stored(tmp_path).trials
    assert trial.intermediate_values == {1: 0.6, 2: 0.7}
    assert (trial.state, trial.value) == (OptunaState.COMPLETE, 0.7)


def test_a_database_locked_for_too_long_is_told_and_the_trial_is_taken_up_again(
    open_study, tmp_path, monkeypatch
):
    monkeypatch.setattr("tuner.study.storage.LOCK_TIMEOUT", 0.2)
    study = open_study(storage=StorageSettings(retry_timeout=0.5))
    asked = study.claim(None)
    with held_by_another_process(tmp_path / "study.db", 60):
        with pytest.raises(StorageAwayError, match=r"did not answer for 0 s.*database is locked"):
            study.report(asked.number, 1, {"val_accuracy": 0.6})
        study.close()
    assert open_study().claim(1).number == asked.number


def test_in_a_hurry_a_locked_database_is_not_waited_for(open_study, tmp_path, monkeypatch):
    monkeypatch.setattr("tuner.study.storage.LOCK_TIMEOUT", 0.2)
    study = open_study()
    asked = study.claim(None)
    study.hurry()
    with (
        held_by_another_process(tmp_path / "study.db", 60),
        pytest.raises(StorageAwayError, match=r"did not answer: .*database is locked"),
    ):
        study.report(asked.number, 1, {"val_accuracy": 0.6})


def report_often(study, number):
    for point in range(1, 1000):
        study.report(number, point, {"val_accuracy": 0.6})


def limit(study, pragma):
    """Every connection from now on is limited by SQLite itself."""
    engine = study._storage.engine
    event.listen(engine, "connect", lambda connection, _: connection.execute(pragma))
    engine.dispose()


@pytest.mark.parametrize(
    ("pragma", "error", "words"),
    [
        ("PRAGMA max_page_count=1", DiskFullError, "the disk is full.*study.db"),
        ("PRAGMA query_only=1", UnwritableError, "it can not be written: .*readonly"),
    ],
)
def test_a_database_that_takes_no_more_is_told_at_once_and_resumes(
    open_study, tmp_path, pragma, error, words
):
    study = open_study()
    complete(study)
    asked = study.claim(None)
    limit(study, pragma)
    with pytest.raises(error, match=f"(?s){words}.*the same command"):
        report_often(study, asked.number)
    study.close()
    again = open_study()
    assert again.claim(2).number == asked.number
    again.finish(outcome(asked.number, value=0.8))
    assert again.claim(2) is None
    assert [o.number for o in again.outcomes()] == [0, 1]


def test_tables_that_another_agent_makes_just_now_are_waited_for(tmp_path):
    waits = []
    patience = Patience(60.0, "here", sleep=waits.append)
    engine = create_engine(f"sqlite:///{tmp_path / 'study.db'}")

    def make():
        with engine.begin() as connection:
            connection.execute(
                text("CREATE TABLE studies (id INTEGER)" if not waits else "SELECT 1")
            )

    make()
    patience(make)
    engine.dispose()
    assert waits


# -- several agents ---------------------------------------------------------------------------


@pytest.fixture
def machines(monkeypatch):
    """Each study is opened on a machine of its own."""
    count = itertools.count()
    monkeypatch.setattr(
        "tuner.study.study.identity", lambda: identity() | {"machine": str(next(count))}
    )


BRIEF = StorageSettings(heartbeat_interval=0.2, heartbeat_timeout=2.0, retry_timeout=10.0)


@on_both
def test_agents_never_hand_out_more_than_the_total(open_study, machines):
    one, other = open_study(), open_study()
    claimed = [study.claim(3) for study in (one, other, one, other)]
    assert [asked and asked.number for asked in claimed] == [0, 1, 2, None]
    other.finish(outcome(1, TrialState.FAILED))
    assert other.claim(3).number == 3


@on_both
def test_the_trial_of_a_silent_agent_changes_its_owner_and_counts_once(
    open_study, tmp_path, monkeypatch, machines
):
    monkeypatch.setattr("tuner.study.held.SIGNS", 0.0)
    frozen, other = open_study(storage=BRIEF), open_study(storage=BRIEF)
    asked = frozen.claim(1)
    frozen.report(asked.number, 1, {"val_accuracy": 0.6})
    frozen._ours.stop()  # It gives no sign of life any more.
    assert other.claim(1) is None
    assert other.awaiting(1)
    time.sleep(BRIEF.heartbeat_timeout + 0.3)
    taken = other.claim(1)
    assert taken == replace(asked, attempt=2, crashes=1)

    assert not frozen.owns(asked.number)
    frozen.report(asked.number, 2, {"val_accuracy": 0.1})
    frozen.finish(outcome(asked.number, value=0.1, parameters=asked.parameters))
    assert other.owns(asked.number)
    other.finish(outcome(asked.number, value=0.8, parameters=asked.parameters))
    (trial,) = stored(tmp_path).trials
    assert (trial.value, trial.intermediate_values) == (0.8, {1: 0.6})
    assert not other.awaiting(1)


@on_both
def test_a_living_agent_keeps_its_trial_however_long_it_takes(open_study, machines):
    busy, other = open_study(storage=BRIEF), open_study(storage=BRIEF)
    asked = busy.claim(1)
    time.sleep(1.5 * BRIEF.heartbeat_timeout)
    assert other.claim(1) is None
    assert busy.owns(asked.number)


@on_both
def test_another_version_does_not_join_an_agent_that_runs_the_study(
    open_study, monkeypatch, machines
):
    running = open_study()
    asked = running.claim(None)
    monkeypatch.setattr("tuner.__version__", "9.9")
    with pytest.raises(InputError) as caught:
        open_study()
    assert "→ 9.9" in str(caught.value)
    assert socket.gethostname() in str(caught.value)
    running.finish(outcome(asked.number, value=0.8, parameters=asked.parameters))
    assert "→ 9.9" in open_study().notice


@on_both
def test_of_an_agent_that_was_killed_elsewhere_nothing_keeps_another_version_out(
    open_study, monkeypatch, machines
):
    killed = open_study(storage=BRIEF)
    killed.claim(None)
    killed._ours.stop()
    monkeypatch.setattr("tuner.__version__", "9.9")
    time.sleep(BRIEF.heartbeat_timeout + 0.3)
    assert "→ 9.9" in open_study(storage=BRIEF).notice


def test_another_version_of_the_code_is_warned_of(open_study, monkeypatch):
    assert open_study().notice == ""
    monkeypatch.setattr("tuner.__version__", "9.9")
    assert "tuner: " in open_study().notice
    assert "→ 9.9" in open_study().notice
