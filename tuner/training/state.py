"""All that one trial needs to go on later as if nothing had happened, saved and found again.

Which rows an update has follows from settings and seed (batches.py), so of the data order the
number of the update is all there is to keep.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import cattrs

from tuner.data import PreparedData
from tuner.fields import component
from tuner.fields.plugins import loaded_packages
from tuner.settings.between_starts import BetweenStarts, decision_of
from tuner.settings.settings import TrialSettings, between_starts
from tuner.training import device
from tuner.training.measured import Measured
from tuner.training.state_file import StateError, StateFile, total_bytes
from tuner.training.update import StepState
from tuner.training.vocabulary import trained_vocabulary
from tuner.trial.saving import expected_cost, worth_saving
from tuner.trial.serialization import from_plain, to_plain

FORMAT_VERSION = 3
"""Version to increase whenever a state of the same trial has other contents."""

_log = logging.getLogger(__name__)

_HOW_CUT = ("training.batch_size", "training.accumulation_steps", "training.effective_batch_size")
"""Keys that split an update without changing it: the effective batch is compared by itself."""

_DECISIONS = between_starts()
_FREE = (BetweenStarts.ANYTHING, BetweenStarts.SAME_CONTENT)
"""Contents of model and data are compared by themselves."""

_SHOWN = 3
"""Differences that the log names."""


@dataclass(kw_only=True)
class Position:
    """Position of a trial, beside the values of its variables.

    Attributes:
        update: The last update made, skipped ones included.
        point: The last evaluation point reported.
        skipped: Updates skipped so far.
        learning_rate: Learning rate of the last update.
        seconds: Since the trial began, the time between attempts left out.
        measured: Sums since the last point.
        losses: Mean losses of the last updates, for the watch.
    """

    update: int = 0
    point: int = 0
    skipped: int = 0
    learning_rate: float = 0.0
    seconds: float = 0.0
    measured: Measured = field(default_factory=Measured)
    losses: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Saved:
    """Record of a state beside its tensors.

    Attributes:
        identity: Identity of its trial.
        batch_size: With which it was made.
        position: Position of the trial.
        step: State of the update step.
    """

    identity: Mapping[str, Any]
    batch_size: int
    position: Position
    step: StepState


class Checkpointer:
    """Saves the state of one trial, when that is worth it, and finds it again."""

    def __init__(
        self,
        file: StateFile,
        settings: TrialSettings,
        data: PreparedData,
        variables: Mapping[str, Any],
        clock: Callable[[], float],
    ) -> None:
        """Bind the parts together; read and write nothing yet.

        Args:
            file: File of the state.
            settings: The trial's.
            data: The trial's.
            variables: All that the trial changes, by name.
            clock: In seconds.
        """
        self._file = file
        self._training = settings.training
        self._identity = identity(settings, data)
        self._variables = variables
        self._clock = clock
        self._since = clock()
        self._cost: float | None = None

    def load(self) -> tuple[Position, StepState] | None:
        """Restore the variables; return the rest, or None if nothing usable was saved."""
        try:
            saved = self._read()
            if saved is None:
                return None
            self._file.restore(self._variables)
        except StateError as error:
            _log.warning("%s is not used, the trial begins anew: %s", self._file.path, error)
            return None
        position, step = saved.position, saved.step
        _log.info("going on after update %d, point %d", position.update, position.point)
        if saved.batch_size != self._training.batch_size:
            step = step.of_another_split()
        return position, step

    def due(self, elapsed: float, share: float) -> bool:
        """Return True if the state is to be saved at an evaluation point; see `worth_saving`."""
        return worth_saving(
            self._training.save_state,
            elapsed=elapsed,
            share=share,
            since=self._clock() - self._since,
            cost=expected_cost(total_bytes(self._variables), self._cost),
        )

    def save(self, position: Position, step: StepState) -> None:
        """Save the state; if that fails, the trial and the last state are unchanged."""
        begun = self._clock()
        saved = Saved(
            identity=self._identity,
            batch_size=self._training.batch_size,
            position=position,
            step=step,
        )
        try:
            self._file.write(json.dumps(to_plain(saved)), self._variables)
        except Exception as error:  # whatever it is, training can go on
            _log.warning("the trial's state could not be saved: %s", error)
        self._since = self._clock()
        self._cost = self._since - begun

    def remove(self) -> None:
        """The trial has ended, and nothing is to be gone on with."""
        try:
            self._file.remove()
        except OSError as error:
            _log.warning("the trial's state could not be removed: %s", error)

    def _read(self) -> Saved | None:
        """Return the saved state of this trial.

        Raises:
            StateError: It is damaged or belongs to something else.
        """
        record = self._file.read()
        if record is None:
            return None
        try:
            plain = json.loads(record)
            if plain["identity"]["format"] != FORMAT_VERSION:
                raise StateError("it is of another format")
            theirs = {key: v for key, v in plain["identity"].items() if _decides(key)}
            different = sorted(
                key
                for key in {*theirs, *self._identity}
                if theirs.get(key) != self._identity.get(key)
            )
            if not different:
                return from_plain(Saved, plain)
        except (ValueError, KeyError, TypeError, cattrs.BaseValidationError) as error:
            raise StateError(f"it cannot be read ({type(error).__name__})") from error
        more = ", …" if len(different) > _SHOWN else ""
        raise StateError(f"it is of another {', '.join(different[:_SHOWN])}{more}")


def _decides(key: str) -> bool:
    """Return whether another value of a key makes another trial, which a state does not fit."""
    return key not in _HOW_CUT and decision_of(key, _DECISIONS) not in _FREE


def identity(settings: TrialSettings, data: PreparedData) -> dict[str, Any]:
    """Return the identity of a state: all that decides the trial, as JSON values."""
    vocabulary = trained_vocabulary(settings, data)
    flat = {
        f"{group}.{key}": value
        for group, fields in component.plain(settings).items()
        for key, value in fields.items()
        if _decides(f"{group}.{key}")
    }
    plain: dict[str, Any] = json.loads(
        json.dumps(
            flat
            | {
                "effective batch": settings.effective_batch_size,
                "data": data.fingerprint,
                "vocabulary": None if vocabulary is None else vocabulary.fingerprint,
                "checkpoint": data.checkpoint.fingerprint,
                "versions": device.versions() | loaded_packages(),
                "format": FORMAT_VERSION,
            }
        )
    )
    return plain
