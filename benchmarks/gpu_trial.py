"""Trials of `gpu.py`: a model in a known shape with random weights, and texts of known lengths."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.tiny_checkpoints import write_checkpoint
from tuner.checkpoints import inspect
from tuner.data import PreparedData
from tuner.data.tokenized import TokenizedSplit
from tuner.optimizers import AdamW
from tuner.schedules import Linear
from tuner.settings.settings import (
    ConvergenceSettings,
    DataSettings,
    ModelSettings,
    TrainingSettings,
    TrialSettings,
)
from tuner.tasks import Baseline, Classification

LABELS = 2
FEW_VALIDATION = 8
"""Rows evaluated at the end of a trial: next to none, where updates are what is measured."""

FIRST_WORD = 5
"""Token ids below are special."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One model and one size of batch.

    Attributes:
        name: Name of the shape.
        sizes: Arguments of `write_checkpoint`.
        tokens: Tokens of each text.
        batch: Texts in an update.
        updates: In a round.
        key: On the command line.
    """

    name: str
    sizes: dict[str, int]
    tokens: int
    batch: int
    updates: int
    key: str

    @property
    def rows(self) -> int:
        """Texts in a round."""
        return self.batch * self.updates


def write_case(case: Case, folder: Path, *, mixed: bool = False) -> tuple[Path, Path]:
    """Writes texts and model of a case.

    Args:
        case: Case to write.
        folder: Made.
        mixed: Texts of all lengths up to the case's, most of them short, as real ones are.

    Returns:
        The file of texts (`ids`, `offsets`, `labels`), and the folder of the model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    lengths = np.full(case.rows, case.tokens)
    if mixed:
        drawn = random.lognormal(np.log(case.tokens / 4), 0.6, case.rows)
        lengths = np.clip(drawn, 4, case.tokens).astype(np.int64)
    inputs = folder / "rows.npz"
    np.savez(
        inputs,
        ids=random.integers(FIRST_WORD, case.sizes["vocab"], lengths.sum(), np.int32),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        labels=random.integers(0, LABELS, case.rows, np.int32),
    )
    return inputs, write_checkpoint(folder / "model", positions=case.tokens, **case.sizes)


def read_data(inputs: Path, checkpoint: Path, validation: int = FEW_VALIDATION) -> PreparedData:
    """Settings of a trial on what `write_case` wrote.

    Args:
        inputs: The file of texts.
        checkpoint: The folder of the model.
        validation: Rows to evaluate; they are among those trained on.
    """
    stored = np.load(inputs)
    info = inspect(checkpoint)
    offsets = stored["offsets"]
    train = TokenizedSplit(
        ids=stored["ids"],
        type_ids=np.zeros(len(stored["ids"]), np.uint8),
        offsets=offsets,
        labels=stored["labels"],
        max_length=int(np.diff(offsets).max()),
        pad_id=info.family.pad_token_id,
    )
    first = replace(train, offsets=offsets[: validation + 1], labels=train.labels[:validation])
    return PreparedData(
        labels=tuple(str(number) for number in range(LABELS)),
        train=train,
        validation=first,
        pad_id=info.family.pad_token_id,
        vocabulary=np.union1d(stored["ids"], info.family.pad_token_id),
        checkpoint=info,
        constant_guess=Baseline(score=1 / LABELS, loss=float(np.log(LABELS))),
        task=Classification(),
        report=cast("Any", None),
        fingerprint="",
        seed=0,
    )


def settings_of(
    data: PreparedData, batch: int, evaluations: int = 1, **training: Any
) -> TrialSettings:
    """One pass over the texts in bfloat16, which nothing ends early."""
    return TrialSettings(
        model=ModelSettings(
            checkpoint=str(data.checkpoint.folder), max_length=data.train.max_length, dropout=0.1
        ),
        data=DataSettings(format="csv"),
        optimizer=AdamW(),
        schedule=Linear(warmup_fraction=0.0),
        training=TrainingSettings(
            batch_size=batch,
            epochs=1.0,
            evaluations=evaluations,
            evaluation_batch_size=min(64, len(data.validation.labels)),
            precision="mixed_bfloat16",
            save_state="never",
            **training,
        ),
        convergence=ConvergenceSettings(stop_diverged=False),
    )
