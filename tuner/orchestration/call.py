"""Request for an operation: from a command line, or from a call of the Python API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tuner.execution.interfaces import SweepHooks
from tuner.processes.invocation import Invocation


@dataclass(frozen=True, kw_only=True)
class Call:
    """Request of a user."""

    invocation: Invocation
    """Command that repeats or changes the request."""
    overrides: Sequence[str]
    """Overrides as the user gave them, passed to other processes of the same sweep."""
    tags: Mapping[str, str]
    """Origin of the runs, as MLflow's tags."""
    hooks: SweepHooks = field(default_factory=SweepHooks)
    """Functions of the caller for the trials of the search."""
