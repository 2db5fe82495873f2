"""Soup of a study: built after the search and its confirmation, by one agent at a time."""

import time
from collections.abc import Callable
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
    SoupProgress,
    SoupRequest,
    StoredSoup,
    is_due,
    left_out_text,
    member_of,
    model_key,
    obstacle,
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

PROGRESS_SECONDS = 30.0
"""Seconds between two lines about the models that were evaluated."""


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """Present state of a study's soup, and what is to be done about it."""

    best: TrialOutcome
    """Trial of the best single configuration."""
    single: Member
    """Best single model."""
    files: dict[Member, Path]
    """Weights to select from."""
    missing: tuple[Member, ...]
    """Leading models without weights here."""
    counting: StoredSoup | None
    """Soup that was built in place of the best single model; None if there was none."""
    withdrawal: str | None
    """Reason why the published soup no longer counts; None if it does, or there is none."""
    is_due: bool
    """True if a soup is to be built."""

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
    """Builds the soup of a study unless that was done, and publishes or withdraws it."""

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

    def decide(self) -> bool:
        """Build and publish the soup if there are new models for it, or withdraw a published one.

        It is withdrawn if this start wants none, or if it is lost and cannot be built again.
        Failures are shown and do not fail the sweep.

        Returns:
            False if it is still open which model is published: a soup is due and was not built.
        """
        terminal = self._start.terminal
        try:
            plan = self._plan()
            if plan is not None and (plan.is_due or plan.withdrawal is not None):
                with self._lease.renewed(WAIT_SECONDS):
                    plan = self._plan()  # Another agent may have decided meanwhile.
                    if plan is not None:
                        self._carry_out(plan)
            elif plan is not None and self._start.soup is not None and plan.counting is None:
                terminal.notice(f"no soup is built: {obstacle(plan.single, plan.files)}")
            self._release_weights()
        except LeaseError as error:
            terminal.warn(f"no soup is built here: {error}")
            return False
        except (TunerError, OSError) as error:
            terminal.warn(
                f"no soup was built: {error}\nthe next start tries again; with "
                "sweep.soup=false it publishes the best single model"
            )
            return False
        return True

    def _plan(self) -> _Plan | None:
        """Return the state of the soup; None if no trial is usable."""
        wanted = self._best_publisher.wanted()
        if wanted is None:
            return None
        best, is_on = wanted.outcome, self._start.soup is not None
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
        is_published = wanted.published_soup is not None
        is_lost = is_published and not self._best_publisher.has_soup(wanted)
        withdrawal = None
        if is_published and not is_on:
            withdrawal = "sweep.soup=false"
        elif is_lost and self._members.trained_here(single):
            withdrawal = obstacle(single, files)
        return _Plan(
            best=best,
            single=single,
            files=files,
            missing=tuple(member for member in leading if member not in here),
            counting=wanted.soup,
            withdrawal=withdrawal,
            is_due=is_on and is_due(wanted.soup, single, files, is_lost=is_lost),
        )

    def _carry_out(self, plan: _Plan) -> None:
        if plan.withdrawal is not None and plan.counting is not None:
            self._study.set_attr(SOUP, None)
            self._best_publisher.publish()
            self._start.terminal.warn(
                f"{plan.counting.model.text} is not published any more: {plan.withdrawal}"
            )
        elif plan.is_due:
            self._build(plan)

    def _build(self, plan: _Plan) -> None:
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
        slot = next(iter(self._start.launcher.slots.values()))
        request = SoupRequest(
            settings=settings,
            members=tuple(
                MemberFile(member=member, path=str(path.absolute()))
                for member, path in plan.files.items()
            ),
            instead_of=plan.single,
            objective=self._start.goals.objective,
            metrics=self._start.composed.metrics,
            folder=str((self._start.folder.soups / name).absolute()),
            threads=slot.threads,
        )
        soup = build_soup(request, progress_notices(terminal.notice), slot.environment)
        self._lease.check()
        stored = StoredSoup(soup=soup, considered=plan.considered, instead_of=plan.single)
        self._study.set_attr(SOUP, to_plain(stored))
        self._best_publisher.publish()
        for each in soup.left_out:
            terminal.warn(left_out_text(each))
        seconds = duration_text(time.monotonic() - began)
        verdict = "published" if soup.accepted else "not published"
        terminal.notice(f"the soup is {verdict}; building it took {seconds}")

    def _release_weights(self) -> None:
        """Remove all weights unless they are kept for a longer sweep."""
        settings = self._start.soup
        if settings is not None and not settings.retain and self._best_publisher.publish():
            for path in self._members.files().values():
                discard(path)


def progress_notices(
    notice: Callable[[str], None], clock: Callable[[], float] = time.monotonic
) -> Callable[[SoupProgress], None]:
    """Return a function that shows the progress of a building now and then.

    Args:
        notice: Function that shows a line.
        clock: Function that returns monotonic seconds.
    """
    shown = clock()

    def show(progress: SoupProgress) -> None:
        nonlocal shown
        if clock() - shown >= PROGRESS_SECONDS:
            shown = clock()
            notice(f"soup: {progress.done} of up to {progress.total} models are evaluated")

    return show
