"""Files where folders belong, folders where files belong, names and rights that nobody expects.

Each ends in one message of ours, without a traceback and without a crash report.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.conftest import OWN
from tuner.__main__ import main
from tuner.config import compose_sweep, dump_trial

ONE = [*OWN, "sweep.n_trials=1", "launcher.slots=1", "tracking.send=false"]
STUDY = Path("outputs/mine")
REPORT = ["report", "study=mine", "tracking.send=false"]


def to_folder(path):
    def change(folder):
        remove(folder / path)
        (folder / path).mkdir(parents=True)

    return change


def to_file(path):
    def change(folder):
        remove(folder / path)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("a file")

    return change


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


REFUSED = {
    **{
        f"a folder as {name}": (ONE, to_folder(STUDY / name))
        for name in (
            "best.yaml", "study.db", "study.journal", "memory_limits.json",
            "trials/00000/config.yaml", "trials/00000/worker.log",
        )
    },
    **{
        f"a file as {name}": (ONE, to_file(STUDY / name))
        for name in ("trials", "best_model", "spool", "trials/00000")
    },
    "outputs is a file": (ONE, to_file("outputs")),
    "sweeps is a file": (ONE, to_file("sweeps")),
    "a sweep is a folder": (ONE, to_folder("sweeps/mine.yaml")),
    "conf is a file": ([*ONE, "optimizer=own"], to_file("conf")),
    "data are a folder": (ONE, to_folder("train.csv")),
    "a checkpoint is a file": (ONE, to_file("tiny")),
    "weights are a folder": (ONE, to_folder("tiny/model.safetensors")),
    "an output with a name that is too long": ([*ONE, f"output={'x' * 300}"], None),
    "an output with a path that is too long": ([*ONE, f"output={'y' * 200}{'/y' * 2500}"], None),
    "an output below a device": ([*ONE, "output=/dev/null"], None),
    "a storage below a file": ([*ONE, "storage.url=sqlite:///train.csv/x.db"], None),
    "a journal below a file": ([*ONE, "storage.url=journal:///train.csv/x"], None),
    "a storage in memory": ([*ONE, "storage.url='sqlite://'"], None),
    "a storage with a long name": ([*ONE, f"storage.url=journal:///{'z' * 300}"], None),
    "data with a long name": ([*ONE, f"data.train={'c' * 300}.csv"], None),
    "train of a folder": (["train", "tiny"], None),
    "predict of a file": (["predict", "train.csv", "train.csv"], None),
    "start_from a folder": ([*ONE, "sweep.start_from=[tiny]"], None),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_is_refused_with_one_message(what, folder, fake_workers, capsys):
    words, change = REFUSED[what]
    if change is not None:
        change(folder)
    assert main(words) == 2
    check_said(capsys.readouterr().err, folder)


def check_said(errors, folder):
    assert errors.startswith("tuner: ")
    assert "Traceback" not in errors
    assert not list(folder.glob("tuner-crash-*"))


def test_the_remedy_of_what_stands_in_the_way_works(folder, fake_workers, capsys):
    to_folder(STUDY / "best.yaml")(folder)
    assert main(ONE) == 2
    remedy = next(
        line.partition("try:")[2]
        for line in capsys.readouterr().err.splitlines()
        if "try:" in line
    )
    subprocess.run(["sh", "-c", remedy.partition(";")[0]], check=True)
    assert main(ONE) == 0


@pytest.mark.parametrize("name", ["00001.bak", "00000 (copy)", "0000²", "12345678901234567890"])
def test_copies_of_trials_are_no_trials(name, folder, fake_workers):
    (folder / "best.yaml").write_text(dump_trial(compose_sweep(ONE, folder).base))
    (folder / "outputs/train/trials" / name / "model").mkdir(parents=True)
    assert main(["train", "best.yaml", "tracking.send=false"]) == 0
    assert (folder / "outputs/train/trials/00000/outcome.json").exists()
    (folder / STUDY / "trials" / name / "model").mkdir(parents=True)
    assert main(ONE) == 0
    assert main(["export", "study=mine"]) == 0


def test_a_study_that_cannot_be_written_is_reported(folder, fake_workers, capsys):
    assert main(ONE) == 0
    for path in (folder / "outputs", *(folder / "outputs").rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    code, errors = without_rights([*REPORT, "report.output=page.html"])
    assert (code, errors) == (0, "")
    assert (folder / "page.html").exists()
    code, errors = without_rights(REPORT)
    assert code == 2
    check_said(errors, folder)


@pytest.mark.parametrize(
    "name", ["train.csv", "tiny/model.safetensors", "tiny/config.json", "sweeps/mine.yaml"]
)
def test_what_cannot_be_read_is_refused(name, folder):
    (folder / name).chmod(0)
    code, errors = without_rights(ONE)
    assert code in (1, 2)
    check_said(errors, folder)


def test_a_folder_that_cannot_be_written_is_refused(folder):
    (folder / "outputs").mkdir()
    (folder / "outputs").chmod(0o555)
    code, errors = without_rights(ONE)
    assert code in (1, 2)
    check_said(errors, folder)


def without_rights(words):
    """Exit code and errors of a command that may not do what root may."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.fake_agent", *words]
    if os.geteuid() == 0:
        command = ["setpriv", "--bounding-set=-all", *command]
    done = subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.returncode, done.stderr
