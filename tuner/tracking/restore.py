"""Trials that ended in the study and have no run in MLflow: sent again from their folders.

Their runs go with a store that was deleted, or are missing from one that was named later.
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
"""The tag, with the value yes, of runs that were sent again from the trial's folder."""

_ROLE = "trial"


@dataclass(frozen=True, kw_only=True)
class Restoration:
    """Earlier trials of a study, as far as they can be sent again."""

    study: StudyIdentity
    folder: StudyFolder
    outcomes: Sequence[TrialOutcome]
    """Every trial that had ended when this agent started."""
    nested: bool
    """Whether the sweep's run is the parent."""
    notice: Callable[[str], None]

    def spooled(self) -> set[int]:
        """Numbers of the trials that wait in a spool; to be asked before MLflow is."""
        return {number for spool in spools(self.folder.path / SPOOL) for number in _numbers(spool)}

    def send(self, spool: Spool, known: Iterable[Mapping[str, str]], spooled: set[int]) -> None:
        """Append what MLflow lacks to a spool, and say so.

        Args:
            spool: Ours.
            known: Tags of the study's runs of trials in MLflow.
            spooled: See `spooled`.
        """
        lacking = missing(self.outcomes, known, spooled)
        here = [each for each in lacking if self.folder.trial(each.number).outcome.exists()]
        for outcome in here:
            for event in self._events(spool, outcome):
                spool.append(event)
        if here:
            self.notice(
                f"MLflow lacked the runs of {len(here)} trials that had ended ({_listed(here)}): "
                "each is sent again from its folder, its last attempt alone"
            )
        if lost := [each for each in lacking if each not in here]:
            self.notice(
                f"MLflow lacks the runs of {len(lost)} trials that had ended ({_listed(lost)}), "
                f"and their folders are not in {self.folder.path}: only the agents that ran them "
                "can send them"
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
                **_cut(trial),
            },
            params=configuration_params(texts.get("config.yaml", ""))
            | {name: str(value) for name, value in outcome.parameters.items()}
            | _effective_batch(trial),
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
    """Return the trials that ended in the study and that MLflow does not show as ended so.

    Args:
        outcomes: Of the study.
        known: Tags of its runs of trials.
        spooled: Numbers of trials that are still to be sent.
    """
    shown = {(tags.get(number_tag(_ROLE)), tags.get("trial_state")) for tags in known}
    return [
        outcome
        for outcome in outcomes
        if outcome.number not in spooled
        and (str(outcome.number), outcome.state.value) not in shown
    ]


def _numbers(spool: Spool) -> Iterator[int]:
    with suppress(OSError):  # Sent and removed meanwhile.
        for event in spool.events():
            if isinstance(event, RunStarted) and event.tags.get("role") == _ROLE:
                yield int(event.tags[number_tag(_ROLE)])


def _origin(outcome: TrialOutcome) -> dict[str, str]:
    commit = outcome.provenance.git_commit
    return {COMMIT: commit} if commit else {}


def _training(trial: TrialFolder) -> Mapping[str, Any]:
    """Return the group `training` of a trial's configuration; empty where it cannot be read."""
    with suppress(OSError, UnicodeError, yaml.YAMLError, KeyError, TypeError):
        return dict(yaml.safe_load(trial.config.read_text(encoding="utf-8"))["training"])
    return {}


def _cut(trial: TrialFolder) -> dict[str, str]:
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
