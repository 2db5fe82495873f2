"""Kernels that a GPU ran, read from a trace of TensorFlow's profiler."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tensorflow.tsl.profiler.protobuf import xplane_pb2

KERNEL = "kernel_details"
"""Stands on kernels alone; copies to and from the device have details of their own."""

WHOLE_GRAPH = "CudaGraphExec"
"""Begins the name of a graph of kernels where the driver does not tell them apart."""

PICOSECONDS = 10**12
"""In a second. Times stay whole numbers of them: since 1970 a float holds no nanoseconds."""

Span = tuple[int, int]
"""Begin and end in picoseconds."""


class NoKernelsError(RuntimeError):
    """A trace in which a GPU that computed shows nothing."""


def computed(folder: Path, *, on_gpu: bool) -> list[Span]:
    """Each kernel in the one trace of a folder.

    Args:
        folder: Folder of the trace.
        on_gpu: A GPU computed; else all that the CPU did stands for kernels, in a rehearsal.

    Raises:
        NoKernelsError: A GPU computed, and the trace does not show it.
    """
    (path,) = folder.rglob("*.xplane.pb")
    space = xplane_pb2.XSpace()
    space.ParseFromString(path.read_bytes())
    if not on_gpu:
        return [span for plane in space.planes for span, _ in _events(plane)]
    found = list(kernels(space))
    if not found:
        raise NoKernelsError(
            "the trace shows no kernel of the GPU: the driver keeps its counters from this "
            "process (CUPTI; see NVreg_RestrictProfilingToAdminUsers), or libcupti is not found"
        )
    return found


def kernels(space: Any) -> Iterator[Span]:
    """Each kernel on any GPU.

    Args:
        space: An `XSpace`.
    """
    for plane in space.planes:
        if plane.name.startswith("/device:GPU"):
            names = {number: each.name for number, each in plane.stat_metadata.items()}
            for span, event in _events(plane, "Stream"):
                stats = {names.get(stat.metadata_id) for stat in event.stats}
                named = plane.event_metadata[event.metadata_id].name
                if KERNEL in stats or named.startswith(WHOLE_GRAPH):
                    yield span


def _events(plane: Any, lines: str = "") -> Iterator[tuple[Span, Any]]:
    """The events of all lines whose names begin so."""
    for line in plane.lines:
        if line.name.startswith(lines):
            for event in line.events:
                begin = line.timestamp_ns * 1000 + event.offset_ps
                yield (begin, begin + event.duration_ps), event
