"""What the tests of launchers share."""

from tests.devices.nvidia_smi import nvidia_smi

__all__ = ["nvidia_smi"]
