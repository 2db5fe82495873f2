"""Retraining of lost models of the best trials: once per start, by one agent at a time."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tuner.errors import TunerError
from tuner.execution.loop import Sweep
from tuner.execution.single_trial import SingleTrialSource
from tuner.files.atomic import synced
from tuner.files.model_folder import damage, discard
from tuner.orchestration.confirm import compose_repeat
from tuner.orchestration.start import Start
from tuner.results.best import BestPublisher
from tuner.results.best_file import stored_settings
from tuner.results.lost_models import LostModel, score_differences
from tuner.settings.settings import TrialSettings
from tuner.study import LONGEST_HOLD, LeaseError, Study
from tuner.tracking import SPOOL, Tracker
from tuner.trial.folder import StudyFolder
from tuner.trial.records import ClaimedTrial, TrialOutcome, TrialState

LEASE = "retraining"
"""Attribute of a study: the agent that trains lost models again."""

WAIT_SECONDS = LONGEST_HOLD + 5.0
"""Seconds that an agent waits for another one, which may have vanished with its machine."""

ROLE, NOUN = "retrain", "retraining"


class Retraining:
    """Trains lost models again and publishes them; these runs do not count as trials.

    Attributes:
        sweeps: Sweeps over the trials that were trained again in this start.
    """

    def __init__(
        self, start: Start, study: Study, best_publisher: BestPublisher, tags: Mapping[str, str]
    ) -> None:
        """Keep the arguments; nothing is trained yet.

        Args:
            start: Start of the sweep.
            study: Study of the search.
            best_publisher: Publisher of best.yaml and best_model/.
            tags: Origin of the runs, as MLflow's tags.
        """
        self._start = start
        self._study = study
        self._best_publisher = best_publisher
        self._tags = tags
        self._lease = study.lease(LEASE)
        self._tried: set[tuple[int, int | None]] = set()
        self.sweeps: list[Sweep] = []

    @property
    def interrupted(self) -> bool:
        """True if a stop was requested, or the allocation is too short."""
        return any(each.interrupted for each in self.sweeps)

    def restore(self, search: Sweep, confirming: Sweep | None = None) -> bool:
        """Train again the models that were lost before this start.

        A model that could not be saved in this start is left to the next one, since the cause
        remains. Failures are shown and do not fail the sweep.

        Args:
            search: Sweep over the search's trials, which has ended; its workers are taken over.
            confirming: Sweep over the repeats; None if there was nothing to run.

        Returns:
            False if it was interrupted.
        """
        self._tried |= {(each.number, None) for each in search.outcomes}
        fresh = {each.number for each in confirming.outcomes} if confirming else set()
        if not self._lost(fresh):
            return True
        try:
            with self._lease.renewed(WAIT_SECONDS):
                for lost in self._lost(fresh):  # Other agents may have trained some meanwhile.
                    if not self.interrupted:
                        self._tried.add(lost.key)
                        self._train(lost, search)
        except LeaseError as error:
            self._start.terminal.warn(f"a lost model is not retrained here: {error}")
        return not self.interrupted

    def _lost(self, fresh: set[int]) -> list[LostModel]:
        return [
            each
            for each in self._best_publisher.lost()
            if each.key not in self._tried
            and (each.seed is None or each.outcome.number not in fresh)
        ]

    def _train(self, lost: LostModel, search: Sweep) -> None:
        terminal, number = self._start.terminal, lost.outcome.number
        place = self._study_folder(lost).retraining
        terminal.notice(f"retraining {lost.name}: {lost.reason}")
        again: TrialOutcome | None = None
        try:
            again = self._run(lost, place, search)
            problem = _problem(again, place.trial(number).model)
            if problem is None:
                self._move_model(lost, place)
        except LeaseError:
            raise
        except (TunerError, OSError) as error:
            problem = " ".join(str(error).split())
        if problem is None and again is not None:
            discard(place.path)
            self._best_publisher.publish()
            self._show_scores(lost, again)
        elif not self.interrupted:
            terminal.warn(
                f"{lost.name} could not be retrained: {problem}; its log is in "
                f"{place.trial(number).path}, and the next start tries again"
            )

    def _run(self, lost: LostModel, place: StudyFolder, search: Sweep) -> TrialOutcome | None:
        """Run the trial in a slot; return None if it did not end."""
        start = self._start
        discard(place.path / SPOOL)  # Left by a killed start; nobody sends it.
        settings, agent = self._settings(lost), start.composed.agent
        shown = start.terminal.of(NOUN, start.composed.space.keys)
        tracker = Tracker(
            replace(agent.tracking, send=False, tensorboard=False), agent.study_name, place
        )
        with ExitStack() as stack:
            tracker.open(self._tags)
            stack.callback(tracker.close)
            tracker.abandon(())
            sweep = Sweep(
                plan=replace(
                    start.plan([*search.outcomes, lost.outcome], self._tags),
                    compose=lambda _: settings,
                    n_trials=1,
                    role=ROLE,
                    noun=NOUN,
                    concludes_at=lambda _: lost.concludes_at,
                ),
                source=SingleTrialSource(
                    ClaimedTrial(number=lost.outcome.number, parameters=lost.outcome.parameters)
                ),
                launcher=start.launcher,
                tracker=tracker,
                folder=place,
                watcher=shown,
            )
            sweep.take_over(search)
            self.sweeps.append(sweep)
            shown.begin(f"{agent.study_name} {NOUN}", 1, start.launcher.slots)
            stack.callback(shown.end)
            outcomes = sweep.run()
        return outcomes[-1] if outcomes else None

    def _study_folder(self, lost: LostModel) -> StudyFolder:
        """Return the folder of the trial's study: the search's or the repeats'."""
        folder = self._start.folder
        return folder if lost.seed is None else folder.confirmation

    def _settings(self, lost: LostModel) -> TrialSettings:
        """Return the trial's configuration with its old batch pieces and the present paths."""
        start, parameters, number = self._start, lost.outcome.parameters, lost.outcome.number
        is_repeat = lost.seed is not None
        now = compose_repeat(start, parameters) if is_repeat else start.compose(parameters)
        text = None if is_repeat else self._study.config(number)
        ran = stored_settings(self._study_folder(lost).trial(number).config, text)
        if ran is None:
            return now
        pieces = {
            name: getattr(ran.training, name)
            for name in (
                "batch_size", "accumulation_steps", "effective_batch_size", "rematerialize",
            )
        }  # fmt: skip
        return replace(now, training=replace(now.training, **pieces))

    def _move_model(self, lost: LostModel, place: StudyFolder) -> None:
        """Move the model to the trial's folder.

        Raises:
            LeaseError: Another agent has taken over.
            OSError: The model cannot be moved.
        """
        number = lost.outcome.number
        target = self._study_folder(lost).trial(number).model
        self._lease.check()
        target.parent.mkdir(parents=True, exist_ok=True)
        discard(target)
        place.trial(number).model.rename(target)
        synced(target.parent)
        if lost.seed is None:
            self._best_publisher.note_retrained(number)

    def _show_scores(self, lost: LostModel, again: TrialOutcome) -> None:
        terminal = self._start.terminal
        differences = score_differences(lost.outcome, again)
        if differences:
            terminal.warn(
                f"{lost.name} was retrained and saved, but its scores differ: "
                f"{'; '.join(differences)}. Other hardware or libraries compute other digits; the "
                "recorded scores stay those of the trial"
            )
        else:
            terminal.notice(f"{lost.name} was retrained and saved; its scores are as recorded")


def _problem(again: TrialOutcome | None, model: Path) -> str | None:
    """Return why there is no model; None if there is one."""
    if again is None:
        return "the training did not end"
    if again.error is not None:
        return again.error.text
    if again.model_error is not None:
        return f"it could not be saved: {again.model_error}"
    if again.state is not TrialState.COMPLETE:
        reason = f": {again.diagnosis.reason}" if again.diagnosis else ""
        return f"it ended as {again.state.value}{reason}"
    return damage(model)
