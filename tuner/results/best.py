"""Keeps the best configuration so far, runnable as it stands, and the model that it gave.

What is kept is derived from the study: at the start, after each new best and at the end, so that
what a killed agent left undone is done by the next one.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tuner.config import ComposedSweep, compose_trial
from tuner.errors import InputError
from tuner.files.model_folder import damage
from tuner.results.best_file import StudyFacts, as_yaml, provenance, stored_settings
from tuner.results.best_files import BestFiles, saved_models
from tuner.results.lost_models import LostModel, is_here, lost_models
from tuner.results.publication import Publication, publication
from tuner.search.pareto import as_maximized, dominates, front, point
from tuner.settings.settings import TrialSettings
from tuner.study import LeaseError, Study
from tuner.study.reader import stored_confirmation
from tuner.trial.folder import StudyFolder
from tuner.trial.kept_model import KeptModel, came_from, is_of, model_note
from tuner.trial.records import TrialOutcome, TrialSpec

LEASE = "publication"
"""Attribute of a study: the agent that writes best.yaml and best_model/."""

RETRAINED = "retrained"
"""Attribute of a study: numbers of the trials whose lost models were trained again."""

BRIEFLY = 5.0
"""Seconds that a running sweep waits for another agent; it tries again after the next trial."""

PATIENTLY = 60.0
"""Seconds that are waited at the end."""


class BestKeeper:
    """Brings best.yaml and best_model/ to what the study says."""

    def __init__(
        self,
        study: Study,
        facts: StudyFacts,
        composed: ComposedSweep,
        folder: StudyFolder,
        notice: Callable[[str], None],
    ) -> None:
        """Mend what an earlier start of the sweep left.

        Args:
            study: Open.
            facts: What its files tell of the study.
            composed: The sweep.
            folder: The study's files.
            notice: Told what could not be written.
        """
        self._study = study
        self._facts = facts
        self._composed = composed
        self._folder = folder
        self._files = BestFiles(folder)
        self._goals = facts.goals
        self._notice = notice
        self._lease = study.lease(LEASE)
        self._front: Sequence[TrialOutcome] = ()
        self._failure: str | None = None
        self._settings: dict[int, TrialSettings] = {}
        self.publish()

    @property
    def note(self) -> str | None:
        """What people should know of the files; None where they are what they should be."""
        if self._failure is not None:
            return f"{self._failure}; the same command writes them"
        return model_note(self._folder)

    def wants_model(self, measured: Mapping[str, float]) -> bool:
        """Whether a trial that ends with these measures may be what is taken, or is on the front.

        One that is as good as another is kept until it is known which of them counts.
        """
        if self._goals.violated(measured):
            return False
        reached = as_maximized(measured, self._goals)
        return not any(dominates(point(other, self._goals), reached) for other in self._front)

    def __call__(self, spec: TrialSpec, outcome: TrialOutcome) -> None:
        """Publish a finished trial if it is the best, or on the front."""
        if self._failure is not None or outcome in front([*self._front, outcome], self._goals):
            self._settings[outcome.number] = spec.settings
            self.publish(BRIEFLY)
        else:
            self._folder.trial(outcome.number).drop_model()

    def publish(self, patience: float = PATIENTLY) -> bool:
        """Bring the files to what the study says now; what fails is told, and done later.

        Args:
            patience: Seconds to wait for another agent that is at it.

        Returns:
            Whether they are so now.
        """
        failure = None
        try:
            self._publish(patience)
        except OSError as error:
            where = error.filename or self._folder.path
            failure = f"the best cannot be written: {error.strerror or error} ({where})"
        except (InputError, LeaseError, ValueError) as error:
            failure = f"the best cannot be written: {' '.join(str(error).split())}"
        if failure is not None and failure != self._failure:
            self._notice(failure)
        self._failure = failure
        return failure is None

    def lost(self) -> list[LostModel]:
        """Return the models of the best trials that are to be trained again."""
        known, wanted = self._derive()
        return [] if wanted is None else lost_models(self._folder, known, wanted)

    def note_retrained(self, number: int) -> None:
        """Keep with the study that a trial's model was trained again; the lease is held.

        Args:
            number: Number of the trial.
        """
        before = self._study.attributes().get(RETRAINED) or []
        self._study.set_attr(RETRAINED, sorted({*before, number}))

    def _publish(self, patience: float) -> None:
        known, wanted = self._derive()
        if wanted is None:
            return
        if not self._is_published(wanted):
            with self._lease.held(patience):
                # Others may have ended trials, or have written, since.
                known, wanted = self._derive()
                self._files.restore()
                if wanted is not None and not self._is_published(wanted):
                    self._write(wanted)
        if wanted is not None:
            self._drop_models(known, wanted)

    def _derive(self) -> tuple[list[TrialOutcome], Publication | None]:
        """Return what the study holds, and what is to be published of it."""
        attributes = self._study.attributes()
        confirmation = stored_confirmation(attributes, self._goals)
        retrained = set(attributes.get(RETRAINED) or ())
        known = [self._with_model(each, retrained) for each in self._study.outcomes()]
        self._front = front(known, self._goals)
        return known, publication(known, self._goals, confirmation)

    def _with_model(self, outcome: TrialOutcome, retrained: Collection[int]) -> TrialOutcome:
        """Return an outcome without the error of a model that is there by now."""
        if outcome.model_error is None:
            return outcome
        is_there = outcome.number in retrained or is_here(self._folder, outcome)
        return replace(outcome, model_error=None) if is_there else outcome

    # -- compared -----------------------------------------------------------------------------

    def _is_published(self, wanted: Publication) -> bool:
        """Whether the files hold it, as far as its model is here."""
        if self._files.is_interrupted or not is_of(self._folder.best, self._expected(wanted)):
            return False
        source = self._source(wanted)
        if source is None:
            return True
        kept, outcome, path = source
        if path != self._folder.best_model:
            return False
        expected = self._expected(replace(wanted, outcome=outcome))
        return is_of(path / self._folder.best.name, expected) and kept == self._files.kept

    def _expected(self, wanted: Publication) -> Mapping[str, object]:
        return provenance(self._known_facts(wanted), wanted.outcome)

    def _known_facts(self, wanted: Publication) -> StudyFacts:
        return replace(self._facts, confirmation=wanted.confirmation)

    def _source(self, wanted: Publication) -> tuple[KeptModel, TrialOutcome, Path] | None:
        """Return the best model that is here: which, of what, and where; None: there is none."""
        kept = self._files.kept
        for model, outcome, path in self._candidates(wanted):
            file = self._folder.best_model / self._folder.best.name
            if model == kept and came_from(file, outcome):
                return model, outcome, self._folder.best_model
            if path is not None:
                return model, outcome, path
        return None

    def _candidates(
        self, wanted: Publication
    ) -> Iterator[tuple[KeptModel, TrialOutcome, Path | None]]:
        """Give the models that may be published, the best first, and where each was trained.

        The place is None where it is not here.
        """
        outcome = wanted.outcome
        if wanted.confirmation is None:
            seed = self._settings_of(outcome).training.seed
            model = self._folder.trial(outcome.number).model
            is_here = damage(model) is None
            yield KeptModel(trial=outcome.number, seed=seed), outcome, model if is_here else None
            return
        here = saved_models(self._folder, outcome.number)
        for seed in wanted.seeds:
            repeat, path = here.get(seed, (None, None))
            made = replace(outcome, provenance=repeat.provenance) if repeat else outcome
            yield KeptModel(trial=outcome.number, seed=seed), made, path

    # -- written ------------------------------------------------------------------------------

    def _write(self, wanted: Publication) -> None:
        """The model first; where there is none of this trial, the one before it stays."""
        source = self._source(wanted)
        if source is not None:
            kept, outcome, path = source
            settings = self._published_settings(wanted)
            trained = replace(settings, training=replace(settings.training, seed=kept.seed))
            config = self._config(replace(wanted, outcome=outcome), trained)
            self._files.put_model(path, config, self._lease.check)
        config = self._config(wanted, self._published_settings(wanted))
        self._lease.check()
        self._files.put_config(config)

    def _config(self, wanted: Publication, settings: TrialSettings) -> str:
        facts = self._known_facts(wanted)
        return as_yaml(facts, wanted.outcome, settings, str(self._folder.best))

    def _settings_of(self, outcome: TrialOutcome) -> TrialSettings:
        """Return the settings that a trial ran with, as far as they are known here.

        Those of a trial of this start are in hand; of others the folder or the study has them.
        """
        found = self._settings.get(outcome.number)
        if found is None:
            file = self._folder.trial(outcome.number).config
            found = stored_settings(file, self._study.config(outcome.number))
            found = found or compose_trial(self._composed, outcome.parameters)
            self._settings[outcome.number] = found
        return found

    def _published_settings(self, wanted: Publication) -> TrialSettings:
        """Return the trial's settings; those of a confirmed best name the test rows."""
        found = self._settings_of(wanted.outcome)
        if wanted.confirmation is None:
            return found
        # The test rows may have been named after the search.
        test = compose_trial(self._composed, wanted.outcome.parameters).data.test
        return replace(found, data=replace(found.data, test=test))

    def _drop_models(self, known: Sequence[TrialOutcome], wanted: Publication) -> None:
        """Remove the models of trials that have ended, but those that are kept."""
        ended = {outcome.number for outcome in known} - wanted.kept
        for model in self._folder.path.glob("trials/*/model"):
            name = model.parent.name
            if name.isdecimal() and int(name) in ended:
                self._folder.trial(int(name)).drop_model()
