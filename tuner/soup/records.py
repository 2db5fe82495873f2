"""Result of building a soup."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tuner.confirmation import Score
from tuner.trial.model_identity import KeptModel


@dataclass(frozen=True, kw_only=True, order=True)
class Member:
    """A trained model that can be averaged with others."""

    trial: int
    """Number of the trial whose configuration it has."""
    seed: int
    """Seed of its training: the trial's own, or that of a repeat."""

    @property
    def text(self) -> str:
        """Name of the model in messages."""
        return KeptModel(trial=self.trial, seed=self.seed).text


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step of the greedy selection: one more candidate, in order of the scores alone."""

    member: Member
    """The candidate."""
    alone: float
    """Its own score on the selection rows."""
    score: float
    """Score of its average with the members so far, on the selection rows."""
    kept: bool
    """True if it became a member."""


ROUNDING = 1e-6
"""Difference of scores up to which models count as equal: float32 rounds that much."""


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A model that cannot be averaged with the others."""

    member: Member
    """The model."""
    reason: str
    """Reason."""


@dataclass(frozen=True, kw_only=True)
class Gain:
    """Difference that a soup makes on the acceptance rows; positive is better for any metric."""

    mean: float
    """Difference in the metric's unit."""
    low: float | None = None
    """Lower end of its 95 % interval over the drawing of the rows; None if that is unknown."""
    high: float | None = None
    """Upper end of it."""

    @property
    def is_loss(self) -> bool:
        """True if the soup is worse by more than float32 rounds; also where that is unknown."""
        return not self.mean >= -ROUNDING


@dataclass(frozen=True, kw_only=True)
class Soup:
    """An average of models, compared with the best of them on rows that did not select it."""

    objective: str
    """Metric that selected its members."""
    steps: tuple[Step, ...] = ()
    """Candidates, best first; empty where there is nothing to select from."""
    left_out: tuple[LeftOut, ...] = ()
    """Models that cannot be averaged with the candidates."""
    single: Member | None = None
    """Best candidate by the selection rows; None without steps."""
    single_of_all: Member | None = None
    """Best candidate by all validation rows; None without steps."""
    instead_of: Member | None = None
    """Model that is published without the soup; None without steps."""
    selection_rows: int
    """Number of rows that selected the members."""
    acceptance_rows: int
    """Number of other validation rows."""
    gain: Gain | None = None
    """Gain over `single`; None without a second member."""
    gain_of_all: Gain | None = None
    """Gain over `single_of_all`; None where that is `single`, or without a second member."""
    gain_of_published: Gain | None = None
    """Gain over `instead_of`; None where that is another of these, or without a second member."""
    scores: Mapping[str, Score] = field(default_factory=dict)
    """Name to score of the soup on all validation rows: of the task, users' metrics and `loss`;
    empty without steps."""
    single_scores: Mapping[str, Score] = field(default_factory=dict)
    """The same scores of `single_of_all`."""
    rejected: str | None = None
    """Reason why it is not published; None if it is."""

    @property
    def members(self) -> tuple[Member, ...]:
        """Models that are averaged, best first."""
        return tuple(step.member for step in self.steps if step.kept)

    @property
    def comparisons(self) -> tuple[tuple[Member, Gain], ...]:
        """Models that the soup was compared with on the acceptance rows, and its gains."""
        pairs = (
            (self.single, self.gain),
            (self.single_of_all, self.gain_of_all),
            (self.instead_of, self.gain_of_published),
        )
        return tuple((model, gain) for model, gain in pairs if model and gain)

    @property
    def decisive(self) -> tuple[Member, Gain] | None:
        """The comparison that rejected the soup, else the first; None if there was none."""
        found = self.comparisons
        losing = (each for each in found if each[1].is_loss)
        return next(losing, found[0] if found else None)

    @property
    def accepted(self) -> bool:
        """True if the soup is published."""
        return self.rejected is None
