"""The device that this process computes on: its set-up, its name, its memory."""

import resource
from importlib.metadata import version

import tensorflow as tf

from tuner.devices.host import processor
from tuner.errors import InputError
from tuner.training import replicas


def set_up(threads: int | None, gpu_bytes: int | None = None) -> None:
    """Called once, before TensorFlow touches a device.

    Args:
        threads: CPU threads for TensorFlow; None leaves the choice to it.
        gpu_bytes: Memory to take of each GPU, where other workers take the rest; None: as it
            is needed.
    """
    if threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    for gpu in tf.config.list_physical_devices("GPU"):
        if gpu_bytes is None:
            tf.config.experimental.set_memory_growth(gpu, True)
        else:
            limit = tf.config.LogicalDeviceConfiguration(memory_limit=gpu_bytes // 2**20)
            tf.config.set_logical_device_configuration(gpu, [limit])


def make_deterministic() -> None:
    """From now on every operation gives the same bits for the same input, or raises.

    To be called before the first operation: kernels that have already run keep the algorithm
    that they chose then.
    """
    tf.config.experimental.enable_op_determinism()


def describe() -> str:
    """Return the device of this process: its GPUs, or its processor."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return processor()
    names = [tf.config.experimental.get_device_details(gpu).get("device_name") for gpu in gpus]
    return ", ".join(str(name or "GPU") for name in names)


def versions() -> dict[str, str]:
    """Versions of the libraries that decide what a trial computes."""
    return {name: version(name) for name in ("tensorflow", "keras", "numpy")}


def require(devices: int) -> None:
    """Check that a trial's `training.devices` are available.

    Raises:
        InputError: It cannot.
    """
    if devices == 1:
        return
    if devices < 1:
        raise InputError(
            f"training.devices is {devices}",
            where="training.devices",
            remedy="training.devices=1, or more",
        )
    if replicas.several_machines() or len(replicas.computing_devices()) >= devices:
        return
    visible = len(tf.config.list_physical_devices("GPU"))
    raise InputError(
        f"training.devices is {devices}, and a trial has {visible} GPU{'s' * (visible > 1)} here",
        where="training.devices",
        remedy="training.devices=1, and a larger training.batch_size or "
        "training.accumulation_steps for the same effective batch",
    )


def reset_peak_memory() -> None:
    """Start to measure a trial's peak; the CPU has none of its own."""
    for gpu in tf.config.list_logical_devices("GPU"):
        tf.config.experimental.reset_memory_stats(gpu.name.removeprefix("/device:"))


def peak_memory_bytes() -> int:
    """Peak of the GPU since the trial began, else of this process since it began."""
    gpus = tf.config.list_logical_devices("GPU")
    if gpus:
        info = [
            tf.config.experimental.get_memory_info(gpu.name.removeprefix("/device:"))
            for gpu in gpus
        ]
        return max(int(each["peak"]) for each in info)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
