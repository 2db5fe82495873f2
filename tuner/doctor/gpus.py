"""GPUs according to the driver and to TensorFlow, and the precisions that run on them."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tuner.devices.nvidia import Gpu, Nvidia, is_in_use, is_instance
from tuner.doctor.line import Line, ok, warning, wrong
from tuner.formatting.size import size

OLDEST_DRIVERS: Mapping[int, tuple[int, int]] = {11: (450, 80), 12: (525, 60), 13: (580, 65)}
"""Oldest Linux driver that runs all minor versions of CUDA, by CUDA's major version.

From the table of minor version compatibility in NVIDIA's CUDA toolkit release notes.
"""

FAST_CAPABILITIES: Mapping[str, tuple[int, int]] = {
    "mixed_float16": (7, 0),
    "mixed_bfloat16": (8, 0),
}
"""Compute capability from which tensor cores support a precision (Volta, Ampere)."""

_NAME = "GPU"
_FLOAT32 = "float32"


@dataclass(frozen=True, kw_only=True)
class Device:
    """Device on which TensorFlow can compute."""

    name: str
    """Name in TensorFlow, such as `GPU:0`."""
    product: str = ""
    """Name of the product; empty for a CPU."""
    capability: tuple[int, int] | None = None
    """Compute capability; None for a CPU."""
    products: dict[str, str] = field(default_factory=dict)
    """Precision to the reason why a matrix product failed in it; empty if all were correct."""

    @property
    def is_gpu(self) -> bool:
        """True for a GPU."""
        return self.name.startswith("GPU")


@dataclass(frozen=True, kw_only=True)
class TensorFlow:
    """Findings of a process that loaded TensorFlow as a worker does."""

    version: str
    """Version of TensorFlow."""
    keras: str
    """Version of Keras."""
    cuda: str | None
    """Version of CUDA that TensorFlow is built for; None if built for the CPU alone."""
    devices: tuple[Device, ...]
    """Devices on which it can compute, the CPU included."""

    @property
    def gpus(self) -> tuple[Device, ...]:
        """GPUs among the devices."""
        return tuple(device for device in self.devices if device.is_gpu)


def tensorflow_line(found: TensorFlow) -> Line:
    """Return the line about TensorFlow's version and build."""
    built = f"CUDA {found.cuda}" if found.cuda else "the CPU"
    text = f"{found.version} with Keras {found.keras}, built for {built}"
    return ok("TensorFlow", text)


def gpu_lines(nvidia: Nvidia, tensorflow: TensorFlow | None, install: str) -> list[Line]:
    """Return a line for each GPU, and one if TensorFlow does not see what trials may use.

    Args:
        nvidia: Findings of the driver.
        tensorflow: Findings of TensorFlow; None if it cannot be loaded.
        install: Command that installs TensorFlow with the CUDA libraries.
    """
    if nvidia.error:
        remedy = "repair the driver until nvidia-smi works; without it trials run on the CPU"
        return [warning(_NAME, f"nvidia-smi fails: {nvidia.error}", remedy)]
    seen = tensorflow.gpus if tensorflow else ()
    lines = [_gpu_line(gpu, _capabilities(nvidia, seen)) for gpu in nvidia.gpus]
    if not lines:
        lines = [ok(_NAME, _without_driver(seen))]
    return [*lines, *_unseen(nvidia, tensorflow, install)]


def _without_driver(seen: Sequence[Device]) -> str:
    names = ", ".join(device.product or device.name for device in seen)
    return f"{names}; nvidia-smi is not installed" if seen else "none: trials run on the CPU"


def _capabilities(nvidia: Nvidia, seen: Sequence[Device]) -> dict[str, tuple[int, int] | None]:
    """Return each visible GPU's compute capability; TensorFlow counts them in the order named."""
    return dict(zip(nvidia.visible, (device.capability for device in seen), strict=False))


def _gpu_line(gpu: Gpu, capabilities: Mapping[str, tuple[int, int] | None]) -> Line:
    name = f"{_NAME} {gpu.index}"
    parts = [gpu.name, f"driver {gpu.driver}"]
    if gpu.memory is not None:
        parts.insert(1, size(gpu.memory))
    if gpu.is_cut:
        profiles = ", ".join(part.profile for part in gpu.instances) or "none"
        parts.append(f"in MIG mode, with the instances {profiles}")
    if (capability := capabilities.get(str(gpu.index))) is not None:
        parts.append(f"compute capability {_dotted(capability)}")
    text = ", ".join(parts)
    if is_in_use(gpu):
        return warning(
            name,
            f"{text}; {size(gpu.used or 0)} of it are in use",
            "wait, or choose others with CUDA_VISIBLE_DEVICES; nvidia-smi shows who computes",
        )
    return ok(name, text)


