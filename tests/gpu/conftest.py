"""A GPU to test on, or the reason why there is none.

    python -m pytest tests/gpu -n 0

With TUNER_GPU_REHEARSAL=1 the same tests run on a CPU as far as they can: it shows that they are
ready for a GPU, and nothing about one.
"""

import os

import pytest

from tests.gpu.workers import Workers
from tests.training.conftest import make_settings, workspace  # noqa: F401 - fixtures
from tuner.devices.slots import find_nvidia
from tuner.doctor.gpus import TensorFlow
from tuner.doctor.loaded import Probe

# Tests that compute in this process leave room for workers on the same GPU.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
# A worker judges some errors by the warnings before them.
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "1"


@pytest.fixture(scope="session")
def rehearsal():
    return "TUNER_GPU_REHEARSAL" in os.environ


@pytest.fixture(scope="session", autouse=True)
def gpus(rehearsal):
    """The GPUs as CUDA_VISIBLE_DEVICES names them; none in a rehearsal."""
    found = find_nvidia(os.environ).visible
    if not found and not rehearsal:
        hidden = "CUDA_VISIBLE_DEVICES" in os.environ
        pytest.skip(f"no GPU: {'CUDA_VISIBLE_DEVICES hides all' if hidden else 'none is there'}")
    return found


@pytest.fixture(scope="session", autouse=True)
def loaded(gpus):
    """TensorFlow as a worker loads it, in a process that has ended; it sees every GPU.

    Where it saw none, trials would run on the CPU, and most tests would pass.
    """
    probe = Probe()
    found = probe.result()
    probe.close()
    assert isinstance(found, TensorFlow), found.text
    assert len(found.gpus) == len(gpus)
    return found


@pytest.fixture
def real(rehearsal):
    """For tests that only a GPU can run."""
    if rehearsal:
        pytest.skip("a rehearsal has no GPU memory")


@pytest.fixture
def workers(gpus, tmp_path):
    """Starts workers of the machine's slots and runs trials in them."""
    made = Workers(gpus, tmp_path)
    yield made
    made.close()


@pytest.fixture
def fused(rehearsal, monkeypatch):
    """A rehearsal takes the update of a GPU, too."""
    from tuner.training import fine_tune
    from tuner.training.fused import FusedStep

    if rehearsal:
        monkeypatch.setattr(fine_tune, "make_step", FusedStep)
    return FusedStep
