"""Commands that are shown are the user's own, complete, and mean the same when pasted."""

import shlex
import subprocess
import sys

import pytest

from tuner.processes.invocation import Invocation, Start, program


def test_an_override_takes_the_place_of_the_users_own():
    call = Invocation(
        words=("sweep=my sweep", "training.epochs=1", "+a.b=2", "~c"), program="tuner"
    )
    assert call.again == "tuner 'sweep=my sweep' training.epochs=1 +a.b=2 '~c'"
    changed = call.command_with({"training.epochs": "training.epochs=2", "a.b": "'a.b=[1, 2]'"})
    assert changed == "tuner 'sweep=my sweep' '~c' training.epochs=2 'a.b=[1, 2]'"


@pytest.mark.parametrize("word", ["study=it's $HOME", "a=*", "data.where={x: y}", "a=b\nc", ""])
def test_the_shell_gives_every_word_back(word):
    assert shlex.split(Invocation(words=(word,), program="tuner").again) == ["tuner", word]


def test_passwords_are_masked():
    call = Invocation(words=("storage.url=postgresql://me:secret@host/db",))
    assert "secret" not in call.again


def start(*words, script="", prefix=sys.prefix):
    return Start(words=words, script=str(script), prefix=prefix)


@pytest.mark.parametrize("before", [("python",), (".venv/bin/python",), ("python3", "-X", "dev")])
def test_a_module_is_called_with_the_interpreter_as_it_was_written(before):
    given = start(*before, "-m", "tuner", "a=1", script="/somewhere/tuner/__main__.py")
    assert program(given) == " ".join([*before, "-m", "tuner"])


def test_a_script_is_called_by_its_name_where_the_shell_finds_it(tmp_path, monkeypatch):
    script = tmp_path / "my bin" / "tuner"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    given = start("python", str(script), script=script)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert shlex.split(program(given)) == [str(script)]
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin")
    assert program(given) == "tuner"


def test_a_real_process_knows_how_it_was_called(tmp_path):
    code = "from tuner.processes.invocation import invoked; print(invoked(['a=1']).again)"
    (tmp_path / "tuner_called.py").write_text(code)
    found = subprocess.run(
        [sys.executable, str(tmp_path / "tuner_called.py")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert found.stdout.strip() == "python -m tuner a=1"
