"""What a sweep has in MLflow beside its runs: Optuna's plots of the study and its best model.

Both are made in a process of their own (`python -m tuner.tracking.publishing`), so that neither
training nor the agent waits for them, and nothing that they meet can end a sweep.
"""

from tuner.tracking.publishing.publisher import Publisher
from tuner.tracking.publishing.request import Request

__all__ = ["Publisher", "Request"]
