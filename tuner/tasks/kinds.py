"""Closed sets of words by which a task names its input and its head."""

from enum import Enum


class Form(Enum):
    """Form of an example: how its cells are read, and which inputs of the encoder it makes."""

    TEXTS = "texts"
    """A text or a pair of texts: one input."""

    WORDS = "words"
    """A list of words: one input, or several windows of one that is too long."""

    CONTEXT = "context"
    """A question and a context: one input, or several windows of a long context."""

    CHOICES = "choices"
    """A question and choices: one input for each choice."""

    @property
    def first_is_list(self) -> bool:
        """True if the first part is a list of words; in predictions also a text."""
        return self is Form.WORDS

    @property
    def second_is_list(self) -> bool:
        """True if the second part is a list of choices."""
        return self is Form.CHOICES

    @property
    def shares_seconds(self) -> bool:
        """True if many examples have the same second part, and much in common by it."""
        return self is Form.CONTEXT


class HeadKind(Enum):
    """Head of a model; its value is the end of the name of transformers' class that has it."""

    SEQUENCE = "ForSequenceClassification"
    """Scores of the labels of each input."""

    TOKEN = "ForTokenClassification"  # noqa: S105
    """Scores of the labels of each token."""

    SPAN = "ForQuestionAnswering"
    """Scores of each token as the first and as the last one of a span."""

    CHOICE = "ForMultipleChoice"
    """One score of each input."""

    @property
    def per_token(self) -> bool:
        """True if each token has outputs."""
        return self in (HeadKind.TOKEN, HeadKind.SPAN)
