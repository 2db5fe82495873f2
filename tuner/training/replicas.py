"""Several devices that hold the same model: how they are found and how they meet.

One device needs no strategy, and everything here takes None for that.

Several machines: each runs the same program with the same settings, with TF_CONFIG set as
TensorFlow documents it (`{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker",
"index": 0}}`). `strategy_for` is to be called before anything else of TensorFlow. The agent does
not start workers so; whoever does calls `FineTuner`, or `UpdateStep` with a `Classifier`, in
each of them, with listeners that decide alike.
"""

import functools
import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import tensorflow as tf

from tuner.errors import InputError


def several_machines() -> bool:
    """Return True if TF_CONFIG says that this process is one of several."""
    cluster = json.loads(os.environ.get("TF_CONFIG") or "{}").get("cluster", {})
    return sum(len(addresses) for addresses in cluster.values()) > 1


def computing_devices() -> list[str]:
    """The devices that a trial may take: GPUs where there are any, else CPUs."""
    found = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return [device.name for device in found]


@functools.cache
def strategy_for(devices: int) -> Any:
    """Return the strategy that mirrors a model over devices, the same object every time.

    Args:
        devices: `training.devices`; over several machines, of all together.

    Returns:
        A `tf.distribute.Strategy`; None for one device.

    Raises:
        InputError: The machines of TF_CONFIG have another number of devices together.
    """
    if devices == 1:
        return None
    if not several_machines():
        return tf.distribute.MirroredStrategy(computing_devices()[:devices])
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    if strategy.num_replicas_in_sync != devices:
        raise InputError(
            f"training.devices is {devices}, and the machines of TF_CONFIG have "
            f"{strategy.num_replicas_in_sync} together",
            where="training.devices",
            remedy=f"training.devices={strategy.num_replicas_in_sync}",
        )
    return strategy


def scope(strategy: Any) -> AbstractContextManager[Any]:
    """Variables that are made inside have a copy on every device."""
    return nullcontext() if strategy is None else strategy.scope()


def count(strategy: Any) -> int:
    """Number of devices of all machines."""
    return 1 if strategy is None else int(strategy.num_replicas_in_sync)


def per_replica(strategy: Any, make: Callable[[int], Any]) -> Any:
    """A value of its own for each device of this machine.

    Args:
        strategy: The strategy.
        make: Gives the value for a device, counted over all machines: arrays in any structure.
    """
    if strategy is None:
        return tf.nest.map_structure(on_device, make(0))
    return strategy.experimental_distribute_values_from_function(
        lambda context: tf.nest.map_structure(
            tf.constant, make(int(context.replica_id_in_sync_group))
        )
    )


def on_device(array: Any) -> tf.Tensor:
    """An array as a tensor on the device that computes; other threads run meanwhile."""
    with tf.device("CPU"):
        here = tf.constant(array)
    return tf.identity(here)


def first(strategy: Any, value: Any) -> tf.Tensor:
    """Return the result of this machine's first device."""
    return value if strategy is None else strategy.experimental_local_results(value)[0]


def mirrored(strategy: Any, work: Callable[..., Any]) -> Callable[..., Any]:
    """Do the work on every device, each with its own values."""
    return lambda *values: strategy.run(work, args=values)


def sum_over_devices(strategy: Any, values: Any) -> Any:
    """Inside the work: the sum of every device's values, on each of them."""
    if strategy is None:
        return values
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)
