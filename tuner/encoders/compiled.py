"""Graphs that XLA compiles, for which some operations are written otherwise."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_for_xla: ContextVar[bool] = ContextVar("for_xla", default=False)


@contextmanager
def for_xla() -> Iterator[None]:
    """Mark the graph that is traced inside as one that XLA compiles."""
    token = _for_xla.set(True)
    try:
        yield
    finally:
        _for_xla.reset(token)


def is_for_xla() -> bool:
    """Return True if this is traced to be compiled."""
    return _for_xla.get()
