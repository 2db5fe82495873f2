"""From the command to the first update: what a user waits for before anything is learned.

    python benchmarks/startup.py [--rounds 5] [OVERRIDE ...]

Starts `tuner sweep=lr_search` in a fresh folder, notes when the folder of its first trial appears
(the study is there and the trial was handed to a worker) and when the worker begins the first
update, and ends it. A round before the others fills the caches of model and data.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from turns import spread

LOOK_SECONDS = 0.01
GOAL = 15.0


def appears(file: Path, process: "subprocess.Popen[bytes]", begun: float) -> float:
    """Seconds until a file is there."""
    while not file.exists():
        if process.poll() is not None:
            raise RuntimeError("the sweep ended before its first update")
        time.sleep(LOOK_SECONDS)
    return time.perf_counter() - begun


def one(overrides: list[str]) -> tuple[float, float]:
    """Seconds to the first trial, and to its first update."""
    with tempfile.TemporaryDirectory() as place:
        trial = Path(place) / "outputs" / "lr_search" / "trials" / "00000"
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "tuner", "sweep=lr_search", *overrides],
            cwd=place,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            stdout=subprocess.DEVNULL,
        )
        try:
            asked = appears(trial / "config.yaml", process, begun)
            # The agent makes it when the worker says that the first update begins.
            return asked, appears(trial / "reports.jsonl", process, begun)
        finally:
            process.terminate()
            process.terminate()
            process.wait()


def main() -> None:
    """Prints both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    given, overrides = parser.parse_known_args()
    found = [one(overrides) for _ in range(given.rounds + 1)][1:]
    asked, updated = zip(*found, strict=True)
    print(f"{given.rounds} rounds\n")
    print(f"seconds to the first trial:  {spread(asked)}")
    print(f"seconds to its first update: {spread(updated)} (goal: {GOAL:.0f})")


if __name__ == "__main__":
    main()
