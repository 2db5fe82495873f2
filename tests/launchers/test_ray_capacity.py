import pytest

from tuner.launchers.ray_capacity import Resources, capacity, demand, fitting, memory_each

GIB = 2**30
NODE = Resources(cpus=8, gpus=2, memory=64 * GIB)
PLAIN = Resources(cpus=8, memory=16 * GIB)


@pytest.mark.parametrize(
    ("devices", "per_gpu", "cpus", "count"),
    [(1, 1, 1, 2), (2, 1, 1, 1), (1, 2, 1, 4), (1, 3, 1, 6), (1, 4, 1, 8), (1, 4, 2, 4)],
)
def test_a_node_holds_as_many_trials_as_its_gpus_and_cores_allow(devices, per_gpu, cpus, count):
    trial = demand([NODE], cpus=cpus, memory=3 * GIB, devices=devices, per_gpu=per_gpu)
    assert fitting(NODE, trial) == count


def test_trials_go_to_gpus_where_any_node_has_them():
    trial = demand([PLAIN, NODE], cpus=1, memory=3 * GIB)
    assert trial == Resources(cpus=1, gpus=1.0)
    assert capacity([PLAIN, NODE, NODE], trial) == 4


def test_without_gpus_cores_and_memory_decide():
    nodes = [PLAIN, Resources(cpus=2, memory=16 * GIB)]
    trial = demand(nodes, cpus=1, memory=3 * GIB)
    assert [fitting(node, trial) for node in nodes] == [5, 2]
    assert memory_each(nodes, trial) == 16 * GIB // 5


def test_no_more_memory_is_asked_for_than_the_largest_node_has():
    small = Resources(cpus=4, memory=2 * GIB)
    assert capacity([small, small], demand([small, small], cpus=1, memory=3 * GIB)) == 2
    untold = Resources(cpus=4)
    assert capacity([untold], demand([untold], cpus=1, memory=3 * GIB)) == 4
    assert memory_each([untold], Resources(cpus=1)) == 0


def test_a_trial_is_never_spread_over_nodes():
    assert capacity([NODE, NODE], Resources(cpus=1, gpus=4)) == 0
    assert memory_each([NODE], Resources(cpus=1, gpus=4)) == 0
