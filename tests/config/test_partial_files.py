"""Files of one fine-tune that give a few keys, and those that `--cfg job` prints."""

import pytest

from tuner.config import (
    compose_doctor,
    compose_sweep,
    compose_training,
    load_trial,
    render,
    render_training,
)
from tuner.config.schema import DEFAULT_OPTIONS, TRIAL_GROUPS, plain
from tuner.errors import InputError
from tuner.tasks import Multilabel


@pytest.fixture
def write(tmp_path):
    """Writes a file; returns what a fine-tune of it is composed of."""

    def run(text, *overrides):
        (tmp_path / "file.yaml").write_text(text)
        return compose_training(tmp_path / "file.yaml", overrides, tmp_path)

    return run


ONE_KEY = {
    "model": "dropout: 0.2",
    "data": "seed: 7",
    "optimizer": "learning_rate: 1e-4",
    "schedule": "warmup_fraction: 0.2",
    "training": "batch_size: 8",
    "convergence": "window: 0.5",
}


@pytest.mark.parametrize("group", ONE_KEY)
def test_what_a_file_leaves_out_is_as_without_the_file(write, tmp_path, group):
    usual = plain(compose_training(None, ["model=minilm"], tmp_path).trial)
    key, value = ONE_KEY[group].split(": ")
    found = plain(write(f"{group}: {{{ONE_KEY[group]}}}").trial)
    assert found[group].pop(key) == float(value) != usual[group].pop(key)
    assert found == usual


def test_a_task_has_the_fields_that_a_file_leaves_out(write):
    found = write("task: {name: multilabel, threshold: 0.3}").trial.task
    assert found == Multilabel(threshold=0.3)


def test_a_file_without_epochs_has_the_documented_budget(write):
    assert write("training: {batch_size: 8}").trial.training.epochs == 1.0


def test_an_own_default_option_holds_for_what_a_file_leaves_out(write, tmp_path):
    (tmp_path / "conf" / "training").mkdir(parents=True)
    (tmp_path / "conf" / "training" / "default.yaml").write_text("epochs: 2.0\nseed: 5\n")
    training = write("training: {seed: 6}").trial.training
    assert (training.epochs, training.seed) == (2.0, 6)


@pytest.mark.parametrize(
    ("name", "data_format"),
    [("a.csv", "csv"), ("a.TSV", "csv"), ("a.csv.gz", "csv"), ("a.json", "json"),
     ("a.jsonl.zst", "json"), ("a.ndjson", "json"), ("a.parquet", "parquet"), ("a", "csv"),
     ("a.txt", "csv")],
)  # fmt: skip
def test_a_training_file_stands_for_its_format(write, tmp_path, name, data_format):
    files = write(f"data: {{train: {name}}}").trial.data
    words = compose_training(None, ["model.checkpoint=x", f"data.train={name}"], tmp_path)
    assert files == words.trial.data
    assert (files.format, files.train, files.package) == (data_format, name, None)
    assert (dict(files.where), files.train_examples) == ({}, None)


@pytest.mark.parametrize("compose", ["sweep", "look"])
def test_other_commands_take_a_training_file_alike(tmp_path, compose):
    words = ["data.train=a.jsonl", "data.label=stars"]
    if compose == "sweep":
        data = compose_sweep(["sweep=lr_search", *words], tmp_path).base.data
    else:
        data = compose_doctor(words, tmp_path).trials[0].data
    assert (data.format, data.package, dict(data.where)) == ("json", None, {})


def test_an_option_that_is_chosen_stays(write, tmp_path):
    composed = compose_training(None, ["data=parquet", "data.train=a.csv"], tmp_path)
    assert composed.trial.data.format == "parquet"
    file = write("data: {train: a.csv}", "data=json", "data.train=b.csv")
    assert (file.trial.data.format, file.trial.data.train) == ("json", "b.csv")


def test_a_named_data_set_needs_its_format(write, tmp_path):
    for compose in (
        lambda: compose_training(None, ["model=minilm", "data.name=imdb"], tmp_path),
        lambda: compose_sweep(["sweep=lr_search", "data.name=imdb"], tmp_path),
        lambda: write("data: {name: imdb}"),
    ):
        with pytest.raises(InputError) as caught:
            compose()
        assert "data.name" in caught.value.where
        assert "data=hub" in caught.value.remedy
    data = write("data: {name: imdb, format: tfds}").trial.data
    assert (data.format, data.train, data.package) == ("tfds", "train", None)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("where: {lang: en}", {"lang": "en"}),
        ("where: {}", {}),
        ("seed: 1", {"source": "rotten_tomatoes"}),
    ],
)
def test_rows_are_chosen_by_the_file_alone(write, text, data):
    assert dict(write(f"data: {{{text}}}").trial.data.where) == data


