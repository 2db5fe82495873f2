"""An answer that a context contains, or none."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

from tuner.errors import InputError
from tuner.fields.bounds import at_least
from tuner.tasks.alignment import Aligned
from tuner.tasks.answers import Answer, Candidate, placed, read_answers
from tuner.tasks.cells import Column, refuse_rows
from tuner.tasks.kinds import Form, HeadKind
from tuner.tasks.records import Baseline, Evaluation, TargetSummary
from tuner.tasks.score import Score
from tuner.tasks.squad_scores import answer_score, best_constant
from tuner.tasks.task import SEPARATOR, Array, Loss, TargetSpec, Task

SHARED = 20
"""Best spans of a context that share out the probability, as in run_qa of transformers."""


@dataclass(frozen=True, kw_only=True)
class QuestionAnswering(Task):
    """The piece of a context that answers a question, or none."""

    name: ClassVar[str] = "question_answering"
    usual: ClassVar[str | None] = (
        "Usual: model.max_length=384 and training.epochs=3, training.batch_size=32, "
        "optimizer.learning_rate=5e-5 (Devlin 2019, section 4.2), or training.epochs=2, "
        "training.batch_size=12, optimizer.learning_rate=3e-5 (example of run_qa in transformers)."
    )
    form: ClassVar[Form] = Form.CONTEXT
    head: ClassVar[HeadKind] = HeadKind.SPAN
    output_function: ClassVar[str] = "none"
    trainer_remedy: ClassVar[str | None] = (
        "AutoModelForQuestionAnswering, and windows as run_qa of transformers makes them"
    )
    predicts: ClassVar = {"answer": str, "start": int, "end": int, "probability": float}
    scores: ClassVar = {"f1": Score(title="F1"), "exact": Score(title="exact match")}

    stride: Annotated[int, at_least(0)] = 128
    """Tokens that neighbouring windows of a long context share; at most half of a window."""

    max_answer_length: Annotated[int, at_least(1)] = 30
    """Most tokens of a predicted answer."""

    no_answer: bool | None = None
    """Predict no answer where its score is larger; null: true if a training row has no answer."""

    no_answer_threshold: float | None = None
    """Difference of scores above which no answer is predicted; null: chosen on the validation
    rows, for the largest F1, and exported with the model."""

    def window_overlap(self) -> int:
        """Return the tokens that neighbouring windows share."""
        return self.stride

    def target_spec(self, outputs: int) -> TargetSpec:
        """Return first token, last token and number of tokens of a window."""
        del outputs
        return TargetSpec(shape=(3,))

    def read(self, column: Column) -> tuple[Any, ...]:
        """Return the answers of each row, at offsets where its context has them."""
        found = placed(read_answers(column), column.pairs or ())
        if found.moved:
            column.notes.append(
                f"Rows with an answer that was not at its offset: {len(found.moved)}. The answer "
                "is moved to where the context has it."
            )
        if found.lost:
            rows = [column.rows[row] for row in found.lost]
            where = f"{column.key}, {column.where}"
            remedy = "remove these rows, or give as answer_start how many characters precede it"
            refuse_rows(rows, "an answer that is not at its offset", where, remedy)
        return found.answers

    def names(
        self, targets: Sequence[Any], where: str, *, classes: bool = False
    ) -> tuple[str, ...]:
        """Return the names of the two outputs of a token."""
        del classes
        if not self.can_learn(targets):
            raise InputError(
                "no row has an answer",
                where=f"data.label, in {where}",
                remedy="rows with answers; is data.label the right column?",
            )
        return ("start", "end")

    def can_learn(self, targets: Sequence[Any]) -> bool:
        """Return True if a row has an answer."""
        return any(targets)

    def known(self, targets: Sequence[Any], names: Sequence[str], where: str) -> tuple[Any, ...]:
        """Return the answers as they are."""
        del names, where
        return tuple(targets)

    def strata(self, targets: Any) -> Any:
        """Return True for the rows with an answer."""
        return [bool(answers) for answers in targets]

    def encode(self, targets: Sequence[Any], names: Sequence[str]) -> Array:
        """Return the characters of each row's first answer, int32 of shape (rows, 2)."""
        import numpy as np

        del names
        out = np.full((len(targets), 2), -1, np.int32)
        for row, answers in enumerate(targets):
            if answers:
                start, text = answers[0]
                stripped = text.lstrip()
                out[row] = start + len(text) - len(stripped), start + len(text.rstrip())
        return out

    def place(self, encoded: Array, aligned: Aligned) -> Array:
        """Return first token, last token and number of tokens of each window."""
        from tuner.tasks.window_logits import window_targets

        return window_targets(aligned, encoded)

    def placement_notes(self, placed: Array, truth: Any, what: str) -> Iterator[str]:
        """Yield how many answers no window has whole."""
        import numpy as np

        found = np.maximum.reduceat(placed[:, 1], truth.inputs[:-1]) > 0
        lost = int((np.array(self.strata(truth.targets)) & ~found).sum())
        if lost:
            yield f"{lost} of {len(truth)} {what} have an answer that no window has whole."

    def describe(
        self, train: Sequence[Any], validation: Sequence[Any], names: Sequence[str]
    ) -> TargetSummary:
        """Return how many rows have an answer."""
        del names
        none, guessed_none = (sum(not answers for answers in each) for each in (train, validation))
        words = [len(answers[0][1].split()) for answers in train if answers]
        line = f"answers of {math.fsum(words) / max(1, len(words)):.1f} words"
        if none:
            line += f"; {none} of {len(train)} questions have none"
        warnings = []
        if guessed_none and not none:
            warnings.append(
                f"{guessed_none} of {len(validation)} validation questions have no answer, but "
                "all training questions have one: no model learns to give none."
            )
        return TargetSummary(line=line, warnings=tuple(warnings))

    def fit(self, targets: Sequence[Any]) -> Self:
        """Return the task that predicts no answer where training rows have none."""
        if self.no_answer is not None:
            return self
        return replace(self, no_answer=not all(targets))

    def make_loss(self, outputs: int) -> Loss:
        """Return the mean of the cross-entropies of first and last token."""
        from tuner.tasks.span_cross_entropy import SpanCrossEntropy

        del outputs
        return SpanCrossEntropy()

    def evaluate(
        self, outputs: Array, targets: Array, thresholds: Sequence[float] | None = None
    ) -> Evaluation:
        """Return the loss of the windows and SQuAD's scores of the answers."""
        import numpy as np

        from tuner.tasks import spans
        from tuner.tasks.row_losses import mean_with_errors
        from tuner.tasks.window_logits import first_holding, window_logits

        windows = window_logits(outputs, targets)
        texts, limit = self._answers(windows, targets, thresholds)
        truth = self.place(self.encode(targets.targets, ()), targets)
        losses = spans.span_losses(windows.starts, windows.ends, truth[:, :2], windows.lengths)
        rows, mean = len(targets), float(losses.mean())
        # Windows of one row are drawn together.
        shares = np.add.reduceat(losses - mean, windows.rows[:-1]) * rows / len(losses)
        strata = np.array(self.strata(targets.targets), np.int64)
        _, error, within = mean_with_errors(shares, strata)

        exact, f1 = np.array(list(map(answer_score, texts, _texts(targets)))).T
        holding = first_holding(truth, windows.rows)
        return Evaluation(
            examples=rows,
            loss=mean,
            loss_error=error,
            error_within_strata=within,
            scores={"f1": float(f1.mean()), "exact": float(exact.mean())},
            errors={"f1": mean_with_errors(f1)[1], "exact": mean_with_errors(exact)[1]},
            association=spans.evidence(
                windows.starts[holding],
                windows.ends[holding],
                windows.context[holding],
                truth[holding, :2],
            ),
            majority_share=Counter(texts).most_common(1)[0][1] / rows,
            thresholds=None if limit is None else (limit,),
        )

    def for_metrics(
        self, outputs: Array, targets: Array, thresholds: Sequence[float] | None = None
    ) -> tuple[Array, Array]:
        """Return the accepted answers and the predicted one, as Python objects, shape (rows,).

        Accepted answers are a tuple of texts, empty where there is none; a predicted answer is a
        text, empty for none.
        """
        import numpy as np

        from tuner.tasks.window_logits import window_logits

        texts, _ = self._answers(window_logits(outputs, targets), targets, thresholds)
        found = np.array(texts, object)
        accepted = np.empty(len(found), object)
        accepted[:] = [tuple(each) for each in _texts(targets)]
        return accepted, found

    def _answers(
        self, windows: Any, targets: Aligned, thresholds: Sequence[float] | None
    ) -> tuple[list[str], float | None]:
        """Return the predicted answer of each row, and the limit as `_limit` does.

        Args:
            windows: Logits by window, see `window_logits`.
            targets: Rows.
            thresholds: Threshold of the model; None: chosen on these rows.
        """
        import numpy as np

        ranked = windows.candidates(self.max_answer_length)
        best = [each[0] if each else None for each in ranked]
        pieces = [_piece(*each) for each in zip(best, targets.pairs or (), strict=True)]
        texts = [piece.text if piece else "" for piece in pieces]
        beyond = windows.no_answer - [each.score if each else -math.inf for each in best]
        limit = self._limit(thresholds, beyond, texts, _texts(targets))
        if limit is not None:
            texts = np.where(beyond > limit, "", texts).tolist()
        return texts, limit

    def _limit(
        self,
        thresholds: Sequence[float] | None,
        beyond: Array,
        texts: Sequence[str],
        golds: Sequence[Sequence[str]],
    ) -> float | None:
        """Return the difference of scores above which no answer is predicted; None: never.

        Args:
            thresholds: Threshold of the model; None: chosen on these rows.
            beyond: Score of no answer less that of the best answer, of each row.
            texts: Best answer of each row.
            golds: True answers of each row.
        """
        import numpy as np

        from tuner.tasks.spans import best_threshold

        if thresholds is not None:
            return thresholds[0]
        if not self.no_answer:
            return None
        if self.no_answer_threshold is not None:
            return self.no_answer_threshold
        known = np.isfinite(beyond)
        if not known.any():
            return 0.0
        answered, silent = (
            np.array([answer_score(text, true).f1 for text, true in zip(each, golds, strict=True)])
            for each in (texts, [""] * len(texts))
        )
        return best_threshold(beyond[known], answered[known], silent[known])

    def baseline(self, train: Array, validation: Array, outputs: int) -> Baseline:
        """Return what the answer that most rows have reaches, and tokens by their shares.

        Without the text, a window has its answer at any token of the context alike, or has none
        as often as the training windows.
        """
        import numpy as np

        del outputs
        golds = [[text for _, text in answers] for answers in validation.targets]
        guess = best_constant(golds)
        score = math.fsum(answer_score(guess, true).f1 for true in golds) / len(golds)
        truth = self.place(self.encode(validation.targets, ()), validation)
        in_context = (validation.places[:, 0] >= 0).astype(np.int64)
        tokens = np.add.reduceat(in_context, validation.offsets[:-1])
        none = float(np.clip(np.mean(train[:, 1] == 0), 1e-3, 1.0 - 1e-3))

        def guessed(absent: Array, tokens: Array) -> float:
            found = np.log(np.maximum(tokens, 1) / (1.0 - none))
            return float(np.where(absent, -math.log(none), found).mean())

        # Targets do not say how long a question is: training has those of validation's length.
        around = float((truth[:, 2] - tokens).mean())
        return Baseline(
            name="f1",
            score=score,
            loss=min(guessed(truth[:, 1] == 0, tokens), float(np.log(truth[:, 2]).mean())),
            untrained=float(np.log(train[:, 2]).mean()),
            training=guessed(train[:, 1] == 0, train[:, 2] - around),
        )

    def predictions(
        self,
        outputs: Array,
        names: Sequence[str],
        thresholds: Sequence[float] | None = None,
        aligned: Aligned | None = None,
    ) -> list[dict[str, Any]]:
        """Return `answer`, `start` and `end`, its characters in the context, and `probability`.

        No answer is an empty text without characters. Probabilities are shared out among the best
        spans of a context, as by run_qa of transformers.
        """
        from tuner.tasks.window_logits import window_logits

        del names
        if aligned is None or aligned.pairs is None:
            raise ValueError("a question has no context")
        windows = window_logits(outputs, aligned)
        limit = thresholds[0] if thresholds else None
        ranked = windows.candidates(self.max_answer_length, SHARED)
        rows = zip(ranked, aligned.pairs, windows.no_answer.tolist(), strict=True)
        return [_prediction(*row, limit) for row in rows]

    def shown(self, prediction: Mapping[str, Any]) -> str:
        """Return the answer."""
        return prediction["answer"] or "no answer"

    def written(self, prediction: Mapping[str, Any]) -> str:
        """Return the answer; an empty cell for none."""
        return str(prediction["answer"])

    def summary(self, predictions: Sequence[Mapping[str, Any]]) -> str:
        """Return how many rows got an answer."""
        none = sum(not each["answer"] for each in predictions)
        return f"{len(predictions) - none} answers, {none} rows without one"

    def shown_target(self, target: Any) -> str:
        """Return the true answers."""
        return SEPARATOR.join(text for _, text in target)

    def usual_thresholds(self, outputs: int) -> Sequence[float] | None:
        """Return the threshold of the settings, or 0; None for a task that always answers."""
        del outputs
        return [self.no_answer_threshold or 0.0] if self.no_answer else None


