"""Settings of the launcher on Ray; they are read where Ray is not installed, too."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from tuner.errors import InputError
from tuner.fields.bounds import Bounds, at_least
from tuner.installation.remedies import install_extra
from tuner.settings.launchers import MOST_SLOTS, LauncherSettings

if TYPE_CHECKING:
    from tuner.launchers.ray import RayLauncher

_SLOTS = Bounds(
    text=f"1 to {MOST_SLOTS:,}, or null for the cluster's own count", low=1, high=MOST_SLOTS
)


@dataclass(frozen=True, kw_only=True)
class RaySettings(LauncherSettings):
    """Workers of one agent, placed by a Ray cluster; needs `uv pip install 'ray>=2.50'`."""

    name: ClassVar[str] = "ray"

    slots: Annotated[int | None, _SLOTS] = None
    """Trials at a time in the whole cluster; null: as many as its nodes have room for, including
    nodes that join."""

    address: str | None = "auto"
    """`HOST:PORT` or `ray://HOST:PORT`; `auto`: RAY_ADDRESS, else the cluster of this machine,
    else `local`; `local`: a Ray of this machine only, which stops with the command; null:
    RAY_ADDRESS, else `local`."""

    cpus_per_trial: Annotated[int, at_least(1)] = 1
    """CPU cores reserved for each worker; also its number of threads."""

    def make(self, devices: int, folder: Path, notice: Callable[[str], None]) -> "RayLauncher":
        """Return the launcher, connected to the cluster; see `LauncherSettings.make`."""
        try:
            from tuner.launchers.ray import RayLauncher  # noqa: PLC0415 - an extra
        except ModuleNotFoundError as error:
            raise InputError(
                "Ray is not installed", where="launcher=ray", remedy=install_extra("ray")
            ) from error
        return RayLauncher(self, devices, folder, notice=notice)
