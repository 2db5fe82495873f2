"""Pre-trained encoders in Hugging Face format: where they are and what they are."""

from tuner.checkpoints.info import CheckpointInfo, inspect
from tuner.checkpoints.locate import locate

__all__ = ["CheckpointInfo", "inspect", "locate"]
