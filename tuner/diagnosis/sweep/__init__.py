"""Analysis of a whole sweep: statuses and parameters, search bounds, noise."""

from tuner.diagnosis.sweep.noise import standard_error
from tuner.diagnosis.sweep.statements import FollowUp, Statement, lines, overrides_only, statements
from tuner.diagnosis.sweep.sweep import SweepReading, read_sweep

__all__ = [
    "FollowUp",
    "Statement",
    "SweepReading",
    "lines",
    "overrides_only",
    "read_sweep",
    "standard_error",
    "statements",
]
