"""Convergence of a trial: `judge` and `DivergenceDetector` as it runs, `diagnose` at its end."""

from tuner.diagnosis.diagnosis import diagnose
from tuner.diagnosis.divergence_detector import DivergenceDetector
from tuner.diagnosis.stopping import judge

__all__ = ["DivergenceDetector", "diagnose", "judge"]
