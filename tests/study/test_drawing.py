"""Trials that samplers see, and keys that they model."""

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import RandomSampler
from optuna.trial import TrialState as OptunaState

from tests.goals import goals
from tests.records import outcome
from tests.studies import RATE, complete, on_both, stored
from tuner.search.space import Choice, Dimension, FloatInterval, IntInterval, SearchSpace
from tuner.settings.settings import StorageSettings
from tuner.study import strategies as search
from tuner.study.drawing import MODELLED
from tuner.study.reader import StudyReader

BATCH = Dimension(key="training.batch_size", domain=Choice(values=(8, 32, 64)))
EPOCHS = Dimension(key="training.epochs", domain=IntInterval(low=1, high=40))
CLIP = Dimension(key="training.clip_norm", domain=FloatInterval(low=0.1, high=10.0))
CONDITIONAL = Dimension(
    key="training.patience", domain=IntInterval(low=1, high=9), when={BATCH.key: (8,)}
)
SPACE = SearchSpace([BATCH, RATE, EPOCHS, CLIP, CONDITIONAL])
OUTSIDE = {BATCH.key: 16, RATE.key: 1e-4, EPOCHS.key: 2.5, CLIP.key: None}
"""A choice that is not there, a real number in a whole range, and null in an interval."""

UNCONDITIONAL = {BATCH.key, RATE.key, EPOCHS.key, CLIP.key}
SAMPLERS = {
    "cmaes": {"n_startup_trials": 1, "popsize": 4},
    "gp": {},
    "nsgaii": {"population_size": 4},
    "qmc": {"qmc_type": "sobol", "scramble": True},
}


class Recorder(RandomSampler):
    """Draws at random what it is asked to model, and notes what that was.

    It stands where the Gaussian process would, which needs PyTorch.
    """

    def sample_relative(self, study, trial, search_space):
        self.asked, self.study = search_space, study
        return {
            name: self.sample_independent(study, trial, name, each)
            for name, each in search_space.items()
        }


@pytest.fixture
def asked(monkeypatch):
    """The dimensions that samplers are asked to model, and the numbers of the trials they see."""
    found = {"names": set(), "trials": set()}
    monkeypatch.setitem(search._SAMPLERS, "gp", Recorder)
    monkeypatch.delitem(search._EXTRAS, "gp")

    def spied(kind):
        whole = kind.sample_relative

        def sample_relative(self, study, trial, search_space):
            found["names"] = set(search_space)
            found["trials"] = {
                each.number for each in study.get_trials(states=(OptunaState.COMPLETE,))
            }
            return whole(self, study, trial, search_space)

        monkeypatch.setattr(kind, "sample_relative", sample_relative)

    for kind in (optuna.samplers.CmaEsSampler, optuna.samplers.NSGAIISampler, Recorder):
        spied(kind)
    spied(optuna.samplers.QMCSampler)
    return found


@pytest.mark.parametrize(
    ("name", "objectives"),
    [*((name, 1) for name in SAMPLERS), *((name, 2) for name in SAMPLERS if name != "cmaes")],
)
def test_keys_that_the_untuned_default_lacks_are_modelled(open_study, asked, name, objectives):
    names = ["val_accuracy", "examples_per_second"][:objectives]
    given = goals(names)
    study = open_study(
        space=SPACE,
        defaults=OUTSIDE,
        sampler={"name": name, "seed": 0, **SAMPLERS[name]},
        objectives=given.objectives,
    )
    for _ in range(8):
        trial = study.claim(None)
        measured = dict.fromkeys(names, 0.5 + trial.number / 100)
        study.finish(outcome(trial.number, value=0.5, measured=measured))
    wanted = UNCONDITIONAL - ({BATCH.key} if name == "cmaes" else set())
    assert asked["names"] == wanted
    assert asked["trials"] == set(range(1, 7))


def test_tpe_models_keys_together_that_the_untuned_default_lacks(open_study):
    tpe = {"name": "tpe", "seed": 0, "n_startup_trials": 2, "multivariate": True}
    for group in (True, False):
        study = open_study(
            space=SearchSpace([BATCH, RATE, EPOCHS, CLIP]),
            defaults=OUTSIDE,
            sampler={**tpe, "group": group},
            name=f"s{group}",
        )
        for number in range(6):
            complete(study, 0.5 + number / 100)
        found = study._study.sampler._sampler
        spaces = (
            [set(each) for each in found._search_space_group.search_spaces]
            if group
            else [set(found._search_space._search_space)]
        )
        assert spaces == [UNCONDITIONAL]


def test_a_default_inside_the_space_is_learned_from(open_study, asked):
    study = open_study(
        space=SPACE,
        defaults=OUTSIDE | {BATCH.key: 32, EPOCHS.key: 3.0, CLIP.key: 1},
        sampler={"name": "nsgaii", "seed": 0, "population_size": 4},
    )
    complete(study)
    complete(study)
    assert asked["trials"] == {0}


@pytest.mark.parametrize("name", ["tpe", "nsgaii"])
def test_hyperband_still_shows_a_sampler_the_trials_of_a_bracket_alone(open_study, name):
    options = {"population_size": 4} if name == "nsgaii" else {"n_startup_trials": 1}
    study = open_study(
        space=SPACE,
        defaults=OUTSIDE,
        sampler={"name": name, "seed": 0, **options},
        pruner={"name": "hyperband", "min_resource": 1, "max_resource": 9},
    )
    for number in range(8):
        complete(study, 0.5 + number / 100)
    assert len(study.outcomes()) == 8


def test_a_state_of_cma_es_over_other_dimensions_is_not_continued(open_study, tmp_path):
    cmaes = {"name": "cmaes", "seed": 0, "n_startup_trials": 1}
    study = open_study(space=SPACE, defaults=OUTSIDE, sampler=cmaes)
    for number in range(4):
        complete(study, 0.5 + number / 100)
    sampler = study._study.sampler
    new, old = stored(tmp_path).trials[3], stored(tmp_path).trials[2]
    assert new.system_attrs[MODELLED] == sorted(UNCONDITIONAL - {BATCH.key})
    del old.system_attrs[MODELLED]  # As a version wrote it that modelled the rate alone.
    sampler._visible_trials.clear()
    assert (sampler.is_visible(new), sampler.is_visible(old)) == (True, False)


def test_a_trial_of_another_program_is_hidden(open_study):
    study = open_study(space=SPACE, defaults=OUTSIDE)
    complete(study)
    for trial in (
        optuna.trial.create_trial(
            value=0.9,
            params={RATE.key: 1e-5, "momentum": 0.5},
            distributions={
                RATE.key: FloatDistribution(1e-6, 1e-3, log=True),
                "momentum": FloatDistribution(0.0, 1.0),
            },
        ),
        optuna.trial.create_trial(value=0.9),
    ):
        trial.number = 7
        assert not study._study.sampler.is_visible(trial)
        study._study.sampler._visible_trials.clear()


@on_both
def test_the_untuned_trial_shows_the_values_that_optuna_cannot_store(open_study, tmp_path, kind):
    study = open_study(space=SPACE, defaults=OUTSIDE)
    assert study.claim(None).parameters == OUTSIDE
    url = f"sqlite:///{tmp_path}/study.db" if kind == "sqlite" else None
    settings = StorageSettings(name=kind, url=url or f"journal:///{tmp_path}/study.journal")
    reader = StudyReader("s", settings, tmp_path)
    assert reader.read().trials[0].parameters == OUTSIDE
    reader.close()
