"""Meaning of a trial's exception, by messages of TensorFlow and its libraries.

The texts are those of TensorFlow 2.21. A lack of GPU memory does not always name itself: XLA
without room to try an operation's algorithms says that none is valid, and a library of CUDA that
gets no memory says that it cannot be started.
"""

import re
from collections.abc import Collection

from tuner.formatting.size import size

LIBRARY = 500 * 10**6
"""Bytes of a GPU that the start of a library of CUDA takes at most; assumed, not measured."""

_MEMORY_ERRORS = {"MemoryError", "ResourceExhaustedError"}

_MEMORY = re.compile(
    r"out[ _]of[ _]memory|RESOURCE_EXHAUSTED|OOM when allocating|failed to allocate|ALLOC_FAILED"
    r"|resource allocation failed|cannot allocate memory|bad_alloc|MemoryError",
    re.IGNORECASE,
)
"""Messages of TensorFlow, CUDA, the C++ library and the kernel when memory is short."""

_HARMLESS = re.compile(r"I\d{4} |.*not a failure")
"""Lines of TensorFlow's log after which something else was tried, or that only inform."""

_PREFIX = re.compile(r"[WEF]\d{4} .*?\] ")
"""Prefix of a line in TensorFlow's log: level, time, thread and place."""

_HIDING = re.compile(
    r"autotuning failed|no valid config found|no reference output found"
    r"|failed to initialize BLAS|failed to create cuBlas|no BLAS support"
    r"|create cudnn handle|could not create a handle|DNN library initialization failed"
    r"|no DNN in stream executor|STATUS_NOT_INITIALIZED",
    re.IGNORECASE,
)
"""Messages that appear instead, and for other causes too."""

_DEVICE = ("CUDA_ERROR_", "CUDNN_STATUS_", "CUBLAS_STATUS_", "NCCL_", "GPU has fallen off")
"""In what TensorFlow and its libraries say when a GPU, and not the trial, has failed."""


def memory_line(text: str) -> str:
    """Return the first line that reports a lack of memory; empty if none does."""
    lines = (line.strip() for line in text.splitlines())
    found = (line for line in lines if _MEMORY.search(line) and not _HARMLESS.match(line))
    return _PREFIX.sub("", next(found, ""), count=1)


def may_hide_shortage(text: str) -> bool:
    """Return True if a lack of memory may cause an exception that does not mention it."""
    return _HIDING.search(text) is not None


def shortage(text: str, printed: str, free: int | None) -> str:
    """Return the evidence that memory was short if an exception does not say so.

    Args:
        text: Message of the exception.
        printed: By the process since the attempt began.
        free: Bytes that the driver has left on the GPU; None: unknown, or there is none.

    Returns:
        A sentence; empty where nothing shows it.
    """
    if not may_hide_shortage(text):
        return ""
    if free is not None and free < LIBRARY:
        return f"{size(free)} of the GPU were free"
    return memory_line(printed)


def kind_of(names: Collection[str], text: str, short: str = "") -> str:
    """Return the kind of an exception that is not the user's; see `TrialError`.

    Args:
        names: Names of its class and of those above it.
        text: Message of the exception.
        short: Further evidence that memory was short; see `shortage`.
    """
    if _MEMORY_ERRORS & set(names) or memory_line(text) or short:
        return "out_of_memory"
    return "device" if any(word in text for word in _DEVICE) else "error"
