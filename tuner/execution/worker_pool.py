"""The workers of an agent's slots: who is free, who is replaced, which slot is given up."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping

from tuner.errors import TunerError
from tuner.execution.slot_health import SlotHealth
from tuner.execution.worker_recycling import WorkerRecycling
from tuner.launchers.launcher import Launcher, WorkerExited
from tuner.trial.recovery import death

_log = logging.getLogger(__name__)

STARTS = 3
"""A worker that dies so often in a row before it is ready will not start at all."""


class WorkerPool:
    """Keeps a worker in every slot that can hold one."""

    def __init__(
        self, launcher: Launcher, trials_per_worker: int | None, notice: Callable[[str], None]
    ) -> None:
        """Nobody is ready yet.

        Args:
            launcher: Its workers are already started.
            trials_per_worker: See `WorkerRecycling`.
            notice: Shows messages for people.
        """
        self._launcher = launcher
        self._notice = notice
        self._recycling = WorkerRecycling(trials_per_worker)
        self._health = SlotHealth()
        self._idle: set[int] = set()
        self._deaths: Counter[int] = Counter()
        self._replaced: set[int] = set()
        self._silent: set[int] = set()
        self._given_up: set[int] = set()
        self._devices: dict[int, str] = {}
        self._versions: dict[int, Mapping[str, str]] = {}

    def device(self, slot: int) -> str:
        """Device of the slot's last worker; empty before it was ready."""
        return self._devices.get(slot, "")

    def versions(self, slot: int) -> Mapping[str, str]:
        """Versions of the libraries of the slot's last worker."""
        return self._versions.get(slot, {})

    @property
    def idle(self) -> list[int]:
        """Slots whose workers wait for a trial."""
        return sorted(s for s in self._idle if not self._health.rests(s, self._others(s)))

    def is_suspect(self, slot: int) -> bool:
        """Return True if a trial that failed should be tried again in another slot."""
        return self._health.is_suspect(slot, self._others(slot))

    def ready(self, slot: int, device: str, versions: Mapping[str, str]) -> None:
        """Note that the slot's worker is ready, its device, and the versions of its libraries."""
        self._devices[slot], self._versions[slot] = device, versions
        self._deaths.pop(slot, None)
        self._idle.add(slot)

    def busy(self, slot: int) -> None:
        """The slot's worker has a trial."""
        self._idle.discard(slot)

    def works(self, slot: int) -> None:
        """The slot's trial made a report, or ended."""
        self._health.worked(slot)
        for other in self._others(slot):
            if self._health.is_out(other, {slot}):
                self._leave_out(other)

    def free(self, slot: int) -> None:
        """The slot's trial has ended; its worker waits for the next, unless it is worn."""
        self.works(slot)
        worn = self._recycling.after_trial(slot, self._launcher.memory(slot))
        if worn:
            _log.info("slot %d: %s", slot, worn)
            self._notice(f"the worker of slot {slot} is replaced: {worn}")
            self.replace(slot)
        else:
            self._idle.add(slot)

    def replace(self, slot: int) -> None:
        """End a worker that did nothing wrong, or holds memory that the next trial needs."""
        _log.info("slot %d: worker is replaced", slot)
        self._replaced.add(slot)
        self._launcher.kill_slot(slot)

    def broken(self, slot: int) -> None:
        """The slot's device failed in a trial: what its worker holds of it is of no use."""
        self._note_failure(slot)
        self.replace(slot)

    def silence(self, slot: int) -> None:
        """End a worker that has been silent for too long; `poll` returns its exit."""
        if slot not in self._silent:
            _log.info("slot %d: worker sent nothing for launcher.stall_timeout; killed", slot)
            self._silent.add(slot)
            self._launcher.kill_slot(slot)

    def was_silent(self, slot: int) -> bool:
        """Return True if a worker that exited had been ended for its silence; asked once."""
        silent = slot in self._silent
        self._silent.discard(slot)
        return silent

    def exited(self, slot: int, exited: WorkerExited, *, in_trial: bool) -> None:
        """A worker's process has ended: another one takes the slot, unless it is given up.

        Args:
            slot: Its slot.
            exited: Exit status and log.
            in_trial: It had a trial, or was ended in one.

        Raises:
            TunerError: Workers do not start, in any slot.
        """
        _log.info(
            "slot %d: worker exited with status %d%s%s, %d kills for lack of memory",
            slot,
            exited.code,
            " in a trial" if in_trial else "",
            f", node {exited.lost_node} is lost" if exited.lost_node else "",
            exited.oom_kills,
        )
        if exited.log:
            _log.debug("slot %d: the worker's log ends with: %s", slot, exited.log)
        self._idle.discard(slot)
        self._recycling.renewed(slot)
        if slot in self._replaced:
            self._replaced.discard(slot)
        elif not exited.lost_node:
            self._deaths[slot] += 1
            if in_trial:
                self._note_failure(slot)
            if self._deaths[slot] >= STARTS and slot not in self._given_up:
                self._give_up(slot, exited)
        if slot not in self._given_up:
            self._launcher.start(slot)

    def _others(self, slot: int) -> set[int]:
        """The other slots in service."""
        return set(self._launcher.slots) - self._given_up - {slot}

    def _note_failure(self, slot: int) -> None:
        self._health.failed(slot)
        if self._health.is_out(slot, self._others(slot)):
            self._leave_out(slot)

    def _leave_out(self, slot: int) -> None:
        _log.info("slot %d: out of service, its attempts fail and others work", slot)
        self._given_up.add(slot)
        self._idle.discard(slot)
        self._launcher.kill_slot(slot)
        self._notice(
            f"slot {slot}{self._device(slot)} is out of service: its last attempts took the "
            "worker or its device along, and other slots work; the sweep goes on without it"
        )

    def _give_up(self, slot: int, exited: WorkerExited) -> None:
        """Take a slot out of service whose worker does not start, as long as there is another."""
        why = death(exited.code, exited.log, exited.oom_kills).message
        if not self._others(slot):
            raise TunerError(f"the worker of slot {slot} does not start: {why}\n{exited.log}")
        _log.info("slot %d: out of service, its worker does not start: %s", slot, why)
        self._given_up.add(slot)
        self._notice(
            f"slot {slot}{self._device(slot)} is out of service: its worker does not start: "
            f"{why}; the sweep goes on without it\n{exited.log}"
        )

    def _device(self, slot: int) -> str:
        gpus = self._launcher.slots[slot].environment.get("CUDA_VISIBLE_DEVICES", "-1")
        return f" (GPU {gpus})" if gpus != "-1" else ""
