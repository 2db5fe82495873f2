"""`tuner completion`: the words that a shell offers."""

import shutil
import subprocess

import pytest

from tuner.__main__ import COMMANDS, main
from tuner.commands.completion import script

OPTIONS = {"model": ("bert_base", "minilm"), "sweep": ("lr_search",)}
KEYS = ("model.dropout", "training.epochs")

TRY = """
COMP_LINE=$1; COMP_POINT=${#1}; COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
_tuner
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(folder, line) -> list[str]:
    """Words that bash offers at the end of a line."""
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    code = script(OPTIONS, KEYS) + TRY
    command = ["bash", "--norc", "-c", code, "bash", line]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("tuner tr", ["train", "training.epochs="]),
        ("tuner sweep=lr_search tr", ["training.epochs="]),
        ("tuner --he", ["--help"]),
        ("tuner model=", ["bert_base", "minilm"]),
        ("tuner train model=m", ["minilm"]),
        ("tuner model.", ["model.dropout="]),
        ("tuner sweep=", ["lr_search"]),
        ("tuner training.epochs=", []),
    ],
)
def test_words_follow_from_the_line(tmp_path, line, words):
    assert offered(tmp_path, line) == words


def test_the_users_own_files_are_offered(tmp_path):
    for name in ("conf/model/mine.yaml", "sweeps/wide.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert offered(tmp_path, "tuner model=mi") == ["minilm", "mine"]
    assert offered(tmp_path, "tuner sweep=") == ["lr_search", "wide"]


def test_names_of_files_are_never_evaluated(tmp_path):
    (tmp_path / "sweeps").mkdir()
    for name in ("$(touch ran).yaml", "`touch ran`.yaml", "two words.yaml", "*.yaml"):
        (tmp_path / "sweeps" / name).touch()
    assert offered(tmp_path, "tuner sweep=") == ["lr_search"]
    assert not (tmp_path / "ran").exists()


def test_every_command_group_and_key_is_in_the_script(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["completion", "zsh"]) == 0
    text = capsys.readouterr().out
    assert "bashcompinit" in text
    for word in (
        *COMMANDS,
        "optimizer=lion",
        "optimizer.beta_2_decay=",
        "predict.rows=",
        "study=",
    ):
        assert word in text


def test_another_shell_is_refused(capsys):
    assert main(["completion", "fish"]) == 2
    assert "tuner completion bash" in capsys.readouterr().err
