"""The entry, and how little of the libraries it needs."""

import json
import subprocess
import sys

import pytest

from tuner.__main__ import COMMANDS, main

HEAVY = (
    "tensorflow", "keras", "mlflow", "datasets", "transformers", "torch", "scipy",
    "sklearn", "pynvml",
)  # fmt: skip


def loaded_by(arguments):
    """Exit code of a command line in a new process, and the heavy modules that it imported."""
    code = (
        "import json, sys\n"
        "from tuner.__main__ import main\n"
        f"code = main({arguments!r})\n"
        f"print('\\n' + json.dumps([code, [m for m in {HEAVY!r} if m in sys.modules]]))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return json.loads(ended.stdout.splitlines()[-1])


def test_help_names_every_command(capsys):
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert all(f"\n  {name} " in printed for name in COMMANDS)


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["--help", "model"]])
def test_help_imports_nothing_heavy(words):
    assert loaded_by(words) == [0, []]


def test_a_configuration_error_imports_nothing_heavy():
    assert loaded_by(["sweep=lr_search", "training.nothing=1"]) == [2, []]


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("tuner ")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_module(command):
    module = __import__(f"tuner.commands.{command}", fromlist=["run"])
    assert callable(module.run)
