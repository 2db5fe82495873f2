"""Reads a sweep as a whole: what went with what, what to widen, what is noise."""

from tuner.core.reading.noise import standard_error
from tuner.core.reading.statements import Statement, lines, statements
from tuner.core.reading.sweep import SweepReading, read_sweep

__all__ = ["Statement", "SweepReading", "lines", "read_sweep", "standard_error", "statements"]
