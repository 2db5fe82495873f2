"""Checks before the first trial of the models and data of all trials."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import PurePath
from typing import Any

from tuner.checkpoints import CheckpointInfo, inspect, locate
from tuner.checkpoints.layers import check_layers
from tuner.confirmation import overlap_warnings
from tuner.data import DataReport, PreparedData, prepare
from tuner.data.examples import wanted_columns
from tuner.data.held_out import HeldOut, read_held_out
from tuner.metrics import MetricRecord
from tuner.orchestration.metrics_check import try_metrics
from tuner.secrets import hidden
from tuner.settings.settings import DataSettings, ModelSettings, TrialSettings
from tuner.tasks.labels import given_weights
from tuner.tracking import Inputs
from tuner.tracking.datasets import TrialDataset
from tuner.trial.budget import Budget
from tuner.trial.memory import ModelShape


@dataclass(frozen=True, kw_only=True)
class Input:
    """Model and data set of trials, as they were found."""

    name: str
    """`model.checkpoint`."""
    checkpoint: CheckpointInfo
    """Facts of the model."""
    data: DataReport
    """Figures of the data."""
    fingerprint: str
    """SHA-256 of the data."""
    vocabulary: int
    """Number of token ids that occur."""
    inputs: int
    """Inputs of a training row."""
    train_rows: int
    """Training rows as training counts them: windows of long texts."""
    rows_each: float
    """Such rows that a validation example has."""

    @property
    def fingerprints(self) -> dict[str, str]:
        """Fingerprints of model and data, by the name of the tag in MLflow."""
        return {
            "checkpoint_fingerprint": self.checkpoint.fingerprint,
            "data_fingerprint": self.fingerprint,
        }

    def to_plain(self) -> dict[str, Any]:
        """Return the facts as JSON values."""
        return {
            "checkpoint": self.name,
            **self.fingerprints,
            **asdict(self.data),
            "warnings": self.data.warnings(),
        }


@dataclass(frozen=True, kw_only=True)
class InputReport:
    """Models and data of all trials."""

    found: Mapping[str, Input]
    """`_key` of the settings to the findings, in the order of the variants."""

    @property
    def lines(self) -> list[str]:
        """Return lines for people, each input's warnings last."""
        return [line for each in self.found.values() for line in each.data.lines()]

    @property
    def artifacts(self) -> dict[str, str]:
        """Return file name to text, for the sweep's run in MLflow."""
        reports = [each.to_plain() for each in self.found.values()]
        return {**_texts(self.lines), "data_report.json": json.dumps(reports, indent=1) + "\n"}

    @property
    def contents(self) -> dict[str, list[str]]:
        """Return the SHA-256 of the models and of the data, in the order of the variants."""
        found = self.found.values()
        return {
            "model": list(dict.fromkeys(each.checkpoint.fingerprint for each in found)),
            "data": list(dict.fromkeys(each.fingerprint for each in found)),
        }

    def variant(self, settings: TrialSettings) -> Input:
        """Return the model and data of a variant."""
        return self.found[_key(settings)]

    def shape(self, settings: TrialSettings) -> ModelShape:
        """Return the sizes of a trial's model as it is trained; of no variant, the largest."""
        found = self.found.get(_key(settings))
        if found is None:
            most = max((each.inputs for each in self.found.values()), default=1)
            return replace(_whole_shape(settings.model), inputs=most)
        shape = found.checkpoint.family.shape
        rows = found.vocabulary if settings.optimizer.elementwise else shape.vocabulary
        return replace(shape.with_vocabulary(rows), inputs=found.inputs)

    def labels(self, settings: TrialSettings) -> tuple[str, ...]:
        """Return a trial's label names, in the order of their numbers; empty if unknown."""
        found = self.found.get(_key(settings))
        return () if found is None else found.data.labels

    def of(self, settings: TrialSettings) -> Inputs:
        """Return the model and data for a trial's run; empty if they are of no variant."""
        found = self.found.get(_key(settings))
        if found is None:
            return Inputs()
        return Inputs(
            tags=found.fingerprints,
            texts=_texts(found.data.lines()),
            datasets=tuple(_datasets(settings.data, found)),
        )


