"""MLflow's store: each event as the requests that write it, in repeatable steps."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from tuner.tracking.attempts import Attempts, as_time, attempt_of, is_recent, started_at
from tuner.tracking.connection import Connection
from tuner.tracking.events import (
    Event,
    MetricsLogged,
    Opened,
    ParetoFrontChanged,
    RunEnded,
    RunStarted,
    TrialsAbandoned,
    ViewSaved,
)
from tuner.tracking.failures import RefusedError
from tuner.tracking.run_points import RunPoints
from tuner.tracking.runs import (
    ATTEMPT,
    FRONT,
    KEY,
    OUTCOME_TAGS,
    RESUMED,
    RUN_STATUS,
    STATE,
    SWEEP,
    TRIAL_LINK,
    foreign_notice,
    linked,
    number_tag,
)
from tuner.tracking.spool import Spool
from tuner.tracking.view import DESCRIPTION_TAG, TRAINING, note, view_tag, with_line
from tuner.trial.records import TrialState
from tuner.trial.study_identity import StudyIdentity

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

T = TypeVar("T")

PARAM_LENGTH = 6000
TAG_LENGTH = 5000
POINTS_A_REQUEST = 20
PARAMS_A_REQUEST = 100


@dataclass(frozen=True, kw_only=True)
class Step:
    """One request or a few, which may be repeated without harm."""

    event: Event
    """Event that it is a part of."""
    send: Callable[[], None]
    """Function that sends the requests."""


class Store:
    """Writes events of spools to the experiment of one study; used by one thread."""

    def __init__(
        self,
        uri: str,
        study: StudyIdentity,
        notice: Callable[[str], None] = lambda text: None,  # noqa: ARG005
    ) -> None:
        """Name the store without connecting.

        Args:
            uri: MLflow's tracking URI.
            study: Identity of the study; its name is that of the experiment.
            notice: Function called about other studies in the experiment, once connected.
        """
        self._connection = Connection(uri, study)
        self._notice = notice
        self._announced = False
        self._runs: dict[tuple[str, str], str] = {}
        self._tried: set[tuple[str, str]] = set()
        self._runs_started: dict[str, dict[str, RunStarted]] = {}
        self._attempts = Attempts(self._connection)
        self._points = RunPoints(lambda: self._client)
        self._params: dict[str, frozenset[str]] = {}
        """Names of the params that each run had, which MLflow never changes."""
        self._replaced: set[tuple[str, str]] = set()
        """Runs that a later attempt has taken over; their state is no longer ours."""
        self._made = ""
        """MLflow's id of the sweep's run if this process made it; else empty."""

    @property
    def shown(self) -> str:
        """Address without a password."""
        return self._connection.shown

    @property
    def place(self) -> str:
        """Address and experiment; see `Connection.place`."""
        return self._connection.place

    @property
    def experiment(self) -> str | None:
        """MLflow's id of the experiment; None before the first connection."""
        return self._connection.experiment

    def connect(self) -> None:
        """Connect, which takes seconds; make a missing store or experiment."""
        self._connection.get()
        if self._announced:
            return
        if self._connection.incomplete_store:
            self._notice(
                f"an interrupted start had left MLflow's store incomplete; it was made anew, and "
                f"the former file, without runs, is {self._connection.incomplete_store}"
            )
        study = self._connection.study
        foreign = self._connection.foreign_sweeps() if study.id else ()
        self._announced = True
        if foreign:
            self._notice(foreign_notice(study, [run.data.tags for run in foreign]))

    def trial_tags(self) -> list[Mapping[str, str]]:
        """Return the tags of the study's trial runs."""
        study = self._connection.study
        return [run.data.tags for run in self._connection.runs_of(study.id, {"role": "trial"})]

    def check(self) -> None:
        """Raise StoreReplacedError if the store's file was replaced; see `Connection.check`."""
        self._connection.check()

    def unusable_reason(self) -> Exception | None:
        """Return the error if the store cannot be used at all; else None."""
        return self._connection.unusable_reason()

    @property
    def _client(self) -> "MlflowClient":
        return self._connection.get().client

    # -- steps --------------------------------------------------------------------------------

    def steps(self, spool: Spool, events: Sequence[Event]) -> Iterator[Step]:
        """Yield the steps that send some events, in order; points of one run go together."""
        waiting: dict[str, list[MetricsLogged]] = {}
        for event in events:
            match event:
                case MetricsLogged(run=run):
                    waiting.setdefault(run, []).append(event)
                case RunStarted():
                    yield from self._begin(spool, event)
                case RunEnded(run=run):
                    yield from self._log(spool, waiting.pop(run, []))
                    yield from self._end(spool, event)
                case ViewSaved(view=view):
                    yield Step(event=event, send=partial(self._show, spool, view))
                case TrialsAbandoned():
                    yield Step(event=event, send=partial(self._abandon, spool, event))
                case ParetoFrontChanged(numbers=numbers):
                    yield Step(event=event, send=partial(self._mark_front, spool, numbers))
                case Opened():
                    pass
        for logged in waiting.values():
            yield from self._log(spool, logged)

    def _begin(self, spool: Spool, event: RunStarted) -> Iterator[Step]:
        yield Step(event=event, send=partial(self._make, spool, event))
        for some in _chunks(list(event.params.items()), PARAMS_A_REQUEST):
            send = partial(self._write, spool, event.run, params=dict(some))
            yield Step(event=event, send=send)
        if event.datasets:
            yield Step(event=event, send=partial(self._log_datasets, spool, event))
        yield from self._texts(spool, event)
        if int(event.tags.get(ATTEMPT, "1")) > 1:
            yield Step(event=event, send=partial(self._replace_earlier, spool, event))

    def _log(self, spool: Spool, events: Sequence[MetricsLogged]) -> Iterator[Step]:
        for some in _chunks(events, POINTS_A_REQUEST):
            yield Step(event=some[0], send=partial(self._write, spool, some[0].run, points=some))

    def _end(self, spool: Spool, event: RunEnded) -> Iterator[Step]:
        point = MetricsLogged(
            at=event.at, run=event.run, step=event.step, metrics=event.metrics, nth=0
        )
        if event.run != SWEEP:
            yield Step(event=event, send=partial(self._mark_if_replaced, spool, event.run))
        send = partial(self._write, spool, event.run, points=[point], tags=event.tags)
        yield Step(event=event, send=send)
        yield from self._texts(spool, event)
        for kept in event.files:
            yield Step(event=event, send=partial(self._upload, spool, event.run, kept))
        yield Step(event=event, send=partial(self._terminate, spool, event))
        if not spool.fresh and event.tags.get(STATE) == TrialState.INTERRUPTED.value:
            yield Step(event=event, send=partial(self._mark_if_retried, spool, event.run))

    def _texts(self, spool: Spool, event: RunStarted | RunEnded) -> Iterator[Step]:
        for name, text in event.texts.items():
            send = partial(self._upload_text, spool, event.run, name, text)
            yield Step(event=event, send=send)

    # -- requests -----------------------------------------------------------------------------

    def _make(self, spool: Spool, event: RunStarted) -> None:
        """Make a run, unless an earlier try or an earlier start has made it."""
        key = (spool.name, event.run)
        own = KEY in event.identity and not event.resumes and is_recent(event.at)
        first = own and spool.fresh and key not in self._tried
        self._tried.add(key)
        known = self._runs_started.setdefault(spool.name, {})
        known[event.run] = replace(event, texts={}, params={}, datasets=())
        found = None if first else self._connection.find(event.identity)
        if found is None and event.resumes:
            found = self._attempts.unrecorded(spool, event)
        if found is not None:
            self._runs[key] = found
            self._continue_run(spool, event)
            return
        tags = {**event.tags, **event.identity}
        if event.parent:
            tags["mlflow.parentRunId"] = self._run(spool, event.parent)
        made = self._client.create_run(
            self._connection.get().experiment,
            start_time=event.at - round(1000 * event.seconds_before),
            tags=tags,
            run_name=event.name,
        )
        self._runs[key] = made.info.run_id
        self._points.mark_own(made.info.run_id)
        if event.run == SWEEP:
            self._made = made.info.run_id

    def _continue_run(self, spool: Spool, event: RunStarted) -> None:
        """Continue an existing run, unless a later attempt has taken it over."""
        found = self._runs[spool.name, event.run]
        run = self._client.get_run(found)
        self._points.mark_shared(found)
        self._params[found] = frozenset(run.data.params)
        if self._is_replaced(spool, event.run, run):
            return
        tags = dict(event.tags)
        if spool.fresh:
            self._client.update_run(found, status="RUNNING")
        if event.resumes:
            for name in set(OUTCOME_TAGS) & set(run.data.tags):
                self._client.delete_tag(found, name)
            tags |= {**event.identity, RESUMED: as_time(event.at)}
        self._write(spool, event.run, tags=tags)

    def _log_datasets(self, spool: Spool, event: RunStarted) -> None:
        datasets = [each.to_input() for each in event.datasets]
        self._client.log_inputs(self._run(spool, event.run), datasets)

    def _replace_earlier(self, spool: Spool, event: RunStarted) -> None:
        self._attempts.mark_earlier(spool, event, self._run(spool, event.run))

    def _mark_if_retried(self, spool: Spool, run: str) -> None:
        begun = self._event(spool, run)
        if begun is not None and (spool.name, run) not in self._replaced:
            self._attempts.mark_if_earlier(spool, begun, self._run(spool, run))

    def _mark_if_replaced(self, spool: Spool, run: str) -> None:
        self._is_replaced(spool, run, self._client.get_run(self._run(spool, run)))

    def _is_replaced(self, spool: Spool, run: str, found: "Run") -> bool:
        """Return True if a later attempt, of another agent, has taken a run over."""
        begun = self._event(spool, run)
        own = int(begun.tags.get(ATTEMPT, "0")) if begun else 0
        if attempt_of(found) <= own:
            return False
        self._replaced.add((spool.name, run))
        return True

    def _write(
        self,
        spool: Spool,
        run: str,
        *,
        points: Sequence[MetricsLogged] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Write everything in one request; a batch costs MLflow little more than one value.

        MLflow drops a metric that it has already: same name, step, time and value.
        """
        from mlflow.entities import Metric, Param, RunTag  # noqa: PLC0415

        place = self._run(spool, run)
        if (spool.name, run) in self._replaced:
            tags = params = None
        texts = {key: self._linked(spool, value) for key, value in (tags or {}).items()}
        self._client.log_batch(
            place,
            # MLflow keeps NaN, but would turn infinity into a number of 308 digits.
            metrics=[
                Metric(key, value if math.isfinite(value) else math.nan, point.at, point.step)
                for point in points
                for key, value in point.metrics.items()
                if self._points.lacks(place, key, point)
            ],
            params=[
                Param(key, value[:PARAM_LENGTH])
                for key, value in (params or {}).items()
                if key not in self._params.get(place, ())
            ],
            tags=[RunTag(key, value[:TAG_LENGTH]) for key, value in texts.items()],
        )
        self._points.record(place, points)

    def _upload_text(self, spool: Spool, run: str, name: str, text: str) -> None:
        if (spool.name, run) not in self._replaced:
            self._client.log_text(self._run(spool, run), self._linked(spool, text), name)

    def _upload(self, spool: Spool, run: str, kept: str) -> None:
        file = spool.attached(kept)
        if (spool.name, run) in self._replaced:
            return  # A later attempt sends what these files have become.
        if file.exists():  # Otherwise an earlier try has sent it.
            _, *folders, _ = kept.split("/")
            self._client.log_artifact(self._run(spool, run), str(file), "/".join(folders) or None)
            file.unlink()

    def _terminate(self, spool: Spool, event: RunEnded) -> None:
        run = self._run(spool, event.run)
        if (spool.name, event.run) in self._replaced:
            return
        if event.if_running and self._client.get_run(run).info.status != "RUNNING":
            return
        self._client.set_terminated(run, event.status, end_time=event.at)

    def _show(self, spool: Spool, view: str) -> None:
        client, experiment = self._client, self._connection.get().experiment
        client.set_experiment_tag(experiment, view_tag(spool.study_id), view)
        known = client.get_experiment(experiment).tags.get(DESCRIPTION_TAG, "")
        text = with_line(known, note(experiment, spool.study_id))
        if text != known:
            client.set_experiment_tag(experiment, DESCRIPTION_TAG, text)

    def _abandon(self, spool: Spool, event: TrialsAbandoned) -> None:
        wanted = {str(number) for number in event.numbers}
        running = "status = 'RUNNING'"
        runs = self._connection.runs_of(spool.study_id, {"role": event.role}, running)
        own = {found for (name, _), found in self._runs.items() if name == spool.name}
        for run in runs:
            tags, name = run.data.tags, run.info.run_id
            ours = tags.get(KEY, "").startswith(spool.name) or name in own
            earlier = started_at(run) <= event.at
            if run.data.tags.get(number_tag(event.role)) in wanted and earlier and not ours:
                interrupted = TrialState.INTERRUPTED
                self._client.set_tag(run.info.run_id, "trial_state", interrupted.value)
                self._client.set_terminated(
                    run.info.run_id, RUN_STATUS[interrupted], end_time=event.at
                )

    def _mark_front(self, spool: Spool, numbers: Sequence[int]) -> None:
        complete = {"role": "trial", "trial_state": "complete"}
        for run in self._connection.runs_of(spool.study_id, complete):
            tags, name = run.data.tags, run.info.run_id
            if int(tags[number_tag("trial")]) in numbers:
                self._client.set_tag(name, FRONT, "yes")
            elif FRONT in tags:
                self._client.delete_tag(name, FRONT)

    # -- finding ------------------------------------------------------------------------------

    def run_id(self, spool: Spool, run: str) -> str:
        """Return MLflow's id of a run, empty before it is made; safe from any thread."""
        return self._runs.get((spool.name, run), "")

    def _run(self, spool: Spool, run: str) -> str:
        """Return MLflow's id of a spool's run."""
        key = (spool.name, run)
        if key not in self._runs or run == SWEEP:
            begun = self._event(spool, run)
            found = self._connection.find(begun.identity) if begun else None
            if found is None:
                raise RefusedError(f"MLflow has no run for {run} of {spool.name}")
            self._runs[key] = found
            self._points.mark_shared(found)
        if run == SWEEP:
            self._remove_newer_sweep_run(self._runs[key])
        return self._runs[key]

    def _event(self, spool: Spool, run: str) -> RunStarted | None:
        """Return the event with which a run of a spool begins; None if there is none."""
        begun = self._runs_started.get(spool.name, {})
        if run not in begun:
            begun = self._runs_started[spool.name] = spool.begun()
        return begun.get(run)

    def _remove_newer_sweep_run(self, oldest: str) -> None:
        """Remove the sweep's run that we made if another agent has made an older one.

        MLflow cannot create a run only if it does not exist: agents that start at the same moment
        on two machines make two, and all of them continue with the older one.
        """
        if self._made not in ("", oldest):
            self._client.delete_run(self._made)
            self._made = ""

    def _linked(self, spool: Spool, text: str) -> str:
        """Return a text whose links to trials point to the runs of their last attempts."""
        if not TRIAL_LINK.search(text):
            return text
        runs = self._connection.runs_of(spool.study_id, {"role": "trial"})
        last = sorted(runs, key=lambda run: (attempt_of(run), run.info.start_time))
        return linked(
            text,
            {
                int(run.data.tags["trial_number"]): f"#/experiments/{self.experiment}/runs/"
                f"{run.info.run_id}?{TRAINING}"
                for run in last
            },
        )


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
