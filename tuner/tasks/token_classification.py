"""One tag for each word: named entities."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from tuner.errors import InputError
from tuner.fields.bounds import at_least
from tuner.tasks.alignment import Aligned
from tuner.tasks.association import association
from tuner.tasks.cells import Column, as_text, is_blank, items_of, shortened
from tuner.tasks.kinds import Form, HeadKind
from tuner.tasks.records import Baseline, ClassCounts, Decisions, Evaluation, TargetSummary
from tuner.tasks.score import Score
from tuner.tasks.tags import OUTSIDE, Scheme, as_iob2, odd_tag, parsed
from tuner.tasks.task import Array, Loss, TargetSpec, Task, counts_text

_FORM = "a list with one tag for each word, such as B-person, I-person and O"


@dataclass(frozen=True, kw_only=True)
class TokenClassification(Task):
    """Named entities: a tag for each word."""

    name: ClassVar[str] = "token_classification"
    usual: ClassVar[str | None] = (
        "Usual: training.epochs=2 to 4, training.batch_size=16 or 32, "
        "optimizer.learning_rate=2e-5 to 5e-5 (Devlin 2019, appendix A.3); 1e-4 to 3e-4 for small "
        "encoders (Turc 2019)."
    )
    form: ClassVar[Form] = Form.WORDS
    head: ClassVar[HeadKind] = HeadKind.TOKEN
    trainer_remedy: ClassVar[str | None] = (
        "AutoModelForTokenClassification, and labels with -100 for all tokens but the first of "
        "each word"
    )
    predicts: ClassVar = {
        "entities": [{"type": str, "text": str, "start": int, "end": int, "score": float}],
        "tags": [str],
    }
    scores: ClassVar = {
        "f1": Score(title="entity F1"),
        "precision": Score(title="entity precision"),
        "recall": Score(title="entity recall"),
        "token_accuracy": Score(title="token accuracy"),
    }

    stride: Annotated[int, at_least(0)] = 32
    """Tokens that neighbouring windows share of a text longer than `model.max_length`, at most
    half a window; each word is read in the window where most tokens surround it."""

    def window_overlap(self) -> int:
        """Return `stride`."""
        return self.stride

    def read(self, column: Column) -> tuple[tuple[str, ...], ...]:
        """Return the tags of each row as IOB2; how they were written is noted in the column."""
        column.refuse_missing("no tags")
        rows = [_tags(column, index) for index in range(len(column.cells))]
        odd = odd_tag(rows)
        if odd is not None:
            row, word = odd
            raise column.refuse(
                f"{rows[row][word]!r} is unlike the other tags", row, f"{_FORM}, in all rows"
            )
        made = as_iob2(rows)
        if made.scheme is not Scheme.IOB2:
            column.read_as.append(f"{column.where}: tags are {made.scheme.value}, read as IOB2")
        if made.broken:
            row, word = made.broken[0]
            column.notes.append(
                f"Tags that {made.scheme.value} does not allow there: {len(made.broken)}, "
                f"such as {rows[row][word]} at word {word + 1} of row {column.rows[row] + 1} of "
                f"{column.where}. An entity begins or ends there all the same."
            )
        return made.rows

    def names(
        self, targets: Sequence[Any], where: str, *, classes: bool = False
    ) -> tuple[str, ...]:
        """Return O, and B and I of each type in alphabetical order."""
        del classes
        types = sorted({parsed(tag)[1] for row in targets for tag in row} - {""})
        if not types:
            raise InputError(
                "no row has an entity",
                where=f"data.label, in {where}",
                remedy=f"{_FORM}; is data.label the right column?",
            )
        return (OUTSIDE, *(f"{letter}-{kind}" for kind in types for letter in "BI"))

    def known(self, targets: Sequence[Any], names: Sequence[str], where: str) -> tuple[Any, ...]:
        """Return the tags themselves, all of which have to be among the names."""
        given = set(names)
        for number, row in enumerate(targets, start=1):
            unknown = next((tag for tag in row if tag not in given), None)
            if unknown is not None:
                types = [name[2:] for name in names if name.startswith("B-")]
                raise InputError(
                    f"the type {parsed(unknown)[1]!r} is in no training row",
                    where=f"data.label, row {number} of {where}",
                    remedy=f"rows with the types {shortened(types, 8)} alone, or training rows "
                    "with this one",
                )
        return tuple(map(tuple, targets))

    def strata(self, targets: Any) -> Any:
        """Return the rarest type of each row; an empty text for rows without an entity."""
        types = [{parsed(tag)[1] for tag in row} - {""} for row in targets]
        counts = Counter(kind for row in types for kind in row)
        return [min(row, key=lambda kind: (counts[kind], kind), default="") for row in types]

    def encode(self, targets: Sequence[Any], names: Sequence[str]) -> Array:
        """Return tag numbers, int32 of shape (words,)."""
        import numpy as np

        number = {name: i for i, name in enumerate(names)}
        words = sum(map(len, targets))
        return np.fromiter((number[tag] for row in targets for tag in row), np.int32, words)

    def place(self, encoded: Array, aligned: Aligned) -> Array:
        """Return the tag number of each token that stands for a word, -1 for the others."""
        import numpy as np

        words, tokens = _words(aligned)
        placed = np.full(len(aligned.places), -1, np.int32)
        placed[tokens] = encoded[words]
        return placed

    def target_spec(self, outputs: int) -> TargetSpec:
        """Return a tag number for each token."""
        del outputs
        return TargetSpec(per_token=True)

    def describe(
        self, train: Sequence[Any], validation: Sequence[Any], names: Sequence[str]
    ) -> TargetSummary:
        """Return counts of the entities by type, and types that are too rare to be learned."""
        found, others = _counts(train), _counts(validation)
        types = [name[2:] for name in names if name.startswith("B-")]
        ordered = sorted(types, key=lambda kind: (-found[kind], kind))
        shown = shortened([f"{kind} {found[kind]}" for kind in ordered], 8)
        none = sum(not any(map(_is_inside, row)) for row in train)
        warnings = []
        if once := [kind for kind in types if found[kind] <= 1]:
            warnings.append(f"Types with one training entity or none: {shortened(once)}.")
        if absent := [kind for kind in types if not others[kind]]:
            warnings.append(f"Types that no validation row has: {shortened(absent)}.")
        entities = f"{found.total()} entities of {len(types)} types: {shown}"
        return TargetSummary(
            line=f"{entities}; {none} rows without one",
            warnings=tuple(warnings),
        )

    def make_loss(self, outputs: int) -> Loss:
        """Return the cross-entropy, mean over the words."""
        from tuner.tasks.token_cross_entropy import TokenCrossEntropy

        del outputs
        return TokenCrossEntropy()

    def evaluate(
        self, outputs: Array, targets: Array, thresholds: Sequence[float] | None = None
    ) -> Evaluation:
        """Return cross-entropy and accuracy of the words, and the scores of the entities."""
        import numpy as np

        from tuner.tasks.entities import TagSet, entities, matches, ratio
        from tuner.tasks.row_losses import cross_entropy, mean_with_errors

        del thresholds
        known = TagSet(names=targets.names)
        true = self.encode(targets.targets, targets.names)
        lengths = np.array(list(map(len, targets.targets)))
        rows = len(lengths)
        sentence = np.repeat(np.arange(rows), lengths)
        first = np.concatenate([[True], sentence[1:] != sentence[:-1]])
        words, tokens = _words(targets)
        predicted = np.full(len(true), known.outside)
        predicted[words] = outputs[tokens].argmax(axis=1)
        types = len(known.types)
        found = matches(
            entities(predicted, first, known), entities(true, first, known), sentence, rows, types
        )
        right, guessed, there = (
            each.sum(axis=1) for each in (found.right, found.predicted, found.true)
        )
        accurate = np.bincount(sentence, weights=predicted == true, minlength=rows)
        ratios = {
            "f1": ratio(2 * right, guessed + there),
            "precision": ratio(right, guessed),
            "recall": ratio(right, there),
            "token_accuracy": ratio(accurate, lengths),
        }
        losses = cross_entropy(outputs[tokens], true[words])
        sums = np.bincount(sentence[words], weights=losses, minlength=rows)
        scored = np.bincount(sentence[words], minlength=rows)
        mean = sums.sum() / max(1, len(words))
        # Of a row, what its words add to the mean of all words, as if each row had one loss.
        influence = mean + (sums - mean * scored) * rows / max(1, len(words))
        _, strata = np.unique(self.strata(targets.targets), return_inverse=True)
        loss, error, within = mean_with_errors(influence, strata)
        confusion = np.zeros((types + 1, types + 1), np.int64)
        np.add.at(confusion, (known.kinds[true] + 1, known.kinds[predicted] + 1), 1)
        kinds = np.zeros((rows, types + 1), bool)
        kinds[sentence, known.kinds[predicted] + 1] = True
        alike = np.unique(kinds[:, 1:], axis=0, return_counts=True)[1]
        return Evaluation(
            examples=rows,
            loss=loss,
            loss_error=error,
            error_within_strata=within,
            scores={name: value for name, (value, _) in ratios.items()},
            errors={name: error for name, (_, error) in ratios.items()},
            association=association(confusion.tolist()),
            majority_share=float(alike.max() / rows),
            by_class={
                kind: ClassCounts(right=right, predicted=guessed, true=there)
                for kind, right, guessed, there in zip(
                    known.types,
                    *(each.sum(axis=0).tolist() for each in (found.right, found.predicted)),
                    found.true.sum(axis=0).tolist(),
                    strict=True,
                )
            },
        )

    def for_metrics(
        self, outputs: Array, targets: Array, thresholds: Sequence[float] | None = None
    ) -> tuple[Array, Array]:
        """Return true and predicted tag numbers, shape (rows, words); -1 behind the last word."""
        import numpy as np

        from tuner.tasks.entities import TagSet

        del thresholds
        lengths = np.array(list(map(len, targets.targets)))
        filled = np.arange(lengths.max()) < lengths[:, None]
        true = np.full(filled.shape, -1)
        true[filled] = self.encode(targets.targets, targets.names)
        predicted = np.where(filled, TagSet(names=targets.names).outside, -1)
        words, tokens = _words(targets)
        flat = predicted[filled]
        flat[words] = outputs[tokens].argmax(axis=1)
        predicted[filled] = flat
        return true, predicted

    def decisions(self, outputs: Array, targets: Array) -> Decisions:
        """Return a decision for each word that a token stands for."""
        import numpy as np

        words, tokens = _words(targets)
        rows = np.repeat(np.arange(len(targets.texts)), list(map(len, targets.texts)))
        true = self.encode(targets.targets, targets.names)
        return Decisions(outputs[tokens], true[words], rows[words])

    def baseline(self, train: Array, validation: Array, outputs: int) -> Baseline:
        """Return what no entity at all, with the training rows' shares of the tags, reaches."""
        import numpy as np

        counts = np.bincount(train[train >= 0], minlength=outputs)
        # Tags that training lacks, as I of a type that has single words alone, count as met once.
        share = np.maximum(counts, 1) / np.maximum(counts, 1).sum()
        true = self.encode(validation.targets, validation.names)
        words, _ = _words(validation)
        loss = float(-np.log(share)[true[words]].mean()) if len(words) else 0.0
        untrained = math.log(outputs)
        return Baseline(
            name="f1",
            score=0.0,
            loss=min(loss, untrained),
            untrained=untrained,
            training=float(counts @ -np.log(share)) / max(1, int(counts.sum())),
        )

    def predictions(
        self,
        outputs: Array,
        names: Sequence[str],
        thresholds: Sequence[float] | None = None,
        aligned: Aligned | None = None,
    ) -> list[dict[str, Any]]:
        """Return `entities`, each with `type`, `text`, `start`, `end` and `score`, and `tags`.

        Entities are those of transformers' pipeline with `aggregation_strategy="first"`: words of
        one type are one entity until a B.
        """
        from tuner.tasks.row_losses import softmax

        del thresholds
        if aligned is None:
            raise TypeError("entities need their words")
        shares = softmax(outputs)
        ends = aligned.token_offsets
        found = []
        for row, given in enumerate(aligned.texts):
            part = slice(ends[row], ends[row + 1])
            tags, scores = [OUTSIDE] * len(aligned.spans[row]), [1.0] * len(aligned.spans[row])
            for place, share in zip(aligned.places[part], shares[part], strict=True):
                if place >= 0:
                    tags[place], scores[place] = names[share.argmax()], float(share.max())
            text = given if isinstance(given, str) else " ".join(given)
            entities = []
            for first, last in _groups(tags):
                start, end = aligned.spans[row][first][0], aligned.spans[row][last][1]
                # Some tokenizers count the blank before a word as its first character.
                start += len(text[start:end]) - len(text[start:end].lstrip())
                if start < end:
                    entities.append({
                        "type": parsed(tags[first])[1],
                        "text": text[start:end],
                        "start": start,
                        "end": end,
                        "score": math.fsum(scores[first : last + 1]) / (last + 1 - first),
                    })  # fmt: skip
            found.append({"entities": entities, "tags": tags})
        return found

    def shown(self, prediction: Mapping[str, Any]) -> str:
        """Return the entities with their types."""
        return "; ".join(f"{each['type']}: {each['text']}" for each in prediction["entities"])

    def written(self, prediction: Mapping[str, Any]) -> str:
        """Return the entities as JSON."""
        return json.dumps(prediction["entities"], ensure_ascii=False)

    def summary(self, predictions: Sequence[Mapping[str, Any]]) -> str:
        """Return how often each type is predicted."""
        types = (each["type"] for row in predictions for each in row["entities"])
        return counts_text(types) or "no entity"


