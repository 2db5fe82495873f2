"""Texts without labels, tokenised as a trial tokenises its own."""

from collections.abc import Sequence

import numpy as np

from tuner.checkpoints import CheckpointInfo
from tuner.checkpoints.info import check_length
from tuner.data.tokenized import TokenizedSplit
from tuner.data.tokenizer import find_layout, load_tokenizer, tokenize


def tokenized_texts(
    checkpoint: CheckpointInfo,
    texts: Sequence[str],
    pairs: Sequence[str] | None,
    max_length: int,
) -> TokenizedSplit:
    """Tokenises texts for a model; their label numbers are all 0.

    Args:
        checkpoint: The model.
        texts: One per row.
        pairs: Second text of each row; None for single texts.
        max_length: Tokens at which texts are truncated, special ones included.

    Raises:
        InputError: The tokenizer can not be read, or the model has no positions for `max_length`.
    """
    tokenizer = load_tokenizer(checkpoint)
    layout = find_layout(tokenizer, pairs=pairs is not None)
    check_length(checkpoint, max_length, layout.special_tokens)
    rows = tokenize(tokenizer, texts, pairs, max_length)
    return TokenizedSplit(
        ids=rows.ids,
        type_ids=rows.type_ids,
        offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(rows.lengths)]),
        labels=np.zeros(len(rows.lengths), np.int32),
        max_length=max_length,
        pad_id=checkpoint.pad_token_id,
    )
