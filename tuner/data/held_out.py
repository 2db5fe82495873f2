"""The test rows: read, checked and compared with those that were trained on; scored elsewhere."""

from dataclasses import dataclass

from tuner.checkpoints.content import combined_hash
from tuner.data.labels import with_known_labels
from tuner.data.preparation import read_splits
from tuner.data.report import shared
from tuner.data.source import find_sources, find_test
from tuner.data.table import Examples, Remarks, to_examples
from tuner.settings.settings import DataSettings


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """The rows of `data.test`."""

    examples: Examples
    """All of them."""
    in_training: int
    """Of them those whose text stands among the training rows, too."""
    in_validation: int
    """Of them those whose text stands among the validation rows, too."""
    fingerprint: str
    """SHA-256 of texts and labels, whatever their order."""
    remarks: Remarks
    """About how the rows were read."""


def read_held_out(data: DataSettings) -> HeldOut | None:
    """Reads the test rows; None where none are named.

    Raises:
        InputError: They can not be read, are no labelled texts, or have labels that training has
            not.
    """
    source = find_test(data)
    if source is None:
        return None
    remarks = Remarks()
    examples = to_examples(remarks.of(source.read()), data)
    (train, validation), labels, _ = read_splits(data, find_sources(data))
    examples = with_known_labels(examples, labels)
    rows = sorted(zip(examples.inputs, examples.labels, strict=True))
    return HeldOut(
        examples=examples,
        in_training=shared(examples, set(train.inputs)),
        in_validation=shared(examples, set(validation.inputs)),
        fingerprint=combined_hash(part for (text, label) in rows for part in (*text, label)),
        remarks=remarks,
    )
