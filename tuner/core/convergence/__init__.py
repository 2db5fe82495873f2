"""Reads how a trial goes: while it runs (`judge`, `Watch`) and when it ends (`diagnose`)."""

from tuner.core.convergence.diagnosis import diagnose
from tuner.core.convergence.stopping import judge
from tuner.core.convergence.watch import Watch

__all__ = ["Watch", "diagnose", "judge"]
