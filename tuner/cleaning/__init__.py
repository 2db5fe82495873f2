"""Leftovers of sweeps on the disk that nobody needs any more: found, measured and removed."""

from tuner.cleaning.leftover import Leftover, size_text
from tuner.cleaning.removal import remove_leftovers

__all__ = ["Leftover", "remove_leftovers", "size_text"]
