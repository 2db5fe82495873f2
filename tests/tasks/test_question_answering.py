"""Answers from logits of windows, against run_qa of transformers and SQuAD's scores."""

import math

import numpy as np
import pytest
from scipy.special import log_softmax

from tests.tasks.test_spans import run_qa
from tuner.errors import InputError
from tuner.tasks import Aligned, Column, QuestionAnswering
from tuner.tasks.answers import Answer

CONTEXT = "In 1920 Ada Lovell left Oslo and in 1931 she came back from the far north"
WORDS = CONTEXT.split()
QUESTION = 2
"""Tokens of a question."""

WINDOW, STEP = 8, 5
"""Tokens of a context in a window, and those by which windows move on."""

TASK = QuestionAnswering(max_answer_length=4, no_answer=False)
SILENT = QuestionAnswering(max_answer_length=4, no_answer=True)


def aligned(targets, contexts=None):
    """Questions on contexts of words: [CLS] question [SEP] words [SEP], in windows."""
    contexts = contexts or [CONTEXT] * len(targets)
    inputs, lengths, places = [0], [], []
    for context in contexts:
        words = context.split(" ")
        ends = np.cumsum([len(word) + 1 for word in words]) - 1
        spans = np.stack([ends - [len(word) for word in words], ends], axis=1)
        start = 0
        while True:
            here = spans[start : start + WINDOW]
            around = np.full((QUESTION + 2, 2), -1)
            places += [around, here, around[:1]]
            lengths.append(len(here) + QUESTION + 3)
            if start + WINDOW >= len(words):
                break
            start += STEP
        inputs.append(len(lengths))
    return Aligned(
        inputs=np.array(inputs),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        places=np.concatenate(places),
        texts=["?"] * len(targets),
        pairs=contexts,
        targets=targets,
    )


def answer(text, context=CONTEXT):
    return (Answer(context.index(text), text),)


def outputs(rows, seed=0):
    return np.random.default_rng(seed).normal(0, 2, (rows.offsets[-1], 2))


def padded(rows, logits):
    """Start and end logits and the context's tokens of each window of the first row."""
    cuts = [slice(*rows.offsets[i : i + 2]) for i in range(*rows.inputs[:2])]
    width = max(cut.stop - cut.start for cut in cuts)
    starts, ends = np.full((2, len(cuts), width), -1e9)
    allowed = np.zeros((len(cuts), width), bool)
    for i, cut in enumerate(cuts):
        count = cut.stop - cut.start
        starts[i, :count], ends[i, :count] = logits[cut].T
        allowed[i, :count] = rows.places[cut, 0] >= 0
    return starts, ends, allowed, cuts


class TestPlaces:
    ROWS = aligned([answer("1931"), answer("Ada Lovell"), (), answer("and in 1931 she came back")])

    def test_each_window_has_the_tokens_of_the_answer_or_none(self):
        placed = TASK.place(TASK.encode(self.ROWS.targets, ()), self.ROWS)
        first = QUESTION + 2
        assert placed.tolist() == [
            [0, 0, 13], [first + 3, first + 3, 13], [0, 0, 11],
            [first + 2, first + 3, 13], [0, 0, 13], [0, 0, 11],
            [0, 0, 13], [0, 0, 13], [0, 0, 11],
            [0, 0, 13], [first + 1, first + 6, 13], [0, 0, 11],
        ]  # fmt: skip

    def test_answers_that_no_window_has_are_counted(self):
        placed = TASK.place(TASK.encode(self.ROWS.targets, ()), self.ROWS)
        assert not list(TASK.placement_notes(placed, self.ROWS, "training rows"))
        rows = aligned([(), answer("1920 Ada Lovell left Oslo and in 1931 she"), answer("Oslo")])
        placed = TASK.place(TASK.encode(rows.targets, ()), rows)
        (note,) = TASK.placement_notes(placed, rows, "training rows")
        assert note.startswith("1 of 3 training rows ")

    def test_blanks_around_an_answer_are_not_in_the_way(self):
        rows = aligned([(Answer(CONTEXT.index(" Ada "), " Ada "),)])
        assert TASK.encode(rows.targets, ()).tolist() == [[8, 11]]


def test_the_loss_is_the_mean_over_windows():
    rows = aligned([answer("1931"), ()])
    logits = outputs(rows)
    truth = TASK.place(TASK.encode(rows.targets, ()), rows)
    losses = [
        -(log_softmax(start)[first] + log_softmax(end)[last]) / 2
        for (start, end), (first, last, _) in zip(
            (logits[slice(*rows.offsets[i : i + 2])].T for i in range(6)), truth, strict=True
        )
    ]
    made = TASK.evaluate(logits, rows)
    assert made.loss == pytest.approx(np.mean(losses))
    # Two rows of three windows each.
    means = np.mean(np.reshape(losses, (2, 3)), axis=1)
    assert made.loss_error == pytest.approx(np.std(means, ddof=1) / math.sqrt(2))


