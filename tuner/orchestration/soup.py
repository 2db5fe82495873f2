"""Soup of a study: built after the search and its confirmation, by one agent at a time."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

from tuner.errors import TunerError
from tuner.files.model_folder import discard
from tuner.orchestration.start import Start
from tuner.results.best import BestPublisher
from tuner.results.members import KeptMembers
from tuner.soup import (
    SOUP,
    Member,
    MemberFile,
    SoupRequest,
    StoredSoup,
    is_due,
    left_out_text,
    member_of,
    model_key,
    soup_folder_name,
)
from tuner.study import LeaseError, Study
from tuner.trial.duration import duration_text
from tuner.trial.model_identity import models_text
from tuner.trial.records import TrialOutcome
from tuner.trial.serialization import to_plain
from tuner.worker.soup_client import build_soup

LEASE = "soup building"
"""Attribute of a study: the agent that builds its soup."""

WAIT_SECONDS = 3600.0
"""Seconds that an agent waits while another one builds; one that ends is noticed before."""


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """A soup to build."""

    best: TrialOutcome
    """Trial of the best single configuration."""
    single: Member
    """Best single model."""
    files: dict[Member, Path]
    """Weights to select from."""
    missing: tuple[Member, ...]
    """Leading models without weights here."""

    @property
    def considered(self) -> tuple[Member, ...]:
        """Models to select from, in a fixed order."""
        return tuple(sorted(self.files))

    @property
    def seconds(self) -> float:
        """Estimated seconds for the validation rows of all models, alone and averaged."""
        each = 0.0 if self.best.last is None else self.best.last.seconds_evaluating
        return (2 * len(self.files) - 1) * each


class SoupBuilding:
    """Builds the soup of a study unless that was done, and publishes it if it is accepted."""

    def __init__(
        self, start: Start, study: Study, best_publisher: BestPublisher, members: KeptMembers
    ) -> None:
        """Keep the arguments; nothing is built yet.

        Args:
            start: Start of the sweep.
            study: Study of the search.
            best_publisher: Publisher of best.yaml and of the models.
            members: Weights that are kept.
        """
        self._start = start
        self._study = study
        self._best_publisher = best_publisher
        self._members = members
        self._lease = study.lease(LEASE)

    def build(self) -> None:
        """Build the soup if there are new models for it; failures do not fail the sweep."""
        settings = self._start.soup
        if settings is None or self._plan() is None:
            return
        terminal = self._start.terminal
        try:
            with self._lease.renewed(WAIT_SECONDS):
                plan = self._plan()  # Another agent may have built it meanwhile.
                if plan is not None:
                    self._build(plan, retain=settings.retain)
        except LeaseError as error:
            terminal.warn(f"no soup is built here: {error}")
        except (TunerError, OSError) as error:
            terminal.warn(f"no soup was built: {error}\nthe next start tries again")

    def _plan(self) -> _Plan | None:
        """Return the soup to build; None if there is nothing to build."""
        wanted = self._best_publisher.wanted()
        if wanted is None:
            return None
        best = wanted.outcome
        own_seed = self._start.base.training.seed
        single = member_of(best.number, best.parameters, own_seed)
        if wanted.seeds:
            single = replace(single, seed=wanted.seeds[0])
        leading = [
            each.member
            for each in self._members.leading()
            if each.model == model_key(best.parameters)
        ]
        here = self._members.files()
        files = {member: here[member] for member in leading if member in here}
        published = wanted.published_soup
        is_lost = published is not None and not self._best_publisher.has_soup(published)
        if not is_due(wanted.soup, single, files, is_lost=is_lost):
            return None
        missing = tuple(member for member in leading if member not in here)
        return _Plan(best=best, single=single, files=files, missing=missing)

    def _build(self, plan: _Plan, *, retain: bool) -> None:
        terminal, began = self._start.terminal, time.monotonic()
        if plan.missing:
            named = models_text([(each.trial, each.seed) for each in plan.missing])
            terminal.warn(f"the weights of {named} are not kept here; the soup is built without")
        terminal.notice(
            f"building the soup of up to {len(plan.files)} models; their evaluation takes about "
            f"{duration_text(max(1.0, plan.seconds))}, after a process has started"
        )
        self._start.launcher.kill()  # Idle workers may hold GPU memory that it needs.
        discard(self._start.folder.soups)  # Left by a killed agent.
        name = soup_folder_name(plan.considered, plan.single)
        settings = self._start.compose(plan.best.parameters)
        soup = build_soup(
            SoupRequest(
                settings=settings,
                members=tuple(
                    MemberFile(member=member, path=str(path.absolute()))
                    for member, path in plan.files.items()
                ),
                objective=self._start.goals.objective,
                metrics=self._start.composed.metrics,
                folder=str((self._start.folder.soups / name).absolute()),
            )
        )
        self._lease.check()
        stored = StoredSoup(soup=soup, considered=plan.considered, instead_of=plan.single)
        self._study.set_attr(SOUP, to_plain(stored))
        self._best_publisher.publish()
        for each in soup.left_out:
            terminal.warn(left_out_text(each))
        seconds = duration_text(time.monotonic() - began)
        verdict = "published" if soup.accepted else "not published"
        terminal.notice(f"the soup is {verdict}; building it took {seconds}")
        if not retain:
            for path in plan.files.values():
                discard(path)
