"""Entities of plain texts beside those of transformers' pipeline (see make_entity_references)."""

import json

import pytest

from tests.tiny_checkpoints import MODEL_TYPES
from tests.training.entities import FILE, TEXTS, write_model

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def expected():
    return json.loads(FILE.read_text(encoding="utf-8"))


def without_blank(text, start, end):
    """First character of a piece of a text that is no blank; its end where there is none."""
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip())


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_entities_are_those_of_the_pipeline(tmp_path, monkeypatch, expected, model_type):
    from tuner.training.predictor import Predictor

    monkeypatch.setenv("TUNER_CACHE", str(tmp_path / "cache"))
    predictor = Predictor(write_model(tmp_path / model_type, model_type))
    found = predictor.predictions(TEXTS)
    for text, ours, theirs in zip(TEXTS, found, expected[model_type], strict=True):
        # The pipeline counts a blank before the word, where a token begins with it.
        spans = [(without_blank(text, start, end), end) for _, start, end, _ in theirs]
        kept = [
            (each, *span) for each, span in zip(theirs, spans, strict=True) if span[0] < span[1]
        ]
        entities = ours["entities"]
        assert [(e["type"], e["start"], e["end"], e["text"]) for e in entities] == [
            (kind, start, end, text[start:end]) for (kind, *_), start, end in kept
        ]
        scores = [score for (*_, score), _, _ in kept]
        assert [e["score"] for e in entities] == pytest.approx(scores, abs=2e-5)
