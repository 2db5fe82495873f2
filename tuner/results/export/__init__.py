"""Which trials are exported, and what they become in the forms that other programs read."""

from tuner.results.export.choice import Choice, choose, learned
from tuner.results.export.left_out import LeftOut
from tuner.results.export.training_arguments import training_arguments

__all__ = [
    "Choice",
    "LeftOut",
    "choose",
    "learned",
    "training_arguments",
]
