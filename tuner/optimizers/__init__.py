"""Optimizers, one file each: fields, bounds, usual rates, memory, exports, kernel.

TensorFlow, NumPy and Keras are imported only inside the functions that build graphs, so that
configuration reads fields and bounds without them.

Example:
    >>> find("adamw")(learning_rate=2e-5).weight_decay
    0.01
"""

from tuner.fields.registry import Registry
from tuner.optimizers.adafactor import Adafactor
from tuner.optimizers.adam import Adam
from tuner.optimizers.adamw import AdamW
from tuner.optimizers.base import Optimizer, UsualRates
from tuner.optimizers.keras_optimizer import OTHERS, UNUSABLE, KerasOptimizer
from tuner.optimizers.kernel import Kernel, PooledKernel, SlotPool
from tuner.optimizers.lion import Lion
from tuner.optimizers.rmsprop import Rmsprop
from tuner.optimizers.sgd import Sgd

REGISTRY: Registry[Optimizer] = Registry(Optimizer)
"""All optimizers by name."""

for _kind in (Adafactor, Adam, AdamW, Lion, Rmsprop, Sgd, *OTHERS):
    REGISTRY.register(_kind)
for _name, _reason in UNUSABLE.items():
    REGISTRY.exclude(_name, _reason)

find = REGISTRY.find
from_mapping = REGISTRY.from_mapping

__all__ = [
    "OTHERS",
    "REGISTRY",
    "Adafactor",
    "Adam",
    "AdamW",
    "KerasOptimizer",
    "Kernel",
    "Lion",
    "Optimizer",
    "PooledKernel",
    "Rmsprop",
    "Sgd",
    "SlotPool",
    "UsualRates",
    "find",
    "from_mapping",
]
