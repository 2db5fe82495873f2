import io
import json
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sentencepiece import SentencePieceTrainer
from tokenizers import Tokenizer

from tests.tiny_checkpoints import COUNTED, MODEL_TYPES, WORDS, reviews, write_checkpoint
from tuner.checkpoints import inspect
from tuner.data import checkpoint_tokenizer
from tuner.data.checkpoint_tokenizer import load_tokenizer, tokenizer_hash
from tuner.data.tokenizer import tokenize, unknown_token
from tuner.errors import InputError

SENTENCES = st.lists(st.sampled_from([*WORDS, "zebra", "!", "Ärger"]), max_size=30).map(" ".join)


@pytest.fixture(scope="module", params=MODEL_TYPES)
def info(request, tmp_path_factory):
    return inspect(write_checkpoint(tmp_path_factory.mktemp("model"), request.param))


def expected(info, max_length):
    """The library's own truncation, padding switched off."""
    tokenizer = Tokenizer.from_file(str(info.folder / "tokenizer.json"))
    tokenizer.enable_truncation(max_length, strategy="longest_first")
    tokenizer.no_padding()
    return tokenizer


def check_like_the_library(info, inputs, max_length):
    pairs = None if isinstance(inputs[0], str) else [second for _, second in inputs]
    texts = inputs if pairs is None else [first for first, _ in inputs]
    rows = tokenize(load_tokenizer(info), texts, pairs, max_length)
    encodings = expected(info, max_length).encode_batch(inputs)
    assert rows.ids.tolist() == [i for e in encodings for i in e.ids]
    assert rows.type_ids.tolist() == [i for e in encodings for i in e.type_ids]
    assert rows.lengths.tolist() == [len(e.ids) for e in encodings]


relaxed = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@relaxed
@given(texts=st.lists(SENTENCES, min_size=1, max_size=5), max_length=st.integers(3, 64))
def test_texts_are_tokenised_as_by_the_library(info, texts, max_length):
    check_like_the_library(info, texts, max_length)


@relaxed
@given(
    pairs=st.lists(st.tuples(SENTENCES, SENTENCES), min_size=1, max_size=4),
    max_length=st.integers(10, 64),
)
def test_pairs_are_cut_longest_first_as_by_the_library(info, pairs, max_length):
    check_like_the_library(info, pairs, max_length)


def test_many_rows_keep_their_order(info, monkeypatch):
    monkeypatch.setattr("tuner.data.tokenizer.CHUNK_ROWS", 3)
    check_like_the_library(info, [" ".join(WORDS[: i % 7]) for i in range(20)], 8)


def test_counts_full_lengths_and_unknown_tokens(checkpoint):
    rows = tokenize(load_tokenizer(inspect(checkpoint)), ["a film", "a " * 20, "a ♥"], None, 8)
    assert rows.full_lengths.tolist() == [4, 22, 4]
    assert rows.lengths.tolist() == [4, 8, 4]
    assert (rows.unknown, rows.special_tokens) == (1, 2)


def test_knows_the_unknown_token(info):
    found = unknown_token(load_tokenizer(info).backend)
    assert found == (3 if info.family.name in COUNTED else 1)


def test_truncation_and_padding_of_the_file_are_switched_off(tmp_path):
    folder = write_checkpoint(tmp_path)
    baked = Tokenizer.from_file(str(folder / "tokenizer.json"))
    baked.enable_truncation(4)
    baked.enable_padding(length=4)
    baked.save(str(folder / "tokenizer.json"))
    rows = tokenize(load_tokenizer(inspect(folder)), ["a", "a film with a plot"], None, 16)
    assert rows.lengths.tolist() == [3, 7]


def test_refuses_more_tokens_than_embeddings(tmp_path):
    info = inspect(write_checkpoint(tmp_path, vocab=60))
    with pytest.raises(InputError, match="ids up to 97, but the model has 60 embeddings"):
        load_tokenizer(info)


@pytest.mark.parametrize("content", ["{", '{"version": "1.0"}'])
def test_refuses_a_malformed_tokenizer(tmp_path, content):
    folder = write_checkpoint(tmp_path)
    (folder / "tokenizer.json").write_text(content)
    with pytest.raises(InputError, match=r"tokenizer cannot be read[^$]*tokenizer\.json"):
        load_tokenizer(inspect(folder))


SPLIT = {"type": "Split", "behavior": "Isolated", "invert": False}
SPLIT |= {"pattern": {"Regex": "^(([a-z ])+.)+[A-Z]([a-z])+$"}}
"""Takes exponential time for some texts, which its library ends with a panic."""

STRANGE = {
    "panics when it is read": ({"pre_tokenizer": {"type": "FixedLength", "length": 0}}, "chunk"),
    "panics when it is used": (
        {"post_processor": {"type": "BertProcessing", "sep": ["x", 2**32 - 1], "cls": ["y", 7]}},
        "ids up to 4294967295, but the model",
    ),
    "has no texts in its template": (
        {
            "post_processor": {
                "type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {}
            }
        },
        "drops a text",
    ),
    "panics at some texts": ({"pre_tokenizer": SPLIT}, "fails on one of the texts"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "problem"), STRANGE.values(), ids=STRANGE.keys())
def test_what_the_library_does_not_survive_is_refused(tmp_path, changes, problem):
    folder = write_checkpoint(tmp_path)
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(InputError, match=problem):
        tokenize(load_tokenizer(inspect(folder)), ["the movie was a" * 3], None, 16)


