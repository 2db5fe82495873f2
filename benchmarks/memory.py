"""How near the estimate of a trial's memory comes to its measured peak, on the CPU.

    python benchmarks/memory.py [--only WORD]

Each case is a process of its own: it imports the libraries, notes its resident memory, builds a
model of that shape, makes two updates and one evaluation pass of full-length texts, and prints the
largest resident memory that the system saw, less what was noted. The estimate leaves out the same.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.checkpoints import write_checkpoint
from tuner.checkpoints import CheckpointInfo, inspect
from tuner.core.memory import LIBRARIES, estimate
from tuner.core.settings import ModelSettings, TrainingSettings, TrialSettings

SMALL = {"vocab": 1000, "layers": 2, "hidden": 128, "heads": 4}
DEEP = {"vocab": 1000, "layers": 6, "hidden": 128, "heads": 4}
WIDE = {"vocab": 8000, "layers": 2, "hidden": 384, "heads": 12}
WORDY = {"vocab": 60000, "layers": 1, "hidden": 256, "heads": 4}
CASES: tuple[dict[str, Any], ...] = (
    {**SMALL, "batch": 8, "length": 64},
    {**SMALL, "batch": 32, "length": 64},
    {**SMALL, "batch": 64, "length": 128},
    {**SMALL, "batch": 32, "length": 256},
    {**SMALL, "batch": 32, "length": 256, "optimizer": "sgd"},
    {**SMALL, "batch": 32, "length": 256, "rematerialize": True},
    {**SMALL, "batch": 32, "length": 128, "precision": "mixed_bfloat16"},
    {**SMALL, "type": "albert", "batch": 32, "length": 128},
    {**DEEP, "batch": 16, "length": 128},
    {**DEEP, "batch": 16, "length": 128, "steps": 2},
    {**DEEP, "batch": 32, "length": 256, "rematerialize": True},
    {**WIDE, "batch": 16, "length": 64},
    {**WIDE, "batch": 16, "length": 128, "type": "roberta"},
    {**WIDE, "batch": 8, "length": 256, "type": "distilbert"},
    {**WORDY, "batch": 8, "length": 64},
    {**WORDY, "batch": 8, "length": 64, "steps": 3},
    {**WORDY, "batch": 8, "length": 64, "optimizer": "lion"},
    {**WORDY, "batch": 8, "length": 64, "optimizer": "sgd"},
)


def settings_of(case: dict[str, Any]) -> TrialSettings:
    """The trial of a case."""
    return TrialSettings(
        model=ModelSettings(checkpoint="x", max_length=case["length"], dropout=0.1),
        optimizer={"name": case.get("optimizer", "adamw"), "learning_rate": 1e-3},
        training=TrainingSettings(
            batch_size=case["batch"],
            accumulation_steps=case.get("steps", 1),
            evaluation_batch_size=case["batch"],
            precision=case.get("precision", "float32"),
            rematerialize=case.get("rematerialize", False),
        ),
    )


def checkpoint_of(case: dict[str, Any], folder: Path) -> CheckpointInfo:
    """A checkpoint with the sizes of a case and random weights."""
    sizes = {name: case[name] for name in SMALL}
    model_type = case.get("type", "bert")
    return inspect(write_checkpoint(folder, model_type, positions=case["length"], **sizes))


def resident() -> int:
    """Bytes of resident memory of this process."""
    return int(psutil.Process().memory_info().rss)


def measure(case: dict[str, Any], checkpoint: CheckpointInfo) -> dict[str, int]:
    """Runs a case in this process: bytes before the build, and the peak beyond them."""
    from tuner.training import device  # noqa: PLC0415 - only in the process of a case
    from tuner.training.evaluate import Evaluator  # noqa: PLC0415
    from tuner.training.fine_tune import FineTuner  # noqa: F401, PLC0415 - its imports count
    from tuner.training.micro_batch import MicroBatch  # noqa: PLC0415
    from tuner.training.model import Classifier  # noqa: PLC0415
    from tuner.training.update import UpdateStep  # noqa: PLC0415

    device.set_up(2)
    settings, random = settings_of(case), np.random.default_rng(0)
    training, shape = settings.training, (case["batch"], case["length"])
    before = resident()
    model = Classifier(checkpoint, 2, training.precision, rematerialize=training.rematerialize)
    model.reset(0, settings.model.dropout)
    step, evaluator = UpdateStep(model), Evaluator(model)
    step.reset({**settings.optimizer, "weight_decay": 0.01})
    batch = MicroBatch(
        ids=random.integers(5, case["vocab"], shape, np.int32),
        types=np.zeros(shape, np.int32),
        lengths=np.full(shape[0], shape[1], np.int32),
        labels=np.zeros(shape[0], np.int32),
    )
    for update in (1, 2):
        step(
            [batch] * training.accumulation_steps,
            learning_rate=1e-3,
            update=update,
            clip_norm=1.0,
        )
    evaluator._forward(batch.ids, batch.types, batch.lengths)  # noqa: SLF001
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"before": before, "peak": peak - before}


def run(case: dict[str, Any], checkpoint: CheckpointInfo) -> dict[str, int]:
    """Runs a case in a fresh process."""
    done = subprocess.run(
        [sys.executable, __file__, "--case", json.dumps(case), str(checkpoint.folder)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"},
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", default="", help="cases whose line has this word")
    parser.add_argument("--case", nargs=2, metavar=("JSON", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.case:
        case, folder = json.loads(given.case[0]), Path(given.case[1])
        print(json.dumps(measure(case, inspect(folder))))
        return
    ratios, before = [], []
    print("estimate  measured  ratio  case")
    for case in CASES:
        line = " ".join(f"{name}={value}" for name, value in case.items())
        if given.only not in line:
            continue
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = checkpoint_of(case, Path(folder) / "checkpoint")
            found = run(case, checkpoint)
        memory = estimate(checkpoint.shape, settings_of(case), on_host=True)
        expected = memory.total - LIBRARIES
        ratios.append(expected / found["peak"])
        before.append(found["before"])
        print(
            f"{expected / 1e6:5.0f} MB  {found['peak'] / 1e6:5.0f} MB  {ratios[-1]:5.2f}  {line}",
            flush=True,
        )
    print(
        f"ratio: median {statistics.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}; "
        f"libraries: {statistics.median(before) / 1e6:.0f} MB"
    )


if __name__ == "__main__":
    main()
