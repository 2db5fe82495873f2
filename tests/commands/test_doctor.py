"""The real command, in a folder as a user has one, as it is and with everything broken."""

import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.commands.conftest import OWN
from tests.packages import install_package
from tuner.__main__ import main
from tuner.doctor.line import Level
from tuner.doctor.loaded import Probe

MODEL = "nobody/nothing"
COMMON = [word for word in OWN if not word.startswith(("sweep", "model.checkpoint"))]


@pytest.fixture
def doctor(folder, tmp_path):
    """Runs the command in a process of its own; gives its lines by name, and its exit code.

    Its TensorFlow cannot be imported, unless a test wants the real one.
    """
    (tmp_path / "stub").mkdir()
    (tmp_path / "stub" / "tensorflow.py").write_text("raise ImportError('libcudart is torn')\n")

    def run(*arguments, real=False, **environment):
        before = set(folder.rglob("*"))
        roots = [str(Path(__file__).parents[2]), *([] if real else [str(tmp_path / "stub")])]
        done = subprocess.run(
            [sys.executable, "-m", "tuner", "doctor", *COMMON, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(roots), **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stdout + done.stderr
        left = set(folder.rglob("*")) - before
        assert {path.relative_to(folder).parts[0] for path in left} <= {"cache"}
        return done.returncode, _lines(done.stdout)

    return run


def _lines(output):
    """Name to level and text; the remedy of a line is part of its text."""
    found, name = {}, ""
    for line in output.splitlines():
        if line.startswith(" "):
            level, text = found[name]
            found[name] = level, f"{text} {line.strip()}"
        else:
            level, name, text = line.split(maxsplit=2)
            found[name] = level, text
    return found


@pytest.mark.tf
def test_a_sound_machine(doctor):
    code, lines = doctor("sweep=mine", "model.checkpoint=tiny", real=True)
    assert code == 0
    assert {name for name, (level, _) in lines.items() if level == "wrong"} == set()
    assert list(lines) == [
        "tuner", "packages", "CPU", "slots", "search", "model", "data", "output", "cache",
        "storage", "tracking", "TensorFlow", "GPU", "precision",
    ]  # fmt: skip
    assert lines["model"][1] == "tiny: bert, 2 layers, 32 wide"
    assert lines["data"][1] == "train.csv: 60 rows and 40, 2 labels"
    assert "outputs/mine/study.db" in lines["storage"][1]


def test_test_rows_are_read_too(doctor, folder):
    code, lines = doctor("sweep=mine", "model.checkpoint=tiny", "data.test=validation.csv")
    assert lines["data"][1] == "train.csv: 60 rows and 40 and 40, 2 labels"
    (folder / "awful.csv").write_text("text,label\na film,awful\n")
    code, lines = doctor("sweep=mine", "model.checkpoint=tiny", "data.test=awful.csv")
    assert code == 1
    assert "labels that are not in the training rows: awful" in lines["data"][1]


def test_everything_broken_is_told_at_once(doctor, folder):
    (folder / "taken").write_text("a file where the folder should be")
    code, lines = doctor(
        "model.checkpoint=nowhere/at/all",
        "data.train=none.csv",
        "output=taken",
        "training.devices=3",
        "tracking.uri=http://me:secret@127.0.0.1:1",
        "storage.url=nodb://me:secret@127.0.0.1/x",
        CUDA_VISIBLE_DEVICES="-1",
    )
    assert code == 1
    wrong = {name for name, (level, _) in lines.items() if level == "wrong"}
    assert wrong == {"slots", "model", "data", "output", "storage", "tracking", "TensorFlow"}
    assert all("try: " in lines[name][1] for name in wrong)
    assert "libcudart is torn" in lines["TensorFlow"][1]
    assert "none.csv" in lines["data"][1]
    assert "taken" in lines["output"][1]
    assert "tracking.on_outage=spool" in lines["tracking"][1]
    assert "driver" in lines["storage"][1]
    assert "secret" not in str(lines)


def test_studies_and_hubs_that_can_not_be_read(doctor, folder):
    (folder / "outputs" / "mine").mkdir(parents=True)
    (folder / "outputs" / "mine" / "study.db").write_text("no study " * 200)
    code, lines = doctor(
        "sweep=mine",
        f"model.checkpoint={MODEL}",
        "data=hub", "data.name=nobody/data",
        HF_HUB_OFFLINE="1",
        HF_HOME=str(folder / "cache" / "hub"),
    )  # fmt: skip
    assert code == 1
    assert "HF_HUB_OFFLINE" in lines["model"][1]
    assert "nobody/data" in lines["data"][1]
    assert "file is not a database" in lines["storage"][1]


def test_a_model_on_the_hub_that_is_not_fetched_yet_is_a_warning(doctor, folder):
    with _hub() as address:
        _, lines = doctor(
            f"model.checkpoint={MODEL}", HF_ENDPOINT=address, HF_HOME=str(folder / "cache" / "hub")
        )
    assert lines["model"][0] == "warning"
    assert "tuner prepare" in lines["model"][1]


def test_a_plug_in_that_cannot_be_imported_is_a_warning_until_it_is_used(doctor, tmp_path):
    targets = {"tuner.optimizers": {"theirs": "nowhere:Theirs"}}
    install_package(tmp_path / "stub", "their-optimizers", targets)
    _, lines = doctor("sweep=mine", "model.checkpoint=tiny")
    level, text = lines["plug-in"]
    assert level == "warning"
    assert "their-optimizers 1.0" in text
    assert "nowhere" in text
    code, lines = doctor("sweep=mine", "model.checkpoint=tiny", "optimizer=theirs")
    assert (code, lines) == (2, {})


def test_a_wrong_override_is_wrong_input(folder, capsys):
    assert main(["doctor", "modle=tiny"]) == 2
    assert "modle" in capsys.readouterr().err


class _hub:  # noqa: N801
    """A hub that has every model, while the block runs."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"id": MODEL, "sha": "0" * 40, "siblings": []}).encode())

        def log_message(self, *arguments):
            pass

    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()


@pytest.mark.parametrize(
    ("code", "timeout", "expected"),
    [
        ("import time; print('still here', flush=True); time.sleep(60)", 0.5, "not loaded within"),
        ("import os; os.kill(os.getpid(), 11)", 30.0, "by signal 11: it printed nothing"),
        ("import os; os._exit(0)", 30.0, "ends its process"),
        ("import sys; print('no kernel image', file=sys.stderr); sys.exit(3)", 30.0, "no kernel"),
    ],
    ids=["hangs", "crashes", "leaves", "fails"],
)
def test_a_tensorflow_that_does_not_answer_is_one_wrong_line(code, timeout, expected):
    probe = Probe([sys.executable, "-c", code])
    try:
        line = probe.result(timeout)
    finally:
        probe.close()
    assert line.level is Level.WRONG
    assert expected in line.text
