"""A program of the name nvidia-smi that stands first on the path, with no library beside it."""

import sys

import pytest

from tests.devices.nvidia_texts import TWO_LISTED


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """Makes the program say something: to the query, and to `-L`; and its exit code."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setitem(sys.modules, "pynvml", None)  # An import then raises ImportError.
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def says(answer, listed=TWO_LISTED, code=0):
        (folder / "answer").write_text(answer)
        (folder / "listed").write_text(listed)
        program = folder / "nvidia-smi"
        program.write_text(
            f'#!/bin/sh\ncd {folder}\n[ "$1" = -L ] && cat listed || cat answer\nexit {code}\n'
        )
        program.chmod(0o755)

    return says