@pytest.mark.parametrize("seed", range(8))
def test_answers_are_those_of_run_qa(seed):
    rows = aligned([answer("1931")])
    logits = outputs(rows, seed)
    starts, ends, allowed, cuts = padded(rows, logits)
    found, null = run_qa(starts, ends, allowed, 13, TASK.max_answer_length)
    score, window, first, last = found[0]
    places = rows.places[cuts[window]]
    start, stop = int(places[first, 0]), int(places[last, 1])
    (row,) = TASK.predictions(logits, (), None, rows)
    assert (row["answer"], row["start"], row["end"]) == (CONTEXT[start:stop], start, stop)
    for threshold in (null - score - 0.1, null - score + 0.1):
        (row,) = SILENT.predictions(logits, (), [threshold], rows)
        assert row["answer"] == ("" if null - score > threshold else CONTEXT[start:stop])


def test_probabilities_are_those_of_run_qa_where_windows_do_not_overlap():
    rows = aligned([()], ["one two three four five six"])
    logits = outputs(rows, 3)
    found, null = run_qa(*padded(rows, logits)[:3], 20, TASK.max_answer_length)
    scores = np.array([score for score, *_ in found][:20])
    shares = np.exp(log_softmax([*scores, null]))
    (row,) = SILENT.predictions(logits, (), [math.inf], rows)
    assert row["probability"] == pytest.approx(shares[0])
    (row,) = SILENT.predictions(logits, (), [-math.inf], rows)
    assert (row["answer"], row["start"], row["end"]) == ("", None, None)
    assert row["probability"] == pytest.approx(shares[-1])
    (row,) = TASK.predictions(logits, (), None, rows)
    assert row["probability"] == pytest.approx(np.exp(log_softmax(scores))[0])


def test_predictions_and_targets_are_shown_as_texts():
    some, none = {"answer": "Oslo", "start": 3}, {"answer": "", "start": None}
    assert [TASK.shown(each) for each in (some, none)] == ["Oslo", "no answer"]
    assert [TASK.written(each) for each in (some, none)] == ["Oslo", ""]
    assert TASK.summary([some, none, some]) == "2 answers, 1 rows without one"
    assert TASK.shown_target((*answer("Oslo"), *answer("1931"))) == "Oslo|1931"
    assert TASK.shown_target(()) == ""


def test_a_context_of_one_word_has_one_answer():
    rows = aligned([()], ["word"])
    (row,) = TASK.predictions(outputs(rows), (), None, rows)
    assert row == {"answer": "word", "start": 0, "end": 4, "probability": 1.0}


@pytest.mark.parametrize("blanks", [" ", "\u3000", "\n"])
def test_a_blank_token_is_no_answer(blanks):
    # SentencePiece has tokens that stand for blanks alone, or for no character.
    context = f"Ada{blanks}Oslo"
    places = np.array([(-1, -1), (-1, -1), (0, 0), (0, 3), (3, 4), (4, 8), (-1, -1)])
    rows = Aligned(
        inputs=np.array([0, 1]), offsets=np.array([0, len(places)]), places=places,
        texts=["?"], pairs=[context], targets=[answer("Oslo", context)],
    )  # fmt: skip
    logits = np.zeros((len(places), 2))
    logits[[2, 4]] = 9.0
    logits[5] = 3.0
    (row,) = TASK.predictions(logits, (), None, rows)
    assert (row["answer"], row["start"], row["end"]) == ("Oslo", 4, 8)
    assert TASK.evaluate(logits, rows).scores["exact"] == 1.0


def sure(rows, texts):
    """Logits of a model that is sure of some answers; None: of no answer."""
    logits = np.zeros((rows.offsets[-1], 2))
    task = QuestionAnswering()
    wanted = [() if text is None else answer(text) for text in texts]
    placed = task.place(task.encode(wanted, ()), rows)
    for begin, (first, last, _) in zip(rows.offsets, placed, strict=False):
        logits[begin + first, 0] = logits[begin + last, 1] = 9.0
    return logits


