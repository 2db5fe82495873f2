"""Lost models of the best trials, trained again: once in a start, by one agent at a time."""

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

PATIENCE = LONGEST_HOLD + 5.0
"""Seconds that an agent waits for another one, which may have vanished with its machine."""

ROLE, NOUN = "retrain", "retraining"


class Retraining:
    """Trains lost models again and publishes them; nothing of it counts as a trial.

    Attributes:
        sweeps: Those over the trials that were trained again in this start.
    """

    def __init__(
        self, start: Start, study: Study, keeper: BestPublisher, tags: Mapping[str, str]
    ) -> None:
        """Train nothing yet.

        Args:
            start: Of the sweep.
            study: The search's.
            keeper: Of best.yaml and best_model/.
            tags: Of the runs in MLflow: where they come from.
        """
        self._start = start
        self._study = study
        self._keeper = keeper
        self._tags = tags
        self._lease = study.lease(LEASE)
        self._tried: set[tuple[int, int | None]] = set()
        self.sweeps: list[Sweep] = []

    @property
    def interrupted(self) -> bool:
        """Whether somebody asked to stop, or the allocation is too short."""
        return any(each.interrupted for each in self.sweeps)

    def restore(self, search: Sweep, confirming: Sweep | None = None) -> bool:
        """Train again what was lost before this start.

        What could not be saved in this start waits for the next one: its cause is still there.
        What fails is told, and ends nothing.

        Args:
            search: Sweep over the search's trials, which has ended; its workers are taken over.
            confirming: Sweep over the repeats; None: there was nothing to run.

        Returns:
            False where it was interrupted.
        """
        self._tried |= {(each.number, None) for each in search.outcomes}
        fresh = {each.number for each in confirming.outcomes} if confirming else set()
        if not self._lost(fresh):
            return True
        try:
            with self._lease.renewed(PATIENCE):
                for lost in self._lost(fresh):  # Others may have trained some meanwhile.
                    if not self.interrupted:
                        self._tried.add(lost.key)
                        self._train(lost, search)
        except LeaseError as error:
            self._start.terminal.warn(f"a lost model is not trained again here: {error}")
        return not self.interrupted

    def _lost(self, fresh: set[int]) -> list[LostModel]:
        return [
            each
            for each in self._keeper.lost()
            if each.key not in self._tried
            and (each.seed is None or each.outcome.number not in fresh)
        ]

    def _train(self, lost: LostModel, search: Sweep) -> None:
        terminal, number = self._start.terminal, lost.outcome.number
        place = self._home(lost).retraining
        terminal.notice(f"{lost.name} is trained again: {lost.reason}")
        again: TrialOutcome | None = None
        try:
            again = self._run(lost, place, search)
            problem = _problem(again, place.trial(number).model)
            if problem is None:
                self._adopt(lost, place)
        except LeaseError:
            raise
        except (TunerError, OSError) as error:
            problem = " ".join(str(error).split())
        if problem is None and again is not None:
            discard(place.path)
            self._keeper.publish()
            self._tell_score(lost, again)
        elif not self.interrupted:
            terminal.warn(
                f"{lost.name} could not be trained again: {problem}; its log is in "
                f"{place.trial(number).path}, and the next start tries again"
            )

    def _run(self, lost: LostModel, place: StudyFolder, search: Sweep) -> TrialOutcome | None:
        """Run the trial in a slot; None where it did not end."""
        start = self._start
        discard(place.path / SPOOL)  # Of a start that was killed; nobody sends it.
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
                on_finished=lambda spec, outcome: None,  # noqa: ARG005
            )
            sweep.take_over(search)
            self.sweeps.append(sweep)
            shown.begin(f"{agent.study_name} {NOUN}", 1, start.launcher.slots)
            stack.callback(shown.end)
            outcomes = sweep.run()
        return outcomes[-1] if outcomes else None

    def _home(self, lost: LostModel) -> StudyFolder:
        """Return the files of the study that the trial is of: the search's or the repeats'."""
        folder = self._start.folder
        return folder if lost.seed is None else folder.confirmation

    def _settings(self, lost: LostModel) -> TrialSettings:
        """Return the trial's configuration: where things are now, in the pieces that it ran in."""
        start, parameters, number = self._start, lost.outcome.parameters, lost.outcome.number
        is_repeat = lost.seed is not None
        now = compose_repeat(start, parameters) if is_repeat else start.compose(parameters)
        text = None if is_repeat else self._study.config(number)
        ran = stored_settings(self._home(lost).trial(number).config, text)
        if ran is None:
            return now
        pieces = {
            name: getattr(ran.training, name)
            for name in (
                "batch_size", "accumulation_steps", "effective_batch_size", "rematerialize",
            )
        }  # fmt: skip
        return replace(now, training=replace(now.training, **pieces))

    def _adopt(self, lost: LostModel, place: StudyFolder) -> None:
        """Put the model where the trial would have left it.

        Raises:
            LeaseError: Another agent has taken over.
            OSError: It cannot be moved.
        """
        number = lost.outcome.number
        target = self._home(lost).trial(number).model
        self._lease.check()
        target.parent.mkdir(parents=True, exist_ok=True)
        discard(target)
        place.trial(number).model.rename(target)
        synced(target.parent)
        if lost.seed is None:
            self._keeper.note_retrained(number)

    def _tell_score(self, lost: LostModel, again: TrialOutcome) -> None:
        terminal = self._start.terminal
        differences = score_differences(lost.outcome, again)
        if differences:
            terminal.warn(
                f"{lost.name} was trained again and saved, but its scores differ: "
                f"{'; '.join(differences)}. Other hardware or libraries compute other digits; the "
                "recorded scores stay those of the trial"
            )
        else:
            terminal.notice(f"{lost.name} was trained again and saved; its scores are as recorded")


def _problem(again: TrialOutcome | None, model: Path) -> str | None:
    """Return why there is no model; None where there is one."""
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
