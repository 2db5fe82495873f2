"""Processes of ours take no module from the working folder, and no stray output for an answer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tuner.devices.slots import Slot
from tuner.doctor.loaded import PROBE
from tuner.launchers.process import WORKER, WorkerProcess
from tuner.launchers.slurm.job import AGENT
from tuner.processes.python_process import answer, answers, leave_working_folder, python_module
from tuner.tracking.publishing.publisher import COMMAND
from tuner.worker.protocol import Finished, Ready, encode

SHADOWS = ("statistics", "queue", "tuner", "tokenize", "numpy", "secrets")
"""Modules that we import, under whose names a user may have files."""


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """The working folder, with a user's modules that must not be run."""
    for name in SHADOWS:
        (tmp_path / f"{name}.py").write_text(
            f"import pathlib; pathlib.Path({str(tmp_path / 'ran')!r}).touch(); raise SystemExit(7)"
        )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return tmp_path


def run(*command):
    return subprocess.run(command, capture_output=True, check=False, timeout=300)


@pytest.mark.parametrize("command", [PROBE, WORKER, COMMAND, AGENT])
def test_every_process_starts_without_the_working_folder(command):
    assert command[:3] == (sys.executable, "-P", "-m")


@pytest.mark.parametrize(
    "module", ["tuner", "tuner.worker", "tuner.tracking.publishing", "tuner.data.tfds_reader"]
)
def test_a_users_modules_are_not_run(hostile, module):
    words = ("--version",) if module == "tuner" else ("--help",) if "worker" in module else ()
    done = run(*python_module(module, *words))
    assert not (hostile / "ran").exists()
    assert done.returncode != 7


def test_the_command_itself_prefers_pythons_own_modules(hostile):
    (hostile / "tuner.py").unlink()  # Python itself would run that one, before any of ours.
    done = run(sys.executable, "-m", "tuner", "--version")
    assert done.returncode == 0, done.stderr
    assert not (hostile / "ran").exists()


def test_a_checkout_that_is_not_installed_finds_itself(tmp_path):
    package = tmp_path / "checkout" / "some_package"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    path = [str(package.parent), "/usr/lib/nothing"]
    before = os.environ.get("PYTHONPATH")
    try:
        leave_working_folder(path, "some_package")
        assert path == ["/usr/lib/nothing", str(package.parent)]
        assert os.environ["PYTHONPATH"].split(os.pathsep)[-1] == str(package.parent)
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before


def test_answers_are_told_from_what_else_is_printed():
    printed = b"hello\n" + answer(b'{"a": 1}') + b"{}\nno newline " + answer(b"[]") + b"[1"
    assert answers(printed) == [b'{"a": 1}', b"[]"]


def test_a_worker_that_prints_is_understood_and_its_output_is_logged(tmp_path):
    ready = encode(Ready(device="cpu", versions={}))
    finished = encode(Finished(number=1, diverged=""))
    script = tmp_path / "worker.py"
    script.write_text(
        "import sys\n"
        "out = sys.stdout.buffer\n"
        f"out.write(b'greeting of the site\\n' + b'{{}}\\n' + b'torn ' + {ready!r})\n"
        f"out.write({finished!r})\n"
        "out.flush()\n"
    )
    slot = Slot(index=0, environment={}, threads=1)
    worker = WorkerProcess(slot, (sys.executable, str(script)), None)
    heard = []
    while (messages := worker.hear()) is not None:
        heard += messages
    exited = worker.reap()
    assert [type(message) for message in heard] == [Ready, Finished]
    assert "greeting of the site" in exited.log


def test_what_a_site_prints_at_every_start_reaches_no_answer(tmp_path, monkeypatch):
    from tests.tiny_checkpoints import write_checkpoint
    from tuner.checkpoints import inspect
    from tuner.data.checkpoint_tokenizer import load_tokenizer

    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("print('Welcome to the cluster'); print('{}')\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), str(Path.cwd())]))
    monkeypatch.setenv("TUNER_CACHE", str(tmp_path / "cache"))
    write_checkpoint(tmp_path / "tiny", "bert")
    assert load_tokenizer(inspect(tmp_path / "tiny")).backend.get_vocab_size() > 0
