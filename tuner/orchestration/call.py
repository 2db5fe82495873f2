"""What asked for an operation: a command line, or a call of the Python API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tuner.execution.interfaces import SweepHooks
from tuner.processes.invocation import Invocation


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request of a user."""

    invocation: Invocation
    """How the user repeats or changes the request."""
    overrides: Sequence[str]
    """Overrides as the user gave them, which other processes of the same sweep take."""
    tags: Mapping[str, str]
    """Origin of the runs, as MLflow's tags."""
    hooks: SweepHooks = field(default_factory=SweepHooks)
    """Functions of the caller, for the trials of the search."""
