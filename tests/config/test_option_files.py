"""Files of conf/ agree with the classes, and a file of one's own holds only what it changes."""

import dataclasses

import pytest
from omegaconf import OmegaConf

from tuner.config import compose_sweep, load_trial
from tuner.config.files import bundled_folder
from tuner.config.option_files import COMMAND, option_files
from tuner.config.schema import CLOSED, DEFAULT_OPTIONS, GROUPS, plain
from tuner.errors import InputError
from tuner.optimizers import AdamW, Lion, Sgd
from tuner.optimizers.keras_optimizer import Adamax, Nadam
from tuner.schedules import CosineRestarts
from tuner.settings.registries import REGISTRIES
from tuner.settings.settings import (
    ConvergenceSettings,
    DataSettings,
    ModelSettings,
    StorageSettings,
    TrackingSettings,
    TrainingSettings,
)

CONF = bundled_folder("conf")


def test_the_files_of_optimizers_and_schedules_are_not_stale():
    written = {
        path.relative_to(CONF): path.read_text(encoding="utf-8")
        for group in REGISTRIES
        for path in (CONF / group).glob("*.yaml")
    }
    assert written == option_files(), f"files of conf/ are stale; {COMMAND}"


# What an option is: what it differs in from the others.
OF_THE_OPTION = {
    "model": {"checkpoint", "package", "dropout"},
    "data": {
        "format", "package", "train", "name", "where", "train_examples", "validation_examples",
        "text", "text_pair", "label",
    },
    "launcher": {"name", "slots"},
    "storage": {"name"},
    "tracking": {"uri", "send", "on_outage"},
}  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [
        path
        for group in GROUPS
        if group in CLOSED
        for path in sorted((CONF / group).glob("*.yaml"))
    ],
    ids=lambda path: f"{path.parent.name}={path.stem}",
)
def test_defaults_of_class_and_files_are_the_same(path):
    group = path.parent.name
    usual = plain(CLOSED[group]())
    given = OmegaConf.to_container(OmegaConf.load(path))
    different = {key for key, value in given.items() if usual[key] != value}
    assert different <= OF_THE_OPTION.get(group, set())
    if path.stem == DEFAULT_OPTIONS[group] and group not in ("model", "data"):
        assert not different


@pytest.fixture
def own(tmp_path):
    """Writes an option of the user's own and composes the sweep with it."""

    def write(group, name, text):
        path = tmp_path / "conf" / group / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return compose_sweep(["sweep=lr_search", f"{group}={name}"], tmp_path)

    return write


OPTIMIZERS = [
    ("nadam", "learning_rate: 1e-4\n", Nadam(learning_rate=1e-4)),
    ("nadam", "beta_1: 0.5\n", Nadam(beta_1=0.5)),
    ("mine", "name: nadam\n", Nadam()),
    ("mine", "name: Nadam\nweight_decay: 1\n", Nadam(weight_decay=1.0)),
    ("mine", "name: adamax\nepsilon: 1e-3\n", Adamax(epsilon=1e-3)),
    ("mine", "name: sgd\nnesterov: true\n", Sgd(nesterov=True)),
    ("adamw", "weight_decay: 0.1\n", AdamW(weight_decay=0.1)),
    ("mine", "defaults: [sgd, _self_]\nmomentum: 0.5\n", Sgd(momentum=0.5)),
    ("mine", "defaults: []\nname: lion\nlearning_rate: 1\n", Lion(learning_rate=1.0)),
]


@pytest.mark.parametrize(("name", "text", "expected"), OPTIMIZERS)
def test_an_optimizer_of_one_s_own_has_the_rest_from_its_class(own, name, text, expected):
    assert own("optimizer", name, text).base.optimizer == expected


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("name: muon\n", "which weights are embeddings"),
        ("name: ftrl\n", "weights of its own making"),
        ("name: nadan\n", "no optimizer named 'nadan'"),
        ("name: nadam\nmomentum: 0.9\n", "optimizer.momentum"),
        ("name: nadam\nbeta_1: high\n", "'high', which is not a number"),
        ("name: nadam\nbeta_1: 1.0\n", "optimizer.beta_1 is 1.0"),
        ("defaults: []\nname: nadam\nbeta_1: high\n", "'high', which is not a number"),
        ("defaults: []\nname: nadam\nmomentum: 0.9\n", "optimizer.momentum"),
    ],
)
def test_what_an_optimizer_does_not_have_is_named_with_the_file(own, text, part):
    with pytest.raises(InputError) as refused:
        own("optimizer", "mine", text)
    assert part in refused.value.problem
    assert "conf/optimizer/mine.yaml" in refused.value.where


def test_every_group_has_the_rest_from_its_default(own):
    composed = own("schedule", "mine", "name: cosine_restarts\ncycles: 5\n")
    assert composed.base.schedule == CosineRestarts(cycles=5)
    composed = own("training", "mine", "batch_size: 8\n")
    assert composed.base.training == TrainingSettings(batch_size=8)
    assert composed.base.training.epochs == 1.0
    composed = own("convergence", "mine", "confidence: 0.9\n")
    assert composed.base.convergence == ConvergenceSettings(confidence=0.9)
    composed = own("model", "mine", "checkpoint: here\n")
    assert composed.base.model == ModelSettings(checkpoint="here")
    composed = own("data", "mine", "format: csv\ntrain: x.csv\n")
    assert composed.base.data == DataSettings(format="csv", train="x.csv")
    composed = own("storage", "mine", "name: journal\n")
    assert composed.agent.storage == StorageSettings(name="journal")
    composed = own("tracking", "mine", "nested: true\n")
    assert composed.agent.tracking == TrackingSettings(nested=True)


@pytest.mark.parametrize("name", ["local", "ray", "slurm"])
def test_a_launcher_of_one_s_own_has_the_rest_from_the_bundled_one(own, tmp_path, name):
    bundled = compose_sweep(["sweep=lr_search", f"launcher={name}"], tmp_path).agent.launcher
    mine = own("launcher", "mine", f"name: {name}\nslots: 2\n").agent.launcher
    assert mine == dataclasses.replace(bundled, slots=2)


@pytest.mark.parametrize("group", ["sampler", "pruner"])
def test_samplers_and_pruners_have_the_rest_from_the_bundled_one(own, tmp_path, group):
    for path in sorted((CONF / group).glob("*.yaml")):
        bundled = compose_sweep(["sweep=lr_search", f"{group}={path.stem}"], tmp_path).agent
        for text in (f"name: {path.stem}\n", f"defaults: []\nname: {path.stem}\n"):
            mine = own(group, "mine", text).agent
            assert getattr(mine, group) == getattr(bundled, group)


def test_an_optimizer_needs_no_file(tmp_path):
    (tmp_path / "trial.yaml").write_text("training: {batch_size: 8}\n")
    arguments = ["optimizer=adamax", "optimizer.beta_1=0.5"]
    trial = load_trial(tmp_path / "trial.yaml", arguments, tmp_path)
    assert trial.optimizer == Adamax(beta_1=0.5)
    assert trial.training.epochs == 1.0