def _tags(column: Column, index: int) -> tuple[str, ...]:
    """The tags of one row."""
    cell = column.cells[index]
    items = items_of(cell)
    words = column.texts[index]
    if items is None or isinstance(words, str):
        raise column.refuse(f"{cell!r} is no list of tags", index, _FORM)
    if len(items) != len(words):
        raise column.refuse(f"there are {len(items)} tags and {len(words)} words", index, _FORM)
    for place, tag in enumerate(items, start=1):
        if is_blank(tag) or not isinstance(tag, str):
            problem = f"the tag of word {place} is {tag!r}, which is no name"
            raise column.refuse(
                problem, index, f"{_FORM}; numbers need their names, as Parquet and hub have them"
            )
    return tuple(as_text(tag, f"{column.key}, {column.where}") for tag in items)


def _words(aligned: Aligned) -> tuple[Array, Array]:
    """Words with a token that stands for them, counted over all examples, and these tokens."""
    import numpy as np

    lengths = [len(text) for text in aligned.texts]
    before = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    tokens = np.flatnonzero(aligned.places >= 0)
    example = np.repeat(np.arange(len(lengths)), np.diff(aligned.token_offsets))
    return before[example[tokens]] + aligned.places[tokens], tokens


def _is_inside(tag: str) -> bool:
    return tag != OUTSIDE


def _counts(rows: Sequence[Sequence[str]]) -> Counter[str]:
    """Entities of each type."""
    return Counter(tag[2:] for row in rows for tag in row if tag.startswith("B-"))


def _groups(tags: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield first and last word of each entity; words of one type are together until a B."""
    start = None
    for place, tag in enumerate([*tags, OUTSIDE]):
        letter, kind = parsed(tag)
        before = parsed(tags[place - 1])[1] if place else ""
        if start is not None and (kind != before or letter == "B"):
            yield start, place - 1
            start = None
        if start is None and kind:
            start = place
