"""Which trials are exported, and what they become in the forms that other programs read."""

from tuner.results.export.choice import choose
from tuner.results.export.training_arguments import training_arguments

__all__ = ["choose", "training_arguments"]
