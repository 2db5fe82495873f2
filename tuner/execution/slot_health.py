"""When a slot is taken out of service: its GPU fails, and the others show that trials can run."""

from collections import Counter
from collections.abc import Collection

FAILURES = 3
"""So many attempts in a row that took a slot's worker or its device along."""


class SlotHealth:
    """Results of the attempts of each slot, one after another."""

    def __init__(self) -> None:
        """Nothing has run so far."""
        self._failures: Counter[int] = Counter()
        self._works: set[int] = set()

    def worked(self, slot: int) -> None:
        """The slot's trial made a report, or came to an end of its own."""
        self._failures.pop(slot, None)
        self._works.add(slot)

    def failed(self, slot: int) -> None:
        """The slot's worker or its device died in a trial."""
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
