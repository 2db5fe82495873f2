"""Confirmation after the search: its leading configurations are trained again with new seeds."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

from tuner.confirmation import (
    CONFIRMED,
    CONFIRMS,
    SEED,
    Confirmation,
    confirmation,
    leaders,
    repeat_key,
    repeats,
    study_name,
)
from tuner.execution.loop import Sweep
from tuner.execution.repeats import CLOSED, Repeats
from tuner.files.exclusive import exclusive
from tuner.orchestration.confirmed_best import ConfirmedBest
from tuner.orchestration.final_evaluation import evaluate
from tuner.orchestration.start import Start
from tuner.results.best import BestPublisher
from tuner.results.best_files import BestFiles
from tuner.results.members import KeptMembers
from tuner.search.ranking import ranked
from tuner.search.space import Dimension, IntInterval, SearchSpace
from tuner.settings.settings import TrialSettings
from tuner.study import (
    Definition,
    InitialPoints,
    Study,
    StudyPlace,
    check_repeats,
    lock_name,
    prepared_url,
    study_url,
)
from tuner.tasks import Direction
from tuner.tracking import Tracker
from tuner.trial.folder import StudyFolder
from tuner.trial.model_identity import KeptModel
from tuner.trial.records import Scalar, TrialOutcome, TrialSpec
from tuner.trial.serialization import to_plain
from tuner.trial.study_identity import StudyIdentity

_ANY = IntInterval(low=0, high=2**53)
ROLE, NOUN = "confirm", "repeat"

SPACE = SearchSpace([Dimension(key=key, domain=_ANY) for key in (CONFIRMS, SEED)])
"""Search space of the study of repeats, which has a fixed set of points."""


@dataclass(frozen=True, kw_only=True)
class ConfirmationResult:
    """Result of a confirmation, and how far it came."""

    confirmation: Confirmation | None = None
    """The confirmation; None if there was none, or it has not ended."""
    sweep: Sweep | None = None
    """Sweep over the repeats; None if there was nothing to run."""


def check_confirmation(start: Start) -> None:
    """Check before the search that its leading configurations can be confirmed after it.

    Raises:
        InputError: The place of the repeats holds a study or a file of another kind.
    """
    agent, place = start.composed.agent, start.folder.confirmation
    if agent.sweep.confirm.top is None:
        return
    place.refuse_misplaced()
    check_repeats(
        StudyPlace(name=agent.study_name, url=study_url(agent.storage, start.folder)),
        StudyPlace(name=study_name(agent.study_name), url=study_url(agent.storage, place)),
        _definition(start, None),
        agent.storage,
    )


def confirm(
    start: Start,
    study: Study,
    best_publisher: BestPublisher,
    members: KeptMembers,
    search: Sweep,
    tags: Mapping[str, str],
    complete_models: Callable[[Sweep | None], bool],
) -> ConfirmationResult:
    """Train the leading configurations again, publish the best one, and test it.

    Args:
        start: Start of the sweep.
        study: Study of the search.
        best_publisher: Publisher of best.yaml and best_model/, which become those of the confirmed
            best.
        members: Weights that are kept for a soup.
        search: Sweep over the trials of the search, which has ended.
        tags: Origin of the runs, as MLflow's tags.
        complete_models: Function that trains lost models again and builds the soup before the test
            rows are scored, given the sweep over the repeats; returns False if it is still open
            which model is published.
    """
    wanted = start.composed.agent.sweep.confirm
    way = start.goals.direction
    chosen = leaders(study.outcomes(), way, wanted)
    if search.interrupted or search.failed or not chosen:
        return ConfirmationResult()
    with ExitStack() as stack:
        repeated = _open(start, study.identity, chosen)
        stack.callback(repeated.close)
        source = Repeats(repeated, chosen, way, start.terminal.notice)
        orphans = repeated.requeue_orphans()
        sweep = None
        if source.may_claim(0):
            tracker = _tracker(start, study.identity, tags)
            stack.callback(lambda: start.terminal.warn(tracker.close()))
            tracker.abandon(orphans, ROLE)
            sweep = _run(start, repeated, source, tracker, members, search, tags)
        ended = repeated.outcomes()
    found = confirmation(chosen, ended, start.goals, wanted.seeds)
    if found is None or (sweep is not None and sweep.interrupted):
        return ConfirmationResult(sweep=sweep)
    study.set_attr(CONFIRMED, to_plain(found))
    winner = next(each for each in chosen if each.number == found.best.trial)
    published = best_publisher.publish()
    is_decided = complete_models(sweep)
    if published and best_publisher.publish():
        _keep_published_model(start.folder, ended)
    # After a failed sweep another configuration may still become the best.
    if is_decided and (sweep is None or not sweep.failed):
        confirmed_best = ConfirmedBest(start, winner, ended, best_publisher.wanted())
        found = replace(found, final_evaluation=evaluate(start, study, confirmed_best))
        best_publisher.publish()
    elif start.base.data.test is not None:
        start.terminal.warn(
            "data.test is not scored, since its model is not decided yet; repeat the command"
        )
    return ConfirmationResult(confirmation=found, sweep=sweep)


def _open(start: Start, search_identity: StudyIdentity, chosen: Sequence[TrialOutcome]) -> Study:
    """Open the study of the repeats, and enqueue the missing ones."""
    agent, base = start.composed.agent, start.base
    points = repeats(chosen, base.training.seed, agent.sweep.confirm.seeds)
    place = start.folder.confirmation
    with exclusive(lock_name(agent.storage, place)):
        return Study(
            name=study_name(agent.study_name),
            url=prepared_url(agent.storage, place),
            definition=_definition(start, search_identity.id),
            sampler=None,
            pruner={"name": "none"},
            defaults=points[0],
            first=InitialPoints(always=points[1:]),
            settings=agent.storage,
        )


def _definition(start: Start, search_identity: str | None) -> Definition:
    return Definition(
        space=SPACE,
        base=start.composed.base,
        goals=start.goals,
        contents=start.inputs.contents,
        metrics=start.composed.metrics,
        repeats_of=search_identity,
    )


def _tracker(start: Start, search_identity: StudyIdentity, tags: Mapping[str, str]) -> Tracker:
    """Return the tracker of the repeats, in the search's experiment; MLflow may be missing."""
    agent = start.composed.agent
    settings = replace(agent.tracking, on_outage="spool")
    tracker = Tracker(
        settings, agent.study_name, start.folder.confirmation, notice=start.terminal.warn
    )
    tracker.open(tags, start.inputs.of, search_identity)
    return tracker


