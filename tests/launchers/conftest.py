"""What the tests of launchers share."""

from tests.launchers.nvidia_smi import nvidia_smi

__all__ = ["nvidia_smi"]
