"""Figures of updates on an H100 without one: memory, bytes moved, waits for the host.

    python benchmarks/without_gpu.py [--cases base-128 mini-128] [--kernel-us 20]

Prints a table in Markdown, a row for each case of `gpu.py`; BERT-base takes one to two minutes.
TensorFlow meets a stand-in for CUDA (`stand_in/build.py`), for which XLA compiles as for an H100
and which has its memory, and on which kernels compute nothing. So this measures

- the peak that TensorFlow allocates in the second trial of a process, and the estimate of it;
- the bytes that the kernels of the compiled update read and write: operands and results in full,
  whether read in part or kept in the cache;
- how long the host lets the device wait in a whole trial, if each kernel took the same time, on
  a machine that has nothing else to do: beside other work it waits several times as long.

The least time of an update is no measurement but a bound: on a device with the given bandwidth
and rate, of these kernels, if each read all of its operands from memory. No speed can be measured
here, no score, and no choice of kernels by their time: a GPU's own compilation tries several.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from compiled_module import Traffic, least_seconds, parse, traffic
from gpu_peers import measured, updates_of
from gpu_plan import FULL_CASES, update_flops_of
from gpu_trial import Case, write_case
from gpu_updates import HELD_OUT
from stand_in.build import build, environment

from tuner.errors import InputError

UPDATES = 100
"""Updates of a trial."""


def main() -> None:
    """Prints the table."""
    given = asked_for()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        try:
            build(folder / "stand_in")
        except InputError as error:
            sys.exit(str(error))
        print(
            "| model | tokens | batch | peak memory, GB | estimate ÷ peak | kernels in an update "
            "| GB moved by products | by others | at least, ms | examples a second, at most "
            f"| device waits, kernels of {given.kernel_us:g} µs |"
        )
        print("|---|---|---|---|---|---|---|---|---|---|---|")
        for case in FULL_CASES:
            if case.key in given.cases:
                found, moved = trial(case, folder, given.kernel_us)
                least = least_seconds(moved, update_flops_of(case), given.bandwidth, given.rate)
                print(row(case, found, moved, least), flush=True)


def asked_for() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    keys = [case.key for case in FULL_CASES]
    parser.add_argument("--cases", nargs="+", choices=keys, default=keys)
    parser.add_argument(
        "--bandwidth", type=float, default=3.0e12, help="of the memory, bytes a second"
    )
    parser.add_argument(
        "--rate", type=float, default=790e12, help="of matrix products, operations a second"
    )
    parser.add_argument(
        "--kernel-us", type=float, default=20.0, help="time of each kernel on the stand-in"
    )
    return parser.parse_args()


def trial(case: Case, folder: Path, kernel_us: float) -> tuple[dict[str, Any], Traffic]:
    """Two trials of a case in a process of their own.

    Args:
        case: Case of `gpu.py`.
        folder: Folder of the stand-in.
        kernel_us: Microseconds that each kernel takes.

    Returns:
        Of the second trial the bytes of its `peak` and its `estimate`, and the share of its time
        in which the device `waits`; and what the kernels of its update read and write.
    """
    case = replace(case, updates=UPDATES)
    files = write_case(case, folder / case.key)
    dump = folder / f"{case.key}-modules"
    told = environment(folder / "stand_in", kernel_us=kernel_us)
    told["XLA_FLAGS"] += f" --xla_dump_to={dump}"
    rows = math.ceil(HELD_OUT * case.rows)
    arguments = [*updates_of(case, files), "--validation", str(rows)]
    try:
        output = measured("without_gpu_trial.py", *arguments, TF_CPP_MIN_LOG_LEVEL="2", **told)
    except subprocess.CalledProcessError as error:
        sys.exit(f"{case.key} broke off: {error}")
    return json.loads(output), traffic(parse(largest_module(dump)))


def largest_module(dump: Path) -> str:
    """The optimised module with most to say in a dump of XLA's: the update's."""
    paths = dump.glob("*gpu_after_optimizations.txt")
    return max(paths, key=lambda path: path.stat().st_size).read_text()


def row(case: Case, found: Mapping[str, Any], moved: Traffic, least: float) -> str:
    """A row of the table.

    Args:
        case: Case that was run.
        found: See `trial`.
        moved: By an update.
        least: Seconds that an update takes at least.
    """
    return (
        f"| {case.name} | {case.tokens} | {case.batch} | {found['peak'] / 1e9:.2f} "
        f"| {found['estimate'] / found['peak']:.2f} | {moved.kernels} "
        f"| {moved.products / 1e9:.1f} | {moved.others / 1e9:.1f} | {least * 1e3:.1f} "
        f"| {case.batch / least:.0f} | {found['waits']:.1%} |"
    )


if __name__ == "__main__":
    main()
