"""Each wrong input ends in one message of ours, exit code 2, and leaves nothing half-made."""

import shutil

import pytest

from tests.commands.conftest import OWN
from tuner.__main__ import main

EMPTY = "text,label\n"
ONE_LABEL = "text,label\n" + "good,yes\n" * 20
UNKNOWN_LABEL = "text,label\n" + "good film,maybe\n" * 5

CASES = {
    "unknown command": (["fly"], ["unknown command 'fly'", "sweep, train"]),
    "empty word": ([""], ["unknown command ''"]),
    "is not a search": (
        [*OWN, "schedule=linear", "optimizer.learning_rate=1e-4"],
        ["nothing is left to search", "tuner train"],
    ),
    "an objective twice": (
        [*OWN, "sweep.objectives=[val_loss,val_loss]"],
        ["sweep.objectives", "sweep.objectives=[val_loss]"],
    ),
    "two objectives for a pruner of one": (
        [*OWN, "sweep.objectives=[val_accuracy,val_loss]", "pruner=asha"],
        ["asha", "extrapolation, none"],
    ),
    "a constraint without a relation": (
        [*OWN, "sweep.constraints={val_loss: 0.5}"],
        ["sweep.constraints", '"<= NUMBER"'],
    ),
    "a constraint for a pruner that compares trials": (
        [*OWN, "sweep.constraints={val_loss: '<= 1'}", "pruner=median"],
        ["median", "extrapolation"],
    ),
    "a constraint of no metric": (
        [*OWN, 'sweep.constraints={f1: ">= 0.5"}'],
        ["sweep.constraints", "'f1'", "val_macro_f1"],
    ),
    "a packaged file beside an own one": (
        ["sweep=mine", "model.checkpoint=tiny", "model.max_length=32", "data.train=none.csv"],
        ["none.csv"],
    ),
    "no sweep": (["training.epochs=1"], ["no sweep is named", "lr_search"]),
    "unknown sweep": (["sweep=nope"], ["'nope'", "lr_search"]),
    "unknown key": ([*OWN, "training.batchsize=8"], ["training.batchsize", "training.batch_size"]),
    "wrong type": ([*OWN, "training.batch_size=abc"], ["training.batch_size", "whole number"]),
    "low above high": ([*OWN, "model.dropout=interval(0.5,0.1)"], ["0.5", "0.1", "low"]),
    "space names no key": ([*OWN, "training.nothing=1,2"], ["training.nothing"]),
    "key of another option": (
        [*OWN, "optimizer.momentum=interval(0,0.9)"],
        ["optimizer.momentum", "optimizer=adamw"],
    ),
    "missing file": ([*OWN, "data.train=none.csv"], ["none.csv", "data.train"]),
    "missing column": ([*OWN, "data.text=review"], ["review", "data.text"]),
    "empty file": ([*OWN, "data.train=empty.csv"], ["empty.csv"]),
    "one label": ([*OWN, "data.train=one.csv"], ["one"]),
    "unseen label": ([*OWN, "data.validation=unknown.csv"], ["maybe"]),
    "no checkpoint": ([*OWN, "model.checkpoint=nowhere/at/all"], ["nowhere/at/all"]),
    "no weights": ([*OWN, "model.checkpoint=weightless"], ["weightless", "safetensors"]),
    "no tokenizer": ([*OWN, "model.checkpoint=wordless"], ["wordless", "tokenizer"]),
    "unsupported architecture": ([*OWN, "model.checkpoint=gpt"], ["gpt2", "roberta"]),
    "no slots": ([*OWN, "launcher.slots=0"], ["launcher.slots"]),
    "no trials": ([*OWN, "sweep.n_trials=0"], ["sweep.n_trials"]),
    "unknown objective": ([*OWN, "sweep.objectives=[beauty]"], ["beauty", "val_accuracy"]),
    "study outside": ([*OWN, "study=../x"], ["study"]),
    "more frozen layers than there are": (
        [*OWN, "training.freeze_layers=9"],
        ["training.freeze_layers is 9", "2 layers"],
    ),
    "weights of other labels": (
        [*OWN, "training.class_weights={good: 2}"],
        ["training.class_weights", "good", "negative"],
    ),
    "storage that is not there": (
        [*OWN, "study=x", "storage.url=postgresql://h:1/x"],
        ["storage.url"],
    ),
    "a server without an address": ([*OWN, "study=x", "storage=postgresql"], ["storage.url"]),
    "another kind of address": (
        [*OWN, "storage=journal", "storage.url=sqlite:///x.db"],
        ["storage.url", "journal:///FILE"],
    ),
    "a shared storage without a name": (
        [*OWN, "storage=postgresql", "storage.url=postgresql://h:1/x"],
        ["study=NAME"],
    ),
    "train without a file": (["train"], ["best.yaml"]),
    "train with a missing file": (["train", "none.yaml"], ["none.yaml"]),
}


@pytest.fixture
def wrong_files(folder):
    (folder / "empty.csv").write_text(EMPTY)
    (folder / "one.csv").write_text(ONE_LABEL)
    (folder / "unknown.csv").write_text(UNKNOWN_LABEL)
    for name, kept in {
        "weightless": ("config.json", "tokenizer.json"),
        "wordless": ("config.json", "model.safetensors"),
        "gpt": ("model.safetensors", "tokenizer.json"),
    }.items():
        (folder / name).mkdir()
        for file in kept:
            shutil.copyfile(folder / "tiny" / file, folder / name / file)
    (folder / "gpt" / "config.json").write_text('{"model_type": "gpt2"}')
    return folder


@pytest.mark.parametrize(("arguments", "words"), CASES.values(), ids=CASES.keys())
def test_wrong_input(arguments, words, wrong_files, fake_workers, capsys):
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert [word for word in words if word not in told] == []
    assert "Traceback" not in told
    assert not (wrong_files / "outputs").exists()


def test_a_malformed_sweep_file_is_named_with_its_line(folder, capsys):
    (folder / "sweeps/mine.yaml").write_text("name: mine\nspace: {a: [1\n")
    assert main(OWN) == 2
    told = capsys.readouterr().err
    assert "mine.yaml" in told
    assert "line" in told
