"""Greedy selection of a soup's members, and its acceptance.

One half of the validation rows selects; the other half decides whether the soup takes the place
of the best single model. The halves differ because a selection flatters what it selects.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from tuner.soup.records import ROUNDING, Gain, Member, Step


def ordered(scores: Mapping[Member, float], sign: float) -> list[Member]:
    """Return models by their scores, best first; NaN is worst, and ties are in order of numbers.

    Args:
        scores: Score of each model.
        sign: Factor that turns scores so that larger is better.
    """

    def key(member: Member) -> tuple[bool, float, Member]:
        score = sign * scores[member]
        return score != score, -score, member  # noqa: PLR0124 - NaN

    return sorted(scores, key=key)


def select(
    alone: Mapping[Member, float],
    score_of: Callable[[Sequence[Member]], float],
    sign: float,
) -> Iterator[Step]:
    """Yield the steps of the greedy selection (Wortsman 2022, recipe 1).

    A candidate becomes a member if the average with it scores no worse than without it.

    Args:
        alone: Score of each candidate.
        score_of: Returns the score of the average of some candidates.
        sign: Factor that turns scores so that larger is better.
    """
    members: list[Member] = []
    best = float("-inf")
    for member in ordered(alone, sign):
        score = score_of([*members, member]) if members else alone[member]
        kept = not members or sign * score >= best - ROUNDING
        if kept:
            members.append(member)
            best = max(best, sign * score)
        yield Step(member=member, alone=alone[member], score=score, kept=kept)


def rejection(
    members: int,
    gain: Gain | None,
    gain_of_all: Gain | None = None,
    gain_of_published: Gain | None = None,
) -> str | None:
    """Return why a soup does not take the place of a single model; None if it does.

    Args:
        members: Number of its members.
        gain: Gain over the best candidate by the selection rows.
        gain_of_all: Gain over the best candidate by all rows; None where that is the same.
        gain_of_published: Gain over the model that is published without it; None where that is one
            of the other two.
    """
    if members < 2 or gain is None:  # noqa: PLR2004
        return "no average of two or more models scores as well as the best of them alone"
    if gain.is_loss:
        return "it scores worse than the best single model on the other half of the rows"
    if gain_of_all is not None and gain_of_all.is_loss:
        return (
            "it scores worse than the best single model of all validation rows on the half that "
            "did not select it"
        )
    if gain_of_published is not None and gain_of_published.is_loss:
        return "it scores worse than the best confirmed model on the half that did not select it"
    return None