def _run(
    start: Start,
    repeated: Study,
    source: Repeats,
    tracker: Tracker,
    members: KeptMembers,
    search: Sweep,
    tags: Mapping[str, str],
) -> Sweep:
    """Run the missing repeats."""
    agent, launcher, place = start.composed.agent, start.launcher, start.folder.confirmation
    terminal = start.terminal.of(NOUN, SPACE.keys)
    earlier = repeated.outcomes()

    def finished(spec: TrialSpec, outcome: TrialOutcome) -> None:  # noqa: ARG001
        _keep_best_models(place, repeated.outcomes(), start.goals.direction)
        members.finished(spec)

    plan = start.plan([*search.outcomes, *earlier], tags)
    sweep = Sweep(
        plan=replace(
            plan,
            compose=partial(compose_repeat, start),
            n_trials=CLOSED,
            role=ROLE,
            noun=NOUN,
            wants_member=members.wants,
            hooks=replace(plan.hooks, on_finished=finished),
        ),
        source=source,
        launcher=launcher,
        tracker=tracker,
        folder=place,
        watcher=terminal,
    )
    sweep.take_over(search)
    wanted = agent.sweep.confirm
    terminal.notice(f"the best {wanted.top} are trained again with {wanted.seeds} new seeds each")
    terminal.begin(study_name(agent.study_name), repeated.size, launcher.slots, earlier=earlier)
    try:
        sweep.run()
    finally:
        terminal.end()
    return sweep


def compose_repeat(start: Start, parameters: Mapping[str, Scalar]) -> TrialSettings:
    """Compose a repeat: the trial's configuration, adapted to this machine, with another seed.

    Args:
        start: Start of the sweep.
        parameters: Searched keys, `CONFIRMS` and the seed.
    """
    search_identity = {
        key: value for key, value in parameters.items() if key not in (CONFIRMS, SEED)
    }
    settings = start.compose(search_identity)
    seed = int(str(parameters[SEED]))
    return replace(settings, training=replace(settings.training, seed=seed))


# -- models -----------------------------------------------------------------------------------


def _keep_published_model(folder: StudyFolder, ended: Sequence[TrialOutcome]) -> None:
    """Delete the models of repeats except the published one, which a later best may replace."""
    models = BestFiles(folder).models
    for repeat in ended:
        trial, seed = repeat_key(repeat)
        if models and KeptModel(trial=trial, seed=seed) not in models:
            folder.confirmation.trial(repeat.number).drop_model()


def _keep_best_models(place: StudyFolder, ended: Sequence[TrialOutcome], way: Direction) -> None:
    """Keep of each configuration the model of its best repeat only."""
    found = [repeat for repeat in ranked(ended, way) if place.trial(repeat.number).model.is_dir()]
    best: set[int] = set()
    for repeat in found:
        trial, _ = repeat_key(repeat)
        if trial in best:
            place.trial(repeat.number).drop_model()
        best.add(trial)
