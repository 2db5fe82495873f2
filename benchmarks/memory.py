"""Estimate of a trial's memory against its measured peak, on the CPU.

    python benchmarks/memory.py [--only WORD]

Each model has a process of its own: it imports the libraries, notes its resident memory, builds
the model, and for each size makes two updates and one evaluation pass of full-length texts.
Printed is the largest resident memory that the system saw so far, less what was noted; the sizes
grow. The estimate leaves out the same.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.tiny_checkpoints import write_checkpoint
from tuner import optimizers
from tuner.checkpoints import CheckpointInfo, inspect
from tuner.data.tokenized import TokenizedSplit
from tuner.settings.settings import ModelSettings, TrainingSettings, TrialSettings
from tuner.tasks import Classification
from tuner.trial.memory import LIBRARIES, estimate

SMALL = {"vocab": 1000, "layers": 2, "hidden": 128, "heads": 4}
DEEP = {"vocab": 1000, "layers": 6, "hidden": 128, "heads": 4}
WIDE = {"vocab": 8000, "layers": 2, "hidden": 384, "heads": 12}
WORDY = {"vocab": 60000, "layers": 1, "hidden": 256, "heads": 4}
CASES: tuple[dict[str, Any], ...] = (
    {**SMALL, "sizes": ((8, 64), (32, 128), (16, 256), (64, 256))},
    {**WORDY, "sizes": ((8, 64), (64, 128))},
    {**DEEP, "sizes": ((16, 64), (16, 128), (32, 256)), "rematerialize": True},
    {**WIDE, "sizes": ((8, 64), (16, 128), (16, 256)), "type": "roberta"},
    {**WORDY, "sizes": ((8, 64), (64, 128)), "steps": 3, "optimizer": "sgd"},
    {**DEEP, "sizes": ((16, 64), (16, 128), (32, 256))},
    {**SMALL, "sizes": ((16, 64), (64, 128)), "type": "albert", "optimizer": "lion"},
    {**SMALL, "sizes": ((16, 64), (64, 128)), "precision": "mixed_bfloat16"},
    {**DEEP, "sizes": ((16, 64), (32, 128)), "type": "mpnet"},
    {**DEEP, "sizes": ((16, 64), (32, 128)), "type": "deberta-v2"},
    {**DEEP, "sizes": ((16, 64), (32, 128)), "type": "modernbert"},
)
"""Sizes, examples and tokens of a batch, grow, so that each has a peak of its own."""


def settings_of(case: dict[str, Any], batch: int, length: int) -> TrialSettings:
    """The trial of a case at one size."""
    return TrialSettings(
        model=ModelSettings(checkpoint="x", max_length=length, dropout=0.1),
        optimizer=optimizers.find(case.get("optimizer", "adamw"))(learning_rate=1e-3),
        training=TrainingSettings(
            batch_size=batch,
            accumulation_steps=case.get("steps", 1),
            evaluation_batch_size=batch,
            precision=case.get("precision", "float32"),
            rematerialize=case.get("rematerialize", False),
        ),
    )


def checkpoint_of(case: dict[str, Any], folder: Path) -> CheckpointInfo:
    """A checkpoint with the sizes of a case and random weights."""
    sizes = {name: case[name] for name in SMALL}
    model_type = case.get("type", "bert")
    return inspect(
        write_checkpoint(
            folder, model_type, positions=max(length for _, length in case["sizes"]), **sizes
        )
    )


def resident() -> int:
    """Bytes of resident memory of this process."""
    return int(psutil.Process().memory_info().rss)


def full(size: tuple[int, int], vocabulary: int) -> TokenizedSplit:
    """Texts without padding."""
    rows, tokens = size
    random = np.random.default_rng(0)
    return TokenizedSplit(
        ids=random.integers(5, vocabulary, rows * tokens, np.int32),
        type_ids=np.zeros(rows * tokens, np.uint8),
        offsets=np.arange(0, (rows + 1) * tokens, tokens),
        labels=np.zeros(rows, np.int32),
        max_length=tokens,
        pad_id=0,
    )


def measure(case: dict[str, Any], checkpoint: CheckpointInfo) -> Iterator[int]:
    """Runs a case in this process: bytes before the build, then each size's peak beyond them."""
    from tuner.training import device  # noqa: PLC0415 - only in the process of a case
    from tuner.training.evaluate import Evaluator  # noqa: PLC0415
    from tuner.training.micro_batch import MicroBatch  # noqa: PLC0415
    from tuner.training.model import Classifier  # noqa: PLC0415
    from tuner.training.update import UpdateStep  # noqa: PLC0415

    device.set_up(2)
    settings = settings_of(case, *case["sizes"][0])
    training = settings.training
    before = resident()
    yield before
    model = Classifier(checkpoint, 2, training.precision, rematerialize=training.rematerialize)
    model.reset(0, settings.model.dropout)
    step, evaluator = UpdateStep(model, Classification()), Evaluator(model, Classification())
    step.reset(replace(settings.optimizer, weight_decay=0.01))
    for size in case["sizes"]:
        split = full(size, case["vocab"])
        ids, types, lengths = split.pad(np.arange(size[0]))
        batch = MicroBatch(
            ids=ids, types=types, lengths=lengths.astype(np.int32), labels=split.labels
        )
        for update in (1, 2):
            step(
                [batch] * training.accumulation_steps,
                learning_rate=1e-3,
                update=update,
                clip_norm=1.0,
            )
        evaluator.logits(split, np.arange(size[0]), size[0])
        yield resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before


def run(case: dict[str, Any], checkpoint: CheckpointInfo) -> Iterator[int]:
    """Runs a case in a fresh process; see `measure`."""
    command = [sys.executable, __file__, "--case", json.dumps(case), str(checkpoint.folder)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True
    ) as process:
        yield from map(int, process.stdout or ())
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", default="", help="cases whose line has this word")
    parser.add_argument("--case", nargs=2, metavar=("JSON", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.case:
        for measured in measure(json.loads(given.case[0]), inspect(Path(given.case[1]))):
            print(measured, flush=True)
        return
    ratios: list[float] = []
    print("estimate  measured  ratio  case")
    for case in CASES:
        line = " ".join(f"{name}={value}" for name, value in case.items() if name != "sizes")
        if given.only in line:
            ratios += table(case, line)
    print(f"ratio: median {statistics.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}")


def table(case: dict[str, Any], line: str) -> Iterator[float]:
    """Runs a case, prints its lines and yields the ratio of estimate to measured peak of each."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = checkpoint_of(case, Path(folder) / "checkpoint")
        measured = run(case, checkpoint)
        print(f"{'':26}libraries {next(measured) / 1e6:.0f} MB")
        for (batch, length), peak in zip(case["sizes"], measured, strict=True):
            trial = settings_of(case, batch, length)
            expected = estimate(checkpoint.family.shape, trial, on_host=True).total - LIBRARIES
            ratio = expected / peak
            print(
                f"{expected / 1e6:5.0f} MB  {peak / 1e6:5.0f} MB  {ratio:5.2f}  "
                f"{line} batch={batch} length={length}",
                flush=True,
            )
            yield ratio


if __name__ == "__main__":
    main()
