"""Names under which a served model finds the texts that it classifies."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tuner.errors import InputError

Column = str | int
"""A column's name; a number is a column without a name, as of a plain list."""


@dataclass(frozen=True, kw_only=True)
class TextColumns:
    """Columns that a model takes, in the order in which they are looked for."""

    text: tuple[Column, ...]
    text_pair: tuple[Column, ...]
    """Empty for a model of single texts, and for one of choices."""
    choices: tuple[str, ...] = ()
    """Columns of choices, one for each, or one with lists; empty for other models."""

    @classmethod
    def of(
        cls, text: str, text_pair: str | None, choices: Sequence[str] | None = None
    ) -> "TextColumns":
        """Return the columns of a model by those of its training data.

        Args:
            text: `data.text`.
            text_pair: `data.text_pair`; None: the model takes single texts.
            choices: `data.choices`; None: the model takes none.
        """
        own = {text, text_pair}
        first: tuple[Column, ...] = (text, *(name for name in ("text",) if name not in own), 0)
        if text_pair is None:
            return cls(text=first, text_pair=(), choices=tuple(choices or ()))
        second: tuple[Column, ...] = (
            text_pair,
            *(name for name in ("text_pair",) if name not in own),
            1,
        )
        return cls(text=first, text_pair=second)

    @property
    def listed(self) -> tuple[str, ...]:
        """Columns whose cells are lists."""
        return self.choices if len(self.choices) == 1 else ()

    @property
    def names(self) -> list[Column]:
        """All columns, those without a name first, as MLflow counts them."""
        every = [*self.text, *self.text_pair, *self.choices]
        return sorted(every, key=lambda name: isinstance(name, str))

    def choose(self, given: Collection[Column]) -> tuple[Column, Sequence[Column]]:
        """Return the column of texts and those of second parts; the training data's come first.

        Args:
            given: Columns that there are.

        Raises:
            InputError: One that the model needs is missing.
        """
        text = next((name for name in self.text if name in given), None)
        if text is None:
            raise self._missing("texts", self.text)
        for name in self.choices:
            if name not in given:
                raise self._missing("choices", (name,))
        if not self.text_pair:
            return text, self.choices
        pair = next((name for name in self.text_pair if name in given), None)
        if pair is None:
            raise self._missing("second texts", self.text_pair)
        return text, (pair,)

    def _missing(self, what: str, names: tuple[Column, ...]) -> InputError:
        named = [name for name in names if isinstance(name, str)]
        plain = "a list of pairs of strings" if self.text_pair else "a list of strings"
        return InputError(
            f"the input has no column of {what}",
            where=" or ".join(map(repr, named)),
            remedy=f"rename the column to {named[0]!r}, or give {plain}",
        )
