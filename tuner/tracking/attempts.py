"""Runs of several attempts at one trial: their order, and the tags that it implies."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tuner.tracking.connection import Connection
from tuner.tracking.events import RunStarted
from tuner.tracking.runs import ATTEMPT, KEY, RESUMED, RUN_STATUS, STATE, number_tag
from tuner.tracking.spool import Spool
from tuner.trial.records import TrialState

if TYPE_CHECKING:
    from mlflow.entities import Run

RECENT_SECONDS = 10.0


class Attempts:
    """Finds and marks the runs of other attempts at a trial."""

    def __init__(self, connection: Connection) -> None:
        """Bind to a connection without any request.

        Args:
            connection: Connection to the store.
        """
        self._connection = connection

    def unrecorded(self, spool: Spool, event: RunStarted) -> str | None:
        """Return the run that an attempt continues if the trial's folder has no record of it.

        Versions without `mlflow_run.json` made such runs.
        """
        names = ("role", number_tag(event.tags["role"]), "split")
        runs = self._earlier(spool, event, {name: event.tags[name] for name in names})
        last = max(runs, key=attempt_of, default=None)
        return last.info.run_id if last else None

    def mark_earlier(self, spool: Spool, event: RunStarted, own: str) -> None:
        """Mark the runs of earlier attempts that an attempt does not continue.

        Args:
            spool: Spool of the event.
            event: Event with which the attempt begins.
            own: MLflow's id of its run.
        """
        client = self._connection.get().client
        for run in self._earlier(spool, event, _trial(event)):
            name = run.info.run_id
            if name == own:
                continue
            client.set_tag(name, STATE, TrialState.RETRIED.value)
            if run.info.status == "RUNNING":
                status = RUN_STATUS[TrialState.RETRIED]
                client.set_terminated(name, status, end_time=event.at)

    def mark_if_earlier(self, spool: Spool, event: RunStarted, own: str) -> None:
        """Mark a run that arrives after the run of a later attempt, which did not continue it.

        Args:
            spool: Spool of the event.
            event: Event with which the attempt begins.
            own: MLflow's id of its run.
        """
        if not spool.study_id:
            return
        runs = self._connection.runs_of(spool.study_id, _trial(event))
        attempt = int(event.tags[ATTEMPT])
        if any(attempt_of(run) > attempt for run in runs if run.info.run_id != own):
            client = self._connection.get().client
            client.set_tag(own, STATE, TrialState.RETRIED.value)

    def _earlier(self, spool: Spool, event: RunStarted, tags: Mapping[str, str]) -> "list[Run]":
        runs = self._connection.runs_of(spool.study_id, tags)
        attempt = int(event.tags[ATTEMPT])
        return [
            run
            for run in runs
            if attempt_of(run) < attempt
            # Single fine-tunes belong to no study; their numbers are unique in their folder only.
            and (spool.study_id or run.data.tags.get(KEY, "").startswith(spool.name))
        ]


def _trial(event: RunStarted) -> dict[str, str]:
    return {name: event.tags[name] for name in ("role", number_tag(event.tags["role"]))}


def attempt_of(run: "Run") -> int:
    """Return the number of the latest attempt that wrote to a run; 0 if it belongs to no trial."""
    return int(run.data.tags.get(ATTEMPT, "0"))


def started_at(run: "Run") -> int:
    """Return when a run began or was last continued, in milliseconds since the epoch."""
    resumed = run.data.tags.get(RESUMED)
    if resumed is None:
        return int(run.info.start_time)
    return round(1000 * datetime.fromisoformat(resumed).timestamp())


def as_time(at: int) -> str:
    """Return a time in milliseconds since the epoch as text, in UTC."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")


def is_recent(at: int) -> bool:
    """Return True if no other agent can have taken a trial over since; that takes minutes."""
    return time.time() - at / 1000 < RECENT_SECONDS
