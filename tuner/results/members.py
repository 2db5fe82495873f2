"""Weights that a study keeps for a soup: which models keep them, and which are here."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tuner.confirmation import CONFIRMS
from tuner.files.model_folder import discard
from tuner.results.best_files import ended_repeats
from tuner.results.lost_models import ran_in
from tuner.search.goals import Goals
from tuner.soup import Candidate, Member, candidates, leading, member_of, model_key
from tuner.study import Study
from tuner.trial.folder import StudyFolder, TrialFolder
from tuner.trial.records import TrialOutcome, TrialSpec


class KeptMembers:
    """Keeps the weights of the leading trials and repeats, and removes those of others.

    Agents on several machines count the trials of all, and keep the weights of their own.
    """

    def __init__(
        self, study: Study, folder: StudyFolder, goals: Goals, keep: int | None, base_seed: int
    ) -> None:
        """Read what the study has.

        Args:
            study: Study of the search.
            folder: Its files.
            goals: Its goals.
            keep: Number of models whose weights are kept; None: there is no soup.
            base_seed: Seed of the trials that do not search it.
        """
        self._study = study
        self._folder = folder
        self._goals = goals
        self._keep = keep
        self._base_seed = base_seed
        self._leading: Sequence[Candidate] = ()
        self.update()

    def wants(self, spec: TrialSpec, measured: Mapping[str, float]) -> bool:
        """Return True if a trial or repeat with these measures is among the leading ones.

        Args:
            spec: Trial or repeat that makes its final report.
            measured: Its objective and constrained metrics.
        """
        if self._keep is None or self._goals.violated(measured):
            return False
        mine = Candidate(
            member=member_of(spec.number, spec.parameters, self._base_seed),
            value=measured[self._goals.objective],
            model=model_key(spec.parameters),
            is_repeat=CONFIRMS in spec.parameters,
        )
        return mine in self._first([*self._leading, mine], self._keep)

    def finished(self, spec: TrialSpec) -> None:
        """Remove the weights that the end of a trial or repeat has superseded."""
        is_repeat = CONFIRMS in spec.parameters
        place = self._folder.confirmation if is_repeat else self._folder
        if place.trial(spec.number).member.exists():
            self.update()

    def update(self) -> None:
        """Read the study again, and remove the weights that no soup needs."""
        if self._keep is None:
            return
        ended = self._ended()
        outcomes = [outcome for outcome, _ in ended]
        self._leading = self._first(candidates(outcomes, self._base_seed), self._keep)
        kept = {each.member for each in self._leading}
        for outcome, place in ended:
            if self._member(outcome) not in kept:
                discard(place.member)

    def leading(self) -> Sequence[Candidate]:
        """Return the leading models of the study, best first, wherever their weights are."""
        self.update()
        return self._leading

    def files(self) -> dict[Member, Path]:
        """Return the models whose weights are here, and their files."""
        return {
            self._member(outcome): place.member
            for outcome, place in self._ended()
            if place.member.exists()
        }

    def trained_here(self, member: Member) -> bool:
        """Return True if a model was trained on a machine of this folder."""
        return any(
            self._member(outcome) == member and ran_in(place, outcome)
            for outcome, place in self._ended()
        )

    def _ended(self) -> list[tuple[TrialOutcome, TrialFolder]]:
        """Return all ended trials and this machine's repeats, with their folders."""
        repeats = self._folder.confirmation
        return [
            *((each, self._folder.trial(each.number)) for each in self._study.outcomes()),
            *((each, repeats.trial(each.number)) for each in ended_repeats(self._folder)),
        ]

    def _first(self, known: Iterable[Candidate], keep: int) -> list[Candidate]:
        return leading(known, self._goals.direction, keep)

    def _member(self, outcome: TrialOutcome) -> Member:
        return member_of(outcome.number, outcome.parameters, self._base_seed)
