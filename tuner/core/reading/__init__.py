"""Reads a sweep as a whole: what went with what, what to widen, what is noise."""

from tuner.core.reading.noise import standard_error
from tuner.core.reading.statements import Rerun, Statement, lines, overrides_alone, statements
from tuner.core.reading.sweep import SweepReading, read_sweep

__all__ = [
    "Rerun",
    "Statement",
    "SweepReading",
    "lines",
    "overrides_alone",
    "read_sweep",
    "standard_error",
    "statements",
]
