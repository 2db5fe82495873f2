"""docs/tutorial.md: its commands run in their order, and print what the page shows."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.command_lines import blocks

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tutorial.md"

MEASURED = re.compile(r"\s*\d|…")
"""Lines that are not compared: rows of tables, whose order is that of scores, and omissions."""


def steps():
    """Yield each command of the page with the lines shown below it."""
    for language, text in blocks(PAGE):
        if language == "console":
            for step in re.split(r"(?m)^\$ ", text)[1:]:
                command, *lines = re.sub(r"\\\n\s*", "", step).splitlines()
                yield command, lines


def shape(line):
    """A line without its numbers, their width among them."""
    return re.sub(r"[\d.e-]*\d", "#", " ".join(line.split()))


def free_port():
    """A port of this machine that nothing uses."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


@pytest.mark.tf
@pytest.mark.timeout(1800)
def test_the_commands_print_what_the_page_shows(tmp_path):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    shown = list(steps())
    assert len(shown) > 5
    script = ["set -em", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"]
    for number, (command, _) in enumerate(shown):
        script += [command, f"echo; echo '--- {number}'"]
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "TUNER_CACHE": str(tmp_path / "cache"),
        "COLUMNS": "100",
    }
    environment.pop("MLFLOW_TRACKING_URI", None)
    shell = subprocess.Popen(
        ["bash", "-c", "\n".join(script).replace("5001", free_port())],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        output, _ = shell.communicate()
    finally:  # A server that a failure leaves.
        if shell.poll() is None:
            for each in psutil.Process(shell.pid).children(recursive=True):
                each.kill()
            shell.kill()
    assert shell.returncode == 0, output
    printed = re.split(r"--- \d+\n", output)
    assert len(printed) == len(shown) + 1
    for (command, lines), text in zip(shown, printed, strict=False):
        found = {shape(line) for line in text.splitlines()}
        wanted = {shape(line) for line in lines if not MEASURED.match(line)}
        assert wanted <= found, (command, wanted - found, text)
