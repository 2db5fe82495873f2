"""Assumptions of `tuner.study.filtered_study`: Optuna's samplers read trials this way."""

import warnings

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from tuner.study.filtered_study import filtered

RATE = {"rate": FloatDistribution(0.0, 1.0)}
SAMPLERS = {
    "tpe": lambda: optuna.samplers.TPESampler(n_startup_trials=2, seed=0),
    "cmaes": lambda: optuna.samplers.CmaEsSampler(n_startup_trials=1, seed=0),
    "nsgaii": lambda: optuna.samplers.NSGAIISampler(population_size=2, seed=0),
}


def study_of(*rates):
    study = optuna.create_study(direction="maximize")
    for rate in rates:
        study.add_trial(create_trial(value=rate, params={"rate": rate}, distributions=RATE))
    return study


def drawn(study, seen, sampler):
    """Return what a sampler proposes for the next trial of a study."""
    trial = study.ask()
    found = study.get_trials()[trial.number]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        space = sampler.infer_relative_search_space(seen, found)
        relative = sampler.sample_relative(seen, found, space)
        alone = sampler.sample_independent(seen, found, "rate", RATE["rate"])
    return relative.get("rate", alone)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sampler_proposes_as_if_a_hidden_trial_were_not_there(name):
    rates = (0.1, 0.5, 0.7, 0.6)
    plain = study_of(*rates)
    other = study_of(*rates, 0.01)
    hidden = filtered(other, lambda trial: trial.number != len(rates))
    plain.ask()  # The two new trials have one number, from which samplers derive seeds.
    assert drawn(plain, plain, SAMPLERS[name]()) == drawn(other, hidden, SAMPLERS[name]())


def test_ask_makes_a_sampler_read_the_trials_anew():
    study = study_of(0.1, 0.2)
    seen = filtered(study, lambda trial: trial.number != 0)
    completed = (TrialState.COMPLETE,)
    assert len(seen._get_trials(deepcopy=False, states=completed, use_cache=True)) == 1
    study.add_trial(create_trial(value=0.3, params={"rate": 0.3}, distributions=RATE))
    assert len(seen._get_trials(deepcopy=False, states=completed, use_cache=True)) == 1
    assert len(seen.get_trials(states=completed)) == 2
    study.ask()
    assert len(seen._get_trials(deepcopy=False, states=completed, use_cache=True)) == 2


def test_a_sampler_under_hyperband_reads_the_trials_of_all_brackets():
    study = study_of(*(n / 20 for n in range(20)))
    study.pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=9)
    seen = []

    class Sampler(optuna.samplers.RandomSampler):
        def infer_relative_search_space(self, study, trial):
            seen.append(filtered(study, lambda trial: True))
            return {}

    first = study.ask()
    first.report(0.5, 1)
    first.should_prune()  # It makes the brackets.
    study.sampler = Sampler()
    study.ask().suggest_float("rate", 0.0, 1.0)
    (bracket,) = seen
    assert len(bracket.get_trials()) < 22
    assert len(bracket._get_trials()) == 22
