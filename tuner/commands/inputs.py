"""What the agent looks at before the first trial: models and data that the trials will meet."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from tuner.checkpoints.layers import check_layers
from tuner.core.settings import TrialSettings
from tuner.data import PreparedData, prepare
from tuner.data.labels import given_weights


@dataclass(frozen=True, kw_only=True)
class InputReport:
    """The reports of all data that trials may meet.

    Attributes:
        lines: For people, warnings last.
        artifacts: File name to text, for the sweep's run in MLflow.
        contents: SHA-256 of the models and of the data, in the order of the variants.
    """

    lines: tuple[str, ...]
    artifacts: dict[str, str]
    contents: dict[str, list[str]]


def check_inputs(variants: Iterable[TrialSettings]) -> InputReport:
    """Locates, reads, checks and tokenises every model and data set among the variants.

    What is tokenised here the workers find in the cache.

    Raises:
        InputError: Model or data can not be used.
    """
    found: dict[str, tuple[str, PreparedData]] = {}
    for settings in variants:
        checkpoint = settings.model.checkpoint
        key = repr((settings.data, checkpoint, settings.model.max_length))
        if key not in found:
            found[key] = checkpoint, prepare(settings.data, settings.model)
        _check_fit(settings, found[key][1])
    lines = [line for _, prepared in found.values() for line in prepared.report.lines()]
    reports = [
        {
            "checkpoint": checkpoint,
            "checkpoint_fingerprint": prepared.checkpoint.fingerprint,
            "data_fingerprint": prepared.fingerprint,
            **asdict(prepared.report),
            "warnings": prepared.report.warnings(),
        }
        for checkpoint, prepared in found.values()
    ]
    artifacts = {
        "data_report.txt": "\n".join(lines) + "\n",
        "data_report.json": json.dumps(reports, indent=1) + "\n",
    }
    prepared = [prepared for _, prepared in found.values()]
    contents = {
        "model": list(dict.fromkeys(each.checkpoint.fingerprint for each in prepared)),
        "data": list(dict.fromkeys(each.fingerprint for each in prepared)),
    }
    return InputReport(lines=tuple(lines), artifacts=artifacts, contents=contents)


def _check_fit(settings: TrialSettings, prepared: PreparedData) -> None:
    """Whether what a trial wants of layers and labels fits this model and this data."""
    check_layers(settings, prepared.checkpoint)
    if isinstance(settings.training.class_weights, Mapping):
        given_weights(settings.training.class_weights, prepared.labels)
