"""After the search: its leading configurations trained again with new seeds."""

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
from tuner.orchestration.final_evaluation import look
from tuner.orchestration.start import Start
from tuner.results.best import BestPublisher
from tuner.results.best_files import BestFiles
from tuner.search.ranking import ranked
from tuner.search.space import Dimension, IntInterval, SearchSpace
from tuner.settings.objectives import direction
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
from tuner.tracking import Tracker
from tuner.trial.folder import StudyFolder
from tuner.trial.kept_model import KeptModel
from tuner.trial.records import Scalar, TrialOutcome, TrialSpec
from tuner.trial.serialization import to_plain
from tuner.trial.study_identity import StudyIdentity

_ANY = IntInterval(low=0, high=2**53)
ROLE, NOUN = "confirm", "repeat"

SPACE = SearchSpace([Dimension(key=key, domain=_ANY) for key in (CONFIRMS, SEED)])
"""What the study of the repeats searches: of it, a closed set of points."""


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """How far a confirmation came."""

    found: Confirmation | None = None
    """What it says; None where there was none, or it has not ended."""
    sweep: Sweep | None = None
    """The sweep over the repeats; None where there was nothing to run."""


def check_confirmation(start: Start) -> None:
    """Check before the search that its leading configurations can be confirmed after it.

    Raises:
        InputError: A study or a file of another kind is where the repeats would be.
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
    keeper: BestPublisher,
    search: Sweep,
    tags: Mapping[str, str],
    restore: Callable[[Sweep | None], bool],
) -> Confirmed:
    """Trains the leading configurations again, keeps the best of them, and tests that one.

    Args:
        start: Of the sweep.
        study: The search's.
        keeper: Of best.yaml and best_model/, which become the confirmed best's.
        search: The sweep over its trials, which has ended.
        tags: Of the runs in MLflow: where they come from.
        restore: Trains lost models again, given the sweep over the repeats, before the test rows
            are scored; False where it was interrupted.
    """
    wanted = start.composed.agent.sweep.confirm
    way = direction(start.objective)
    chosen = leaders(study.outcomes(), way, wanted)
    if search.interrupted or search.failed or not chosen:
        return Confirmed()
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
            sweep = _run(start, repeated, source, tracker, search, tags)
        ended = repeated.outcomes()
    found = confirmation(chosen, ended, start.objective, wanted.seeds)
    if found is None or (sweep is not None and sweep.interrupted):
        return Confirmed(sweep=sweep)
    study.set_attr(CONFIRMED, to_plain(found))
    winner = next(each for each in chosen if each.number == found.best.trial)
    published = keeper.publish()
    goes_on = restore(sweep)
    if published and keeper.publish():
        _drop_others(start.folder, ended)
    if goes_on and (sweep is None or not sweep.failed):  # Else the best may still be another one.
        look_at = ConfirmedBest(start, winner, ended)
        found = replace(found, final_evaluation=look(start, study, look_at))
        keeper.publish()
    return Confirmed(found=found, sweep=sweep)


def _open(start: Start, searched: StudyIdentity, chosen: Sequence[TrialOutcome]) -> Study:
    """The study of the repeats, with those that are missing waiting in it."""
    agent, base = start.composed.agent, start.base
    points = repeats(chosen, base.training.seed, agent.sweep.confirm.seeds)
    place = start.folder.confirmation
    with exclusive(lock_name(agent.storage, place)):
        return Study(
            name=study_name(agent.study_name),
            url=prepared_url(agent.storage, place),
            definition=_definition(start, searched.id),
            sampler=None,
            pruner={"name": "none"},
            defaults=points[0],
            first=InitialPoints(always=points[1:]),
            settings=agent.storage,
        )


def _definition(start: Start, searched: str | None) -> Definition:
    return Definition(
        space=SPACE,
        base=start.composed.base,
        goals=start.goals,
        contents=start.inputs.contents,
        repeats_of=searched,
    )


def _tracker(start: Start, searched: StudyIdentity, tags: Mapping[str, str]) -> Tracker:
    """Writes the repeats to the search's experiment; MLflow's absence ends no search of hours."""
    agent = start.composed.agent
    settings = replace(agent.tracking, on_outage="spool")
    tracker = Tracker(
        settings, agent.study_name, start.folder.confirmation, notice=start.terminal.warn
    )
    tracker.open(tags, start.inputs.of, searched)
    return tracker


def _run(
    start: Start,
    repeated: Study,
    source: Repeats,
    tracker: Tracker,
    search: Sweep,
    tags: Mapping[str, str],
) -> Sweep:
    """Runs the repeats that are missing."""
    agent, launcher, place = start.composed.agent, start.launcher, start.folder.confirmation
    terminal = start.terminal.of(NOUN, SPACE.keys)
    earlier = repeated.outcomes()

    def finished(spec: TrialSpec, outcome: TrialOutcome) -> None:  # noqa: ARG001
        _drop_models(place, repeated.outcomes(), start.objective)

    sweep = Sweep(
        plan=replace(
            start.plan([*search.outcomes, *earlier], tags),
            compose=partial(compose_repeat, start),
            n_trials=CLOSED,
            role=ROLE,
            noun=NOUN,
        ),
        source=source,
        launcher=launcher,
        tracker=tracker,
        folder=place,
        watcher=terminal,
        on_finished=finished,
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
    """Compose a repeat as it would run here: the trial's configuration with another seed.

    Args:
        start: Of the sweep.
        parameters: Searched keys, `CONFIRMS` and the seed.
    """
    searched = {key: value for key, value in parameters.items() if key not in (CONFIRMS, SEED)}
    settings = start.compose(searched)
    seed = int(str(parameters[SEED]))
    return replace(settings, training=replace(settings.training, seed=seed))


# -- models -----------------------------------------------------------------------------------


def _drop_others(folder: StudyFolder, ended: Sequence[TrialOutcome]) -> None:
    """Leaves of the repeats' models that of the published one, which a later best may replace."""
    kept = BestFiles(folder).kept
    for repeat in ended:
        trial, seed = repeat_key(repeat)
        if kept is not None and KeptModel(trial=trial, seed=seed) != kept:
            folder.confirmation.trial(repeat.number).drop_model()


def _drop_models(place: StudyFolder, ended: Sequence[TrialOutcome], objective: str) -> None:
    """Leaves of each configuration the model of its best repeat alone."""
    found = [
        repeat
        for repeat in ranked(ended, direction(objective))
        if place.trial(repeat.number).model.is_dir()
    ]
    best: set[int] = set()
    for repeat in found:
        trial, _ = repeat_key(repeat)
        if trial in best:
            place.trial(repeat.number).drop_model()
        best.add(trial)
