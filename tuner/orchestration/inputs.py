"""What the agent looks at before the first trial: models and data that the trials will meet."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import PurePath
from typing import Any

from tuner.checkpoints.info import CheckpointInfo
from tuner.checkpoints.layers import check_layers
from tuner.confirmation import overlap_warnings
from tuner.data import DataReport, PreparedData, prepare
from tuner.data.held_out import HeldOut, read_held_out
from tuner.data.table import wanted_columns
from tuner.secrets import hidden
from tuner.settings.settings import DataSettings, TrialSettings
from tuner.tasks.labels import given_weights
from tuner.tracking import Inputs
from tuner.tracking.datasets import TrialDataset
from tuner.trial.budget import Budget


@dataclass(frozen=True, kw_only=True)
class Input:
    """A model and a data set that trials may meet, as they were found."""

    name: str
    """`model.checkpoint`."""
    checkpoint: CheckpointInfo
    """The model."""
    data: DataReport
    """The data's figures."""
    fingerprint: str
    """SHA-256 of the data."""

    @property
    def rows(self) -> tuple[int, int]:
        """Of the training and validation split."""
        return self.data.train_rows, self.data.validation_rows

    @property
    def fingerprints(self) -> dict[str, str]:
        """Of model and data, by the name of the tag in MLflow."""
        return {
            "checkpoint_fingerprint": self.checkpoint.fingerprint,
            "data_fingerprint": self.fingerprint,
        }

    def to_plain(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "checkpoint": self.name,
            **self.fingerprints,
            **asdict(self.data),
            "warnings": self.data.warnings(),
        }


@dataclass(frozen=True, kw_only=True)
class InputReport:
    """All models and data that trials may meet."""

    found: Mapping[str, Input]
    """In the order of the variants, by `_key` of their settings."""

    @property
    def lines(self) -> list[str]:
        """For people, each input's warnings last."""
        return [line for each in self.found.values() for line in each.data.lines()]

    @property
    def artifacts(self) -> dict[str, str]:
        """File name to text, for the sweep's run in MLflow."""
        reports = [each.to_plain() for each in self.found.values()]
        return {**_texts(self.lines), "data_report.json": json.dumps(reports, indent=1) + "\n"}

    @property
    def contents(self) -> dict[str, list[str]]:
        """SHA-256 of the models and of the data, in the order of the variants."""
        found = self.found.values()
        return {
            "model": list(dict.fromkeys(each.checkpoint.fingerprint for each in found)),
            "data": list(dict.fromkeys(each.fingerprint for each in found)),
        }

    def variant(self, settings: TrialSettings) -> Input:
        """What a variant meets."""
        return self.found[_key(settings)]

    def labels(self, settings: TrialSettings) -> tuple[str, ...]:
        """Names of a trial's labels, in the order of their numbers; none where not known."""
        found = self.found.get(_key(settings))
        return () if found is None else found.data.labels

    def of(self, settings: TrialSettings) -> Inputs:
        """What a trial's run says of its model and data; nothing where no variant has them."""
        found = self.found.get(_key(settings))
        if found is None:
            return Inputs()
        return Inputs(
            tags=found.fingerprints,
            texts=_texts(found.data.lines()),
            datasets=tuple(_datasets(settings.data, found)),
        )


def _datasets(data: DataSettings, found: Input) -> Iterator[TrialDataset]:
    """Return the splits as MLflow shows them, from what was read already."""
    report = found.data
    keys = ("package", "name", "config", "revision", "train", "validation")
    named = {key: getattr(data, key) for key in keys}
    source = {key: hidden(str(value)) for key, value in named.items() if value is not None}
    columns = wanted_columns(data)
    splits = (
        ("training", data.train, report.train_rows, report.train_counts),
        ("validation", data.validation, report.validation_rows, report.validation_counts),
    )
    for context, place, rows, counts in splits:
        name = data.name or PurePath(place or data.train or data.format).name
        yield TrialDataset(
            name=hidden(name),
            context=context,
            fingerprint=found.fingerprint,
            source_type=data.format,
            source=source,
            columns=columns,
            rows=rows,
            labels=dict(zip(report.labels, counts, strict=True)) if counts else {},
        )


def check_inputs(variants: Iterable[TrialSettings]) -> InputReport:
    """Locates, reads, checks and tokenises every model and data set among the variants.

    What is tokenised here the workers find in the cache.

    Raises:
        InputError: Model or data can not be used.
    """
    found: dict[str, Input] = {}
    for settings in variants:
        key = _key(settings)
        if key not in found:
            found[key] = _input(
                settings.model.checkpoint, prepare(settings.data, settings.model, settings.task)
            )
        _check_fit(settings, found[key])
    return InputReport(found=found)


def evaluation_lines(variants: Iterable[TrialSettings], found: InputReport) -> list[str]:
    """Say once where `training.evaluations` is more than a trial has updates.

    Args:
        variants: Configurations of trials.
        found: Their models and data.
    """
    budgets = [
        Budget(
            train_examples=found.variant(each).rows[0],
            effective_batch=each.effective_batch_size,
            epochs=each.training.epochs,
            evaluations=each.training.evaluations,
        )
        for each in variants
    ]
    fewest = min(budgets, key=lambda each: each.total_updates - each.evaluations)
    if fewest.total_updates >= fewest.evaluations:
        return []
    asked, updates = fewest.evaluations, fewest.total_updates
    line = f"training.evaluations={asked} is more than the {updates} updates of a trial: it is "
    return [f"{line}evaluated once after each of them"]


def held_out_lines(variants: Iterable[TrialSettings], *, confirms: bool) -> list[str]:
    """What can be told of the test rows before anything is trained: they are read, never scored.

    Args:
        variants: Whose data may name test rows.
        confirms: Whether there will be a confirmed best, for which alone they are read.

    Raises:
        InputError: They can not be read, are no labelled texts, or have labels that training has
            not.
    """
    named = {
        repr(each.data): (each.data, each.task) for each in variants if each.data.test is not None
    }
    if named and not confirms:
        return ["data.test is not touched: it is for a best that sweep.confirm.top=3 confirmed"]
    found = [each for of in named.values() if (each := read_held_out(*of)) is not None]
    return [line for each in found for line in _told(each)]


def _told(held_out: HeldOut) -> Iterator[str]:
    rows = len(held_out.examples)
    yield from held_out.remarks.lines()
    yield f"{rows} test rows, which are scored once, at the very end, for the confirmed best alone"
    for sentence in overlap_warnings(rows, held_out.in_training, held_out.in_validation):
        yield f"warning: {sentence}"


def _key(settings: TrialSettings) -> str:
    """What the preparation of model and data depends on."""
    return repr((settings.data, settings.task, replace(settings.model, dropout=0.0)))


def _input(name: str, prepared: PreparedData) -> Input:
    """Without the tokens, which only workers need."""
    return Input(
        name=name,
        checkpoint=prepared.checkpoint,
        data=prepared.report,
        fingerprint=prepared.fingerprint,
    )


def _texts(lines: Iterable[str]) -> dict[str, str]:
    return {"data_report.txt": "\n".join(lines) + "\n"}


def _check_fit(settings: TrialSettings, met: Input) -> None:
    """Whether what a trial wants of layers and labels fits this model and this data."""
    check_layers(settings, met.checkpoint)
    if isinstance(settings.training.class_weights, Mapping):
        given_weights(settings.training.class_weights, met.data.labels)
