import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tuner.config import compose_sweep, compose_training, dump_trial, load_trial, read_trial
from tuner.errors import InputError
from tuner.optimizers import AdamW, Sgd
from tuner.schedules import Linear
from tuner.settings.settings import DataSettings, ModelSettings, TrainingSettings, TrialSettings


@pytest.fixture
def best(tmp_path):
    path = tmp_path / "best.yaml"
    path.write_text(dump_trial(compose_sweep(["sweep=lr_search"], tmp_path).base))
    return path


numbers = st.floats(min_value=1e-300, max_value=1e6)
words = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1
).filter(lambda word: word != "???" and "$" not in word and "\\" not in word)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rate=numbers, epochs=numbers, checkpoint=words, where=st.dictionaries(words, words))
def test_a_file_gives_back_exactly_what_was_written(tmp_path, rate, epochs, checkpoint, where):
    trial = TrialSettings(
        model=ModelSettings(checkpoint=checkpoint),
        data=DataSettings(format="csv", train="x.csv", where=where),
        training=TrainingSettings(epochs=epochs),
        optimizer=AdamW(learning_rate=rate),
        schedule=Linear(end_fraction=1 / 3),
    )
    path = tmp_path / "best.yaml"
    path.write_text(dump_trial(trial, ["best of 7", ""], {"trial": 7, "value": 0.1 + 0.2}))
    assert load_trial(path, folder=tmp_path) == trial
    assert read_trial(path.read_text()) == trial


def test_a_record_that_is_damaged_or_of_another_version_gives_no_trial(best):
    text = best.read_text()
    assert read_trial(text) is not None
    damaged = [
        "",
        "model: [",
        text[: len(text) // 2],
        text.replace("\ntraining:\n", "\ntraining: 3\nx:\n"),
        text.replace("  epochs: ", "  passes: "),
        text.replace("  epochs: ", "  epochs: many #"),
        text.replace("name: adamw", "name: nobodys"),
    ]
    assert [read_trial(each) for each in damaged] == [None] * len(damaged)


@pytest.mark.parametrize("text", ["a${b}", "1e-5", "true", "null", "", " x ", "#", "a: b"])
def test_text_that_looks_like_something_else_stays_text(tmp_path, text):
    trial = compose_sweep(["sweep=lr_search", "+data.where.column=x"], tmp_path).base
    trial.data.where["column"] = text
    (tmp_path / "best.yaml").write_text(dump_trial(trial))
    assert load_trial(tmp_path / "best.yaml", folder=tmp_path).data.where["column"] == text
    assert read_trial(dump_trial(trial)) == trial


def test_overrides_stand_above_the_file(best, tmp_path):
    trial = load_trial(best, ["training.epochs=2", "optimizer.learning_rate=1e-4"], tmp_path)
    assert trial.training.epochs == 2.0
    assert trial.optimizer.learning_rate == 1e-4


def test_an_option_replaces_the_section_of_the_file(best, tmp_path):
    trial = load_trial(best, ["optimizer=sgd", "optimizer.momentum=0.5"], tmp_path)
    assert trial.optimizer.name == "sgd"
    assert trial.optimizer.momentum == 0.5
    assert isinstance(trial.optimizer, Sgd)


def test_a_short_file_keeps_the_defaults(tmp_path):
    (tmp_path / "short.yaml").write_text("optimizer: {learning_rate: 1e-4}\n")
    trial = load_trial(tmp_path / "short.yaml", folder=tmp_path)
    assert trial.optimizer.learning_rate == 1e-4
    assert trial.model.checkpoint.endswith("all-MiniLM-L6-v2")
    assert not math.isnan(trial.training.epochs)


def test_the_agent_s_part_comes_along(best, tmp_path):
    composed = compose_training(
        best, ["study=once", "output=/o", "tracking.uri=http://x"], tmp_path
    )
    assert (composed.study, composed.output, composed.tracking.uri) == ("once", "/o", "http://x")
    assert composed.launcher.slots is None


@pytest.mark.parametrize(
    ("text", "problem", "where"),
    [
        ("optimiser: {name: adamw}", "there is no key 'optimiser'", "file.yaml"),
        ("optimizer: {name: adamw, momentum: 0.9}", "no key 'optimizer.momentum'", "file.yaml"),
        ("optimizer: {name: adamx}", "no optimizer named 'adamx'", "optimizer.name"),
        ("training: {epochs: many}", "training.epochs is 'many'", "training.epochs"),
        ("training: {epochs: 0}", "training.epochs is 0.0", "file.yaml"),
        ("training: 3", "training is 3, but must contain keys", "file.yaml, training"),
        ("training: [", "no valid YAML", "file.yaml, line 1"),
        ("model: ${model}", "Recursive interpolation", "file.yaml, model"),
        ("data: {where: [a]}", "a list in place of keys", "file.yaml, data"),
        ("- a", "contains no keys", "file.yaml"),
        ("# best of 7\n", "the file is empty", "file.yaml"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path, text, problem, where):
    (tmp_path / "file.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        load_trial(tmp_path / "file.yaml", folder=tmp_path)
    assert problem in caught.value.problem
    assert where in caught.value.where


@pytest.mark.parametrize(
    "override",
    ["sampler=random", "sampler.seed=3", "pruner=none", "storage=sqlite", "storage.url=sqlite://",
     "sweep=lr_search", "sweep.n_trials=3", "launcher.slots=2"],
)  # fmt: skip
def test_what_one_fine_tune_does_not_use_is_refused(best, tmp_path, override):
    with pytest.raises(InputError, match=f"does not use {override.partition('=')[0]}"):
        load_trial(best, [override], tmp_path)


def test_a_missing_file_and_a_search_are_refused(best, tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_trial(tmp_path / "none.yaml", folder=tmp_path)
    with pytest.raises(InputError, match="a single fine-tune searches nothing"):
        load_trial(best, ["training.epochs=1,2"], tmp_path)
