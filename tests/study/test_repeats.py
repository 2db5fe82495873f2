"""No configuration is run twice, by whichever agent, sampler or name."""

import sqlite3
from contextlib import closing

import pytest
from optuna.trial import TrialState as OptunaState
from sqlalchemy.exc import OperationalError

from tests.records import outcome
from tests.studies import (
    DEFAULTS,
    OPTIMIZER,
    RATE,
    SPACE,
    complete,
    on_both,
    stored,
)
from tuner.search.configuration_id import canonical, configuration_id
from tuner.search.space import Choice, Dimension, IntInterval, SearchSpace
from tuner.settings.settings import StorageSettings
from tuner.study import InitialPoints, handle
from tuner.study.attributes import CONFIGURATION, FIXED, NOT_RUN
from tuner.study.reader import StudyReader
from tuner.trial.records import TrialState

BATCH = Dimension(key="training.batch_size", domain=Choice(values=(8, 16, 32)))
POWER = Dimension(
    key="optimizer.power", domain=IntInterval(low=1, high=2), when={"optimizer": ("sgd",)}
)
FINITE = SearchSpace([OPTIMIZER, BATCH, POWER])
"""Nine points: three of adamw, six of sgd."""

START = {"optimizer": "adamw", "training.batch_size": 16}
SAMPLERS = {
    "random": {},
    "tpe": {"n_startup_trials": 2, "multivariate": True, "group": True},
    "cmaes": {"n_startup_trials": 1},
    "nsgaii": {"population_size": 4},
    "qmc": {"qmc_type": "sobol", "scramble": True},
    "grid": {"points_per_interval": 2},
}


def sampler(name):
    return {"name": name, "seed": 0, **SAMPLERS[name]}


def run_all(*studies, limit=40):
    """Runs trials of the agents in turn until each has none; returns their parameters."""
    found = []
    for turn in range(limit):
        asked = studies[turn % len(studies)].claim(None)
        if asked is None:
            break
        value = 0.5 + (asked.parameters["training.batch_size"] == 32) / 10
        studies[turn % len(studies)].finish(
            outcome(asked.number, value=value, parameters=asked.parameters)
        )
        found.append(canonical(asked.parameters))
    assert all(study.claim(None) is None for study in studies)
    return found


@on_both
@pytest.mark.parametrize("name", sorted(SAMPLERS))
def test_a_finite_space_is_run_once_by_every_sampler_and_then_ends(open_study, kind, name):
    study = open_study(space=FINITE, defaults=START, sampler=sampler(name))
    found = run_all(study)
    assert len(found) == len(set(found)) == 9
    assert study.exhausted
    assert not study.may_claim(40)


@on_both
@pytest.mark.parametrize("name", ["tpe", "grid"])
def test_agents_and_later_starts_share_a_finite_space(open_study, machines, kind, name):
    options = {"space": FINITE, "defaults": START, "sampler": sampler(name)}
    first = open_study(**options)
    found = [canonical(complete(first).parameters) for _ in range(3)]
    found += run_all(first, open_study(**options), open_study(**options))
    assert len(found) == len(set(found)) == 9


@on_both
def test_a_default_outside_a_finite_space_is_one_more(open_study):
    study = open_study(space=FINITE, defaults=START | {"training.batch_size": 64})
    found = run_all(study)
    assert len(found) == len(set(found)) == 10


@on_both
def test_points_to_begin_with_are_run_once_however_they_are_written(open_study, tmp_path):
    point = {"optimizer": "sgd", "training.batch_size": 32, "optimizer.power": 2}
    always = [
        START,
        START | {"training.batch_size": 16.0},
        point,
        point | {"optimizer.power": "2", "training.batch_size": 32.0},
        START | {"optimizer.power": 1},  # A key that does not apply.
    ]
    first = InitialPoints(always=always, if_new=[point, {"training.batch_size": 8}])
    study = open_study(space=FINITE, defaults=START, first=first)
    waiting = [trial.system_attrs[FIXED] for trial in stored(tmp_path).trials]
    assert waiting == [START, point, {"training.batch_size": 8}]
    found = run_all(study)
    assert len(found) == len(set(found)) == 9
    assert not open_study(space=FINITE, defaults=START, first=first).may_claim(9)


