"""The repeats of the leading configurations as trials of a study of their own."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from tuner.confirmation import CONFIRMS, SEED, beaten_by, is_raced_out, repeat_key, scores_of
from tuner.search.ranking import Direction
from tuner.study import Study
from tuner.trial.records import ClaimedTrial, TrialOutcome, TrialState

CLOSED = sys.maxsize
"""Total of a study all trials of which are waiting from the beginning."""


class Repeats:
    """Gives one repeat after another, without those that can no longer win."""

    def __init__(
        self,
        study: Study,
        leaders: Sequence[TrialOutcome],
        direction: Direction,
        notice: Callable[[str], None],
    ) -> None:
        """Bind the parts together.

        Args:
            study: Study of the repeats.
            leaders: The trials that are confirmed.
            direction: Direction in which the objective improves.
            notice: Shows messages for people.
        """
        self._study = study
        self._parameters = {leader.number: leader.parameters for leader in leaders}
        self._direction = direction
        self._notice = notice
        self._confirms: dict[int, int] = {}
        self._out: set[int] = set()

    def claim(self, total: int) -> ClaimedTrial | None:  # noqa: ARG002
        """Claim the next repeat of a configuration that may still win."""
        while (asked := self._study.claim(None)) is not None:
            trial = int(str(asked.parameters[CONFIRMS]))
            if not self._is_out(trial):
                self._confirms[asked.number] = trial
                seed = asked.parameters[SEED]
                searched = self._parameters[trial]
                return replace(asked, parameters={CONFIRMS: trial, **searched, SEED: seed})
            self._study.finish(
                TrialOutcome(
                    number=asked.number,
                    attempt=asked.attempt,
                    state=TrialState.PRUNED,
                    parameters=asked.parameters,
                    stopped_by="pruner",
                )
            )
        return None

    def may_claim(self, total: int) -> bool:  # noqa: ARG002
        """Return True if a repeat waits, or may come back from another agent."""
        return self._study.may_claim(CLOSED)

    def owns(self, number: int) -> bool:
        """Return True if a repeat is ours."""
        return self._study.owns(number)

    def started(self, number: int, config: str, *, attempt: int, crashes: int) -> None:
        """Note that an attempt begins with this configuration."""
        self._study.started(number, config, attempt=attempt, crashes=crashes)

    def report(self, number: int, point: int, values: Mapping[str, float]) -> None:
        """Report the goals at an evaluation point."""
        self._study.report(number, point, values)

    def should_prune(self, number: int) -> bool:
        """Return True if ended repeats show that the configuration cannot win."""
        return self._is_out(self._confirms[number])

    def finish(self, outcome: TrialOutcome) -> None:
        """Store the outcome of an attempt."""
        self._study.finish(outcome)

    def stop_retrying(self) -> None:
        """Stop waiting for a storage that is away."""
        self._study.stop_retrying()

    def _is_out(self, trial: int) -> bool:
        """Return True if a configuration is dropped; a dropped one stays so."""
        if trial not in self._parameters:
            return True  # A leader of an earlier start, before the search went on.
        ended = self._study.outcomes()
        out = {repeat_key(repeat)[0] for repeat in ended if is_raced_out(repeat)}
        if trial in out:
            return True
        found = scores_of(ended, self._direction)
        running = {each: found[each] for each in self._parameters if each in found.keys() - out}
        behind = beaten_by(running, trial)
        if behind is not None and trial not in self._out:
            self._out.add(trial)
            leader, by = behind
            self._notice(
                f"trial {trial} can no longer win and is repeated no more: it is behind trial "
                f"{leader} by {by.mean:.4f}, by at least {by.low:.4f} with 99 % confidence"
            )
        return behind is not None
