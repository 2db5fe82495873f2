"""Export: choice of trials, and configurations for other programs."""

from tuner.results.export.choice import choose
from tuner.results.export.training_arguments import training_arguments

__all__ = ["choose", "training_arguments"]
