"""Attempts that failed and what follows them; keeps what was learned of the machine's memory."""

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
    """The attempts that wait for a worker, and the limits that earlier ones ran into.

    Attributes:
        crashes: Number of attempts at each trial that ended with a worker or an agent that died.
    """

    def __init__(self, folder: StudyFolder, max_attempts: int) -> None:
        """Reads what an earlier start learned.

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
        """The attempt that has waited longest."""
        return self._waiting.popleft()

    def cut(self, settings: TrialSettings) -> TrialSettings:
        """A trial in pieces that fit, as far as is known; the same trial."""
        return self._limits.apply(settings)

    def follow(self, attempt: Attempt) -> str:
        """Decides what follows a failed attempt, and notes it.

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
            following.told,
        )
        if following.settings is None:
            return following.told
        if following.verdict is RetryAction.SMALLER:
            self._limits.learn(following.settings)
            write_whole(self._file, json.dumps(self._limits.batches, indent=1) + "\n")
        attempt.requested_state = TrialState.RETRIED
        self._waiting.append(replace(spec, settings=following.settings, attempt=spec.attempt + 1))
        return following.told
