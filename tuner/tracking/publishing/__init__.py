"""Additions to a sweep's runs in MLflow: Optuna's plots of the study and its best model.

A separate process makes both (`python -m tuner.tracking.publishing`), so that neither training
nor the agent waits for them, and their errors cannot end a sweep.
"""

from tuner.tracking.publishing.publisher import Publisher
from tuner.tracking.publishing.request import Request

__all__ = ["Publisher", "Request"]
