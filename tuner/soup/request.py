"""Request for a soup, and the progress of building it."""

from dataclasses import dataclass

from tuner.metrics import MetricRecord
from tuner.settings.settings import TrialSettings
from tuner.soup.records import Member


@dataclass(frozen=True, kw_only=True)
class MemberFile:
    """A model that may become a member, and its file."""

    member: Member
    """The model."""
    path: str
    """Absolute path of what its training has changed, see `Decision.SAVE_MEMBER`."""


@dataclass(frozen=True, kw_only=True)
class SoupRequest:
    """All that building a soup needs."""

    settings: TrialSettings
    """Configuration of the leading trial: data, model and task are those of the soup."""
    members: tuple[MemberFile, ...]
    """Models to select from, in any order."""
    instead_of: Member
    """Model that is published without a soup, one of the members."""
    objective: str
    """Metric of the validation rows that selects."""
    metrics: tuple[MetricRecord, ...] = ()
    """Users' metrics to measure."""
    folder: str
    """Absolute path of the model's folder, which is made, or replaced, if the soup is accepted."""
    threads: int | None = None
    """CPU threads to compute with; None leaves the choice to TensorFlow."""


@dataclass(frozen=True, kw_only=True)
class SoupProgress:
    """Sent after each model that was evaluated."""

    done: int
    """Number of models evaluated so far."""
    total: int
    """Number of models that will be evaluated."""
