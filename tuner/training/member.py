"""A trained model as one small file, from which averages of several models are made.

It holds what training changed: tensors that equal the checkpoint's are left out, and of a token
embedding that was trained in part only the rows that occur are kept, with the factor of all other
rows. So members with different layouts have the same full weights to average.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from tuner.data import PreparedData
from tuner.errors import TunerError
from tuner.files.atomic import synced, with_usual_mode
from tuner.files.model_folder import partial, write_weights
from tuner.training.model import Classifier
from tuner.training.vocabulary import FACTOR, IDS, whole_table

RECORD = "member"
"""Key of the file's header: a `MemberRecord` as JSON."""

FORMAT = 1
"""Version of the file's contents."""


class MemberError(TunerError):
    """A member's file cannot be used."""


@dataclass(frozen=True, kw_only=True)
class MemberRecord:
    """Meaning of a member's weights; members are averaged if they have equal records."""

    format: int
    """Version of the file's contents."""

    checkpoint: str
    """Fingerprint of the checkpoint that the training began with."""

    labels: list[str]
    """Names of the outputs, in the order of their numbers."""

    task: dict[str, Any]
    """Task as it was fitted: an output of a regression has its unit."""

    max_length: int
    """Tokens at which texts were truncated."""

    @classmethod
    def of(cls, data: PreparedData) -> "MemberRecord":
        """Return the record of a model that is trained on some data."""
        return cls(
            format=FORMAT,
            checkpoint=data.checkpoint.fingerprint,
            labels=list(data.labels),
            task=json.loads(json.dumps(data.task.to_mapping())),
            max_length=data.train.max_length,
        )

    def difference(self, other: "MemberRecord") -> str | None:
        """Return the first field in which two records differ; None if they are equal."""
        one, two = asdict(self), asdict(other)
        return next((name for name in one if one[name] != two[name]), None)


def save_member(path: Path, classifier: Classifier, record: MemberRecord) -> None:
    """Write a member's file, which exists only when it is complete and on the disk.

    Args:
        path: File to write, or to replace.
        classifier: Its present weights are written.
        record: Record of the data that it was trained on.

    Raises:
        OSError: It cannot be written; an earlier file stays.
    """
    made = partial(path)
    try:
        write_weights(classifier.changes(), made, {RECORD: json.dumps(asdict(record))})
        with_usual_mode(made)
        synced(made)
        made.replace(path)
        synced(path.parent)
    except BaseException:
        made.unlink(missing_ok=True)
        raise


class MemberWeights:
    """Weights in a member's file; a tensor is read when it is asked for."""

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            MemberError: It is missing, damaged, or of another version.
        """
        try:
            self._file = cast("Any", safe_open(str(path), framework="np"))
            metadata: Mapping[str, str] = self._file.metadata() or {}
            self.record = MemberRecord(**json.loads(metadata[RECORD]))
        except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
            raise MemberError(f"{path} cannot be read: {error}") from error
        if self.record.format != FORMAT:
            raise MemberError(f"{path} has format {self.record.format}, and {FORMAT} is read")
        self._names = frozenset(self._file.keys())

    def tensor(self, name: str, first: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a parameter's values, all rows of a token embedding among them.

        Args:
            name: Name of the parameter.
            first: Its values before training.
        """
        if name not in self._names:
            return first
        kept: NDArray[np.float32] = self._file.get_tensor(name)
        if f"{name}{IDS}" not in self._names:
            return kept
        ids, factor = (self._file.get_tensor(f"{name}{part}") for part in (IDS, FACTOR))
        return whole_table(first, ids, kept, np.float32(factor))