def test_a_package_of_the_file_is_not_mixed_with_the_usual_one(write):
    text = "model: {package: {name: x, path: y}}\ndata: {package: {name: q, path: z}}"
    trial = write(text).trial
    assert (trial.model.package.name, trial.model.package.sha256) == ("x", None)
    assert trial.model.package.stands_for is None
    assert (trial.data.package.name, trial.data.train) == ("q", None)


@pytest.mark.parametrize(
    "words",
    [
        ["training.batch_size=auto"],
        ["optimizer=sgd", "schedule=cosine", "data=imdb"],
        ["data=csv", "data.train=x.csv", "+data.where.lang=no", "model=bert_base"],
        ["study=once", "output=/o", "tracking.uri=http://x", "launcher.max_attempts=7"],
        ["sweep.objectives=[val_loss]", "sweep.constraints={val_macro_f1: '>= 0.5'}"],
    ],
)
def test_a_printed_configuration_is_read_as_it_was(write, tmp_path, words):
    composed = compose_training(None, ["model=minilm", *words], tmp_path)
    assert write(render_training(composed)) == composed


def test_the_printed_configuration_of_a_sweep_trains_its_default(write, tmp_path):
    words = ["sweep=lr_search", "study=mine", "output=/o", "training.batch_size=auto",
             "sweep.objectives=[val_loss]", "sampler=random", "storage=journal"]  # fmt: skip
    sweep = compose_sweep(words, tmp_path)
    found = write(render(sweep))
    assert found.trial == sweep.base
    assert found.output == "/o"
    assert found.study is None  # Its folder is the sweep's.
    assert found.goals == sweep.goals


def test_a_masked_address_is_not_used(write, tmp_path):
    composed = compose_training(None, ["model=minilm", "tracking.uri=http://me:pw@h"], tmp_path)
    text = render_training(composed)
    assert "pw" not in text
    with pytest.raises(InputError) as caught:
        write(text)
    assert caught.value.where.endswith("file.yaml")
    assert write(text, "tracking.uri=null").tracking.uri is None


@pytest.mark.parametrize(
    ("recorded", "objectives"),
    [
        ("{objective: val_macro_f1}", ("val_macro_f1",)),
        ("{objective: val_loss, objectives: [val_loss, val_mcc]}", ("val_loss", "val_mcc")),
        ("a note", ("val_accuracy",)),
        ("{objective: 3}", ("val_accuracy",)),
        ("{}", ("val_accuracy",)),
    ],
)
def test_what_a_trial_was_run_for_comes_along(write, recorded, objectives):
    text = f"provenance: {recorded}\ntraining: {{seed: 1}}"
    assert write(text).goals.objectives == objectives
    assert write(text, "sweep.objectives=[train_loss]").goals.objectives == ("train_loss",)


def test_constraints_come_along(write):
    text = "provenance: {objectives: [val_loss], constraints: {val_mcc: '>= 0.5'}}\nmodel: {}"
    [bound] = write(text).goals.constraints
    assert (bound.metric, bound.relation, bound.bound) == ("val_mcc", ">=", 0.5)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("provenance: {objective: val_acc}\nmodel: {}", "file.yaml"),
        ("sweep: {objectives: [val_acc]}\nmodel: {}", "file.yaml"),
        ("name: mine\nn_trials: 3\nspace: {}", "file.yaml"),
        ("training: {seed: -1}", "file.yaml"),
        ("tracking: {urI: x}", "file.yaml"),
        ("launcher: {name: nowhere}", "launcher"),
    ],
)
def test_a_wrong_key_is_told_of_its_file(write, text, where):
    with pytest.raises(InputError) as caught:
        write(text)
    assert where in caught.value.where
    assert caught.value.remedy


def test_a_recorded_objective_does_not_keep_a_model_from_being_read(tmp_path):
    (tmp_path / "best.yaml").write_text("provenance: {objective: gone}\ntraining: {seed: 3}")
    assert load_trial(tmp_path / "best.yaml", folder=tmp_path).training.seed == 3


def test_every_group_has_a_key_here():
    assert {*ONE_KEY, "task"} == set(TRIAL_GROUPS) <= set(DEFAULT_OPTIONS)
