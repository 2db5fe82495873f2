"""Learning-rate schedules, one file each: fields, bounds, rates, exports.

Example:
    >>> find("linear")(warmup_fraction=0.0).learning_rate(1.0, update=3, total_updates=4)
    0.5
"""

from tuner.fields.registry import Registry
from tuner.schedules.base import Schedule, Scheduler, warmup_updates
from tuner.schedules.constant import Constant
from tuner.schedules.cosine import Cosine
from tuner.schedules.cosine_restarts import CosineRestarts
from tuner.schedules.exponential import Exponential
from tuner.schedules.inverse_sqrt import InverseSqrt
from tuner.schedules.linear import Linear
from tuner.schedules.polynomial import Polynomial

REGISTRY: Registry[Schedule] = Registry(Schedule)
"""All schedules by name."""

for _kind in (
    Constant, Cosine, CosineRestarts, Exponential, InverseSqrt, Linear, Polynomial,
):  # fmt: skip
    REGISTRY.register(_kind)

find = REGISTRY.find
from_mapping = REGISTRY.from_mapping

__all__ = [
    "REGISTRY",
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Exponential",
    "InverseSqrt",
    "Linear",
    "Polynomial",
    "Schedule",
    "Scheduler",
    "find",
    "from_mapping",
    "warmup_updates",
]
