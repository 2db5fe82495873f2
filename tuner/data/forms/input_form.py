"""Interface of a form of input."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.data.checkpoint_tokenizer import CheckpointTokenizer
from tuner.data.table import Table
from tuner.data.tokenizer import TokenRows

Reader = Callable[[Table, str, str, Sequence[int]], tuple[Any, ...]]
"""Function from a table, a column, the key that names it, and indices of rows to the checked
cells. It raises an InputError where a cell is missing or of another kind."""

Tokenize = Callable[
    [CheckpointTokenizer, Sequence[Any], Sequence[Any] | None, int, int], TokenRows
]
"""Function from a tokenizer, the first and the second parts of some examples, the most tokens of
an input, and the tokens that two windows of one example share, to the inputs."""


@dataclass(frozen=True, kw_only=True)
class InputForm:
    """Form of an example's input."""

    first: Reader
    """Reader of the column `data.text`."""

    tokenize: Tokenize
    """Tokenisation of examples."""

    second: Reader | None = None
    """Reader of the column of second parts, where there is one; None: there is no second part."""

    second_key: str = "text_pair"
    """Key of `data` that names the column of second parts, or one column for each choice."""

    second_example: str = "COLUMN"
    """Value of that key, for messages."""

    needs_second: bool = False
    """True if every example has a second part."""

    ask: Reader | None = None
    """Reader of the first parts that are to be predicted; None: `first`."""

    has_windows: bool = False
    """True if an example that is too long has several inputs; otherwise it is cut."""

    @property
    def asked(self) -> Reader:
        """Reader of the first parts that are to be predicted."""
        return self.ask or self.first
