"""Every optimizer of Keras is one of ours, or it is said why it is none."""

import inspect

import pytest

from tuner import optimizers
from tuner.errors import InputError
from tuner.optimizers import KerasOptimizer
from tuner.optimizers.keras_optimizer import UNUSABLE

pytestmark = pytest.mark.tf

OF_THE_TRAINER = {
    "self", "learning_rate", "weight_decay", "clipnorm", "clipvalue", "global_clipnorm",
    "use_ema", "ema_momentum", "ema_overwrite_frequency", "loss_scale_factor",
    "gradient_accumulation_steps", "name", "kwargs",
}  # fmt: skip
"""Arguments of Keras' optimizers that the trainer decides itself."""

NOT_FOR_USERS = {"Optimizer", "LossScaleOptimizer", "MultiOptimizer"}
OURS_DIFFER = {"adafactor": {"relative_step": False}}


def of_keras():
    import keras

    found = vars(keras.optimizers).items()
    return {
        name: kind
        for name, kind in found
        if inspect.isclass(kind) and issubclass(kind, keras.optimizers.Optimizer)
    }


def test_every_optimizer_is_registered_or_excluded_with_a_reason():
    for name in of_keras().keys() - NOT_FOR_USERS:
        if name.lower() in UNUSABLE:
            with pytest.raises(InputError) as refused:
                optimizers.find(name)
            assert UNUSABLE[name.lower()] in refused.value.problem
        else:
            assert optimizers.find(name).name == name.lower()


def test_fields_and_defaults_are_those_of_keras():
    checked = 0
    for kind in optimizers.REGISTRY.bundled():
        if issubclass(kind, KerasOptimizer):
            parameters = inspect.signature(of_keras()[kind.keras_class].__init__).parameters
            theirs = {
                name: parameter.default
                for name, parameter in parameters.items()
                if name not in OF_THE_TRAINER
            }
            assert kind().own_fields == theirs | OURS_DIFFER.get(kind.name, {})
            checked += 1
    assert checked == 6


@pytest.mark.parametrize("kind", optimizers.REGISTRY.bundled(), ids=lambda kind: kind.name)
def test_memory_is_that_of_the_slots(kind):
    import keras
    import numpy as np

    from tuner.optimizers import SlotPool

    weights = [keras.Variable(np.zeros((20, 30), np.float32))]
    optimizer = kind()
    kernel = optimizer.make_kernel(weights, SlotPool(weights))
    count = sum(int(np.prod(slot.shape)) for slot in kernel.slots.values())
    assert count // 600 == optimizer.slots
