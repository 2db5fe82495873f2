"""Data sets of a trial, as MLflow's dataset inputs."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

CONTEXT = "mlflow.data.context"
"""Tag of an input, named by MLflow."""

DIGEST_LENGTH = 32
NAME_LENGTH = 500
PROFILE_LENGTH = 100_000


@dataclass(frozen=True, kw_only=True)
class TrialDataset:
    """One split of the data, as the trial reads it."""

    name: str
    """File name, or name of the data set."""
    context: str
    """`training` or `validation`."""
    fingerprint: str
    """SHA-256 of the content of all splits together."""
    source_type: str
    """Value of `data.format`."""
    source: Mapping[str, str]
    """Keys of `data` that identify its source."""
    columns: tuple[str, ...]
    """Text and label columns."""
    rows: int
    labels: Mapping[str, int]
    """Number of rows of each label."""

    def to_input(self) -> "DatasetInput":
        """Return the split as MLflow's input."""
        from mlflow.entities import Dataset, DatasetInput, InputTag  # noqa: PLC0415

        digest = hashlib.sha256(f"{self.fingerprint} {self.context}".encode()).hexdigest()
        specs = [{"type": "string", "name": name, "required": True} for name in self.columns]
        profile = {"num_rows": self.rows}
        if self.labels:
            profile["num_classes"] = len(self.labels)
        counted = json.dumps({**profile, "labels": dict(self.labels)})
        return DatasetInput(
            Dataset(
                name=self.name[-NAME_LENGTH:],
                digest=digest[:DIGEST_LENGTH],
                source_type=self.source_type,
                source=json.dumps(self.source),
                schema=json.dumps({"mlflow_colspec": specs}),
                profile=counted if len(counted) <= PROFILE_LENGTH else json.dumps(profile),
            ),
            [InputTag(CONTEXT, self.context)],
        )
