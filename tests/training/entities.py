"""Texts whose entities we are to find as transformers' pipeline does, and the model for them."""

import json
import sys
from pathlib import Path

from tests.tiny_checkpoints import MODEL_TYPES, write_checkpoint
from tuner.checkpoints import inspect
from tuner.data.checkpoint_tokenizer import exported_texts, load_tokenizer
from tuner.tasks import HeadKind

FILE = Path(__file__).parent / "references" / "entities.json"
NAMES = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER", "B-creative-work", "I-creative-work")
MAX_LENGTH = 64

TEXTS = (
    "the film was very funny",
    "Peter Blackburn lives in New York, U.S.A.",
    "wonderful, moving: a film (quite superb) - and fresh!",
    "don't; can't won't o'clock rock'n'roll",
    "  leading and trailing blanks  ",
    "two  blanks   and\ttabs\tand\nline breaks\r\nof both kinds",
    "http://example.com/a_b?c=d&e=f #hashtag @name 50% $3.20 1,000.5",
    "Ärger über Öl, café, naïve, señor, Ångström and İstanbul",
    "漢字 and かな, 한국어 film",
    "emoji 😀 film 👩‍👩‍👧 movie 🇩🇪",
    "zero\u200bwidth and soft\u00adhyphen and no\u00a0break",
    "e\u0301 decomposed, \ufb01ne ligature, ½ fraction, ² power",
    "unbelievableunbelievableunbelievable film",
    "....!!!???,,,;;;",
    "[SEP] [CLS] <s> </s> [MASK] film",
    "A B C D e f g h",
    "ALLCAPS film MiXeD Case",
    "\"quoted\" 'single' «guillemets» “curly”",
    "film",
    "x",
    "the-film-was-very-funny and/or well-known",
    "Москва и Санкт-Петербург, Ελλάδα",
    "right to left: שלום עולם مرحبا",
    "the director of the film and the actor in the scene with the music",
)


def write_model(folder: Path, model_type: str) -> Path:
    """Write a tiny token classifier with tokenizer files as an export has them."""
    write_checkpoint(
        folder, model_type, labels=NAMES, head=HeadKind.TOKEN, positions=MAX_LENGTH, seed=11
    )
    for name, text in exported_texts(load_tokenizer(inspect(folder)), MAX_LENGTH).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


if __name__ == "__main__":
    given = Path(sys.argv[1])
    for each in MODEL_TYPES:
        write_model(given / each, each)
    (given / "texts.json").write_text(json.dumps(TEXTS), encoding="utf-8")
