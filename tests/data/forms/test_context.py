"""Windows of contexts and inputs of choices against those of the tokenizers library."""

from itertools import pairwise

import numpy as np
import pytest

from tests.tiny_checkpoints import write_checkpoint
from tuner.checkpoints import inspect
from tuner.data.checkpoint_tokenizer import load_tokenizer
from tuner.data.forms import FORMS
from tuner.data.table import Table
from tuner.errors import InputError
from tuner.tasks import Form

CONTEXT = "the film is superb and the plot, with a very funny scene, was moving " * 3
ROWS = [("is the film fresh", CONTEXT), ("the actor", "a story"), ("is it", "the  plot ♥ and")]


@pytest.fixture(scope="module", params=["bert", "roberta", "modernbert"])
def tokenizer(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("forms") / request.param
    return load_tokenizer(inspect(write_checkpoint(folder, request.param)))


def context(tokenizer, rows, max_length, overlap):
    return FORMS[Form.CONTEXT].tokenize(tokenizer, *zip(*rows, strict=True), max_length, overlap)


def library(tokenizer, question, context, max_length, overlap):
    """Windows as `truncation="only_second"` with `return_overflowing_tokens` makes them."""
    backend = tokenizer.backend
    backend.enable_truncation(max_length, stride=overlap, strategy="only_second")
    try:
        first = backend.encode(question, context)
    finally:
        backend.no_truncation()
    return [first, *first.overflowing]


@pytest.mark.parametrize(("max_length", "overlap"), [(20, 4), (24, 0), (32, 12), (200, 8)])
def test_windows_are_those_of_the_library(tokenizer, max_length, overlap):
    made = context(tokenizer, ROWS, max_length, overlap)
    expected = [library(tokenizer, *row, max_length, overlap) for row in ROWS]
    windows = [window for row in expected for window in row]
    assert made.inputs.tolist() == np.cumsum([0, *map(len, expected)]).tolist()
    assert made.ids.tolist() == [token for window in windows for token in window.ids]
    assert made.lengths.tolist() == [len(window) for window in windows]
    texts = [text for row, (_, text) in zip(expected, ROWS, strict=True) for _ in row]
    # The library gives the first token of a further window the blank before it.
    found = [
        text[slice(*place)].strip()
        for text, (start, stop) in zip(texts, pairwise(np.cumsum([0, *made.lengths])), strict=True)
        for place in made.places[start:stop]
    ]
    assert found == [
        text[slice(*place)].strip() if sequence == 1 else ""
        for text, window in zip(texts, windows, strict=True)
        for place, sequence in zip(window.offsets, window.sequence_ids, strict=True)
    ]
    assert made.full_lengths[1] == len(windows[-2])


def test_a_context_has_few_windows_whatever_the_overlap(tokenizer):
    many = context(tokenizer, ROWS[:1], 24, 1000)
    few = context(tokenizer, ROWS[:1], 24, 0)
    assert len(few.lengths) < len(many.lengths) <= 2 * len(few.lengths)


def test_a_question_keeps_half_of_an_input_and_is_named(tokenizer):
    made = context(tokenizer, [("the film " * 40, CONTEXT)], 21, 2)
    assert made.notes[0].startswith("1 questions are cut at ")
    assert (made.places[:, 0] >= 0).sum() > 40
    assert context(tokenizer, ROWS, 40, 2).notes == ()


def test_choices_are_pairs_with_their_text(tokenizer):
    texts = ["the film", "a very long plot with a scene"]
    choices = [("is superb", "is stale"), ("was moving and funny", "was ugly")]
    made = FORMS[Form.CHOICES].tokenize(tokenizer, texts, choices, 10, 0)
    pairs = [(text, choice) for text, row in zip(texts, choices, strict=True) for choice in row]
    backend = tokenizer.backend
    backend.enable_truncation(10, strategy="longest_first")
    try:
        expected = backend.encode_batch(pairs)
    finally:
        backend.no_truncation()
    assert made.inputs.tolist() == [0, 2, 4]
    assert made.ids.tolist() == [token for each in expected for token in each.ids]
    lengths = [len(each) for each in expected]
    assert made.places.tolist() == np.repeat([0, 1, 0, 1], lengths).tolist()
    full = [len(backend.encode(*pair).ids) for pair in pairs]
    assert made.full_lengths.tolist() == [max(full[:2]), max(full[2:])]


def table(**values):
    return Table(where="f.json", columns=tuple(values), values=values)


def test_empty_contexts_are_refused():
    read = FORMS[Form.CONTEXT].second
    assert read(table(context=["a", "b"]), "context", "data.text_pair", [1]) == ("b",)
    with pytest.raises(InputError, match="2 rows have an empty context") as caught:
        read(table(context=["a", " ", ""]), "context", "data.text_pair", range(3))
    assert "row 2, 3" in caught.value.where


@pytest.mark.parametrize("cell", ["a", None, ["a", None], [["a"]], {"a": 1}])
def test_a_row_without_a_list_of_choices_is_refused(cell):
    read = FORMS[Form.CHOICES].second
    with pytest.raises(InputError) as caught:
        read(table(endings=[["a", 2], cell]), "endings", "data.choices", range(2))
    assert "row 2 of f.json" in caught.value.where
