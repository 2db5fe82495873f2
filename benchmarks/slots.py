"""Speed of CPU slots: one worker with all cores, or several with fewer each.

    python benchmarks/slots.py [--rounds 3]

Trains the default configuration in 1, 2, ... workers side by side, the cores shared out among
them, in turns, and prints the examples a second of all workers together, and their ratio to one.
"""

import argparse
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

from tuner.config import compose_sweep
from tuner.devices.host import usable_cores
from tuner.devices.slots import cut_slots
from tuner.launchers.local import LocalLauncher
from tuner.settings.settings import TrialSettings
from tuner.trial.records import Decision, TrialSpec
from tuner.worker.protocol import Answer, Failed, Finished, Ready, Reported, Run

MEMORY = 2**50


def throughput(launcher: LocalLauncher, settings: TrialSettings, folder: Path) -> float:
    """Examples a second of one trial in each slot at once, evaluation left out."""
    for slot in launcher.slots:
        spec = TrialSpec(number=slot, parameters={}, settings=settings, folder=str(folder))
        launcher.send(slot, Run(spec=spec))
    rates: dict[int, list[float]] = {slot: [] for slot in launcher.slots}
    running = set(launcher.slots)
    while running:
        for event in launcher.poll(1.0):
            match event.message:
                case Reported(report=report):
                    rates[event.slot].append(report.examples_per_second)
                    launcher.send(event.slot, Answer(Decision.CONTINUE))
                case Finished():
                    running.discard(event.slot)
                case Failed(error=error):
                    raise RuntimeError(error.traceback)
    return sum(statistics.mean(found) for found in rates.values())


def start(count: int, cores: int) -> LocalLauncher:
    """Workers that have imported their libraries."""
    launcher = LocalLauncher(cut_slots(count, [], cores, MEMORY))
    for slot in launcher.slots:
        launcher.start(slot)
    ready = 0
    while ready < count:
        ready += sum(isinstance(event.message, Ready) for event in launcher.poll(1.0))
    return launcher


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    cores = usable_cores()
    base = compose_sweep(["sweep=lr_search", "data.train_examples=480"], Path.cwd()).base
    settings = replace(base, training=replace(base.training, evaluations=2, interim_examples=50))
    counts = [count for count in range(1, cores + 1) if cores % count == 0]
    rates: dict[int, list[float]] = {count: [] for count in counts}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(rounds + 1):
            for count in counts:
                launcher = start(count, cores)
                throughput(launcher, settings, Path(folder))
                rate = throughput(launcher, settings, Path(folder))
                launcher.close(5.0)
                if turn:
                    rates[count].append(rate)
    print(f"{cores} cores, {rounds} rounds\n")
    print("workers  threads each  examples/s (median, min-max)  ratio to one worker (median)")
    for count in counts:
        ratio = statistics.median(a / b for a, b in zip(rates[count], rates[1], strict=True))
        middle, low, high = (f(rates[count]) for f in (statistics.median, min, max))
        found = f"{middle:.0f}, {low:.0f}-{high:.0f}"
        print(f"{count:>7}  {cores // count:>12}  {found:>28}  {ratio:>28.2f}")


if __name__ == "__main__":
    main()
