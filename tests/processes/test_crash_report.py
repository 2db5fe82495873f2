"""Unexpected errors end as one line and a file, for every command and process."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tuner.__main__ import COMMANDS, main
from tuner.processes.crash_report import guarded

ROOT = Path(__file__).parents[2]
SECRET = "s3cret-of-the-environment"  # noqa: S105


@pytest.fixture
def crashing(monkeypatch, tmp_path):
    """Every command fails in a way that nobody foresaw, with a secret in its message."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", SECRET)

    def run(words):
        raise ZeroDivisionError(f"{SECRET} at postgresql://me:pa55word@host/x\nsecond line")

    for command in COMMANDS:
        module = __import__(f"tuner.commands.{command}", fromlist=["run"])
        monkeypatch.setattr(module, "run", run)
    return tmp_path


def report_of(line, folder):
    path = Path(re.search(r"\(crash report: (.*)\)", line)[1])
    assert path.parent == folder
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_ends_with_one_line_and_a_report(command, crashing, capsys):
    assert main([command, "storage.url=postgresql://me:pa55word@host/x"]) == 1
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    assert "ZeroDivisionError" in told
    report = report_of(told, crashing)
    text = report.read_text()
    assert "Traceback" in text
    assert "tuner" in text
    assert command in text
    assert report.stat().st_mode & 0o077 == 0
    for secret in (SECRET, "pa55word"):
        assert secret not in told + text


def test_the_report_goes_to_the_temporary_folder_where_the_working_folder_takes_none(
    crashing, monkeypatch, tmp_path_factory, capsys
):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    monkeypatch.setattr("tuner.processes.crash_report.Path.cwd", lambda: Path("/proc"))
    assert main(["report"]) == 1
    assert report_of(capsys.readouterr().err, elsewhere).exists()


def test_a_process_of_ours_ends_with_one_line_too(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert guarded(lambda: 1 // 0) == 1
    assert report_of(capsys.readouterr().err, tmp_path).exists()
    assert guarded(lambda: 7) == 7


def test_a_working_folder_that_is_gone_is_wrong_input(tmp_path):
    gone = tmp_path / "gone"
    code = (
        f"import os, sys; sys.path.insert(0, {str(ROOT)!r}); os.mkdir({str(gone)!r}); "
        f"os.chdir({str(gone)!r}); os.rmdir({str(gone)!r}); "
        "from tuner.__main__ import main; sys.exit(main(['sweep=lr_search']))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
