"""The Ray launcher without a cluster; tests/cluster has one."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import psutil
import pytest

pytest.importorskip("ray", reason="Ray is not installed")

import ray
from ray.exceptions import ActorUnavailableError, RayError

from tuner.errors import InputError
from tuner.launchers.ray import forwarded, lost
from tuner.launchers.ray_cluster import connect, running_cluster
from tuner.trial.recovery import death

NODE_DIED = "The actor died unexpectedly: its node has died. Node Id: 5f0c"


def no_notice(text):
    raise AssertionError(text)


def test_an_address_where_nothing_answers_is_refused_at_once():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        for written in (address, f"ray://{address}"):
            with pytest.raises(InputError, match="no Ray cluster answers") as refused:
                connect(written, no_notice)
            assert refused.value.where == f"launcher.address={written}"
    with pytest.raises(InputError, match="no Ray cluster answers"):
        connect("no port", no_notice)


def test_an_address_of_the_environment_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    for setting in (None, "auto"):
        with pytest.raises(InputError) as refused:
            connect(setting, no_notice)
        assert refused.value.where == "RAY_ADDRESS=127.0.0.1:9"


@pytest.fixture
def ray_folder(monkeypatch):
    """Ray's folder for temporary files, whose path a socket's name has room for."""
    folder = Path(tempfile.mkdtemp(prefix="r"))
    (folder / "ray").mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(folder))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    yield folder
    shutil.rmtree(folder)


def test_a_cluster_is_running_only_where_it_listens(ray_folder):
    assert running_cluster() is None
    noted = ray_folder / "ray" / "ray_current_cluster"
    with socket.socket() as head:
        head.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{head.getsockname()[1]}"
        noted.write_text(f"{address}\n")
        assert running_cluster() is None
        head.listen()
        assert running_cluster() == address
    noted.write_text("no port")
    assert running_cluster() is None


def test_a_cluster_that_was_found_is_dialled_once(ray_folder, monkeypatch):
    dialled, joined = [], []
    monkeypatch.setattr(ray, "init", lambda **given: joined.append(given["address"]))
    monkeypatch.setattr(
        socket,
        "create_connection",
        lambda address, timeout: dialled.append(address) or nullcontext(),
    )
    (ray_folder / "ray" / "ray_current_cluster").write_text("10.0.0.7:6379\n")
    connect("auto", no_notice)
    assert (dialled, joined) == ([("10.0.0.7", 6379)], [None])


ALONE = """\
import json, sys
from pathlib import Path
import psutil
from tuner.launchers.ray_settings import RaySettings
from tuner.launchers.ray import RayLauncher
notices = []
settings = RaySettings(address="auto")
launcher = RayLauncher(settings, 1, Path(sys.argv[1]), notice=notices.append)
started = [each.pid for each in psutil.Process().children(recursive=True)]
launcher.close(5.0)
print(json.dumps([notices, len(launcher.slots), started]))
"""


def test_without_a_cluster_a_ray_of_this_machine_starts_and_stops(ray_folder, tmp_path):
    (ray_folder / "ray" / "ray_current_cluster").write_text("127.0.0.1:9")  # It was killed.
    one_core = {min(os.sched_getaffinity(0))}
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(tmp_path / "study")],
        stdout=subprocess.PIPE,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, one_core),
    )
    notices, slots, started = json.loads(done.stdout.splitlines()[-1])
    assert [("alone" in each) for each in notices] == [True]
    assert slots == 1
    assert started
    psutil.wait_procs([p for p in psutil.process_iter() if p.pid in started], timeout=30)
    assert not [pid for pid in started if psutil.pid_exists(pid)]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "error", [RayError(NODE_DIED), ActorUnavailableError("Socket closed", None)]
)
def test_the_loss_of_a_node_is_told_and_costs_an_attempt(error):
    exited = lost(error, "10.0.0.7")
    died = death(exited.code, exited.log, exited.oom_kills, exited.lost_node)
    assert (died.kind, died.message) == ("crash", "the node 10.0.0.7 was lost")


def test_memory_that_ran_out_on_a_node_comes_back_with_a_smaller_batch():
    error = RayError("The actor was killed due to the node running low on memory")
    exited = lost(error, "10.0.0.7")
    assert death(exited.code, exited.log, exited.oom_kills, exited.lost_node).kind == (
        "out_of_memory"
    )


def test_a_node_without_the_package_is_the_users_to_mend():
    with pytest.raises(InputError, match="import tuner"):
        lost(RayError("creation failed: ModuleNotFoundError: No module named 'tuner'"), "")


def test_workers_elsewhere_get_what_says_where_models_and_data_are():
    given = {"TUNER_CACHE": "/shared/cache", "HF_HOME": "/shared/hub", "HOME": "/home/me"}
    assert forwarded(given) == {"TUNER_CACHE": "/shared/cache", "HF_HOME": "/shared/hub"}
