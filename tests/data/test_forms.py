"""Windows, and words beside the tokens that stand for them."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tiny_checkpoints import MODEL_TYPES, write_checkpoint
from tuner.checkpoints import inspect
from tuner.data.checkpoint_tokenizer import load_tokenizer
from tuner.data.forms import FORMS
from tuner.data.forms.windows import homes, window_starts
from tuner.data.forms.words import first_tokens, spans_of
from tuner.data.table import Table
from tuner.errors import InputError
from tuner.tasks import Form

WORDS = FORMS[Form.WORDS]


@given(st.integers(0, 200), st.integers(1, 40), st.data())
def test_windows_cover_all_tokens_and_share_what_is_asked_for(tokens, available, data):
    overlap = data.draw(st.integers(0, available - 1))
    starts = window_starts(tokens, available, overlap)
    assert starts[0] == 0
    assert starts[-1] + available >= tokens
    assert len(starts) == 1 or starts[-2] + available < tokens
    assert {b - a for a, b in pairwise(starts)} <= {available - overlap}
    found = homes(tokens, starts, available)
    for token, home in enumerate(found):
        assert starts[home] <= token < starts[home] + available


def test_a_token_belongs_to_the_window_where_most_tokens_surround_it():
    # Windows 0-5, 4-9 and 8-11: 4 has one token behind it in the first, and none before it in
    # the second; 5 is the last of the first.
    assert homes(12, [0, 4, 8], 6).tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2]


def test_one_window_where_all_fits():
    assert window_starts(6, 6, 5) == [0]
    assert homes(6, [0], 6).tolist() == [0] * 6


@pytest.mark.parametrize(
    ("words", "offsets", "expected"),
    [
        (["New", "York"], [(0, 3), (4, 6), (6, 8)], [0, 1, -1]),
        # A tokenizer whose tokens begin with the blank before their word.
        (["New", "York"], [(0, 3), (3, 6), (6, 8)], [0, 1, -1]),
        # A blank alone carries nothing, nor does it hide the word after it.
        (["a", "漢字"], [(0, 1), (1, 2), (2, 3), (3, 4)], [0, -1, 1, -1]),
        # Bytes of one character.
        (["é"], [(0, 1), (0, 1)], [0, -1]),
        # A word without a token.
        (["a", "\u200b", "b"], [(0, 1), (4, 5)], [0, 2]),
        (["a"], [], []),
        # A word with a blank inside is one word.
        (["New York", "is"], [(0, 3), (4, 8), (9, 11)], [0, -1, 1]),
    ],
)
def test_the_first_token_of_a_word_stands_for_it(words, offsets, expected):
    assert first_tokens(spans_of(words), offsets).tolist() == expected


@pytest.fixture(scope="module", params=MODEL_TYPES)
def tokenizer(request, tmp_path_factory):
    return load_tokenizer(inspect(write_checkpoint(tmp_path_factory.mktemp("m"), request.param)))


SENTENCES = st.lists(
    st.sampled_from(["film", "good", "unbelievable", "U.N.", "don't", "a", "Ärger", "zebra"]),
    min_size=1,
    max_size=40,
)


def test_every_word_stands_in_one_window(tokenizer):
    @given(st.lists(SENTENCES, min_size=1, max_size=4), st.integers(8, 24), st.integers(0, 40))
    def check(sentences, max_length, overlap):
        texts = [tuple(words) for words in sentences]
        rows = WORDS.tokenize(tokenizer, texts, None, max_length, overlap)
        assert rows.lengths.max() <= max_length
        ends = np.cumsum([0, *rows.lengths])
        for example, words in enumerate(texts):
            first, last = rows.inputs[example : example + 2]
            found = rows.places[ends[first] : ends[last]]
            assert found[found >= 0].tolist() == list(range(len(words)))
            assert rows.spans[example][-1][1] == len(" ".join(words))
        special = np.concatenate([ends[:-1], ends[1:] - 1])
        assert (rows.places[special] == -1).all()

    check()


def test_words_that_the_tokenizer_drops_are_reported(tokenizer):
    rows = WORDS.tokenize(tokenizer, [("good", "film")], None, 16, 0)
    assert rows.notes == ()
    if tokenizer.backend.encode("\u0007", add_special_tokens=False).ids:
        return
    rows = WORDS.tokenize(tokenizer, [("good", "\u0007", "film")], None, 16, 0)
    assert "1 words" in rows.notes[0]
    assert rows.places[rows.places >= 0].tolist() == [0, 2]


@pytest.mark.parametrize(
    ("cell", "part"),
    [
        ("good film", "list"),
        (["good", ["film"]], "list"),
        (["good", " "], "word 2 of 2"),
        ([], "no words"),
        (None, "no words"),
        (5, "list"),
    ],
)
def test_cells_that_hold_no_words_are_refused(cell, part):
    table = Table(where="f.json", columns=("text",), values={"text": [("a",), cell]})
    with pytest.raises(InputError) as refused:
        WORDS.first(table, "text", "data.text", range(2))
    assert part in refused.value.problem
    assert "data.text" in refused.value.where
    assert "row 2" in refused.value.where


def test_lists_of_any_kind_are_words():
    cells = [["a", "b"], ("c",), np.array(["d", "e"]), [2020, "f"]]
    table = Table(where="f", columns=("text",), values={"text": cells})
    read = WORDS.first(table, "text", "data.text", range(4))
    assert read == (("a", "b"), ("c",), ("d", "e"), ("2020", "f"))


def test_plain_texts_are_read_where_they_are_to_be_predicted():
    table = Table(where="f", columns=("text",), values={"text": ["a b", "c"]})
    assert WORDS.asked(table, "text", "predict.text", range(2)) == ("a b", "c")


def test_words_of_a_plain_text_are_those_of_the_pipeline():
    from tuner.data.forms.words import words_of_text

    class Encoding(SimpleNamespace):
        def __len__(self):
            return len(self.ids)

    def found(prefix, text, tokens, unknown=None):
        model = SimpleNamespace(continuing_subword_prefix=prefix)
        backend = SimpleNamespace(model=model, token_to_id=lambda token: 1)
        encoding = Encoding(
            tokens=[token for token, *_ in tokens],
            ids=[1 if token == unknown else 5 for token, *_ in tokens],
            offsets=[(start, stop) for _, start, stop in tokens],
        )
        spans, places = words_of_text(backend, text, encoding)
        return spans, places.tolist()

    pieces = [("em", 0, 2), ("##bed", 2, 5), (".", 5, 6), ("[UNK]", 7, 8)]
    assert found("##", "embed. é", pieces, unknown="[UNK]") == (
        ((0, 5), (5, 6), (7, 8)),
        [0, -1, 1, 2],
    )
    # Without a mark only a blank begins a word.
    pieces = [("▁em", 0, 2), ("bed", 2, 5), (".", 5, 6), ("▁a", 6, 8)]
    assert found(None, "embed. a", pieces) == (((0, 6), (6, 8)), [0, -1, -1, 1])
