"""Everything that conf/ and sweeps/ offer composes."""

import pytest

from tuner.config import check_space, compose_sweep, compose_trial
from tuner.config.files import bundled_folder
from tuner.config.schema import DEFAULT_OPTIONS, GROUPS, OPEN_GROUPS, TRIAL_GROUPS
from tuner.search.grid import Grid

NEEDED = {
    ("data", "csv"): ["data.train=reviews.csv"],
    ("data", "json"): ["data.train=reviews.json"],
    ("data", "parquet"): ["data.train=reviews.parquet"],
    ("data", "hub"): ["data.name=nyu-mll/glue"],
    ("data", "tfds"): ["data.name=glue/sst2"],
    ("storage", "postgresql"): ["storage.url=postgresql://me@host/studies", "study=ours"],
    ("data", "conll"): ["data.train=f.conll"],
    ("data", "squad"): ["data.train=f.json"],
    ("tracking", "server"): ["tracking.uri=http://host:5000"],
}


def names(folder):
    return sorted(path.stem for path in folder.glob("*.yaml"))


OPTIONS = [(group, name) for group in GROUPS for name in names(bundled_folder("conf") / group)]


@pytest.mark.parametrize(("group", "name"), OPTIONS)
def test_every_option_composes(group, name, tmp_path):
    arguments = ["sweep=batch_search", f"{group}={name}", *NEEDED.get((group, name), [])]
    composed = compose_sweep(arguments, tmp_path)
    if group in OPEN_GROUPS:
        part = composed.base if group in TRIAL_GROUPS else composed.agent
        option = getattr(part, group)
        assert (option["name"] if isinstance(option, dict) else option.name) == name


def test_every_group_has_its_default():
    assert set(DEFAULT_OPTIONS.items()) <= set(OPTIONS)
    assert set(DEFAULT_OPTIONS) == set(GROUPS)


@pytest.mark.parametrize("name", names(bundled_folder("sweeps")))
def test_every_sweep_composes_all_over_its_space(name, tmp_path):
    composed = compose_sweep([f"sweep={name}"], tmp_path)
    assert composed.agent.study_name == name
    check_space(composed)


def test_each_optimizer_of_the_search_has_a_rate_of_its_own(tmp_path):
    composed = compose_sweep(["sweep=optimizer_search"], tmp_path)
    for optimizer in composed.space.of("optimizer")[0].domain.values:
        rates = [
            dimension
            for dimension in composed.space.of("optimizer.learning_rate")
            if composed.space.active(dimension, {"optimizer": optimizer})
        ]
        assert len(rates) == 1


def test_the_batch_search_meets_one_effective_batch_in_several_ways(tmp_path):
    composed = compose_sweep(["sweep=batch_search"], tmp_path)
    batches = [
        compose_trial(composed, point).effective_batch_size for point in Grid(composed.space, 1)
    ]
    assert len(set(batches)) >= 4
    assert max(batches.count(batch) for batch in batches) >= 3
