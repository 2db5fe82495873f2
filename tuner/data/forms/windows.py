"""Windows of examples that have more tokens than an input: pure arithmetic."""

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


def window_starts(tokens: int, available: int, overlap: int) -> list[int]:
    """Return the first token of each window; one window where all tokens fit.

    Args:
        tokens: Number of tokens of an example, without special ones.
        available: Most tokens of a window.
        overlap: Tokens that two neighbouring windows share; less than `available`.
    """
    step = available - overlap
    return list(range(0, max(1, tokens - overlap), step))


def homes(tokens: int, starts: list[int], available: int) -> Integers:
    """Return the window of each token in which most tokens surround it, the first of equals.

    The ends of the example are no edges: nothing is missing there.

    Args:
        tokens: Number of tokens.
        starts: First token of each window.
        available: Most tokens of a window.
    """
    if len(starts) == 1:
        return np.zeros(tokens, np.int64)
    place = np.arange(tokens)
    begins = np.array(starts)[:, None]
    ends = np.minimum(begins + available, tokens)
    before = np.where(begins == 0, tokens, place - begins)
    after = np.where(ends == tokens, tokens, ends - 1 - place)
    inside = (place >= begins) & (place < ends)
    found: Integers = np.where(inside, np.minimum(before, after), -1).argmax(axis=0)
    return found
