"""A stand-in for NVIDIA's library (NVML), which closes what it opens."""

import sys
from pathlib import Path

import pytest


@pytest.fixture
def nvml(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).with_name("stand_in"))
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    import pynvml

    yield pynvml
    assert pynvml.counts["opened"] == 0
    del sys.modules["pynvml"]
