"""Models whose weights are kept for a soup: the leading ones of trials and of repeats."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from tuner.confirmation import CONFIRMS, SEED
from tuner.search.goals import Goals
from tuner.search.ranking import is_usable
from tuner.settings.objectives import sign
from tuner.soup.records import Member
from tuner.soup.stored import StoredSoup
from tuner.tasks import Direction
from tuner.trial.records import Scalar, TrialOutcome

_DROPOUT = "model.dropout"

LEAST = 2
"""Least number of models that can be averaged."""

ModelKey = tuple[tuple[str, Scalar], ...]
"""Searched keys of model, data and task with their values; weights of the same can be averaged."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A model that may become a member of a soup."""

    member: Member
    """Trial and seed of the model."""
    value: float
    """Its first objective."""
    model: ModelKey
    """Values that decide its architecture and its validation rows."""
    is_repeat: bool = False
    """True for a repeat of the trial, with a new seed."""

    @property
    def group(self) -> int | None:
        """Trial that a repeat confirms; None for the trials of the search."""
        return self.member.trial if self.is_repeat else None


def refusal(goals: Goals) -> str | None:
    """Return why there is no soup for the goals of a study; None if there may be one.

    Args:
        goals: Goals of the study.
    """
    if goals.several:
        return "it is chosen by one objective, and the study has several"
    if not goals.objective.startswith("val_"):
        return f"it is chosen by its predictions, which {goals.objective} does not measure"
    return None


def member_of(number: int, parameters: Mapping[str, Scalar], base_seed: int) -> Member:
    """Return trial and seed of a model.

    Args:
        number: Number of the trial, or of the repeat in its own study.
        parameters: Parameters of the trial or the repeat.
        base_seed: Seed of the trials that do not search it.
    """
    return Member(
        trial=int(str(parameters.get(CONFIRMS, number))),
        seed=int(str(parameters.get(SEED, base_seed))),
    )


def model_key(parameters: Mapping[str, Scalar]) -> ModelKey:
    """Return the values that decide the architecture of a trial's model and its data.

    Args:
        parameters: Parameters of the trial. What is not searched is the same for all trials.
    """
    return tuple(
        sorted(
            (key, value)
            for key, value in parameters.items()
            if key.split(".")[0] in ("model", "data", "task") and key != _DROPOUT
        )
    )


def candidates(outcomes: Iterable[TrialOutcome], base_seed: int) -> list[Candidate]:
    """Return the models of usable trials and repeats.

    Args:
        outcomes: Outcomes of trials and of repeats.
        base_seed: Seed of the trials that do not search it.
    """
    return [
        Candidate(
            member=member_of(each.number, each.parameters, base_seed),
            value=each.value,
            model=model_key(each.parameters),
            is_repeat=CONFIRMS in each.parameters,
        )
        for each in outcomes
        if is_usable(each) and each.value is not None
    ]


def leading(known: Iterable[Candidate], way: Direction, keep: int) -> list[Candidate]:
    """Return the candidates whose weights are kept, best first.

    The best trial of the search and the best repeat of each configuration come first, since one
    of them is the model that is published without a soup. Candidates that cannot be averaged with
    any of these come last. So they are kept only while there is room, and one of them may still
    become the best.

    Args:
        known: Candidates of a study.
        way: Direction of the objective.
        keep: Most that are kept.
    """
    better = sign(way)
    order = sorted(known, key=lambda c: (-better * c.value, c.member.trial, c.member.seed))
    firsts = {each.group: each for each in reversed(order)}.values()
    models = {each.model for each in firsts}
    return sorted(order, key=lambda c: (c not in firsts, c.model not in models))[:keep]


def obstacle(single: Member, here: Collection[Member]) -> str | None:
    """Return why no soup can be built on this machine; None if one can be.

    Args:
        single: Best single model, which is published without a soup.
        here: Leading models whose weights are on this machine.
    """
    if single not in here:
        return f"the weights of the best model, {single.text}, are not kept here"
    if len(here) < LEAST:
        return f"{single.text} is the only model whose weights are kept here"
    return None


def is_due(
    stored: StoredSoup | None, single: Member, here: Collection[Member], *, is_lost: bool
) -> bool:
    """Return True if a soup is to be built.

    A lost soup is built again from the weights that are left.

    Args:
        stored: Soup that was built in place of the present best model; None if there was none.
        single: Best single model, which is published without a soup.
        here: Leading models whose weights are on this machine.
        is_lost: True if the soup is published and its model is not on this machine.
    """
    if obstacle(single, here) is not None:
        return False
    if stored is None or stored.instead_of != single or is_lost:
        return True
    return not set(here) <= set(stored.considered)
