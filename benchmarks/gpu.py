"""All that only a GPU can show, in one command: checks, speed, idle time, start, packing.

    python benchmarks/gpu.py [--peer-python PYTHON] [--only speed packing] [--tiny]
    python benchmarks/gpu.py --only speed --cases base-128 mini-128 --peer-python PYTHON
    python benchmarks/gpu.py --only packing --slots 1 8

Prints tables in Markdown. Random weights in the models' shapes serve for speed; the packed trials
and the checks' scores need the embedded model and reviews (the extra `demo`). The Trainer runs in
turns with ours on the same device, where torch, transformers and accelerate can be imported
(`--peer-python` names another environment); else its columns say why not. A section that breaks
off leaves the others to run. `--tiny` runs the same with small sizes, on a CPU too: a rehearsal,
whose figures say nothing.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gpu_packing import packing
from gpu_plan import FULL_CASES, Plan, full, rehearsal
from gpu_updates import effects, grouping, idle, speed, start

from tuner.devices.slots import find_nvidia

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Runs the sections asked for."""
    gpus = find_nvidia(os.environ).visible
    sections, plan = asked_for(gpus)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if plan.tiny:
        print("A rehearsal: these figures say nothing about any device.\n")
    print(device_line(gpus))
    broken = [name for name in sections if not run_section(name, plan)]
    if broken:
        sys.exit(f"broke off: {', '.join(broken)}")


def asked_for(gpus: Sequence[str]) -> tuple[list[str], Plan]:
    """Options of the command line.

    Args:
        gpus: Number of usable GPUs.

    Returns:
        The sections, and what they run.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    keys = [case.key for case in FULL_CASES]
    parser.add_argument(
        "--only", nargs="+", choices=SECTIONS, default=list(SECTIONS), help="sections to run"
    )
    parser.add_argument(
        "--cases", nargs="+", choices=keys, default=keys, help="shapes and lengths of updates"
    )
    parser.add_argument(
        "--slots", nargs="+", type=int, default=[1, 2, 4, 8], help="trials at a time, packed"
    )
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tiny", action="store_true", help="small sizes; runs on a CPU too")
    given = parser.parse_args()
    if given.tiny:
        return given.only, rehearsal(given.rounds, given.peer_python)
    if not gpus:
        parser.error("there is no GPU here; --tiny rehearses on the CPU")
    cases = [case for case in FULL_CASES if case.key in given.cases]
    return given.only, full(cases, given.slots, given.rounds, given.peer_python)


def device_line(gpus: Sequence[str]) -> str:
    """Name of the machine that is measured."""
    if not gpus:
        return "No GPU."
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    return subprocess.check_output([*query, "-i", ",".join(gpus)], text=True).strip()


def run_section(name: str, plan: Plan) -> bool:
    """Prints one section; whether it came to its end."""
    print(f"\n## {name}\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            SECTIONS[name](plan, Path(folder))
        except (subprocess.CalledProcessError, RuntimeError, ValueError) as error:
            print(f"\nBroke off: {error}", flush=True)
            return False
    return True


def checks(plan: Plan, folder: Path) -> None:
    """Runs the tests that need a GPU, and the default sweep, and prints how each ended."""
    result = folder / "result.xml"
    default = [] if plan.tiny else ["tests/commands/test_default_sweep.py"]
    command = [sys.executable, "-m", "pytest", "tests/gpu", *default, "-n", "0", "-q", "-m", ""]
    rehearsed = plan.tiny and not find_nvidia(os.environ).visible
    subprocess.run(
        [*command, f"--junitxml={result}"],
        cwd=ROOT,
        env=os.environ | ({"TUNER_GPU_REHEARSAL": "1"} if rehearsed else {}),
        stdout=sys.stderr,
        check=False,
    )
    print("| check | result |")
    print("|---|---|")
    for case in ET.parse(result).iter("testcase"):  # noqa: S314 - pytest has written it
        ended = next((part for part in case if part.tag in ("skipped", "failure", "error")), None)
        shown = "passed" if ended is None else f"{ended.tag}: {first_line(ended)}"
        print(f"| {case.get('name', '').removeprefix('test_').replace('_', ' ')} | {shown} |")


def first_line(element: ET.Element) -> str:
    """Why a test did not pass."""
    return (element.get("message") or "").partition("\n")[0].replace("|", "/")


SECTIONS: Mapping[str, Callable[[Plan, Path], None]] = {
    "checks": checks,
    "speed": speed,
    "idle": idle,
    "start": start,
    "effects": effects,
    "grouping": grouping,
    "packing": packing,
}


if __name__ == "__main__":
    main()
