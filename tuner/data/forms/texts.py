"""Texts and pairs of texts, cut where they are too long."""

from collections.abc import Sequence

from tuner.data.checkpoint_tokenizer import CheckpointTokenizer
from tuner.data.forms.input_form import InputForm
from tuner.data.table import texts_of
from tuner.data.tokenizer import TokenRows, tokenize


def _tokenize(
    tokenizer: CheckpointTokenizer,
    texts: Sequence[str],
    pairs: Sequence[str] | None,
    max_length: int,
    overlap: int,
) -> TokenRows:
    del overlap
    return tokenize(tokenizer, texts, pairs, max_length)


TEXTS = InputForm(first=texts_of, second=texts_of, tokenize=_tokenize)
