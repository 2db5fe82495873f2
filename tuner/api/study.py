"""Stored study, read at each access: its trials, its best one, and its confirmation."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.api.model import Model
from tuner.api.running import SweepRequest, compose, run, show_on, stored_request
from tuner.confirmation import Confirmation
from tuner.errors import INTERRUPTED, InputError, TunerError
from tuner.execution.interfaces import SweepHooks
from tuner.results.best_file import stored_settings
from tuner.results.publication import publication
from tuner.settings.settings import StorageSettings, TrialSettings
from tuner.soup import Soup
from tuner.study.reader import StoredStudy, StoredTrial, StudyReader
from tuner.trial.folder import StudyFolder
from tuner.trial.records import Scalar, TrialOutcome, TrialSpec

if TYPE_CHECKING:
    import pandas as pd

RUNNING = "running"
"""State of a trial that has not ended."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Trial of a study as it was when it was read."""

    number: int
    """Number in the study, counted from 0; trial 0 is the untuned default."""
    state: str
    """`complete`, `pruned`, `infeasible`, `failed` or `interrupted`; before its end `waiting` or
    `running`."""
    parameters: Mapping[str, Scalar]
    """Searched key to value."""
    outcome: TrialOutcome | None = None
    """Facts of its end; None before it."""
    curve: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    """Evaluation point to the objectives and constrained metrics there."""
    read_settings: Callable[[], TrialSettings | None] = field(
        default=lambda: None, repr=False, compare=False
    )
    """Function that reads the configuration."""

    @classmethod
    def running(cls, spec: TrialSpec) -> "Trial":
        """Return a trial that has been assigned to a worker."""
        return cls(
            number=spec.number,
            state=RUNNING,
            parameters=spec.parameters,
            read_settings=lambda: spec.settings,
        )

    @classmethod
    def finished(cls, spec: TrialSpec, outcome: TrialOutcome) -> "Trial":
        """Return a trial that has just ended."""
        return replace(cls.running(spec), state=outcome.state.value, outcome=outcome)

    @property
    def score(self) -> float | None:
        """First objective at the last evaluation point; None unless the trial is complete."""
        return None if self.outcome is None else self.outcome.value

    @property
    def scores(self) -> Mapping[str, float]:
        """Objectives, constrained metrics and validation scores of its last evaluation point."""
        return {} if self.outcome is None else self.outcome.scores

    @property
    def settings(self) -> TrialSettings | None:
        """Configuration that the trial ran with; None before its first attempt."""
        return self.read_settings()

    @property
    def convergence(self) -> str | None:
        """Convergence in one word such as `converged`; None if unknown."""
        diagnosis = None if self.outcome is None else self.outcome.diagnosis
        return None if diagnosis is None else diagnosis.status.value

    @property
    def advice(self) -> str | None:
        """Advice on what to change, in configuration keys; None if there is none."""
        diagnosis = None if self.outcome is None else self.outcome.diagnosis
        return (diagnosis.advice or None) if diagnosis is not None else None

    @property
    def error(self) -> str | None:
        """Type and message of the exception that ended it; None if there was none."""
        error = None if self.outcome is None else self.outcome.error
        return None if error is None else error.text


