"""Which trials are exported, and what they become in the forms that other programs read."""

from tuner.core.exporting.choice import FORMATS, Choice, ExportSettings, choose, learned
from tuner.core.exporting.left_out import LeftOut
from tuner.core.exporting.overrides import as_overrides, delete_key, override
from tuner.core.exporting.training_arguments import training_arguments

__all__ = [
    "FORMATS",
    "Choice",
    "ExportSettings",
    "LeftOut",
    "as_overrides",
    "choose",
    "delete_key",
    "learned",
    "override",
    "training_arguments",
]
