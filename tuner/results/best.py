"""Publisher of the best configuration so far, ready to run, and of its model or a soup.

The published files follow from the study alone. They are updated at the start, after each new best
and at the end, so that the next agent completes what a killed one left undone.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tuner.config import ComposedSweep, compose_trial
from tuner.errors import InputError
from tuner.files.model_folder import damage, discard
from tuner.results.best_file import StudyFacts, as_yaml, provenance, stored_settings
from tuner.results.best_files import BestFiles, saved_models
from tuner.results.lost_models import LostModel, has_model, lost_models
from tuner.results.publication import Publication, publication
from tuner.search.pareto import as_maximized, dominates, front, point
from tuner.settings.settings import TrialSettings
from tuner.soup import StoredSoup
from tuner.study import LeaseError, Study
from tuner.study.reader import stored_confirmation, stored_soup
from tuner.trial.folder import StudyFolder
from tuner.trial.kept_model import came_from, is_of, model_note
from tuner.trial.model_identity import KeptModel
from tuner.trial.records import TrialOutcome, TrialSpec

LEASE = "publication"
"""Attribute of a study that holds the lease for writing best.yaml and best_model/."""

RETRAINED = "retrained"
"""Attribute of a study: numbers of the trials whose lost models were trained again."""

SHORT_WAIT = 5.0
"""Seconds that a running sweep waits for another agent; it tries again after the next trial."""

LONG_WAIT = 60.0
"""Seconds to wait at the end."""


@dataclass(frozen=True, kw_only=True)
class _Placed:
    """A model, and the folder that it belongs in."""

    model: KeptModel
    """The model."""
    outcome: TrialOutcome
    """Outcome of its training; for a soup that of the best configuration."""
    source: Path
    """Folder in which it is now."""
    target: Path
    """Folder in which it is to be."""


class BestPublisher:
    """Brings best.yaml, best_model/ and single_model/ up to date with the study."""

    def __init__(
        self,
        study: Study,
        facts: StudyFacts,
        composed: ComposedSweep,
        folder: StudyFolder,
        notice: Callable[[str], None],
    ) -> None:
        """Complete what an earlier start of the sweep left undone.

        Args:
            study: Open study.
            facts: Facts about the study that its files contain.
            composed: Configuration of the sweep.
            folder: Folder of the study.
            notice: Function called with a message if something cannot be written.
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
        """Message about the files; None if they are up to date."""
        if self._failure is not None:
            return f"{self._failure}; the same command writes them"
        return model_note(self._folder)

    def wants_model(self, measured: Mapping[str, float]) -> bool:
        """Return True if a trial with these measures may be the best, or on the front.

        Of equally good trials all models are kept until it is known which one counts.
        """
        if self._goals.violated(measured):
            return False
        reached = as_maximized(measured, self._goals)
        return not any(dominates(point(other, self._goals), reached) for other in self._front)

    def __call__(self, spec: TrialSpec, outcome: TrialOutcome) -> None:
        """Publish a finished trial if it is the best, or on the front."""
        if self._failure is not None or outcome in front([*self._front, outcome], self._goals):
            self._settings[outcome.number] = spec.settings
            self.publish(SHORT_WAIT)
        else:
            self._folder.trial(outcome.number).drop_model()

    def publish(self, patience: float = LONG_WAIT) -> bool:
        """Bring the files up to date; a failure is shown, and repeated later.

        Args:
            patience: Seconds to wait for another agent that is writing.

        Returns:
            True if the files are up to date.
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
        """Return the lost models of the best trials, which are to be trained again."""
        known, wanted = self._derive()
        return [] if wanted is None else lost_models(self._folder, known, wanted)

    @property
    def soup(self) -> StoredSoup | None:
        """Soup that was built in place of the best model; None if there was none."""
        found = self.wanted()
        return None if found is None else found.soup

    def wanted(self) -> Publication | None:
        """Return the content of the published files; None if no trial is usable."""
        return self._derive()[1]

    def has_soup(self, wanted: Publication) -> bool:
        """Return True if the model of the published soup is on this machine."""
        return self._soup(wanted) is not None

    def note_retrained(self, number: int) -> None:
        """Store that a trial's model was trained again; the lease is held.

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
                # Other agents may have ended trials, or written, meanwhile.
                known, wanted = self._derive()
                self._files.restore()
                if wanted is not None and not self._is_published(wanted):
                    self._write(wanted)
        if wanted is not None:
            self._drop_models(known, wanted)

    def _derive(self) -> tuple[list[TrialOutcome], Publication | None]:
        """Return the outcomes in the study, and what is to be published of them."""
        attributes = self._study.attributes()
        confirmation = stored_confirmation(attributes, self._goals)
        soup = stored_soup(attributes)
        retrained = set(attributes.get(RETRAINED) or ())
        known = [self._with_model(each, retrained) for each in self._study.outcomes()]
        self._front = front(known, self._goals)
        return known, publication(known, self._goals, confirmation, soup)

    def _with_model(self, outcome: TrialOutcome, retrained: Collection[int]) -> TrialOutcome:
        """Return an outcome without its model's error if the model exists by now."""
        if outcome.model_error is None:
            return outcome
        is_there = outcome.number in retrained or has_model(self._folder, outcome)
        return replace(outcome, model_error=None) if is_there else outcome

    # -- comparison ---------------------------------------------------------------------------

    def _is_published(self, wanted: Publication) -> bool:
        """Return True if the files are up to date, as far as the models are on this machine."""
        if self._files.is_interrupted or not is_of(self._folder.best, self._expected(wanted)):
            return False
        placed = self._placed(wanted)
        has_single = any(each.target == self._folder.single_model for each in placed)
        return (has_single or not self._folder.single_model.exists()) and all(
            self._is_in_place(each, wanted) for each in placed
        )

    def _is_in_place(self, placed: _Placed, wanted: Publication) -> bool:
        file, expected = placed.target / self._folder.best.name, self._contents(placed, wanted)
        return placed.source == placed.target and is_of(file, self._expected(expected))

    def _contents(self, placed: _Placed, wanted: Publication) -> Publication:
        """Return what the configuration beside a model says."""
        is_soup = bool(placed.model.members)
        # A single model is none, also where a soup was accepted.
        soup = wanted.soup if is_soup or wanted.published_soup is None else None
        seeds = tuple(seed for seed in wanted.seeds if is_soup or seed == placed.model.seed)
        return replace(wanted, outcome=placed.outcome, soup=soup, seeds=seeds)

    def _expected(self, wanted: Publication) -> Mapping[str, object]:
        return provenance(self._known_facts(wanted), wanted.outcome)

    def _known_facts(self, wanted: Publication) -> StudyFacts:
        return replace(
            self._facts,
            confirmation=wanted.confirmation,
            soup=wanted.soup,
            model=wanted.model,
        )

    def _placed(self, wanted: Publication) -> list[_Placed]:
        """Return the models of this machine that belong in best_model/ and single_model/."""
        single, soup = self._single(wanted), self._soup(wanted)
        if soup is None:
            return [] if single is None else [single]
        if single is None:
            return [soup]
        return [replace(single, target=self._folder.single_model), soup]

    def _single(self, wanted: Publication) -> _Placed | None:
        """Return the best single model on this machine; None if there is none."""
        kept = self._files.models
        for model, outcome, found in self._candidates(wanted):
            place = kept.get(model)
            is_kept = place is not None and came_from(place / self._folder.best.name, outcome)
            source = place if is_kept else found
            if source is not None:
                target = self._folder.best_model
                return _Placed(model=model, outcome=outcome, source=source, target=target)
        return None

    def _soup(self, wanted: Publication) -> _Placed | None:
        """Return the published soup if its model is on this machine."""
        found, outcome, target = wanted.published_soup, wanted.outcome, self._folder.best_model
        if found is None:
            return None
        built = self._folder.soups / found.folder_name
        place = self._files.models.get(found.model)
        if damage(built) is None:
            place = built
        elif place is None or not came_from(place / self._folder.best.name, outcome):
            return None
        return _Placed(model=found.model, outcome=outcome, source=place, target=target)

    def _candidates(
        self, wanted: Publication
    ) -> Iterator[tuple[KeptModel, TrialOutcome, Path | None]]:
        """Yield the models that may be published, best first, with their paths.

        The path is None if the model is not on this machine.
        """
        outcome = wanted.outcome
        if wanted.confirmation is None:
            seed = self._settings_of(outcome).training.seed
            model = self._folder.trial(outcome.number).model
            has_model = damage(model) is None
            yield KeptModel(trial=outcome.number, seed=seed), outcome, model if has_model else None
            return
        here = saved_models(self._folder, outcome.number)
        for seed in wanted.seeds:
            repeat, path = here.get(seed, (None, None))
            made = replace(outcome, provenance=repeat.provenance) if repeat else outcome
            yield KeptModel(trial=outcome.number, seed=seed), made, path

    # -- writing ------------------------------------------------------------------------------

    def _write(self, wanted: Publication) -> None:
        """Write the models, then the configuration; without a new model the former one stays."""
        settings = self._published_settings(wanted)
        placed = self._placed(wanted)
        for each in placed:
            if not self._is_in_place(each, wanted):
                seed = each.model.seed
                trained = replace(settings, training=replace(settings.training, seed=seed))
                config = self._config(self._contents(each, wanted), trained)
                self._files.put_model(each.source, each.target, config, self._lease.check)
        config = self._config(wanted, settings)
        self._lease.check()
        self._files.put_config(config)
        if not any(each.target == self._folder.single_model for each in placed):
            discard(self._folder.single_model)
        if wanted.soup is not None:
            discard(self._folder.soups / wanted.soup.folder_name)
            with suppress(OSError):  # Another agent builds in it.
                self._folder.soups.rmdir()

    def _config(self, wanted: Publication, settings: TrialSettings) -> str:
        facts = self._known_facts(wanted)
        return as_yaml(facts, wanted.outcome, settings, str(self._folder.best))

    def _settings_of(self, outcome: TrialOutcome) -> TrialSettings:
        """Return the settings that a trial ran with, as far as they are known here.

        Those of this start's trials are in memory, others in the trial's folder or in the study.
        """
        found = self._settings.get(outcome.number)
        if found is None:
            file = self._folder.trial(outcome.number).config
            found = stored_settings(file, self._study.config(outcome.number))
            found = found or compose_trial(self._composed, outcome.parameters)
            self._settings[outcome.number] = found
        return found

    def _published_settings(self, wanted: Publication) -> TrialSettings:
        """Return the trial's settings; those of a confirmed best include the test rows."""
        found = self._settings_of(wanted.outcome)
        if wanted.confirmation is None:
            return found
        # The test rows may have been set after the search.
        test = compose_trial(self._composed, wanted.outcome.parameters).data.test
        return replace(found, data=replace(found.data, test=test))

    def _drop_models(self, known: Sequence[TrialOutcome], wanted: Publication) -> None:
        """Remove the models of ended trials, except those that are kept."""
        ended = {outcome.number for outcome in known} - wanted.kept
        for model in self._folder.path.glob("trials/*/model"):
            name = model.parent.name
            if name.isdecimal() and int(name) in ended:
                self._folder.trial(int(name)).drop_model()