def _unseen(nvidia: Nvidia, tensorflow: TensorFlow | None, install: str) -> Iterator[Line]:
    """Yield a line about GPUs that trials may use and TensorFlow does not see."""
    if not nvidia.gpus or tensorflow is None:
        return
    if not nvidia.visible:
        yield warning(
            _NAME,
            "CUDA_VISIBLE_DEVICES hides all of them: trials run on the CPU",
            "unset CUDA_VISIBLE_DEVICES, or name GPUs in it",
        )
    elif len(tensorflow.gpus) < (seen := _usable_at_once(nvidia.visible)):
        named = ",".join(nvidia.visible)
        chosen = f" (CUDA_VISIBLE_DEVICES={named})" if nvidia.is_chosen else ""
        yield wrong(
            _NAME,
            f"TensorFlow sees {len(tensorflow.gpus)} of {seen}{chosen}",
            _unseen_remedy(nvidia, tensorflow.cuda, install),
        )


def _usable_at_once(visible: Sequence[str]) -> int:
    """Return the number of devices that one process can use: one of several MIG instances."""
    return 1 if any(map(is_instance, visible)) else len(visible)


def _unseen_remedy(nvidia: Nvidia, cuda: str | None, install: str) -> str:
    """Return the remedy for the likeliest cause; each check assumes the earlier ones passed."""
    there = [str(gpu.index) for gpu in nvidia.gpus]
    if any(name.isdigit() and name not in there for name in nvidia.visible):
        return f"set CUDA_VISIBLE_DEVICES to GPUs that exist: {', '.join(there)}"
    if cuda is None:
        return f"replace this TensorFlow: {install}"
    oldest = OLDEST_DRIVERS.get(_numbers(cuda)[0])
    driver = nvidia.gpus[0].driver
    if oldest and _numbers(driver)[:2] < oldest:
        needed = f"{_dotted(oldest)} or newer"
        return f"install a driver of {needed}, which CUDA {cuda} needs, not {driver}"
    return f"install the CUDA libraries: {install}"


def precision_lines(tensorflow: TensorFlow, wanted: Collection[str], install: str) -> list[Line]:
    """Return lines about mixed precision: does it run, and is it faster than float32.

    Args:
        tensorflow: Findings of TensorFlow.
        wanted: Values of `training.precision` of the trials.
        install: Command that installs TensorFlow with the CUDA libraries.
    """
    devices = tensorflow.gpus or tensorflow.devices
    failed = {
        precision: f"{device.name} {reason}"
        for device in devices
        for precision, reason in device.products.items()
        if reason
    }
    lines = [_failed_line(precision, why, wanted, install) for precision, why in failed.items()]
    runs = [precision for precision in FAST_CAPABILITIES if precision not in failed]
    slow = [p for p in runs if not all(_is_fast(device, p) for device in devices)]
    fast = [precision for precision in runs if precision not in slow]
    where = "GPU" if tensorflow.gpus else "CPU"
    texts = [f"{' and '.join(fast)} fast" if fast else ""]
    texts.append(f"{' and '.join(slow)} no faster than float32" if slow else "")
    text = f"on this {where}: " + ", ".join(filter(None, texts))
    if any(precision in slow for precision in wanted):
        better = fast[0] if fast else _FLOAT32
        lines.append(warning("precision", text, f"training.precision={better}"))
    elif runs:
        lines.append(ok("precision", text))
    return lines


def _is_fast(device: Device, precision: str) -> bool:
    return device.capability is not None and device.capability >= FAST_CAPABILITIES[precision]


def _failed_line(precision: str, why: str, wanted: Collection[str], install: str) -> Line:
    text = f"a matrix product in {precision} fails: {why}"
    if precision == _FLOAT32:
        return wrong(
            "precision",
            text,
            f"install the CUDA libraries: {install}; until then nothing can be trained here",
        )
    make = wrong if precision in wanted else warning
    return make("precision", text, "training.precision=float32")


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version; never empty."""
    return tuple(int(part) for part in re.findall(r"\d+", version)) or (0,)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
