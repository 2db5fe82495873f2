"""Token classification: tags, scores, baseline and entities, beside what seqeval computes."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from tuner.errors import InputError
from tuner.tasks import Aligned, TokenClassification
from tuner.tasks.cells import Column
from tuner.tasks.entities import ratio

SEQEVAL = json.loads((Path(__file__).parent / "references/seqeval.json").read_text())
NAMES = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
TASK = TokenClassification()


def aligned(tags, *, without=(), texts=None, spans=()):
    """Sentences whose words have one token each, between two special ones.

    Args:
        tags: Tags of each sentence.
        without: Sentence and word that has no token.
        texts: Words of each sentence; numbered words by default.
        spans: Characters of the words.
    """
    places, lengths = [], []
    for row, sentence in enumerate(tags):
        words = [place for place in range(len(sentence)) if (row, place) not in without]
        places += [-1, *words, -1]
        lengths.append(len(words) + 2)
    return Aligned(
        inputs=np.arange(len(tags) + 1),
        offsets=np.cumsum([0, *lengths]),
        places=np.array(places),
        texts=texts or [tuple(map(str, range(len(sentence)))) for sentence in tags],
        targets=[tuple(sentence) for sentence in tags],
        names=NAMES,
        spans=spans,
    )


def outputs_of(predicted, known, sure=5.0):
    """Outputs that predict these tags; special tokens predict anything."""
    out = np.random.default_rng(0).normal(size=(len(known.places), len(NAMES)))
    example = np.repeat(np.arange(len(known)), np.diff(known.token_offsets))
    for token in np.flatnonzero(known.places >= 0):
        tag = predicted[example[token]][known.places[token]]
        out[token, NAMES.index(tag)] += sure + 5.0
    return out


def column(*rows, words=None):
    texts = words or [("w",) * len(row) for row in rows]
    return Column(
        key="data.label", name="label", where="f", cells=rows, rows=range(len(rows)), texts=texts
    )


@pytest.mark.parametrize("case", SEQEVAL)
def test_scores_are_those_of_seqeval(case):
    known = aligned(case["true"])
    found = TASK.evaluate(outputs_of(case["predicted"], known), known)
    for name in ("f1", "precision", "recall", "token_accuracy"):
        assert found.scores[name] == pytest.approx(case[name])
    counts = [each for each in found.by_class.values() if each.true or each.predicted]
    assert [each.true for each in counts] == case["support"]
    f1 = [2 * each.right / (each.predicted + each.true) for each in counts]
    assert f1 == pytest.approx(case["f1_of_types"])
    assert found.examples == len(case["true"])


def test_the_loss_is_the_mean_over_words_and_special_tokens_count_nothing():
    known = aligned([["B-PER", "I-PER", "O"], ["O"]])
    outputs = np.random.default_rng(1).normal(size=(8, 5))
    expected = []
    for token, tag in zip([1, 2, 3, 6], ["B-PER", "I-PER", "O", "O"], strict=True):
        shares = np.exp(outputs[token]) / np.exp(outputs[token]).sum()
        expected.append(-math.log(shares[NAMES.index(tag)]))
    found = TASK.evaluate(outputs, known)
    assert found.loss == pytest.approx(np.mean(expected))
    outputs[[0, 4, 5, 7]] += 100.0 * np.random.default_rng(2).normal(size=(4, 5))
    again = TASK.evaluate(outputs, known)
    assert (again.loss, again.scores) == (found.loss, found.scores)


def test_a_word_without_a_token_is_predicted_outside_and_still_counts():
    tags = [["B-PER", "O"], ["B-LOC"]]
    known = aligned(tags, without=[(0, 0)])
    found = TASK.evaluate(outputs_of(tags, known), known)
    assert found.scores["recall"] == 0.5
    assert found.scores["precision"] == 1.0
    assert found.scores["token_accuracy"] == pytest.approx(2 / 3)


def test_errors_are_those_of_a_bootstrap_over_sentences():
    random = np.random.default_rng(3)
    true = [list(random.choice(NAMES, size=random.integers(1, 9))) for _ in range(300)]
    guessed = [
        [tag if random.random() < 0.8 else random.choice(NAMES) for tag in row] for row in true
    ]
    known = aligned(true)
    outputs = outputs_of(guessed, known, sure=-4.0)
    found = TASK.evaluate(outputs, known)
    ends = known.token_offsets
    drawn = []
    for _ in range(200):
        rows = random.integers(0, 300, 300)
        part = aligned([true[row] for row in rows])
        tokens = np.concatenate([np.arange(ends[row], ends[row + 1]) for row in rows])
        each = TASK.evaluate(outputs[tokens], part)
        drawn.append({**each.scores, "loss": each.loss})
    for name, error in {**found.errors, "loss": found.loss_error}.items():
        assert error == pytest.approx(np.std([each[name] for each in drawn]), rel=0.2), name


def test_a_ratio_of_one_sentence_has_no_error_and_of_none_no_value():
    assert ratio(np.array([1]), np.array([2])) == (0.5, 0.0)
    assert ratio(np.array([0, 0]), np.array([0, 0])) == (0.0, 0.0)


def test_predicting_nothing_is_the_baseline():
    train = np.array([-1, 0, 0, 0, 1, -1])
    known = aligned([["O", "B-LOC"]])
    found = TASK.baseline(train, known, len(NAMES))
    # O three times, each of the other four tags at least once.
    assert found.loss == pytest.approx(-(math.log(3 / 7) + math.log(1 / 7)) / 2)
    assert (found.name, found.score) == ("f1", 0.0)
    assert found.training_baseline == pytest.approx(-(3 * math.log(3 / 7) + math.log(1 / 7)) / 4)
    assert found.untrained_loss == pytest.approx(math.log(5))
    nothing = TASK.evaluate(outputs_of([["O", "O"]], known), known)
    assert nothing.scores["f1"] == 0.0
    assert nothing.association == 0.0
    assert nothing.majority_share == 1.0


def test_targets_are_placed_on_the_first_token_of_each_word():
    known = Aligned(
        inputs=np.array([0, 2, 3]),
        offsets=np.array([0, 4, 7, 10]),
        # Two windows of three words, and one of two; -1 for further tokens and special ones.
        places=np.array([-1, 0, -1, -1, -1, 1, 2, -1, 0, 1]),
        texts=[("a", "b", "c"), ("d", "e")],
    )
    placed = TASK.place(np.array([1, 2, 0, 3, 4]), known)
    assert placed.tolist() == [-1, 1, -1, -1, -1, 2, 0, -1, 3, 4]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["B-PER", "I-PER", "O"], [("PER", "ab cd", 0, 5)]),
        (["B-PER", "B-PER", "O"], [("PER", "ab", 0, 2), ("PER", "cd", 3, 5)]),
        # As transformers' pipeline groups them: an I begins an entity where nothing goes on.
        (["I-PER", "I-LOC", "I-LOC"], [("PER", "ab", 0, 2), ("LOC", "cd ef", 3, 8)]),
        (["O", "O", "I-LOC"], [("LOC", "ef", 6, 8)]),
        (["O", "O", "O"], []),
    ],
)
def test_predictions_are_entities_with_text_and_offsets(tags, expected):
    words = ("ab", "cd", "ef")
    for text in (words, " ".join(words)):
        known = aligned([tags], texts=[text], spans=[[(0, 2), (3, 5), (6, 8)]])
        (found,) = TASK.predictions(outputs_of([tags], known), NAMES, aligned=known)
        assert found["tags"] == tags
        shown = [(e["type"], e["text"], e["start"], e["end"]) for e in found["entities"]]
        assert shown == expected
        assert all(0.9 < entity["score"] <= 1.0 for entity in found["entities"])


def test_tags_are_read_as_iob2_and_the_scheme_is_reported():
    read = column(["I-PER", "I-PER"], ["O", "I-LOC"])
    assert TASK.read(read) == (("B-PER", "I-PER"), ("O", "B-LOC"))
    assert "IOB1" in read.read_as[0]
    assert read.notes == []
    read = column(["B-PER", "I-PER"], ["O", "I-LOC"])
    assert TASK.read(read) == (("B-PER", "I-PER"), ("O", "B-LOC"))
    assert read.read_as == []
    assert ": 1, such as I-LOC" in read.notes[0]
    assert "word 2 of row 2" in read.notes[0]


@pytest.mark.parametrize(
    ("rows", "words", "part"),
    [
        ([["O"], "O"], None, "list of tags"),
        ([["O"], None], [("w",), ("w",)], "no tags"),
        ([["O"], ["O", "O"]], [("w",), ("w",)], "2 tags and 1 words"),
        ([["O"], ["O", None]], None, "word 2"),
        ([["O"], [0, 1]], None, "word 1 is 0"),
        ([["B-PER"], ["PER"]], None, "'PER'"),
        ([["O"], ["O"]], [("w",), "plain text"], "list of tags"),
    ],
)
def test_cells_that_hold_no_tags_are_refused(rows, words, part):
    with pytest.raises(InputError) as refused:
        TASK.read(column(*rows, words=words))
    assert part in refused.value.problem
    assert "row 2" in refused.value.where


def test_names_are_outside_and_both_letters_of_each_type():
    targets = TASK.read(column(["B-PER"], ["O", "B-LOC", "I-LOC"]))
    assert TASK.names(targets, "f") == NAMES
    assert TASK.known(targets, NAMES, "f") == targets
    assert TASK.encode(targets, NAMES).tolist() == [3, 0, 1, 2]
    assert TASK.strata(targets) == ["PER", "LOC"]
    with pytest.raises(InputError) as refused:
        TASK.known((("O",), ("B-ORG",)), NAMES, "f")
    assert "ORG" in refused.value.problem
    assert "row 2" in refused.value.where
    with pytest.raises(InputError):
        TASK.names((("O",),), "f")


def test_the_report_counts_entities():
    train = (("B-PER", "I-PER"), ("O",), ("B-PER", "O", "B-LOC"))
    found = TASK.describe(train, (("B-PER",),), NAMES)
    assert "3 entities of 2 types: PER 2, LOC 1" in found.line
    assert "1 rows without one" in found.line
    assert len(found.warnings) == 2
    assert all("LOC" in warning for warning in found.warnings)


@pytest.mark.tf
def test_the_loss_of_training_is_that_of_the_words_alone():
    import tensorflow as tf

    loss = TASK.make_loss(5)
    outputs = np.random.default_rng(4).normal(size=(2, 3, 5)).astype(np.float32)
    targets = np.array([[-1, 3, 0], [-1, 2, -1]], np.int32)
    plain, weighted = loss.sums(tf.constant(outputs), tf.constant(targets))
    known = aligned([["B-PER", "O"], ["I-LOC"]])
    words = np.concatenate([outputs[0, [0, 1, 2, 0]], outputs[1, [0, 1, 2]]])
    expected = TASK.evaluate(words.astype(np.float64), known).loss * 3
    assert float(plain) == pytest.approx(expected, rel=1e-6)
    assert float(weighted) == float(plain)
    assert loss.total_weight(targets) == 3.0
