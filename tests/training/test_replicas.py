import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest

from tests.tiny_checkpoints import write_checkpoint, write_reviews

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mirrored")
    write_checkpoint(folder / "bert", seed=3)
    write_reviews(folder / "reviews.csv", 160, seed=1)
    return folder


def start(folder, what, name=None, **environment):
    """A process of tests/training/mirrored.py."""
    name = name or what
    arguments = [what, folder / "bert", folder / "reviews.csv", folder / f"{name}.npz"]
    variables = {
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "TUNER_CACHE": str(folder / f"cache-{name}"),
        **environment,
    }
    with (folder / f"{name}.log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.training.mirrored", *map(str, arguments)],
            env=os.environ | variables,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def finish(folder, process, name):
    """Result of the process."""
    try:
        code = process.wait(500)
    finally:
        process.kill()
    assert code == 0, (folder / f"{name}.log").read_text()[-3000:]
    return dict(np.load(folder / f"{name}.npz"))


@pytest.fixture(scope="module")
def one(folder):
    return finish(folder, start(folder, "one"), "one")


@pytest.fixture(scope="module")
def two(folder):
    return finish(folder, start(folder, "two"), "two")


@pytest.fixture(scope="module")
def reports(folder):
    return finish(folder, start(folder, "trials"), "trials")["reports"]


def check_same(found, expected):
    for optimizer in ("adamw", "rmsprop"):
        np.testing.assert_allclose(found[optimizer], expected[optimizer], rtol=0, atol=1e-6)
        losses = f"{optimizer} losses"
        np.testing.assert_allclose(found[losses], expected[losses], rtol=2e-6)


def test_two_devices_give_the_parameters_of_one(one, two):
    check_same(two, one)
    assert two["copies"].max() == 0.0


def test_devices_draw_masks_of_their_own_and_a_reset_brings_back_the_same_bits(two):
    first, second = two["masks"]
    assert set(first) == set(second) == {0.0, 2.0}
    assert 16 < (first != second).sum() < 48
    assert two["repeated"]
    assert two["repeated weights"]


def test_a_trial_on_two_devices_reports_what_one_device_does(reports):
    np.testing.assert_allclose(reports[1], reports[0], rtol=1e-4)
    assert (reports[2] == reports[3]).all()
    assert (reports[2] != reports[1])[1:].all()


def test_two_processes_give_the_parameters_and_reports_of_one(folder, one, reports):
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        addresses = [f"127.0.0.1:{s.getsockname()[1]}" for s in (first, second)]
    names = ["worker-0", "worker-1"]
    processes = [
        start(
            folder,
            "worker",
            name,
            TF_CONFIG=json.dumps(
                {
                    "cluster": {"worker": addresses},
                    "task": {"type": "worker", "index": index},
                }
            ),
        )
        for index, name in enumerate(names)
    ]
    for process, name in zip(processes, names, strict=True):
        found = finish(folder, process, name)
        check_same(found, one)
        np.testing.assert_allclose(found["reports"][0], reports[0], rtol=1e-4)