@on_both
def test_what_waits_is_not_drawn_by_another_agent(open_study, machines):
    points = [
        {"optimizer": "sgd", "training.batch_size": batch, "optimizer.power": power}
        for batch in (8, 16, 32)
        for power in (1, 2)
    ]
    space = SearchSpace([OPTIMIZER, BATCH, POWER])
    study = open_study(
        space=space,
        defaults=START,
        first=InitialPoints(always=[{"training.batch_size": 8}, *points]),
    )
    other = open_study(space=space, defaults=START)
    complete(study)
    drawn = study.claim(None).parameters  # Its batch is given, the rest is drawn.
    assert drawn == {"optimizer": "adamw", "training.batch_size": 8}
    assert len(run_all(other)) == 7


@on_both
def test_a_point_whose_first_key_alone_is_left_is_drawn_as_any_other(open_study):
    taken = [{"optimizer": "adamw", "training.batch_size": batch} for batch in (8, 16, 32)]
    study = open_study(
        space=SearchSpace([OPTIMIZER, BATCH]),
        defaults=START | {"training.batch_size": 64},
        first=InitialPoints(always=[*taken, {"optimizer": "adamw"}]),
    )
    found = run_all(study)
    assert len(found) == len(set(found)) == 7


@on_both
def test_a_point_whose_every_completion_was_run_is_drawn_as_any_other(open_study):
    study = open_study(
        space=SearchSpace([OPTIMIZER, BATCH]),
        defaults=START,
        first=InitialPoints(always=[{"training.batch_size": 8}] + [{"optimizer": "adamw"}] * 3),
    )
    found = run_all(study)
    assert len(found) == len(set(found)) == 6

    again = InitialPoints(always=[{"training.batch_size": 8}, {"optimizer": "sgd"}])
    later = open_study(space=SearchSpace([OPTIMIZER, BATCH]), defaults=START, first=again)
    assert run_all(later) == []


@on_both
def test_a_configuration_that_failed_is_not_drawn_again_and_one_that_was_interrupted_is_resumed(
    open_study,
):
    study = open_study(space=FINITE, defaults=START)
    failed = study.claim(None)
    study.finish(outcome(failed.number, TrialState.FAILED))
    stopped = study.claim(None)
    study.finish(outcome(stopped.number, TrialState.INTERRUPTED))
    again = study.claim(None)
    assert (again.number, again.parameters) == (stopped.number, stopped.parameters)
    study.finish(outcome(again.number, parameters=again.parameters))
    found = run_all(study)
    assert len({*found, canonical(failed.parameters), canonical(stopped.parameters)}) == 9
    assert len(found) == 7


@on_both
def test_the_same_configuration_in_other_words_is_the_same(open_study):
    """A name that ignores how the space writes a value, as that of a composed trial does."""
    space = SearchSpace([Dimension(key="training.epochs", domain=Choice(values=(1, "1", 2, "2")))])
    study = open_study(
        space=space,
        defaults={"training.epochs": 1},
        identify=lambda parameters: str(float(parameters["training.epochs"])),
    )
    assert [float(complete(study).parameters["training.epochs"]) for _ in range(2)] == [1.0, 2.0]
    assert study.claim(None) is None


@on_both
def test_of_two_agents_that_want_the_last_configuration_one_gets_it(
    open_study, tmp_path, kind, monkeypatch, machines
):
    space = SearchSpace([OPTIMIZER])
    first, second = (open_study(space=space, defaults={"optimizer": "adamw"}) for _ in "ab")
    complete(first)
    claim, claims = first._claims.claim, []

    def beaten(*arguments, **options):
        taken = claim(*arguments, **options)
        claims.append(second.claim(None))  # After the look at what is left, before the draw.
        return taken

    monkeypatch.setattr(first._claims, "claim", beaten)
    assert first.claim(3) is None
    assert claims[0].parameters == {"optimizer": "sgd"}
    assert first.exhausted
    trials = stored(tmp_path).trials
    assert [trial.number for trial in trials if NOT_RUN in trial.user_attrs] == [1]
    assert trials[1].state is OptunaState.FAIL
    url = f"{kind}:///{tmp_path}/study.{'db' if kind == 'sqlite' else 'journal'}"
    reader = StudyReader("s", StorageSettings(name=kind, url=url), tmp_path)
    assert [trial.number for trial in reader.read().trials] == [0, 2]
    assert [each.number for each in first.outcomes()] == [0]
    reader.close()


