"""Memory of a shared GPU that a worker may give to TensorFlow."""

BESIDE = 10**9
"""Bytes that a process takes of a GPU beside TensorFlow's own allocations: CUDA's context, the
libraries of CUDA and their workspaces, loaded kernels and graphs. Assumed: contexts of Hopper GPUs
are known to take about half of it; nothing of it has been measured yet."""


def share(memory: int, workers: int) -> int:
    """Bytes for TensorFlow's allocations in each of some workers on one GPU.

    Args:
        memory: Bytes of the GPU; 0: it does not tell.
        workers: Number of workers that share it.

    Returns:
        At least half of an equal part, however many there are.
    """
    part = memory // workers
    return max(part - BESIDE, part // 2)
