"""A stand-in for CUDA: TensorFlow sees H100s, compiles and allocates for them, computes nothing.

    eval "$(python benchmarks/stand_in/build.py FOLDER)"

builds the libraries in FOLDER and prints the environment in which TensorFlow finds them. XLA
really compiles for an H100 there, TensorFlow's allocator really counts, too little memory really
is an error, and the host waits for the device where it would wait for a GPU. It cannot show how
fast a kernel is, nor any number that one computes: kernels do nothing and take a given time, and
the host reads zeros, or what it wrote, where their results would be: losses and scores mean
nothing. XLA would choose kernels by their time, and so is told not to.

It needs TensorFlow's build for Linux, which brings its own compiler for GPUs, and a C compiler.
No NVIDIA driver, none of its libraries. Every function of them that is not written here succeeds
and does nothing; the names are those that TensorFlow looks for. All of it is one library under
the names of all of NVIDIA's.
"""

import argparse
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tuner.errors import InputError

SOURCES = Path(__file__).parent
LIBRARIES = (
    "libcuda.so.1", "libcudart.so.12", "libcublas.so.12", "libcublasLt.so.12", "libcudnn.so.9",
    "libcufft.so.11", "libcupti.so.12", "libcusolver.so.11", "libcusparse.so.12", "libnccl.so.2",
    "libnvidia-ml.so.1",
)  # fmt: skip
"""Libraries that TensorFlow 2.21 loads, and NVML."""

_PREFIXES = rb"cu|cuda|cublas|cublasLt|cudnn|cufft|cupti|cusolver|cusparse|nccl|nvml|__cuda"
NAME = re.compile(rb"\0((?:" + _PREFIXES + rb")[A-Z]\w+)(?=\0)")
"""A name of a function in the tables that TensorFlow's libraries have."""

H100_BYTES = 84_929_347_584
"""Memory of an H100 of 80 GB as its driver tells it."""

NO_AUTOTUNING = "--xla_gpu_autotune_level=0"


def environment(
    folder: Path, *, devices: int = 1, device_bytes: int = H100_BYTES, kernel_us: float = 0.0
) -> dict[str, str]:
    """The variables with which a process finds the stand-in, from its start on.

    Args:
        folder: Folder of the build; processes with the same one share the memory of the GPUs.
        devices: GPUs, 8 at most.
        device_bytes: Memory of each.
        kernel_us: Microseconds that each kernel takes.
    """
    others = os.environ.get("LD_LIBRARY_PATH")
    return {
        "LD_LIBRARY_PATH": f"{folder}:{others}" if others else str(folder),
        "STAND_IN_DEVICES": str(devices),
        "STAND_IN_BYTES": str(device_bytes),
        "STAND_IN_KERNEL_US": str(kernel_us),
        "STAND_IN_MEMORY": str(folder / "memory"),
        "XLA_FLAGS": NO_AUTOTUNING,
    }


def build(folder: Path) -> None:
    """Makes the libraries.

    Args:
        folder: Made; what is there of an earlier build is replaced.

    Raises:
        InputError: There is no C compiler, or TensorFlow is none for NVIDIA's GPUs.
    """
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        raise InputError(
            "there is no C compiler", where="CC, PATH", remedy="for example, apt install gcc"
        )
    folder.mkdir(parents=True, exist_ok=True)
    rest = folder / "rest.c"
    rest.write_text(doing_nothing(looked_for(tensorflow_library())))
    built = folder / "libstand_in.so"
    subprocess.run(
        [compiler, "-O1", "-fPIC", "-shared", "-Wall", "-Wl,-Bsymbolic", "-o", built, rest,
         *sorted(SOURCES.glob("*.c")), "-lpthread"],
        check=True,
    )  # fmt: skip
    for name in LIBRARIES:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(built.name)


def tensorflow_library() -> Path:
    """The library of TensorFlow that looks for NVIDIA's.

    Raises:
        InputError: There is none.
    """
    found = importlib.util.find_spec("tensorflow")
    folders = (found.submodule_search_locations if found else None) or []
    for folder in folders:
        library = Path(folder) / "libtensorflow_framework.so.2"
        if library.is_file():
            return library
    raise InputError(
        "there is no TensorFlow for Linux here", where=sys.executable, remedy="install the project"
    )


def looked_for(library: Path) -> list[str]:
    """The functions of NVIDIA's libraries that a library of TensorFlow looks for.

    Raises:
        InputError: None: it was not built for GPUs.
    """
    names = sorted({name.decode() for name in NAME.findall(library.read_bytes())})
    if not names:
        raise InputError(
            "TensorFlow was built without CUDA", where=str(library), remedy="install `tensorflow`"
        )
    return names


def doing_nothing(names: Iterable[str]) -> str:
    """C in which functions of these names return 0, unless another source has them."""
    weak = (f'long {name}(void) __attribute__((weak, alias("nothing")));' for name in names)
    return "\n".join(["long nothing(void) { return 0; }", *weak, ""])


def main() -> None:
    """Builds it, and prints the environment for a shell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--device-bytes", type=int, default=H100_BYTES, help="memory of each")
    parser.add_argument("--kernel-us", type=float, default=0.0, help="time of each kernel")
    given = parser.parse_args()
    folder = given.folder.resolve()
    try:
        build(folder)
    except InputError as error:
        sys.exit(str(error))
    found = environment(
        folder,
        devices=given.devices,
        device_bytes=given.device_bytes,
        kernel_us=given.kernel_us,
    )
    print("\n".join(f"export {name}={shlex.quote(value)}" for name, value in found.items()))


if __name__ == "__main__":
    main()
