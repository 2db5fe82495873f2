"""Keras computes with TensorFlow in a worker, whatever the user has chosen for other work."""

import os
import subprocess
import sys

import pytest

from tuner.worker.protocol import Ready, decode_from_worker

pytestmark = pytest.mark.tf


def test_a_users_own_backend_does_not_reach_a_worker(tmp_path):
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text('{"backend": "torch"}')
    worker = subprocess.Popen(
        [sys.executable, "-m", "tuner.worker", "--threads", "1"],
        env=os.environ | {"KERAS_BACKEND": "torch", "HOME": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with worker:
        assert isinstance(decode_from_worker(worker.stdout.readline()), Ready)
