"""Exact match and F1 of answers, as SQuAD's script 2.0 defines them (Rajpurkar 2018)."""

import re
import string
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)


class AnswerScore(NamedTuple):
    """Worth of one predicted answer."""

    exact: float
    """1 if it is one of the true answers, else 0."""

    f1: float
    """Largest F1 of its words with those of a true answer."""


def normalized(answer: str) -> str:
    """Return an answer in lower case, without ASCII punctuation, articles and extra blanks."""
    plain = answer.lower().translate(_WITHOUT_PUNCTUATION)
    return " ".join(_ARTICLE.sub(" ", plain).split())


def answer_score(found: str, true: Sequence[str]) -> AnswerScore:
    """Return the better of the scores with each true answer.

    Args:
        found: Predicted answer; empty for none.
        true: True answers; none where the context has none. Answers of articles and punctuation
            alone are left out.
    """
    words = normalized(found).split()
    golds = [gold for gold in map(_words, true) if gold] or [[]]
    return AnswerScore(
        exact=float(words in golds),
        f1=max(_f1(words, gold) for gold in golds),
    )


def _words(answer: str) -> list[str]:
    return normalized(answer).split()


def _f1(found: Sequence[str], true: Sequence[str]) -> float:
    if not found or not true:
        return float(found == true)
    common = (Counter(found) & Counter(true)).total()
    return 2.0 * common / (len(found) + len(true))


def best_constant(answers: Iterable[Sequence[str]]) -> str:
    """Return the answer that most rows have, or none where most have none; the first of equals.

    Args:
        answers: True answers of each row.
    """
    counts = Counter(
        answer for true in answers for answer in dict.fromkeys(map(normalized, true)) or ("",)
    )
    return counts.most_common(1)[0][0]
