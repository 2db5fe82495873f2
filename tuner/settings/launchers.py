"""Settings of launchers: one class beside each launcher, found by name.

Launchers lie above the configuration, and some import an extra. So each class of ours is named
here and imported when a launcher of its name is asked for, as those of installed packages are.
"""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from tuner.fields.bounds import Bounds, above, at_least, between
from tuner.fields.component import Component
from tuner.fields.registry import Registry

Launcher = Any
"""Type of `tuner.launchers.launcher`, which this package does not import."""

MOST_SLOTS = 10_000
"""Trials at a time, of a whole cluster, too."""

_SLOTS = Bounds(
    text=f"1 to {MOST_SLOTS:,}, or null for the machine's own count", low=1, high=MOST_SLOTS
)


@dataclass(frozen=True, kw_only=True)
class LauncherSettings(Component):
    """Settings that every launcher has.

    A subclass is a frozen dataclass with a `name`, fields with defaults, and `make`.

    Example:
        @dataclass(frozen=True, kw_only=True)
        class NiceSettings(LauncherSettings):
            \"\"\"Workers of this machine that give way to other processes.\"\"\"

            name: ClassVar[str] = "nice"

            niceness: Annotated[int, between(0, 19)] = 10
            \"\"\"Added to the priority value of each worker.\"\"\"

            def make(self, devices, folder, notice):
                slots = local_slots(self.slots, devices, self.trials_per_gpu, notice)
                return LocalLauncher(slots, ("nice", "-n", str(self.niceness), *WORKER))
    """

    group: ClassVar[str] = "launcher"

    runs_inline: ClassVar[bool] = False
    """True if trials run in the agent's own process, whose terminal a debugger may use, too."""

    slots: Annotated[int | None, _SLOTS] = None
    """Trials at a time; null: one per visible GPU, or per `training.devices` of them, otherwise as
    many as run fastest."""

    trials_per_gpu: Annotated[int, between(1, MOST_SLOTS)] = 1
    """Trials at a time on each GPU; they share its memory; for small models."""

    stop_timeout: Annotated[float, above(0)] = 10.0
    """Seconds that a worker gets to end before it is killed."""

    stall_timeout: Annotated[float | None, above(0)] = 600.0
    """Seconds of silence after which a running trial's worker is replaced; null: never."""

    max_attempts: Annotated[int, at_least(1)] = 3
    """Attempts at a trial whose worker dies; attempts with a smaller batch after running out of
    memory do not count."""

    trials_per_worker: Annotated[int | None, at_least(1)] = None
    """Trials after which a worker is replaced; null: when its memory grows."""

    @property
    def submits_agents(self) -> bool:
        """True if the command only submits agents as jobs of Slurm, and follows them."""
        return False

    @abstractmethod
    def make(self, devices: int, folder: Path, notice: Callable[[str], None]) -> Launcher:
        """Return the launcher; no worker is started yet.

        Args:
            devices: GPUs for one trial.
            folder: Folder of the study.
            notice: Shows a line that people should know, as of GPUs that others use.

        Raises:
            InputError: A package, a device or a cluster that it needs is missing.
        """


REGISTRY: Registry[LauncherSettings] = Registry(LauncherSettings)
"""All launchers by name."""

REGISTRY.declare("debug", "tuner.launchers.debug_settings:DebugSettings")
REGISTRY.declare("local", "tuner.launchers.local:LocalSettings")
REGISTRY.declare("ray", "tuner.launchers.ray_settings:RaySettings")
REGISTRY.declare("slurm", "tuner.launchers.slurm.settings:SlurmSettings")

DEFAULT = "local"
"""Launcher unless another one is chosen."""


def default_launcher() -> LauncherSettings:
    """Return the settings of the launcher that is used unless another one is chosen."""
    return REGISTRY.find(DEFAULT)()
