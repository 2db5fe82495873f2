"""Names of labels, columns and places that YAML and Hydra have a meaning of their own for."""

import shlex

import pytest

from tuner.config import compose_sweep, dump_trial, load_trial, read_trial
from tuner.config.command_line import train_command
from tuner.config.training_file import compose_training

WORDS = [
    "true", "True", "TRUE", "false", "yes", "no", "on", "off", "null", "Null", "NA", "None", "nan",
    "inf", "01", "1", "011", "1.0", "1.50", "1e3", "12e4567", "1_000", "0x10", "0o7", "2024-01-01",
    "-1", "y", "v1.0",
]  # fmt: skip
YAML_ONLY = ["~", "12:30:45", "+1", ".5", "="]


def compose(folder, *arguments):
    return compose_sweep(
        ["sweep=lr_search", "data=csv", "data.train=x.csv", *arguments], folder
    ).base


def survives(trial, folder):
    """True if it is the same after best.yaml, and after the line of export.format=cli."""
    text = dump_trial(trial)
    (folder / "best.yaml").write_text(text)
    line = shlex.split(train_command(trial, folder))[2:]
    return (
        load_trial(folder / "best.yaml", folder=folder) == trial
        and read_trial(text) == trial
        and compose_training(None, line, folder).trial == trial
    )


def option(folder, group, content):
    path = folder / "conf" / group / "mine.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return f"{group}=mine"


class TestOverrides:
    def test_labels_that_have_weights(self, tmp_path):
        weights = {word: number for number, word in enumerate(WORDS, start=1)}
        given = ", ".join(f"{word}: {number}" for word, number in weights.items())
        trial = compose(tmp_path, f"training.class_weights={{{given}}}")
        assert trial.training.class_weights == weights
        assert survives(trial, tmp_path)

    def test_columns_and_values_that_rows_are_chosen_by(self, tmp_path):
        given = ", ".join(f"{word}: {word}" for word in WORDS)
        trial = compose(tmp_path, f"data.where={{{given}}}")
        assert trial.data.where == {word: word for word in WORDS}
        assert survives(trial, tmp_path)

    def test_columns_of_labels(self, tmp_path):
        task = "task=multilabel"
        trial = compose(tmp_path, task, f"data.label_columns=[{', '.join(WORDS)}]")
        assert trial.data.label_columns == WORDS
        assert survives(trial, tmp_path)
        quoted = compose(tmp_path, task, "data.label_columns=['a, b', \"c\\\"d\", '[e]', f: g]")
        assert quoted.data.label_columns == ["a, b", 'c"d', "[e]", "f: g"]
        assert compose(tmp_path, task, "data.label_columns=null").data.label_columns is None

    def test_values_given_one_by_one(self, tmp_path):
        plain = [f"data.where.a{number}={word}" for number, word in enumerate(WORDS)]
        added = [f"+data.where.b{number}={word}" for number, word in enumerate(WORDS)]
        where = compose(tmp_path, *plain, *added).data.where
        assert list(where.values()) == [*WORDS, *WORDS]

    @pytest.mark.parametrize("word", ["true", "no", "01", "1e3", "12e4567", "1_000", "NULLS"])
    def test_names_of_columns_and_places(self, tmp_path, word):
        keys = ("text", "label", "revision", "train", "test")
        trial = compose(tmp_path, *(f"data.{key}={word}" for key in keys))
        assert [getattr(trial.data, key) for key in keys] == [word] * len(keys)
        assert survives(trial, tmp_path)

    def test_texts_in_quotes_with_all_that_separates(self, tmp_path):
        trial = compose(tmp_path, 'data.where={a: \'b, c: "d"}\', e: "it\\\'s", f: 1.0}')
        assert trial.data.where == {"a": 'b, c: "d"}', "e": "it\\'s", "f": "1.0"}

    def test_null_is_no_value_where_there_may_be_none(self, tmp_path):
        assert compose(tmp_path, "data.revision=null").data.revision is None

    def test_a_cast_is_one(self, tmp_path):
        assert compose(tmp_path, "data.label=int(5)").data.label == "5"


