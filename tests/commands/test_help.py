"""`--help`: of the program, a command, the groups, one group, one key."""

from pathlib import Path

import pytest

from tests.command_lines import commands, compose, program
from tuner.__main__ import COMMANDS, main
from tuner.commands.command_help import HELP
from tuner.commands.command_words import read_options
from tuner.config.catalog import Catalog, summary
from tuner.config.schema import GROUPS
from tuner.errors import InputError

WIDE = 80

LINES = [
    ["--help"],
    ["help"],
    ["--help", "groups"],
    *([name, "--help"] for name in COMMANDS),
    *(["--help", group] for group in (*GROUPS, "sweep")),
    ["--help", "data.delimiter"],
    ["--help", "optimizer=sgd"],
]


@pytest.fixture
def ask(tmp_path, monkeypatch, capsys):
    """Gives a command line in a folder of its own; returns the exit code and what was printed."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        code = main(list(words))
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


@pytest.mark.parametrize("words", LINES, ids=" ".join)
def test_a_page_fits_in_80_columns(ask, words):
    code, printed = ask(*words)
    assert code == 0
    assert [line for line in printed.splitlines() if len(line) > WIDE] == []


@pytest.mark.parametrize("command", HELP)
def test_a_command_lists_its_keys_with_their_defaults(ask, command, tmp_path):
    _, printed = ask(command, "--help")
    found, catalog = HELP[command], Catalog(tmp_path)
    for section in found.sections:
        for row in catalog.keys(section):
            wanted = section not in found.keys or row.key in found.keys[section]
            assert (f"\n  {row.key}=" in printed) == wanted
    assert all(f"\n  {example}\n" in printed for example in found.examples)


def test_every_command_has_help_of_its_own():
    assert set(HELP) <= set(COMMANDS)


def test_a_default_is_that_of_the_group_s_option(ask):
    assert "\n  training.epochs=1.0\n" in ask("train", "--help")[1]
    assert "\n  optimizer.learning_rate=5e-5\n" in ask("sweep", "--help")[1]


def test_an_example_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    best = tmp_path / "outputs" / "lr_search" / "best.yaml"
    best.parent.mkdir(parents=True)
    best.write_text("training: {seed: 1}\n")
    for command in HELP:
        for example in HELP[command].examples:
            for name, words in map(program, commands(example)):
                if name == "tuner":
                    compose(words, tmp_path)


def test_the_user_s_own_options_are_listed_and_their_values_are_the_defaults(ask, tmp_path):
    for name, text in {
        "conf/model/ours.yaml": "# Ours, [v2]: the film one.\ncheckpoint: ours\n",
        "conf/training/default.yaml": "# Our budget.\nepochs: 2.0\n",
        "conf/model/broken.yaml": "checkpoint: [\n",
        "sweeps/mine.yaml": "# The one of today.\nspace: {}\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    _, printed = ask("--help", "model")
    assert "\n  model=ours  (your own)\n      Ours, [v2]: the film one.\n" in printed
    assert "\n  model=minilm  (the default)\n" in printed
    assert "model=broken" in printed
    assert "model.checkpoint=ours" in ask("--help", "model=ours")[1]
    assert "training.epochs=2.0" in ask("train", "--help")[1]
    assert "sweep=mine" in ask("--help", "sweep")[1]
    assert "mine" in ask("--help", "groups")[1]


def test_a_broken_default_of_the_user_s_own_does_not_hide_the_keys(ask, tmp_path):
    (tmp_path / "conf" / "training").mkdir(parents=True)
    (tmp_path / "conf" / "training" / "default.yaml").write_text("epochs: [\n")
    code, printed = ask("train", "--help")
    assert code == 0
    assert "training.epochs=1.0" in printed


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["train", "-h"], "tuner train:"),
        (["--help", "train"], "tuner train:"),
        (["help", "train"], "tuner train:"),
        (["train", "model", "--help"], "tuner train:"),
        (["train", "--help", "model"], "model=minilm"),
        (["model", "--help"], "model=minilm"),
        (["sweep=lr_search", "--help"], "tuner sweep:"),
        (["--help", "report"], "tuner report:"),
        (["--help", "training.epochs"], "training.epochs=1.0"),
        (["--help", "optimizer.momentum"], "optimizer.momentum=0.0"),
        (["--help", "study"], "study=null"),
    ],
)
def test_what_is_asked_for_is_found(ask, words, expected):
    code, printed = ask(*words)
    assert code == 0
    assert expected in printed


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["trian"], "tuner train"),
        (["Report"], "tuner report"),
        (["best.yaml"], "tuner train best.yaml"),
        (["lr_search"], "tuner sweep=lr_search"),
        (["--help", "modle"], "tuner --help model"),
        (["--help", "trainng.epochs"], "tuner --help training.epochs"),
        (["--help", "epochs"], "tuner --help training.epochs"),
        (["sweep=lr_search", "--quite"], "--quiet"),
        (["sweep=lr_search", "--training.epochs=3"], "training.epochs=3"),
        (["sweep=lr_search", "--training.epochs", "3"], "training.epochs=3"),
        (["sweep=lr_search", "learning_rate=3"], "optimizer.learning_rate"),
        (["sweep=lr_serch"], "sweep=lr_search"),
        (["sweep=lr_search", "modle=minilm"], "model"),
        (["train", "data=imdb", "model=bert-bas"], "model=bert_base"),
        (
            ["train", "model=minilm", "data=imdb", "training.precison=float32"],
            "training.precision",
        ),
        (["train", "model=minilm", "data=imdb", "training.precision=float23"], "float32"),
        (["train", "model=minilm", "data=imdb", "sweep.objectives=[val_acc]"], "val_accuracy"),
        (["report", "sweep=x", "reprot.follow=true"], "report.follow"),
        (["export", "sweep=x", "export.format=hydr"], "hydra"),
        (["report", "sweep=x", "--cfg", "job"], "tuner report --help"),
    ],
)
def test_a_mistyped_name_brings_a_suggestion(ask, words, remedy):
    code, printed = ask(*words)
    assert code == 2
    assert "Traceback" not in printed
    assert remedy in printed.partition("try:")[2]


def test_a_summary_keeps_whole_sentences_where_they_fill_the_line():
    text = "Passes over the data; fractions are allowed; and more of it stands in the docs."
    assert summary(text, 200) == text
    assert summary(text, 60) == "Passes over the data; fractions are allowed"
    assert summary("One word after another without an end", 20) == "One word after …"
    assert summary("`a` *b*", 20) == "a b"


def test_an_unknown_option_of_a_group_is_refused(ask):
    code, printed = ask("--help", "optimizer=sdg")
    assert code == 2
    assert "optimizer=sgd" in printed


def test_nothing_is_left_behind(ask):
    ask("train", "--help")
    assert list(Path.cwd().iterdir()) == []


def test_options_stand_between_overrides():
    options = read_options(["a=1", "-q", "--cfg=job", "b=2"], command="train")
    assert (options.overrides, options.quiet, options.prints_config) == (
        ("a=1", "b=2"),
        True,
        True,
    )
    with pytest.raises(InputError):
        read_options(["--cfg", "hydra"], command="train")
