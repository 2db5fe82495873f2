"""Fixtures of the tests of launchers."""

from tests.devices.nvidia_smi import nvidia_smi
from tests.devices.nvml import nvml

__all__ = ["nvidia_smi", "nvml"]
