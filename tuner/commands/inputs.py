"""What the agent looks at before the first trial: models and data that the trials will meet."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace

from tuner.checkpoints.info import CheckpointInfo
from tuner.checkpoints.layers import check_layers
from tuner.core.confirmation import overlap
from tuner.core.settings import TrialSettings
from tuner.data import PreparedData, prepare
from tuner.data.held_out import HeldOut, read_held_out
from tuner.data.labels import given_weights
from tuner.tracking import Inputs


@dataclass(frozen=True, kw_only=True)
class InputReport:
    """The reports of all data that trials may meet.

    Attributes:
        lines: For people, warnings last.
        artifacts: File name to text, for the sweep's run in MLflow.
        contents: SHA-256 of the models and of the data, in the order of the variants.
        inputs: What the runs of trials say of theirs, by `_key` of their settings.
        rows: Of training and validation split, by the same.
        checkpoints: Of the models, by the same.
    """

    lines: tuple[str, ...]
    artifacts: dict[str, str]
    contents: dict[str, list[str]]
    inputs: Mapping[str, Inputs]
    rows: Mapping[str, tuple[int, int]]
    checkpoints: Mapping[str, CheckpointInfo]

    def of(self, settings: TrialSettings) -> Inputs:
        """What is known of a trial's model and data; nothing where no variant has them."""
        return self.inputs.get(_key(settings), Inputs())

    def rows_of(self, settings: TrialSettings) -> tuple[int, int]:
        """Rows of the training and validation split of a variant."""
        return self.rows[_key(settings)]

    def checkpoint_of(self, settings: TrialSettings) -> CheckpointInfo:
        """What is known of the model of a variant."""
        return self.checkpoints[_key(settings)]


def check_inputs(variants: Iterable[TrialSettings]) -> InputReport:
    """Locates, reads, checks and tokenises every model and data set among the variants.

    What is tokenised here the workers find in the cache.

    Raises:
        InputError: Model or data can not be used.
    """
    found: dict[str, tuple[str, PreparedData]] = {}
    for settings in variants:
        checkpoint = settings.model.checkpoint
        key = _key(settings)
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
    inputs = {key: _inputs(prepared) for key, (_, prepared) in found.items()}
    prepared = [prepared for _, prepared in found.values()]
    contents = {
        "model": list(dict.fromkeys(each.checkpoint.fingerprint for each in prepared)),
        "data": list(dict.fromkeys(each.fingerprint for each in prepared)),
    }
    return InputReport(
        lines=tuple(lines),
        artifacts=artifacts,
        contents=contents,
        inputs=inputs,
        rows={
            key: (found.report.train_rows, found.report.validation_rows)
            for key, (_, found) in found.items()
        },
        checkpoints={key: found.checkpoint for key, (_, found) in found.items()},
    )


def held_out_lines(variants: Iterable[TrialSettings], *, confirms: bool) -> list[str]:
    """What can be told of the test rows before anything is trained: they are read, never scored.

    Args:
        variants: Whose data may name test rows.
        confirms: Whether there will be a confirmed best, for which alone they are read.

    Raises:
        InputError: They can not be read, are no labelled texts, or have labels that training has
            not.
    """
    named = {repr(each.data): each.data for each in variants if each.data.test is not None}
    if named and not confirms:
        return ["data.test is not touched: it is for a best that sweep.confirm.top=3 confirmed"]
    found = [each for data in named.values() if (each := read_held_out(data)) is not None]
    return [line for each in found for line in _told(each)]


def _told(held_out: HeldOut) -> Iterator[str]:
    rows = len(held_out.examples)
    yield f"{rows} test rows, which are scored once, at the very end, for the confirmed best alone"
    for sentence in overlap(rows, held_out.in_training, held_out.in_validation):
        yield f"warning: {sentence}"


def _key(settings: TrialSettings) -> str:
    """What the preparation of model and data depends on."""
    return repr((settings.data, replace(settings.model, dropout=0.0)))


def _inputs(prepared: PreparedData) -> Inputs:
    return Inputs(
        tags={
            "data_fingerprint": prepared.fingerprint,
            "checkpoint_fingerprint": prepared.checkpoint.fingerprint,
        },
        texts={"data_report.txt": "\n".join(prepared.report.lines()) + "\n"},
    )


def _check_fit(settings: TrialSettings, prepared: PreparedData) -> None:
    """Whether what a trial wants of layers and labels fits this model and this data."""
    check_layers(settings, prepared.checkpoint)
    if isinstance(settings.training.class_weights, Mapping):
        given_weights(settings.training.class_weights, prepared.labels)