@on_both
def test_a_configuration_is_one_trials_under_the_studys_lock(open_study, machines):
    first, second = open_study(), open_study()
    one, other = first.claim(None), second.claim(None)
    assert first._claims.reserve(one.number, "mine")
    assert first._claims.reserve(one.number, "mine")
    assert not second._claims.reserve(other.number, "mine")
    assert second._claims.reserve(other.number, "yours")


def test_a_study_that_was_made_without_names_is_continued_without_repeats(open_study, tmp_path):
    study = open_study(space=FINITE, defaults=START)
    found = [canonical(complete(study).parameters) for _ in range(5)]
    stopped = study.claim(None)
    study.finish(outcome(stopped.number, TrialState.INTERRUPTED))
    study.close()
    with closing(sqlite3.connect(tmp_path / "study.db")) as database, database:
        database.execute("DELETE FROM trial_user_attributes WHERE key=?", (CONFIGURATION,))
    later = open_study(space=FINITE, defaults=START)
    again = later.claim(None)
    assert (again.number, again.parameters) == (stopped.number, stopped.parameters)
    later.finish(outcome(again.number, parameters=again.parameters))
    found += [canonical(again.parameters), *run_all(later)]
    assert len(found) == len(set(found)) == 9


def test_a_second_study_does_not_draw_the_points_of_the_first(open_study, tmp_path):
    drawn = {
        name: [complete(open_, 0.5).parameters[RATE.key] for _ in range(6)][1:]
        for name, open_ in (
            (name, open_study(space=SPACE, defaults=DEFAULTS, name=name)) for name in ("a", "b")
        )
    }
    assert not set(drawn["a"]) & set(drawn["b"])


def test_a_study_of_the_same_name_elsewhere_draws_the_same_points(open_study, tmp_path):
    found = []
    for _ in range(2):
        study = open_study()
        found.append([complete(study).parameters for _ in range(4)])
        study.close()
        (tmp_path / "study.db").unlink()
    assert found[0] == found[1]


def test_a_configurations_name_is_what_decides_its_result():
    base = {"training": {"seed": 0, "epochs": 3.0, "save_state": "never"}, "data": {"train": "a"}}

    def changed(**values):
        return {**base, "training": base["training"] | values}

    def name(settings, untuned=base):
        return configuration_id(settings, untuned)

    assert name(changed(epochs=3)) == name(base)
    assert name(changed(save_state="always")) == name(base)
    assert name(changed(seed=1)) != name(base)
    assert name(changed(shuffle=None)) != name(base)
    assert name(changed(seed=True)) != name(changed(seed=1))
    assert name(changed(seed="1")) != name(changed(seed=1))
    moved = {**base, "data": {"train": "b"}}
    assert name({**changed(seed=1), "data": {"train": "b"}}, moved) == name(changed(seed=1))


@on_both
@pytest.mark.parametrize("again", ["the same call", "a later start"])
def test_what_a_broken_off_claim_had_reserved_is_still_run(open_study, monkeypatch, again):
    space = SearchSpace([OPTIMIZER, Dimension(key=BATCH.key, domain=Choice(values=(8, 16)))])
    plan = {"space": space, "defaults": {"optimizer": "adamw", BATCH.key: 8}}
    study = open_study(sampler=sampler("grid"), **plan)
    for _ in range(3):
        complete(study)
    ask, calls = handle.ask, []

    def broken_off(*arguments):
        calls.append(1)
        if len(calls) > 1:
            return ask(*arguments)
        if again == "the same call":
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise OperationalError("", {}, error)
        raise SystemExit

    monkeypatch.setattr(handle, "ask", broken_off)
    if again == "the same call":
        asked = study.claim(None)
    else:
        with pytest.raises(SystemExit):
            study.claim(None)
        study.close()
        study = open_study(sampler=sampler("grid"), **plan)
        study.requeue_orphans()
        asked = study.claim(None)
    assert asked is not None
    study.finish(outcome(asked.number, parameters=asked.parameters))
    assert study.claim(None) is None
    run = {tuple(sorted(each.parameters.items())) for each in study.outcomes()}
    assert len(run) == 4
