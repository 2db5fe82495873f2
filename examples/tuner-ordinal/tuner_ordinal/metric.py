"""Mean distance between the true and the predicted label."""

from typing import Any

import tuner


@tuner.metric("distance", direction="minimize", low=0.0)
def distance(targets: Any, predictions: Any) -> Any:
    """Return the mean distance between the true label and the predicted one."""
    return abs(targets - predictions.argmax(axis=1)).mean()
