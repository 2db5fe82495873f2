"""Workers that give way to other processes of the machine."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tuner.devices.slots import local_slots
from tuner.fields.bounds import between
from tuner.launchers.local import LocalLauncher
from tuner.launchers.process import WORKER
from tuner.settings.launchers import LauncherSettings


@dataclass(frozen=True, kw_only=True)
class NiceSettings(LauncherSettings):
    """Workers on this machine with a lower priority, as `nice` gives it."""

    name: ClassVar[str] = "nice"

    niceness: Annotated[int, between(0, 19)] = 10
    """Added to the niceness of the command; 19: only what no other process wants."""

    def make(self, devices: int, folder: Path, notice: Callable[[str], None]) -> LocalLauncher:
        """Return the launcher of this machine, with another command for its workers."""
        del folder
        slots = local_slots(self.slots, devices, self.trials_per_gpu, notice)
        return LocalLauncher(slots, ("nice", "-n", str(self.niceness), *WORKER))