def _texts(targets: Aligned) -> list[list[str]]:
    """Return the accepted answers of each row."""
    return [[text for _, text in answers] for answers in targets.targets]


def _piece(found: Candidate | None, context: str) -> Answer | None:
    """Return a piece of a context without the blanks around it, which tokens may include."""
    if found is None:
        return None
    text = context[found.start : found.stop]
    return Answer(found.start + len(text) - len(text.lstrip()), text.strip())


def _prediction(
    ranked: Sequence[Candidate], context: str, none: float, limit: float | None
) -> dict[str, Any]:
    """Return the prediction of one row.

    Args:
        ranked: Best answers, the best first.
        context: Context that they are from.
        none: Score of no answer.
        limit: Difference of scores above which no answer is predicted; None: never.
    """
    best = ranked[0] if ranked else None
    scores = [each.score for each in ranked] + [none] * (limit is not None or best is None)
    largest = max(scores)
    total = math.fsum(math.exp(score - largest) for score in scores)
    silent = best is None or (limit is not None and none - best.score > limit)
    chosen = none if best is None or silent else best.score
    given = _piece(None if silent else best, context)
    return {
        "answer": given.text if given else "",
        "start": given.start if given else None,
        "end": given.start + len(given.text) if given else None,
        "probability": math.exp(chosen - largest) / total,
    }