class TestFiles:
    def test_labels_that_have_weights(self, tmp_path):
        weights = {word: number for number, word in enumerate([*WORDS, *YAML_ONLY], start=1)}
        lines = [f"  {word}: {number}" for word, number in weights.items()]
        mine = option(tmp_path, "training", "\n".join(["class_weights:", *lines]))
        trial = compose(tmp_path, mine)
        assert trial.training.class_weights == weights
        (tmp_path / "best.yaml").write_text(dump_trial(trial))
        assert load_trial(tmp_path / "best.yaml", folder=tmp_path) == trial

    def test_columns_and_values_that_rows_are_chosen_by(self, tmp_path):
        lines = [f"  {word}: {word}  # a comment" for word in [*WORDS, *YAML_ONLY]]
        content = "\n".join(["format: csv", "train: x.csv", "where:", *lines])
        trial = compose_sweep(
            ["sweep=lr_search", option(tmp_path, "data", content)], tmp_path
        ).base
        assert trial.data.where == {word: word for word in [*WORDS, *YAML_ONLY]}

    @pytest.mark.parametrize("lines", ["[{}]", "\n  - {}"])
    def test_columns_of_labels(self, tmp_path, lines):
        words = [word for word in [*WORDS, *YAML_ONLY] if word != "="]
        between = ", " if lines == "[{}]" else "\n  - "
        columns = lines.format(between.join(words))
        content = f"format: csv\ntrain: x.csv\nlabel_columns: {columns}\n"
        mine = option(tmp_path, "data", content)
        trial = compose_sweep(["sweep=lr_search", "task=multilabel", mine], tmp_path).base
        assert trial.data.label_columns == words

    @pytest.mark.parametrize("word", ["true", "no", "01", "1e3", "12e4567", "2024-01-01", "0x10"])
    def test_names_of_columns_and_places(self, tmp_path, word):
        content = f"format: csv\ntrain: {word}\ntext: {word}\nlabel: {word}\nrevision: {word}\n"
        data = compose_sweep(
            ["sweep=lr_search", option(tmp_path, "data", content)], tmp_path
        ).base.data
        assert data.train == data.text == data.label == data.revision == word

    def test_numbers_and_truth_values_stay_what_they_are(self, tmp_path):
        content = "seed: 011\nepochs: 2\nprofile: yes\nclip_norm: 1e3\n"
        training = compose(tmp_path, option(tmp_path, "training", content)).training
        assert (training.seed, training.epochs, training.profile) == (9, 2.0, True)
        assert training.clip_norm == 1000.0

    def test_a_file_of_a_trial_that_was_written_by_hand(self, tmp_path):
        path = tmp_path / "mine.yaml"
        path.write_text(
            "data:\n  format: csv\n  train: x.csv\n  label: no\n  where: {no: off}\n"
            "training:\n  class_weights:\n    yes: 2\n    ? 01\n    : 1\n"
        )
        trial = load_trial(path, folder=tmp_path)
        assert (trial.data.label, trial.data.where) == ("no", {"no": "off"})
        assert trial.training.class_weights == {"yes": 2, "01": 1}

    def test_references_are_resolved_all_the_same(self, tmp_path):
        content = "format: csv\ntrain: x.csv\ntext: yes\n"
        content += "label: ${data.text}\nwhere: {a: '${data.text}'}\n"
        data = compose_sweep(
            ["sweep=lr_search", option(tmp_path, "data", content)], tmp_path
        ).base.data
        assert (data.label, data.where) == ("yes", {"a": "yes"})


@pytest.mark.parametrize(
    ("header", "content"),
    [
        ("", "where: {lang: no, year: 0123}\nlabel: 011\n"),
        (
            "# @package _global_\n",
            "data:\n  format: csv\n  where: {lang: no, year: 0123}\n  label: 011\n",
        ),
        ("# @package data\n", "where: {lang: no, year: 0123}\nlabel: 011\n"),
    ],
)
def test_an_option_of_any_package_keeps_texts_as_they_are_written(tmp_path, header, content):
    base = "" if "_global_" in header else "defaults: [csv]\n"
    mine = option(tmp_path, "data", header + base + content)
    trial = compose_sweep(["sweep=lr_search", "data=csv", mine, "data.train=x.csv"], tmp_path).base
    assert trial.data.label == "011"
    assert trial.data.where == {"lang": "no", "year": "0123"}