class TestScores:
    ROWS = aligned([answer("1931"), answer("Ada Lovell"), answer("the far north"), ()])

    def test_exact_and_f1_are_those_of_squad(self):
        logits = sure(self.ROWS, ["1931", "Lovell left", "north", "Oslo"])
        made = TASK.evaluate(logits, self.ROWS)
        f1 = [1.0, 0.5, 2 / 3, 0.0]
        assert made.scores == {"f1": pytest.approx(np.mean(f1)), "exact": 0.25}
        assert made.errors["f1"] == pytest.approx(np.std(f1, ddof=1) / 2)
        assert made.errors["exact"] == pytest.approx(0.25)
        assert made.thresholds is None
        assert TASK.objective == "val_f1"

    def test_no_answer_counts_where_rows_have_none(self):
        logits = sure(self.ROWS, ["1931", "Ada Lovell", "the far north", None])
        made = SILENT.evaluate(logits, self.ROWS)
        assert made.scores == {"f1": 1.0, "exact": 1.0}
        assert TASK.evaluate(logits, self.ROWS).scores["exact"] == 0.75
        (threshold,) = made.thresholds
        again = SILENT.evaluate(logits, self.ROWS, [threshold])
        assert again.scores == made.scores
        never = SILENT.evaluate(logits, self.ROWS, [1000.0])
        assert never.scores["exact"] == 0.75
        always = SILENT.evaluate(logits, self.ROWS, [-1000.0])
        assert (always.scores["exact"], always.majority_share) == (0.25, 1.0)

    def test_metrics_of_users_get_texts(self):
        logits = sure(self.ROWS, ["1931", "Ada Lovell", "the far north", None])
        accepted, found = SILENT.for_metrics(logits, self.ROWS)
        assert accepted.tolist() == [("1931",), ("Ada Lovell",), ("the far north",), ()]
        assert found.tolist() == ["1931", "Ada Lovell", "the far north", ""]
        assert found[[0, 0]].tolist() == ["1931", "1931"]
        never = SILENT.for_metrics(logits, self.ROWS, [1000.0])[1]
        assert never[3] != ""

    def test_evidence_grows_with_right_answers(self):
        rows = aligned([answer(word) for word in WORDS if CONTEXT.count(word) == 1])
        assert TASK.evaluate(sure(rows, [a[0].text for a in rows.targets]), rows).association > 4
        assert TASK.evaluate(np.zeros((rows.offsets[-1], 2)), rows).association == 0.0

    def test_a_broken_model_has_no_answers(self):
        made = SILENT.evaluate(np.full((self.ROWS.offsets[-1], 2), np.nan), self.ROWS)
        assert math.isnan(made.loss)
        assert made.scores["exact"] == 0.25
        assert made.majority_share == 1.0


def test_the_baseline_is_the_answer_of_most_rows():
    rows = aligned([answer("Oslo"), answer("Oslo"), answer("1931"), ()])
    train = TASK.place(TASK.encode(rows.targets, ()), rows)
    found = TASK.baseline(train, rows, 2)
    assert (found.name, found.score) == ("f1", 0.5)
    absent = np.mean(train[:, 1] == 0)
    tokens = np.array([8, 8, 6] * 4)
    losses = np.where(train[:, 1] == 0, -np.log(absent), np.log(tokens / (1 - absent)))
    assert found.loss == pytest.approx(losses.mean())
    assert found.untrained_loss == pytest.approx(np.log(tokens + 5).mean())
    assert found.training_baseline == pytest.approx(losses.mean())


def test_training_losses_are_judged_by_the_training_rows():
    rows = aligned([(), (), answer("Oslo")], ["one two three", "four five six", CONTEXT])
    train = np.array([[4, 4, 29], [5, 5, 29], [0, 0, 9]])
    found = TASK.baseline(train, rows, 2)
    # A question and special tokens take five tokens of each window here.
    losses = [np.log(24 * 3 / 2), np.log(24 * 3 / 2), np.log(3)]
    assert found.training_baseline == pytest.approx(np.mean(losses))
    assert found.untrained == pytest.approx(np.mean(np.log([29, 29, 9])))
    uniform = np.log(np.diff(rows.offsets)).mean()
    assert found.loss <= uniform < found.untrained


class TestReading:
    def column(self, *cells):
        rows = range(len(cells))
        return Column(
            key="data.label", name="answers", where="f.json", cells=cells, rows=rows,
            pairs=[CONTEXT] * len(cells),
        )  # fmt: skip

    def test_answers_are_put_where_the_context_has_them(self):
        cell = {"text": ["Oslo"], "answer_start": [0]}
        column = self.column(cell, [])
        assert TASK.read(column) == (answer("Oslo"), ())
        assert column.notes[0].startswith("Rows with an answer that was not at its offset: 1.")

    def test_answers_that_the_context_does_not_have_are_refused(self):
        cell = {"text": ["Rome"], "answer_start": [3]}
        with pytest.raises(InputError, match="2 rows have an answer that is not at its") as caught:
            TASK.read(self.column([], cell, cell))
        assert "row 2, 3" in caught.value.where

    def test_rows_without_any_answer_are_refused(self):
        with pytest.raises(InputError):
            TASK.names([(), ()], "f.json")

    def test_no_answer_is_predicted_where_training_rows_have_none(self):
        assert QuestionAnswering().fit([(), answer("Oslo")]).no_answer is True
        assert QuestionAnswering().fit([answer("Oslo")]).no_answer is False
        assert TASK.fit([()]).no_answer is False

    def test_validation_rows_without_an_answer_are_named(self):
        found = TASK.describe([answer("Oslo")], [(), answer("Oslo")], ())
        assert found.line == "answers of 1.0 words"
        assert found.warnings[0].startswith("1 of 2 ")
        assert TASK.describe([answer("Ada Lovell"), ()], [()], ()).warnings == ()
        assert "1 of 1 questions" in TASK.describe([()], [answer("Oslo")], ()).line
