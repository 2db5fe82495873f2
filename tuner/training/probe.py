"""Run as a process: loads what a worker loads, tries the devices, and prints what it found.

Its answer on standard output is a `TensorFlow` of `core.health.gpus` as JSON.
"""

import sys
from importlib.metadata import version

import keras
import tensorflow as tf

from tuner.doctor.gpus import Device, TensorFlow
from tuner.processes.python_process import answer, claim_stdout
from tuner.settings.training_settings import PRECISIONS
from tuner.training import device
from tuner.trial.serialization import to_json

SIDE = 256
"""Rows and columns of the matrices; their product of ones is exact in every precision."""


def main() -> int:
    """Print what it found; return the exit code."""
    device.set_up(None)
    with claim_stdout() as output:
        output.write(answer(to_json(found()).encode()))
    return 0


def found() -> TensorFlow:
    """Build and devices of the TensorFlow that is installed."""
    build = tf.sysconfig.get_build_info()
    physical = tf.config.list_physical_devices("CPU") + tf.config.list_physical_devices("GPU")
    return TensorFlow(
        version=tf.__version__,
        keras=version("keras"),
        cuda=str(build.get("cuda_version", "")) or None if build["is_cuda_build"] else None,
        devices=tuple(map(_tried, physical)),
    )


def _tried(physical: tf.config.PhysicalDevice) -> Device:
    name = physical.name.removeprefix("/physical_device:")
    details = tf.config.experimental.get_device_details(physical) if "GPU" in name else {}
    return Device(
        name=name,
        product=details.get("device_name", ""),
        capability=details.get("compute_capability"),
        products={precision: _product(name, precision) for precision in PRECISIONS},
    )


def _product(name: str, precision: str) -> str:
    """Why a matrix product failed in a precision; empty: it ran and was right."""
    kind = keras.dtype_policies.get(precision).compute_dtype
    try:
        with tf.device(name):
            ones = tf.ones((SIDE, SIDE), kind)
            right = bool(tf.reduce_all(tf.matmul(ones, ones) == SIDE))
    except tf.errors.OpError as error:
        return f"raises {type(error).__name__}: {error.message.splitlines()[0]}"
    return "" if right else "gives wrong numbers"


if __name__ == "__main__":
    sys.exit(main())
