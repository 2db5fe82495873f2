"""What a sweep has in MLflow beside its runs: Optuna's plots of the study and its best model.

Both are made in a process of their own (`python -m tuner.publishing`), so that neither training
nor the agent waits for them, and nothing that they meet can end a sweep.
"""

from tuner.publishing.publisher import Publisher
from tuner.publishing.request import Request

__all__ = ["Publisher", "Request"]
