"""What sweeps left on the disk and nobody needs any more: found, measured and removed."""

from tuner.cleaning.leftover import Leftover, size_text
from tuner.cleaning.removal import removed

__all__ = ["Leftover", "removed", "size_text"]
