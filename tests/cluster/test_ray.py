"""One agent over a real Ray cluster on this machine; GPUs are declared, the fine-tune a fake."""

import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench import FAKE, Bench, states
from tests.engines.ray import ray_cluster
from tuner.errors import InputError
from tuner.launchers.ray_settings import RaySettings
from tuner.trial.records import TrialState
from tuner.worker.protocol import Ready

CORES = 8
GPUS = 2
READY = """\
import os, sys
from tuner.worker.protocol import Ready, encode
seen = os.environ["CUDA_VISIBLE_DEVICES"]
sys.stdout.buffer.write(encode(Ready(device=seen, versions={"words": " ".join(sys.argv[1:])})))
sys.stdout.buffer.flush()
sys.stdin.read()
"""
TELLS_ITS_GPU = (sys.executable, "-c", READY)


@pytest.fixture(scope="module")
def cluster():
    with ray_cluster(cpus=CORES, gpus=GPUS) as cluster:
        yield cluster


@pytest.fixture
def node(cluster):
    """A second node, for one test."""
    node = cluster.join(cpus=CORES, gpus=GPUS)
    yield node
    if node.any_processes_alive():
        cluster.lose(node)


@pytest.fixture
def bench(tmp_path, mlflow_uri):
    return Bench(tmp_path / "outputs", mlflow_uri)


def launched(cluster, folder, *, notice=print, devices=1, command=FAKE, **keys):
    from tuner.launchers.ray import RayLauncher

    settings = replace(RaySettings(address=cluster.address), **keys)
    return RayLauncher(settings, devices, folder, notice=notice, command=command)


def workers_ready(launcher, count, seconds=120):
    """Messages of the workers when they are ready."""
    found, end = {}, time.monotonic() + seconds
    while len(found) < count and time.monotonic() < end:
        for event in launcher.poll(0.2):
            assert isinstance(event.message, Ready), event
            found[event.slot] = event.message
    return [found[slot] for slot in sorted(found)]


def do_in_turn(watch, *steps):
    """Does things to the cluster in the middle of a sweep.

    Args:
        watch: Shown the sweep.
        steps: Actions, by the number of slots from which trials have reported.
    """
    seen, left = set(), list(steps)

    def reported(slot, value):
        seen.add(slot)
        if left and len(seen) >= left[0][0]:
            left.pop(0)[1]()

    watch.reported = reported


def assert_whole(bench, total):
    """Every trial ended by itself; rates above 0.1 diverge."""
    assert [outcome.number for outcome in bench.outcomes] == list(range(total))
    assert set(states(bench.outcomes)) <= {TrialState.COMPLETE, TrialState.PRUNED}


def test_each_worker_sees_its_own_gpu_or_its_share(cluster, node, tmp_path):
    launcher = launched(
        cluster, tmp_path, command=TELLS_ITS_GPU, trials_per_gpu=2, cpus_per_trial=1
    )
    assert len(launcher.slots) == 2 * GPUS * 2
    try:
        for slot in launcher.slots:
            launcher.start(slot)
        ready = workers_ready(launcher, 8)
    finally:
        launcher.close(5.0)
    assert sorted(one.device for one in ready) == ["0"] * 4 + ["1"] * 4
    assert not list(tmp_path.iterdir())


def test_a_sweep_goes_on_when_a_node_is_lost(cluster, node, bench):
    notices = bench.watch.notices
    do_in_turn(bench.watch, (2 * GPUS, lambda: cluster.lose(node)))
    bench.run(
        checkpoint="slow:0.6",
        trials=12,
        launcher=lambda slots, command: launched(
            cluster, bench.folder.path, notice=notices.append, command=command
        ),
    )
    assert_whole(bench, 12)
    assert any(outcome.attempt == 2 for outcome in bench.outcomes)
    assert any("was lost; attempt 2 of 3" in text for text in notices), notices


@pytest.mark.slow
def test_a_sweep_grows_onto_a_node_that_joins_and_survives_its_loss(cluster, bench):
    notices, joined = bench.watch.notices, []
    do_in_turn(
        bench.watch,
        (GPUS, lambda: joined.append(cluster.join(cpus=CORES, gpus=GPUS))),
        (2 * GPUS, lambda: cluster.lose(joined[0])),
    )
    bench.run(
        checkpoint="slow:0.6",
        trials=40,
        launcher=lambda slots, command: launched(
            cluster, bench.folder.path, notice=notices.append, command=command
        ),
    )
    assert_whole(bench, 40)
    assert {slot for slot, _, _ in bench.watch.started} == {0, 1, 2, 3}
    assert "the Ray cluster has grown: 4 trials at a time" in notices
    assert any("was lost; attempt 2 of 3" in text for text in notices), notices


def test_slots_without_room_wait_and_keep_nobody(cluster, bench):
    bench.run(
        trials=3,
        launcher=lambda slots, command: launched(
            cluster, bench.folder.path, command=command, slots=GPUS + 3
        ),
    )
    assert_whole(bench, 3)


def test_a_cluster_that_runs_here_is_found_and_outlives_the_sweep(cluster, tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # As the cluster; a token may be there.
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text(cluster.address)
    notices = []
    for _ in range(2):
        launcher = launched(cluster, tmp_path / "study", address="auto", notice=notices.append)
        assert len(launcher.slots) == GPUS
        launcher.close(5.0)
    assert notices == []


def test_a_node_that_does_not_see_the_output_folder_is_named(cluster, tmp_path):
    launcher = launched(cluster, tmp_path / "outputs" / "mine")
    Path(launcher._marker).unlink()
    try:
        launcher.start(0)
        with pytest.raises(InputError, match=r"does not see .*mine/\.shared-") as refused:
            workers_ready(launcher, 1)
    finally:
        launcher.close(5.0)
    assert "a file system that all nodes share" in str(refused.value)
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(
    ("devices", "keys", "where"),
    [
        (4, {}, "training.devices"),
        (2, {"trials_per_gpu": 2}, "launcher.trials_per_gpu=2"),
        (1, {"cpus_per_trial": 99}, "launcher.cpus_per_trial=99"),
    ],
)
def test_what_no_node_has_is_refused(cluster, tmp_path, devices, keys, where):
    with pytest.raises(InputError) as refused:
        launched(cluster, tmp_path, devices=devices, **keys)
    assert refused.value.where == where
