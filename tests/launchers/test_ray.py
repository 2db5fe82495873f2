"""What needs no cluster; tests/cluster has one."""

import socket

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install 'tuner[ray]'")

from ray.exceptions import ActorUnavailableError, RayError

from tuner.core.recovery import death
from tuner.errors import InputError
from tuner.launchers.ray import forwarded, lost
from tuner.launchers.ray_cluster import connect

NODE_DIED = "The actor died unexpectedly: its node has died. Node Id: 5f0c"


def test_an_address_where_nothing_answers_is_refused_at_once():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        for written in (address, f"ray://{address}"):
            with pytest.raises(InputError, match="no Ray cluster answers") as refused:
                connect(written)
            assert refused.value.where == f"launcher.address={written}"
    with pytest.raises(InputError, match="no Ray cluster answers"):
        connect("no port")


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
    with pytest.raises(InputError, match="can not import tuner"):
        lost(RayError("creation failed: ModuleNotFoundError: No module named 'tuner'"), "")


def test_workers_elsewhere_get_what_says_where_models_and_data_are():
    given = {"TUNER_CACHE": "/shared/cache", "HF_HOME": "/shared/hub", "HOME": "/home/me"}
    assert forwarded(given) == {"TUNER_CACHE": "/shared/cache", "HF_HOME": "/shared/hub"}