class Study:
    """Stored study.

    Its trials are read from the storage at each access, so that a running one, here or elsewhere,
    is up to date.

    Attributes:
        name: Name of the study.
        interrupted: True if the call that returned this object was stopped before its end.
    """

    def __init__(
        self,
        name: str,
        output: Path,
        storage: StorageSettings,
        request: SweepRequest | None = None,
        place: tuple[str, ...] = (),
    ) -> None:
        """Keep the place of the study; nothing is read yet.

        Args:
            name: Name of the study.
            output: Folder of all studies.
            storage: Storage of the study.
            request: Call that created it; None to take it from the study itself.
            place: Overrides of the study's name and place, added to those of its own command.
        """
        self.name = name
        self.interrupted = False
        self._files = StudyFolder(output, name)
        self._output = output
        self._storage = storage
        self._request = request
        self._place = place
        self._stop_requested = False

    def __repr__(self) -> str:
        return f"Study({self.name!r}, folder={str(self.folder)!r})"

    def _repr_html_(self) -> str:
        """Return the trials as a table for notebooks."""
        return str(self.to_frame().to_html())

    @property
    def folder(self) -> Path:
        """Folder of its files, such as best.yaml, best_model/, report.html and trials/."""
        return self._files.path

    @property
    def objective(self) -> str:
        """First metric of the study."""
        return self._read().objective

    @property
    def trials(self) -> list[Trial]:
        """All trials, by number."""
        return [self._trial(each) for each in self._read().trials]

    @property
    def best(self) -> Trial:
        """Best trial, whose configuration is in best.yaml.

        It is the confirmed one until the search finds a trial better than those confirmed; with
        several objectives, the knee of the front.

        Raises:
            TunerError: No trial has completed within the constraints.
        """
        stored = self._read()
        found = publication(stored.outcomes, stored.goals, stored.confirmation)
        if found is None:
            raise TunerError(f"no trial of the study {self.name!r} has completed with a score")
        number = found.outcome.number
        return self._trial(next(each for each in stored.trials if each.number == number))

    @property
    def best_model(self) -> Model:
        """Model of the best trial or the soup in its place, from best_model/.

        Raises:
            InputError: There is none.
        """
        return Model(self._files.best_model)

    @property
    def soup(self) -> Soup | None:
        """Soup that was built in place of the best model; None if there was none.

        `soup.accepted` is True if best_model/ is this soup, `soup.members` are the models that it
        averages, and `soup.gain` is its gain over the best of them.
        """
        stored = self._read()
        found = publication(stored.outcomes, stored.goals, stored.confirmation, stored.soup)
        return None if found is None or found.soup is None else found.soup.soup

    @property
    def confirmation(self) -> Confirmation | None:
        """Repeats of the leading configurations with new seeds; None if there were none."""
        return self._read().confirmation

    def to_frame(self) -> "pd.DataFrame":
        """Return the trials as a pandas frame.

        Returns:
            A row for each trial, by number, with `number`, `state`, each score (`val_accuracy`,
            …), `convergence`, `advice`, `error`, `seconds`, and a column for each searched key.
        """
        import pandas as pd  # noqa: PLC0415 - takes half a second

        stored = self._read()
        trials = [self._trial(each) for each in stored.trials]
        names = dict.fromkeys([*stored.goals.watched, *(n for t in trials for n in t.scores)])
        keys = dict.fromkeys([*stored.space.keys, *(k for t in trials for k in t.parameters)])
        columns: dict[str, list[Any]] = {
            "number": [trial.number for trial in trials],
            "state": [trial.state for trial in trials],
            **{name: [trial.scores.get(name) for trial in trials] for name in names},
            "convergence": [trial.convergence for trial in trials],
            "advice": [trial.advice for trial in trials],
            "error": [trial.error for trial in trials],
            "seconds": [trial.outcome.seconds if trial.outcome else None for trial in trials],
            **{key: [trial.parameters.get(key) for trial in trials] for key in keys},
        }
        return pd.DataFrame(columns)

    def confirm(self, top: int = 3, seeds: int = 5, *, quiet: bool = False) -> Confirmation | None:
        """Train the leading configurations again with new seeds, and rank them by their means.

        A search that has not reached its total is finished first. Earlier repeats count; best.yaml
        and best_model/ become those of the confirmed best.

        Args:
            top: Number of leading configurations.
            seeds: Number of new seeds for each of them.
            quiet: True to show only warnings and results.

        Returns:
            Configurations by rank with mean and interval; None if it was stopped before a repeat
            completed.

        Raises:
            InputError: The call that created the study is unknown, or it cannot run now.
        """
        request = self._request or self._stored_request()
        more = (f"sweep.confirm.top={top}", f"sweep.confirm.seeds={seeds}")
        request = replace(request, overrides=(*request.overrides, *more), quiet=quiet)
        composed = compose(request)
        self._stop_requested = False
        hooks = SweepHooks(stop_requested=lambda: self.stop_requested)
        self.interrupted = (
            run(composed, request, show_on(composed, quiet=quiet), hooks) == INTERRUPTED
        )
        return self.confirmation

    def stop(self) -> None:
        """End the sweep of this process gently; callbacks and other threads may call this.

        The running trials end at their next update and keep their state; the same call of
        `tuner.sweep` resumes them.
        """
        self._stop_requested = True

    @property
    def stop_requested(self) -> bool:
        """True once `stop` was called."""
        return self._stop_requested

    def _stored_request(self) -> SweepRequest:
        with closing(self._reader()) as reader:
            request = stored_request(reader.attributes)
        if request is None:
            raise InputError(
                f"the command that created the study {self.name!r} is unknown",
                where="tuner.load_study",
                remedy="confirm on the study that tuner.sweep(...) returns; or repeat that call "
                "with "
                'overrides=["sweep.confirm.top=3"]',
            )
        return replace(request, overrides=(*request.overrides, *self._place))

    def _reader(self) -> StudyReader:
        return StudyReader(self.name, self._storage, self._output)

    def _read(self) -> StoredStudy:
        with closing(self._reader()) as reader:
            return reader.read()

    def _trial(self, stored: StoredTrial) -> Trial:
        file = self._files.trial(stored.number).config
        ended = stored.outcome
        return Trial(
            number=stored.number,
            state=stored.phase.value if ended is None else ended.state.value,
            parameters=stored.parameters,
            outcome=ended,
            curve=stored.values,
            read_settings=lambda: stored_settings(file, stored.config or None),
        )
