"""Decision to take a slot out of service: its GPU fails while trials run elsewhere."""

from collections import Counter
from collections.abc import Collection

FAILURES = 3
"""Attempts in a row that killed a slot's worker or device, before it is out of service."""


class SlotHealth:
    """Results of the attempts of each slot, one after another."""

    def __init__(self) -> None:
        """Begin without results."""
        self._failures: Counter[int] = Counter()
        self._works: set[int] = set()

    def worked(self, slot: int) -> None:
        """Note that the slot's trial made a report, or ended by itself."""
        self._failures.pop(slot, None)
        self._works.add(slot)

    def failed(self, slot: int) -> None:
        """Note that the slot's worker or device died in a trial."""
        self._works.discard(slot)
        self._failures[slot] += 1

    def is_suspect(self, slot: int, others: Collection[int]) -> bool:
        """Return True if a trial that failed here should be tried again elsewhere.

        Args:
            slot: Index of the slot.
            others: The other slots in service.
        """
        return self._failures[slot] > 0 and any(not self._failures[other] for other in others)

    def rests(self, slot: int, others: Collection[int]) -> bool:
        """Return True if the slot gets no trial until another one shows whose fault it is."""
        return self._failures[slot] >= FAILURES and self.is_suspect(slot, others)

    def is_out(self, slot: int, others: Collection[int]) -> bool:
        """Return True if the slot is out of service from now on.

        Never where no other slot works: then it is the trials that fail.
        """
        return self._failures[slot] >= FAILURES and not self._works.isdisjoint(others)
