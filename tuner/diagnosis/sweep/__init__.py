"""Reads a sweep as a whole: what went with what, what to widen, what is noise."""

from tuner.diagnosis.sweep.noise import standard_error
from tuner.diagnosis.sweep.statements import Rerun, Statement, lines, overrides_alone, statements
from tuner.diagnosis.sweep.sweep import SweepReading, read_sweep

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
