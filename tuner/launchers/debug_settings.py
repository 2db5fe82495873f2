"""Settings of the launcher without worker processes; what it runs is imported with it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from tuner.devices.slots import local_slots
from tuner.fields.bounds import Condition
from tuner.settings.launchers import LauncherSettings

if TYPE_CHECKING:
    from tuner.launchers.debug import DebugLauncher

_ONE = Condition(
    text="1, or launcher=local, whose workers are processes", holds=lambda value: value == 1
)


@dataclass(frozen=True, kw_only=True)
class DebugSettings(LauncherSettings):
    """One trial at a time inside the command's own process and thread: for tests and breakpoints.

    Timeouts and the replacement of workers have no effect, since there is no worker process.
    """

    name: ClassVar[str] = "debug"
    runs_inline: ClassVar[bool] = True

    slots: Annotated[int | None, _ONE] = 1
    """Trials at a time; always 1."""

    def make(
        self,
        devices: int,
        folder: Path,  # noqa: ARG002
        notice: Callable[[str], None],
    ) -> "DebugLauncher":
        """Return the launcher; see `LauncherSettings.make`."""
        from tuner.launchers.debug import DebugLauncher  # noqa: PLC0415 - imports NumPy

        return DebugLauncher(local_slots(1, devices, notice=notice)[0])
