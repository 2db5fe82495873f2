"""Convergence of a trial: `judge` and `DivergenceDetector` as it runs, `diagnose` at its end."""

from tuner.diagnosis.diagnosis import diagnose
from tuner.diagnosis.stopping import judge
from tuner.diagnosis.watch import DivergenceDetector

__all__ = ["DivergenceDetector", "diagnose", "judge"]
