"""The trace is written as TensorFlow's profiler writes it; only a GPU makes a real one."""

import pytest

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def gpu_trace():
    from benchmarks import gpu_trace

    return gpu_trace


@pytest.fixture
def space(gpu_trace):
    return gpu_trace.xplane_pb2.XSpace()


def add_event(plane, line, name, offset, duration, *stats):
    """An event at `offset` picoseconds."""
    event = line.events.add(offset_ps=offset, duration_ps=duration)
    event.metadata_id = len(plane.event_metadata) + 1
    plane.event_metadata[event.metadata_id].name = name
    for stat in stats:
        number = len(plane.stat_metadata) + 1
        plane.stat_metadata[number].name = stat
        event.stats.add(metadata_id=number)


def add_plane(space, name, line):
    plane = space.planes.add(name=name)
    return plane, plane.lines.add(name=line, timestamp_ns=10)


def test_kernels_alone_are_computing(gpu_trace, space):
    plane, line = add_plane(space, "/device:GPU:0", "Stream #7(MemcpyH2D,Compute)")
    add_event(plane, line, "MemcpyH2D", 0, 900, "device_id", "memcpy_details")
    add_event(plane, line, "Memset", 950, 40, "memset_details")
    add_event(plane, line, "gemm_fusion", 1000, 500, "device_id", "kernel_details")
    add_event(plane, line, "CudaGraphExec:3", 2000, 100)
    names = plane.lines.add(name="XLA Ops", timestamp_ns=10)
    add_event(plane, names, "fusion", 0, 5000, "kernel_details")
    host, thread = add_plane(space, "/host:CPU", "Stream of a thread")
    add_event(host, thread, "work", 0, 5000, "kernel_details")
    assert list(gpu_trace.kernels(space)) == [(11_000, 11_500), (12_000, 12_100)]


def test_a_gpu_that_the_trace_does_not_show_is_told(gpu_trace, space, tmp_path):
    host, thread = add_plane(space, "/host:CPU", "python")
    add_event(host, thread, "work", 0, 5000)
    (tmp_path / "host.xplane.pb").write_bytes(space.SerializeToString())
    with pytest.raises(gpu_trace.NoKernelsError, match="CUPTI"):
        gpu_trace.computed(tmp_path, on_gpu=True)
    assert gpu_trace.computed(tmp_path, on_gpu=False) == [(10_000, 15_000)]