def test_a_reader_that_dies_or_hangs_is_said(tmp_path, monkeypatch):
    info = inspect(write_checkpoint(tmp_path / "model"))
    monkeypatch.setattr(checkpoint_tokenizer, "READER", tmp_path / "reader.py")
    (tmp_path / "reader.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(InputError, match="crashes with signal 11"):
        load_tokenizer(info)
    monkeypatch.setattr(checkpoint_tokenizer, "READER_SECONDS", 0.5)
    (tmp_path / "reader.py").write_text("while True: pass")
    with pytest.raises(InputError, match="takes more than"):
        load_tokenizer(info)


def test_a_tokenizer_is_read_apart_once(tmp_path, monkeypatch):
    info = inspect(write_checkpoint(tmp_path))
    first = load_tokenizer(info)
    monkeypatch.setattr(checkpoint_tokenizer, "READER", tmp_path / "absent.py")
    assert load_tokenizer(info).backend.to_str() == first.backend.to_str()


@pytest.mark.parametrize("model_type", ["bert", "roberta"])
def test_folders_with_vocabulary_files_alone(tmp_path, model_type):
    whole = inspect(write_checkpoint(tmp_path / "whole", model_type))
    shutil.copytree(whole.folder, tmp_path / "old")
    (tmp_path / "old" / "tokenizer.json").unlink()
    old = inspect(tmp_path / "old")
    texts = ["the film was wonderful", "zebra!"]
    rows = [tokenize(load_tokenizer(info), texts, None, 16).ids for info in (whole, old)]
    assert np.array_equal(*rows)
    assert tokenizer_hash(whole) != tokenizer_hash(old)


@pytest.mark.parametrize(
    ("model_type", "name", "special"),
    [
        ("albert", "spiece.model", {"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1}),
        ("xlm-roberta", "sentencepiece.bpe.model", {"unk_id": 0, "bos_id": 1, "eos_id": 2}),
        ("camembert", "sentencepiece.bpe.model", {"unk_id": 0, "bos_id": 1, "eos_id": 2}),
        (
            "deberta-v2",
            "spm.model",
            {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3}
            | {"pad_piece": "[PAD]", "bos_piece": "[CLS]", "eos_piece": "[SEP]"}
            | {"unk_piece": "[UNK]"},
        ),
    ],
)
def test_folders_with_a_sentencepiece_model_alone(tmp_path, model_type, name, special):
    folder = write_checkpoint(tmp_path / "model", model_type, vocab=200)
    (folder / "tokenizer.json").unlink()
    if model_type == "albert":
        special |= {"user_defined_symbols": ["[CLS]", "[SEP]", "[MASK]"]}
    SentencePieceTrainer.train(
        sentence_iterator=iter(text for text, _ in reviews(200)),
        model_writer=(model := io.BytesIO()),
        vocab_size=100,
        hard_vocab_limit=False,
        minloglevel=2,
        **special,
    )
    (folder / name).write_bytes(model.getvalue())
    tokenizer = load_tokenizer(inspect(folder))
    rows = tokenize(tokenizer, ["the film"], None, 16)
    bert = model_type in ("albert", "deberta-v2")
    start, end = ("[CLS]", "[SEP]") if bert else ("<s>", "</s>")
    tokens = [tokenizer.backend.id_to_token(token) for token in rows.ids.tolist()]
    assert tokens == [start, "▁the", "▁film", end]


@pytest.mark.parametrize(
    "name", ["config.json", "vocab.txt", "tokenizer.json", "tokenizer_config.json"]
)
def test_hash_follows_every_file_that_decides_the_conversion(tmp_path, name):
    first = tokenizer_hash(inspect(write_checkpoint(tmp_path)))
    with (tmp_path / name).open("a") as file:
        file.write("\n")
    assert tokenizer_hash(inspect(tmp_path)) != first


@pytest.mark.parametrize("library", checkpoint_tokenizer.LIBRARIES)
def test_hash_follows_the_libraries(tmp_path, monkeypatch, library):
    info = inspect(write_checkpoint(tmp_path))
    first = tokenizer_hash(info)
    known = checkpoint_tokenizer.version
    monkeypatch.setattr(
        checkpoint_tokenizer, "version", lambda name: "0" if name == library else known(name)
    )
    assert tokenizer_hash(info) != first


def test_checkpoints_with_one_vocabulary_have_conversions_of_their_own(tmp_path):
    """config.json names a class that fails for the one; nothing of it reaches the other."""
    wrong, right = tmp_path / "wrong", tmp_path / "right"
    for folder, changes in ((wrong, {"tokenizer_class": "RobertaTokenizer"}), (right, {})):
        write_checkpoint(folder)
        (folder / "tokenizer.json").unlink()
        (folder / "tokenizer_config.json").unlink()
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(InputError, match="RobertaTokenizer"):
        load_tokenizer(inspect(wrong))
    rows = tokenize(load_tokenizer(inspect(right)), ["The FILM"], None, 16)
    assert (rows.unknown, rows.lengths.tolist()) == (0, [4])


@pytest.mark.parametrize("kind", ["BertTokenizerLegacy", "NoSuchTokenizer"])
def test_a_tokenizer_that_has_no_fast_form_is_named(tmp_path, monkeypatch, kind):
    monkeypatch.setattr("tuner.checkpoints.tokenizer_files.PYTHON_ALONE", ())
    folder = write_checkpoint(tmp_path)
    (folder / "tokenizer.json").unlink()
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"tokenizer_class": kind}))
    with pytest.raises(InputError) as refused:
        load_tokenizer(inspect(folder))
    assert "tokenizer_class" in refused.value.where
    assert "tokenizer.json" in refused.value.remedy
