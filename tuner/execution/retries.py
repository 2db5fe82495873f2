"""Failed attempts and what follows; keeps the learned memory limits of the machine."""

import json
import logging
from collections import Counter, deque
from dataclasses import replace

from tuner.execution.attempt import Attempt
from tuner.files.atomic import write_whole
from tuner.settings.settings import TrialSettings
from tuner.trial.folder import StudyFolder
from tuner.trial.records import TrialSpec, TrialState
from tuner.trial.recovery import Limits, RetryAction, after_failure, uses_up_attempt

_log = logging.getLogger(__name__)


class Retries:
    """Attempts that wait for a worker, and the memory limits of earlier ones.

    Attributes:
        crashes: Number of attempts at each trial that ended with a worker or an agent that died.
    """

    def __init__(self, folder: StudyFolder, max_attempts: int) -> None:
        """Read the limits that an earlier start learned.

        Args:
            folder: The study's files.
            max_attempts: `launcher.max_attempts`.
        """
        self._file = folder.limits
        self._max_attempts = max_attempts
        self.crashes: Counter[int] = Counter()
        self._waiting: deque[TrialSpec] = deque()
        try:
            self._limits = Limits(json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            self._limits = Limits()

    def __bool__(self) -> bool:
        """True if an attempt waits."""
        return bool(self._waiting)

    def pop(self) -> TrialSpec:
        """Return the attempt that has waited longest."""
        return self._waiting.popleft()

    def cut(self, settings: TrialSettings) -> TrialSettings:
        """Return the same trial, split into micro-batches that are known to fit."""
        return self._limits.apply(settings)

    def follow(self, attempt: Attempt) -> str:
        """Decide what follows a failed attempt, and note it.

        Args:
            attempt: With its error; its `requested_state` becomes `retried` where another follows.

        Returns:
            A sentence for people; empty where the trial has failed for good.
        """
        error, spec = attempt.error, attempt.spec
        if error is None or attempt.requested_state is TrialState.INTERRUPTED:
            return ""
        advanced = len(attempt.reports) > attempt.kept
        self.crashes[spec.number] += uses_up_attempt(error, advanced=advanced)
        following = after_failure(
            error, spec.settings, self.crashes[spec.number], self._max_attempts
        )
        _log.info(
            "trial %d, attempt %d failed (%s), crash %d of %d: %s %s",
            spec.number,
            spec.attempt,
            error.kind,
            self.crashes[spec.number],
            self._max_attempts,
            following.verdict.name.lower(),
            following.message,
        )
        if following.settings is None:
            return following.message
        if following.verdict is RetryAction.SMALLER:
            self._limits.learn(following.settings)
            write_whole(self._file, json.dumps(self._limits.batches, indent=1) + "\n")
        attempt.requested_state = TrialState.RETRIED
        self._waiting.append(replace(spec, settings=following.settings, attempt=spec.attempt + 1))
        return following.message
