"""Test rows: read, checked and compared with the training data; scored elsewhere."""

from dataclasses import dataclass

from tuner.checkpoints.content import combined_hash
from tuner.data.examples import Examples, hashed_text, to_examples
from tuner.data.preparation import known, read_splits
from tuner.data.report import shared
from tuner.data.source import find_sources, find_test
from tuner.data.table import Remarks
from tuner.settings.settings import DataSettings
from tuner.tasks import Task


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """The rows of `data.test`."""

    examples: Examples
    """All rows."""
    in_training: int
    """Number of rows whose text is also in the training rows."""
    in_validation: int
    """Number of rows whose text is also in the validation rows."""
    fingerprint: str
    """SHA-256 of texts and labels, in any order."""
    remarks: Remarks
    """Remarks on how the rows were read."""


def read_held_out(data: DataSettings, task: Task) -> HeldOut | None:
    """Read the test rows; return None if none are set.

    Raises:
        InputError: They cannot be read, are not labelled texts, or have labels that are not in the
            training rows.
    """
    source = find_test(data)
    if source is None:
        return None
    remarks = Remarks()
    examples = to_examples(source.read(), data, task, remarks)
    (train, validation), labels, _ = read_splits(data, task, find_sources(data))
    examples = known(examples, task, labels)
    rows = sorted(
        (hashed_text(first), hashed_text(second), str(target))
        for (first, second), target in zip(examples.inputs, examples.targets, strict=True)
    )
    return HeldOut(
        examples=examples,
        in_training=shared(examples, set(train.inputs)),
        in_validation=shared(examples, set(validation.inputs)),
        fingerprint=combined_hash(part for row in rows for part in row),
        remarks=remarks,
    )
