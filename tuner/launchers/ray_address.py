"""Choice of the Ray cluster that a sweep runs on."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

AUTO = "auto"
LOCAL = "local"


class Source(Enum):
    """Origin of an address."""

    SETTING = "launcher.address"
    VARIABLE = "RAY_ADDRESS"
    SEARCH = "launcher.address=auto"


@dataclass(frozen=True, kw_only=True)
class RayAddress:
    """Address as `ray.init` takes it."""

    address: str
    """`HOST:PORT`, `ray://HOST:PORT`, or `local` for a new Ray of this machine alone."""

    source: Source
    """Origin of the address."""

    @property
    def where(self) -> str:
        """Place that a user changes for another address."""
        found = self.source is Source.SEARCH
        return f"{self.source.value}{', which found ' if found else '='}{self.address}"

    @property
    def is_local(self) -> bool:
        """True if a Ray of this machine alone is to be started."""
        return self.address == LOCAL


def choose(
    setting: str | None, variable: str | None, running: Callable[[], str | None]
) -> RayAddress:
    """Return the cluster to join, or that a Ray of this machine alone is to be started.

    Args:
        setting: `launcher.address`: an address, `local`, `auto` (RAY_ADDRESS, else the running
            cluster, else `local`), or None (RAY_ADDRESS, else `local`).
        variable: RAY_ADDRESS of the environment, which may be `auto` or `local`, too.
        running: Looks for the cluster that this machine is a node of; called if needed.
    """
    if setting is not None and setting != AUTO:
        return RayAddress(address=setting, source=Source.SETTING)
    if variable and variable != AUTO:
        return RayAddress(address=variable, source=Source.VARIABLE)
    if AUTO in (setting, variable):
        return RayAddress(address=running() or LOCAL, source=Source.SEARCH)
    return RayAddress(address=LOCAL, source=Source.SETTING)
