"""Preparation of data: from settings to tokenised, checked and cached splits."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.checkpoints import CheckpointInfo, inspect, locate
from tuner.checkpoints.content import combined_hash
from tuner.checkpoints.info import check_length
from tuner.data import cache
from tuner.data.checkpoint_tokenizer import load_tokenizer, tokenizer_hash, vocabulary_size
from tuner.data.encoding_check import check_encoding
from tuner.data.examples import Examples, SecondColumns, to_examples
from tuner.data.forms import FORMS
from tuner.data.report import DataReport, make_report
from tuner.data.source import Source, find_sources
from tuner.data.split import Purpose, grouped_order, stratified_order, validation_rows
from tuner.data.table import Remarks
from tuner.data.tokenized import TokenizedSplit, offsets_of
from tuner.data.tokenizer import TokenRows, find_layout
from tuner.errors import InputError
from tuner.settings.settings import DataSettings, ModelSettings
from tuner.tasks import Baseline, Task
from tuner.tasks.cells import shortened


@dataclass(frozen=True, kw_only=True)
class PreparedData:
    """Tokenised data of one data set, model and length."""

    labels: tuple[str, ...]
    """Label names, in the order of their numbers."""
    train: TokenizedSplit
    """Training rows."""
    validation: TokenizedSplit
    """Validation rows."""
    pad_id: int
    """Token id of padding."""
    vocabulary: NDArray[np.int32]
    """Token ids of both splits before truncation, and of padding; ascending, the same for every
    `model.max_length`.
    """
    checkpoint: CheckpointInfo
    """Model that the tokens are for."""
    constant_guess: Baseline
    """Scores of the best guess that ignores the text, on the validation rows."""
    task: Task
    """Task whose targets the rows have."""
    report: DataReport
    """Figures of the data."""
    fingerprint: str
    """SHA-256 of texts and labels of both splits and of the label names; equal for all lengths,
    and for all models whose texts are tokenised as in version 0.1.
    """
    seed: int
    """Value of `data.seed`."""

    def interim_rows(self, count: int | None) -> NDArray[np.int64]:
        """Return validation rows for an interim evaluation: stratified, the same for every trial.

        Args:
            count: Number of rows; None for all.

        Returns:
            Row indices in ascending order; shape [min(count, rows)].
        """
        strata = self.task.strata(self.validation.strata)
        order = stratified_order(strata, self.seed, Purpose.INTERIM)
        return np.sort(order if count is None else order[:count])

    def halves(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the validation rows in two halves: stratified, or whole contexts in either.

        Returns:
            Row indices of each half in ascending order; there are two rows at least.
        """
        count = (len(self.validation) + 1) // 2
        contexts = _contexts(self.task, self.validation.examples)
        if contexts is None:
            strata = self.task.strata(self.validation.strata)
            order = stratified_order(strata, self.seed, Purpose.HALVES)
        else:
            order, count = grouped_order(contexts, self.seed, Purpose.HALVES, count)
        return np.sort(order[:count]), np.sort(order[count:])

    def clusters(self, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Return validation rows in the groups that a bootstrap draws: of one context, else alone.

        Args:
            rows: Row indices.
        """
        contexts = _contexts(self.task, self.validation.examples)
        found: dict[Any, list[int]] = {}
        for row in rows.tolist():
            found.setdefault(row if contexts is None else contexts[row], []).append(row)
        return [np.array(each) for each in found.values()]


def prepare(data: DataSettings, model: ModelSettings, task: Task) -> PreparedData:
    """Find, read, check, split and tokenise the data, or load them from the cache.

    Raises:
        InputError: Data, checkpoint or settings are wrong.
    """
    _check_settings(data)
    info = inspect(locate(model))
    train, validation = find_sources(data)
    key = _key(data, model, task, info, (train, validation))
    stored = cache.load(key) if key else None
    if stored is None:
        stored = _make(data, model, task, info, (train, validation))
        # The identity of sources that only reading can identify is known now.
        key = key or _key(data, model, task, info, find_sources(data))
        stored = cache.save(key, stored) if key else stored
    return PreparedData(
        labels=stored.labels,
        train=stored.train,
        validation=stored.validation,
        pad_id=stored.train.pad_id,
        vocabulary=stored.vocabulary,
        checkpoint=info,
        constant_guess=stored.constant_guess,
        task=stored.task,
        report=stored.report,
        fingerprint=stored.fingerprint,
        seed=data.seed,
    )


def _check_settings(data: DataSettings) -> None:
    for key in ("train_examples", "validation_examples"):
        count = getattr(data, key)
        if count is not None and count < 1:
            raise InputError(
                f"{count} examples are not enough",
                where=f"data.{key}",
                remedy=f"data.{key}=null for all rows, or 1 or more",
            )
    if data.validation is None and not 0.0 < data.validation_fraction < 1.0:
        raise InputError(
            f"{data.validation_fraction} is not a share of the training rows",
            where="data.validation_fraction",
            remedy="data.validation_fraction=0.1, or another number above 0 and below 1",
        )
    if data.seed < 0:
        raise InputError(
            f"{data.seed} is negative", where="data.seed", remedy="data.seed=0, or more"
        )


def _key(
    data: DataSettings,
    model: ModelSettings,
    task: Task,
    info: CheckpointInfo,
    sources: tuple[Source, Source | None],
) -> str | None:
    """Hash of all that decides the result; None if a source's content is not known yet."""
    identities = [source.identity for source in sources if source is not None]
    if any(identity is None for identity in identities):
        return None
    settings = asdict(data)
    # Places are represented by their content; test rows are not included.
    for place in ("package", "train", "validation", "test", "name", "config", "revision"):
        settings.pop(place)
    return combined_hash(
        (
            json.dumps(settings, sort_keys=True),
            json.dumps(task.to_mapping(), sort_keys=True),
            json.dumps(identities),
            tokenizer_hash(info),
            json.dumps(
                [
                    model.max_length,
                    info.family.vocab_size,
                    info.family.max_positions,
                    info.family.pad_token_id,
                ]
            ),
            str(cache.FORMAT_VERSION),
        )
    )


def _make(
    data: DataSettings,
    model: ModelSettings,
    task: Task,
    info: CheckpointInfo,
    sources: tuple[Source, Source | None],
) -> cache.StoredData:
    tokenizer = load_tokenizer(info)
    layout = find_layout(tokenizer, pairs=bool(SecondColumns.of(data).names))
    check_length(info, model.max_length, layout.special_tokens)
    splits, labels, remarks = read_splits(data, task, sources)
    remarks.notes += [*tokenizer.notes, *check_encoding(tokenizer, model.max_length)]
    tokenize, overlap = FORMS[task.form].tokenize, task.window_overlap()
    rows = tuple(tokenize(tokenizer, s.texts, s.pairs, model.max_length, overlap) for s in splits)
    tokens = (rows[0], rows[1])
    remarks.notes += [note for part in rows for note in part.notes]
    task = task.fit(splits[0].targets)
    arrays = [
        tokenized_split(split, token, tokenizer.pad_id, task, labels)
        for split, token in zip(splits, tokens, strict=True)
    ]
    truths = [split.truth(np.arange(len(split))) for split in arrays]
    for name, split, truth in zip(("training", "validation"), arrays, truths, strict=True):
        remarks.notes += task.placement_notes(split.labels, truth, f"{name} rows")
    report = make_report(
        splits,
        tokens,
        task=task,
        labels=labels,
        vocabularies=(vocabulary_size(tokenizer.backend), info.family.vocab_size),
        remarks=remarks,
    )
    return cache.StoredData(
        labels=labels,
        train=replace(arrays[0], examples=None),
        validation=arrays[1],
        vocabulary=np.union1d(tokens[0].vocabulary, tokens[1].vocabulary),
        constant_guess=task.baseline(arrays[0].labels, truths[1], len(labels)),
        task=task,
        report=report,
        fingerprint=combined_hash(
            (*(split.content_hash for split in splits), *labels, *tokenizer.departures)
        ),
    )


def read_splits(
    data: DataSettings, task: Task, sources: tuple[Source, Source | None]
) -> tuple[tuple[Examples, Examples], tuple[str, ...], Remarks]:
    """Return training and validation rows as they are used, the label names, and remarks.

    Args:
        data: Settings that select the rows.
        task: Task whose targets the rows have.
        sources: Sources from `find_sources`.

    Raises:
        InputError: They cannot be read, are not labelled texts, or are too few.
    """
    remarks = Remarks()
    everything, labels = with_names(to_examples(sources[0].read(), data, task, remarks), task)
    unset = [name for name in data.label_columns or () if name not in labels]
    if unset:
        remarks.notes.append(
            f"No training row has a 1 in {shortened(unset)} of data.label_columns: the model has "
            "no output for it."
        )
    groups = len(set(task.strata(everything.targets)))
    if sources[1] is None:
        train, validation = _hold_out(everything, task, groups, data)
    else:
        found = to_examples(sources[1].read(), data, task, remarks)
        train, validation = everything, known(found, task, labels)
    if data.train_examples is not None and data.train_examples < groups:
        raise InputError(
            f"{data.train_examples} training rows are fewer than the {groups} labels",
            where="data.train_examples",
            remedy=f"data.train_examples={groups}, or more, or null",
        )
    train = _draw(train, task, data.train_examples, data.seed, Purpose.TRAIN, remarks)
    validation = _draw(
        validation, task, data.validation_examples, data.seed, Purpose.VALIDATION, remarks
    )
    return (train, validation), labels, remarks


def read_validation(data: DataSettings, task: Task) -> Examples:
    """Return the validation rows of trials as they were read.

    Raises:
        InputError: They cannot be read.
    """
    (_, validation), _, _ = read_splits(data, task, find_sources(data))
    return validation


def with_names(train: Examples, task: Task) -> tuple[Examples, tuple[str, ...]]:
    """Return training rows with their targets as the names spell them, and the names.

    Raises:
        InputError: Nothing can be learned from the targets.
    """
    names = task.names(train.targets, train.where, classes=train.classes)
    return known(train, task, names), names


def known(examples: Examples, task: Task, names: Sequence[str]) -> Examples:
    """Return rows with their targets as the names spell them.

    Raises:
        InputError: A target that training does not have.
    """
    return replace(examples, targets=task.known(examples.targets, names, examples.where))


def _hold_out(
    examples: Examples, task: Task, labels: int, data: DataSettings
) -> tuple[Examples, Examples]:
    if len(examples) <= labels:
        raise InputError(
            f"{len(examples)} rows in {labels} groups of like targets leave none for validation",
            where=f"data.label, in {examples.where}",
            remedy="data.validation=FILE with rows for validation, or more rows",
        )
    count = validation_rows(len(examples), labels, data.validation_fraction)
    contexts = _contexts(task, examples)
    if contexts is not None:
        order, count = grouped_order(contexts, data.seed, Purpose.SPLIT, count)
    else:
        strata = task.strata(examples.targets)
        order = stratified_order(strata, data.seed, Purpose.SPLIT, keep_one_back=True)
    train, validation = (examples.take(rows.tolist()) for rows in (order[count:], order[:count]))
    if not task.can_learn(train.targets):
        raise InputError(
            f"no training row has anything that task={task.name} could learn: all are held out",
            where=f"data.validation_fraction={data.validation_fraction}, in {examples.where}",
            remedy=f"data.seed={data.seed + 1}, which holds out others, or "
            "data.validation=FILE with rows for validation",
        )
    return train, validation


def _contexts(task: Task, examples: Examples | None) -> Sequence[Any] | None:
    """Return the context of each row, if a split keeps them whole; None without several."""
    pairs = None if examples is None or not task.form.shares_seconds else examples.pairs
    return pairs if len(set(pairs or ())) > 1 else None


def _draw(
    examples: Examples,
    task: Task,
    count: int | None,
    seed: int,
    purpose: Purpose,
    remarks: Remarks,
) -> Examples:
    if count is not None and count > len(examples):
        remarks.notes.append(
            f"data.{purpose.name.lower()}_examples={count}, but there are only {len(examples)}."
        )
    order = stratified_order(task.strata(examples.targets), seed, purpose)
    return examples.take(order[:count].tolist())


def tokenized_split(
    examples: Examples, tokens: TokenRows, pad_id: int, task: Task, names: Sequence[str]
) -> TokenizedSplit:
    """Return examples with their tokens and targets.

    Args:
        examples: Examples, with plain targets.
        tokens: Their inputs.
        pad_id: Token id of padding.
        task: Task whose targets they have.
        names: Names of the outputs.
    """
    encoded = task.encode(examples.targets, names)
    split = TokenizedSplit(
        ids=tokens.ids,
        type_ids=tokens.type_ids,
        offsets=offsets_of(tokens.lengths),
        labels=encoded,
        max_length=tokens.max_length,
        pad_id=pad_id,
        spec=task.target_spec(len(names)),
        inputs=tokens.inputs,
        places=tokens.places,
        examples=None if tokens.places is None else examples,
        names=tuple(names),
    )
    if tokens.places is None:
        return split
    return replace(split, labels=task.place(encoded, split.truth(np.arange(len(split)))))
