"""Restoration of MLflow runs of ended trials from the trials' folders.

They are missing if a store was deleted, or named only later.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tuner.tracking.events import Event, RunStarted
from tuner.tracking.origins import COMMIT
from tuner.tracking.params import configuration_params
from tuner.tracking.runs import (
    ATTEMPT,
    KEY,
    SWEEP,
    number_tag,
    point_logged,
    study_tags,
    trial_ended,
)
from tuner.tracking.spool import SPOOL, Spool, spools
from tuner.tracking.view import COLOUR_TAG, colour
from tuner.trial.folder import StudyFolder, TrialFolder
from tuner.trial.records import TrialOutcome
from tuner.trial.recovery import cut_text
from tuner.trial.study_identity import StudyIdentity

RESTORED = "restored"
"""Tag, with the value yes, of runs that were restored from the trial's folder."""

_ROLE = "trial"


@dataclass(frozen=True, kw_only=True)
class Restoration:
    """Earlier trials of a study whose runs can be sent again."""

    study: StudyIdentity
    folder: StudyFolder
    outcomes: Sequence[TrialOutcome]
    """Outcomes of the trials that had ended when this agent started."""
    nested: bool
    """True if the sweep's run is the parent."""
    notice: Callable[[str], None]

    def spooled(self) -> set[int]:
        """Return the numbers of the trials in all spools; to be called before MLflow is asked."""
        return {number for spool in spools(self.folder.path / SPOOL) for number in _numbers(spool)}

    def send(self, spool: Spool, known: Iterable[Mapping[str, str]], spooled: set[int]) -> None:
        """Append the runs that MLflow lacks to a spool, and show a notice.

        Args:
            spool: Spool of this agent.
            known: Tags of the study's trial runs in MLflow.
            spooled: Result of `spooled`.
        """
        lacking = missing(self.outcomes, known, spooled)
        here = [each for each in lacking if self.folder.trial(each.number).outcome.exists()]
        for outcome in here:
            for event in self._events(spool, outcome):
                spool.append(event)
        if here:
            self.notice(
                f"MLflow lacked the runs of {len(here)} ended trials ({_listed(here)}): the last "
                "attempt of each is sent again from its folder"
            )
        if lost := [each for each in lacking if each not in here]:
            self.notice(
                f"MLflow lacks the runs of {len(lost)} ended trials ({_listed(lost)}), and their "
                f"folders are not in {self.folder.path}: only the agents that ran them can send "
                "them"
            )

    def _events(self, spool: Spool, outcome: TrialOutcome) -> Iterator[Event]:
        trial = self.folder.trial(outcome.number)
        run = f"{outcome.number}-{outcome.attempt}-{RESTORED}"
        end = _changed(trial.outcome)
        texts = _config(trial)
        at = end - int(1000 * outcome.seconds)
        yield RunStarted(
            at=at,
            run=run,
            identity={KEY: f"{self.study.id}.{run}"},
            name=f"{_ROLE}-{outcome.number:05d}",
            tags={
                "role": _ROLE,
                **study_tags(self.study),
                number_tag(_ROLE): str(outcome.number),
                ATTEMPT: str(outcome.attempt),
                COLOUR_TAG: colour(outcome.number),
                RESTORED: "yes",
                **_origin(outcome),
                **_split_tag(trial),
            },
            params=configuration_params(
                texts.get("config.yaml", ""),
                {name: str(value) for name, value in outcome.parameters.items()}
                | _effective_batch(trial),
            ),
            texts=texts,
            parent=SWEEP if self.nested else "",
        )
        steps: Counter[int] = Counter()
        for report in trial.read_reports():
            share = report.examples_seen / max(1, report.total_examples)
            steps[report.examples_seen] += 1
            when = at + int((end - at) * min(1.0, share))
            yield point_logged(run, report, when, steps[report.examples_seen])
        yield trial_ended(run, outcome, spool.attach(run, trial.artifacts), (), end)


def missing(
    outcomes: Sequence[TrialOutcome],
    known: Iterable[Mapping[str, str]],
    spooled: Collection[int],
) -> list[TrialOutcome]:
    """Return the ended trials of the study that MLflow does not show with their end.

    Args:
        outcomes: Outcomes of the study's trials.
        known: Tags of its trial runs in MLflow.
        spooled: Numbers of the trials that are still to be sent.
    """
    shown = {(tags.get(number_tag(_ROLE)), tags.get("trial_state")) for tags in known}
    return [
        outcome
        for outcome in outcomes
        if outcome.number not in spooled
        and (str(outcome.number), outcome.state.value) not in shown
    ]


def _numbers(spool: Spool) -> Iterator[int]:
    with suppress(OSError):  # It was sent and removed meanwhile.
        for event in spool.events():
            if isinstance(event, RunStarted) and event.tags.get("role") == _ROLE:
                yield int(event.tags[number_tag(_ROLE)])


def _origin(outcome: TrialOutcome) -> dict[str, str]:
    commit = outcome.provenance.git_commit
    return {COMMIT: commit} if commit else {}


def _training(trial: TrialFolder) -> Mapping[str, Any]:
    """Return the group `training` of a trial's configuration; empty if it cannot be read."""
    with suppress(OSError, UnicodeError, yaml.YAMLError, KeyError, TypeError):
        return dict(yaml.safe_load(trial.config.read_text(encoding="utf-8"))["training"])
    return {}


def _split_tag(trial: TrialFolder) -> dict[str, str]:
    training = _training(trial)
    if not training:
        return {}
    rows, steps = training.get("batch_size"), training.get("accumulation_steps")
    return {"split": cut_text(rows, steps, bool(training.get("rematerialize")))}


def _effective_batch(trial: TrialFolder) -> dict[str, str]:
    with suppress(KeyError, TypeError):
        training = _training(trial)
        parts = [training[name] for name in ("batch_size", "accumulation_steps", "devices")]
        whole = training.get("effective_batch_size") or math.prod(parts)
        return {"effective_batch_size": str(whole)}
    return {}


def _config(trial: TrialFolder) -> dict[str, str]:
    with suppress(OSError, UnicodeError):
        return {"config.yaml": trial.config.read_text(encoding="utf-8")}
    return {}


def _changed(file: Path) -> int:
    return int(file.stat().st_mtime * 1000)


def _listed(outcomes: Sequence[TrialOutcome], most: int = 10) -> str:
    numbers = [str(outcome.number) for outcome in outcomes]
    return ", ".join(numbers[:most]) + (" …" if len(numbers) > most else "")
