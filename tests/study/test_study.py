import subprocess
import sys
from dataclasses import replace

import pytest
from optuna.trial import TrialState as OptunaState

from tests.records import outcome
from tests.studies import DEFAULTS, NONE, OPTIMIZER, complete, on_both, stored
from tuner.errors import InputError
from tuner.search.space import Dimension, IntInterval, SearchSpace
from tuner.trial.records import ClaimedTrial, Convergence, Diagnosis, TrialState


@on_both
def test_trial_0_is_the_untuned_default(open_study):
    assert open_study().claim(None).parameters == DEFAULTS


def test_a_default_outside_the_interval_is_run_as_it_is(open_study):
    asked = open_study(defaults=DEFAULTS | {"optimizer.learning_rate": 0.5}).claim(None)
    assert asked.parameters["optimizer.learning_rate"] == 0.5


def test_a_default_of_0_stays_the_default_where_a_log_scale_has_no_0(open_study):
    asked = open_study(defaults=DEFAULTS | {"optimizer.learning_rate": 0.0}).claim(None)
    assert asked.parameters == {"optimizer": "adamw", "optimizer.learning_rate": 0.0}


def test_a_default_outside_the_choices_stays_the_default(open_study):
    asked = open_study(defaults=DEFAULTS | {"optimizer": "lion"}).claim(None)
    assert asked.parameters == DEFAULTS | {"optimizer": "lion"}


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
        "from tests.studies import make_study\n"
        "study = make_study(sys.argv[1])\n"
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
    assert study.requeue_orphans() == [0]
    asked = study.claim(1)
    assert asked == ClaimedTrial(number=0, parameters=DEFAULTS, attempt=2, crashes=1)
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
    assert not study.may_claim(100)
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
        ({"sampler": {"name": "gp", "seed": 0}}, ["pip install", "torch>=2.6"]),
    ],
)
def test_wrong_options_are_the_users_errors(open_study, monkeypatch, options, words):
    monkeypatch.setattr("tuner.study.strategies.importlib.util.find_spec", lambda _: None)
    with pytest.raises(InputError) as caught:
        open_study(**options)
    assert all(word in str(caught.value) for word in words)


@on_both
def test_what_one_agent_has_settled_stands_for_all(open_study):
    owned, theirs = open_study(), open_study()
    assert owned.set_attr_once("tested", None) is None
    assert owned.set_attr_once("tested", {"trial": 3}) == {"trial": 3}
    assert theirs.set_attr_once("tested", {"trial": 5}) == {"trial": 3}
    assert theirs.set_attr_once("tested", None) == {"trial": 3}
