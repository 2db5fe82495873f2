"""Certificate of a trial: marks of its losses and weights, and their comparison with a repetition.

A trial that is repeated with the same configuration on the same device gives the same marks, to
the last bit. Where it does not, `compare` finds the first update that differs, and `changed` what
has changed since.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

EARLY_UPDATES = (1, 10, 100)
"""Updates with a mark of their own; every evaluation point has one, too."""

ROUNDING = 1e-3
"""Relative difference of two losses up to which another order of additions may be the cause.
Training magnifies such differences."""

SHOWN = 60
"""Characters of a value that a line shows."""

_SEED = "training.seed"


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Loss and weights after one update."""

    update: int
    """Number of updates made."""

    loss: float
    """Mean training loss over the update's examples, before the update."""

    weights: str
    """Hash of all trained weights after the update, 16 hexadecimal digits."""

    val_loss: float | None = None
    """Validation loss; None where no evaluation point follows the update."""


class Agreement(StrEnum):
    """Agreement of a repetition with its trial."""

    IDENTICAL = "identical"
    ROUNDING = "identical within rounding"
    DIFFERENT = "different"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Comparison of a repetition's marks with those of its trial."""

    agreement: Agreement
    """Agreement up to the last update that both have."""

    updates: int
    """Last update that was compared."""

    marks: int
    """Number of marks that were compared."""

    first: tuple[Mark, Mark] | None = None
    """First marks that differ, beyond rounding where some do: recorded, repeated. None: none."""

    @property
    def is_different(self) -> bool:
        """True if more than rounding differs."""
        return self.agreement is Agreement.DIFFERENT


def compare(recorded: Sequence[Mark], repeated: Sequence[Mark]) -> Comparison:
    """Compare marks of the same updates.

    Args:
        recorded: Marks of the trial.
        repeated: Marks of its repetition, perhaps of its first updates alone.
    """
    before = {mark.update: mark for mark in recorded}
    pairs = [(before[mark.update], mark) for mark in repeated if mark.update in before]
    unequal = [pair for pair in pairs if pair[0] != pair[1]]
    far = [pair for pair in unequal if not _are_close(*pair)]
    return Comparison(
        agreement=(
            Agreement.DIFFERENT if far else Agreement.ROUNDING if unequal else Agreement.IDENTICAL
        ),
        updates=pairs[-1][0].update if pairs else 0,
        marks=len(pairs),
        first=next(iter(far or unequal), None),
    )


def _are_close(old: Mark, new: Mark) -> bool:
    losses = [(old.loss, new.loss)]
    if old.val_loss is not None and new.val_loss is not None:
        losses.append((old.val_loss, new.val_loss))
    return all(abs(a - b) <= ROUNDING * max(abs(a), abs(b)) for a, b in losses)


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Everything that decides the marks of a trial."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """Value of each configuration key, in the form of JSON."""

    data: str | None = None
    """SHA-256 of texts and targets; None where it is not known."""

    checkpoint: str | None = None
    """SHA-256 of the model's files."""

    versions: Mapping[str, str] = field(default_factory=dict)
    """Version of each library."""

    threads: int = 0
    """CPU threads; 0: not known."""

    device: str = ""
    """Device in words; empty: not known."""

    code: str = ""
    """Hash of the program's own files; empty: not known."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One condition that differs."""

    kind: str
    """`seed`, `configuration KEY`, `data`, `checkpoint`, `version of LIBRARY`, `threads`, `device`
    or `code`."""

    before: str
    """Recorded value."""

    after: str
    """Present value."""

    def __str__(self) -> str:
        """Return a line `kind: before → now`."""
        return f"{self.kind}: {self.before} → {self.after}"


def changed(recorded: Conditions, now: Conditions) -> Iterator[Change]:
    """Yield the conditions that differ, the most likely cause first; unknown ones are left out."""
    keys = sorted({*recorded.settings, *now.settings}, key=lambda key: (key != _SEED, key))
    settings = (
        ("seed" if key == _SEED else f"configuration {key}", before, after)
        for key in keys
        if (before := recorded.settings.get(key)) != (after := now.settings.get(key))
    )
    versions = (
        (f"version of {name}", before, now.versions.get(name, "not installed"))
        for name, before in recorded.versions.items()
    )
    others = (
        ("data", recorded.data, now.data),
        ("checkpoint", recorded.checkpoint, now.checkpoint),
        *versions,
        ("threads", recorded.threads, now.threads),
        ("device", recorded.device, now.device),
        ("code", recorded.code, now.code),
    )
    known = ((kind, old, new) for kind, old, new in others if old and new and old != new)
    for kind, before, after in (*settings, *known):
        yield Change(kind=kind, before=str(before)[:SHOWN], after=str(after)[:SHOWN])