def _datasets(data: DataSettings, found: Input) -> Iterator[TrialDataset]:
    """Yield the splits as MLflow shows them, from the data already read."""
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


def check_inputs(
    variants: Iterable[TrialSettings], metrics: Sequence[MetricRecord] = ()
) -> InputReport:
    """Locate, read, check and tokenise every model and data set of the variants.

    Workers find the tokenised data in the cache.

    Args:
        variants: Configurations of trials.
        metrics: Users' metrics, which are tried with the targets.

    Raises:
        InputError: Model, data or a metric cannot be used.
    """
    found: dict[str, Input] = {}
    for settings in variants:
        key = _key(settings)
        if key not in found:
            prepared = prepare(settings.data, settings.model, settings.task)
            try_metrics(metrics, prepared)
            found[key] = _input(settings.model.checkpoint, prepared)
        _check_fit(settings, found[key])
    return InputReport(found=found)


def evaluation_lines(variants: Iterable[TrialSettings], found: InputReport) -> list[str]:
    """Return a line if `training.evaluations` exceeds the number of a trial's updates.

    Args:
        variants: Configurations of trials.
        found: Their models and data.
    """
    budgets = [
        Budget(
            train_examples=found.variant(each).train_rows,
            effective_batch=each.effective_batch_size,
            epochs=each.training.epochs,
            evaluations=each.training.evaluations,
        )
        for each in variants
    ]
    fewest = min(budgets, key=lambda each: each.total_updates - each.evaluations)
    if fewest.total_updates >= fewest.evaluations:
        return []
    requested, updates = fewest.evaluations, fewest.total_updates
    line = (
        f"training.evaluations={requested} is more than the {updates} updates of a trial: it is "
    )
    return [f"{line}evaluated once after each of them"]


def held_out_lines(variants: Iterable[TrialSettings], *, confirms: bool) -> list[str]:
    """Check the test rows before anything is trained, and return lines about them; none is scored.

    Args:
        variants: Configurations whose data may name test rows.
        confirms: True if there will be a confirmed best; test rows are used for nothing else.

    Raises:
        InputError: They cannot be read, are no labelled texts, or have labels that the training
            rows lack.
    """
    named = {
        repr(each.data): (each.data, each.task) for each in variants if each.data.test is not None
    }
    if named and not confirms:
        return ["data.test is not scored: that needs a best confirmed by sweep.confirm.top=3"]
    found = [each for of in named.values() if (each := read_held_out(*of)) is not None]
    return [line for each in found for line in _held_out_lines(each)]


def _held_out_lines(held_out: HeldOut) -> Iterator[str]:
    rows = len(held_out.examples)
    yield from held_out.remarks.lines()
    yield f"{rows} test rows, which are scored once, at the very end, for the confirmed best alone"
    for sentence in overlap_warnings(rows, held_out.in_training, held_out.in_validation):
        yield f"warning: {sentence}"


def _key(settings: TrialSettings) -> str:
    """Return the settings that the preparation of model and data depends on, as a key."""
    return repr((settings.data, settings.task, replace(settings.model, dropout=0.0)))


@cache
def _whole_shape(model: ModelSettings) -> ModelShape:
    return inspect(locate(model)).family.shape


def _input(name: str, prepared: PreparedData) -> Input:
    """Return the facts without the tokens, which only workers need."""
    return Input(
        name=name,
        checkpoint=prepared.checkpoint,
        data=prepared.report,
        fingerprint=prepared.fingerprint,
        vocabulary=len(prepared.vocabulary),
        inputs=prepared.train.spec.inputs,
        train_rows=prepared.train.rows,
        rows_each=prepared.validation.rows_each,
    )


def _texts(lines: Iterable[str]) -> dict[str, str]:
    return {"data_report.txt": "\n".join(lines) + "\n"}


def _check_fit(settings: TrialSettings, found: Input) -> None:
    """Check that a trial's settings of layers and labels fit this model and this data."""
    check_layers(settings, found.checkpoint)
    if isinstance(settings.training.class_weights, Mapping):
        given_weights(settings.training.class_weights, found.data.labels)
