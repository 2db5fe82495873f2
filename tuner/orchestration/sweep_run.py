"""Sweep from its settings to its summary: search, confirmation, lost models, soup, report."""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from tuner import __version__
from tuner.config import ComposedSweep, check_space, render
from tuner.diagnosis.sweep import read_sweep
from tuner.errors import InputError
from tuner.execution.loop import Sweep
from tuner.orchestration.call import Call
from tuner.orchestration.confirm import ConfirmationResult, check_confirmation, confirm
from tuner.orchestration.dry_run import dry_run
from tuner.orchestration.earlier_metrics import with_earlier_metrics
from tuner.orchestration.final_evaluation import early_refusal
from tuner.orchestration.invocations import remember_invocation
from tuner.orchestration.report_page import write_page
from tuner.orchestration.retraining import Retraining
from tuner.orchestration.soup import SoupBuilding
from tuner.orchestration.start import Start, prepare_start
from tuner.processes.agent_log import agent_log
from tuner.processes.invocation import Invocation
from tuner.results.best import BestPublisher
from tuner.results.best_file import StudyFacts
from tuner.results.members import KeptMembers
from tuner.results.summary import SweepSummary, description, print_summary
from tuner.results.terminal import Terminal
from tuner.results.time_spent import TimeSpent
from tuner.search.pareto import best, by_preference, front
from tuner.search.stop_when import stop_reason
from tuner.settings.settings import TrialSettings
from tuner.soup import soup_facts
from tuner.study import Study, made_with, study_url
from tuner.study.strategies import build_pruner, build_sampler
from tuner.tracking import Tracker, View, tracking_uri
from tuner.tracking.publishing import Publisher, Request
from tuner.trial.folder import StudyFolder
from tuner.trial.records import TrialOutcome, TrialSpec
from tuner.trial.study_identity import StudyIdentity


def run_sweep(
    composed: ComposedSweep,
    call: Call,
    terminal: Terminal,
    started_at: float,
) -> int:
    """Run a sweep, or resume it up to its total.

    Args:
        composed: Configuration of the sweep.
        call: Request of the user.
        terminal: Display.
        started_at: Start of the command, in seconds of the monotonic clock.

    Returns:
        Exit code: 0 if done, 1 if there is no usable result, 130 if interrupted.

    Raises:
        InputError: The sweep cannot run as it is configured.
    """
    agent = composed.agent
    _check_space(composed)
    build_sampler(agent.sampler, opened=0)
    variants = check_space(composed)
    build_pruner(agent.pruner, composed.goals)
    if agent.launcher.submits_agents:
        from tuner.orchestration import agents  # noqa: PLC0415 - needs an extra

        return agents.run(composed, call, terminal, started_at)
    return _run_here(composed, variants, call, terminal, started_at)


def _run_here(
    composed: ComposedSweep,
    variants: Sequence[TrialSettings],
    call: Call,
    terminal: Terminal,
    started_at: float,
) -> int:
    """Run the sweep in this process, which is one of its agents.

    Args:
        composed: Configuration of the sweep.
        variants: Trial settings that `check` composed of it.
        call: Request of the user.
        terminal: Display.
        started_at: Start of the command, in seconds of the monotonic clock.

    Returns:
        Exit code.
    """
    agent = composed.agent
    folder = StudyFolder(Path(agent.output), agent.study_name)
    folder.refuse_misplaced()
    with ExitStack() as stack:
        if not agent.sweep.dry_run:
            stack.enter_context(agent_log(folder.path))
        tracker = Tracker(agent.tracking, agent.study_name, folder, notice=terminal.warn)
        tracker.check()
        start = stack.enter_context(prepare_start(composed, variants, terminal, call.hooks))
        if agent.sweep.dry_run:
            dry_run(start)
            return 0
        check_confirmation(start)
        study = start.open_study(folder, agent.storage)
        stack.callback(study.close)
        composed = with_earlier_metrics(composed, study.attributes(), terminal.warn)
        start = replace(start, composed=composed)
        _show_opened(start, study)
        invocation = remember_invocation(study, call.invocation)
        tags = call.tags
        tracker.open(tags, start.inputs.of, study.identity)
        stack.callback(lambda: terminal.warn(tracker.close()))
        publisher = Publisher(_request(composed, folder, study.identity, sends=tracker.sends))
        stack.callback(publisher.close)
        _announce(start, study, tracker)
        best_publisher = BestPublisher(study, _facts(start), start.composed, folder, terminal.warn)
        members = _members(start, study)
        sweep = _search(start, study, best_publisher, members, tracker, publisher, tags)
        retraining = Retraining(start, study, best_publisher, tags)
        soup = SoupBuilding(start, study, best_publisher, members)
        confirmed = _confirm(start, study, best_publisher, members, sweep, retraining, soup, tags)
        summary = _summary(start, study, sweep, confirmed, tracker, invocation, started_at)
        summary = replace(
            summary,
            interrupted=summary.interrupted or retraining.interrupted,
            soup=best_publisher.soup,
            model_note=best_publisher.note,
            page=write_page(agent, summary.reading, invocation, terminal.warn),
        )
        _finish(summary, folder, terminal, tracker, publisher)
        return summary.exit_code


def _finish(
    summary: SweepSummary,
    folder: StudyFolder,
    terminal: Terminal,
    tracker: Tracker,
    publisher: Publisher,
) -> None:
    """Log the end of the sweep, show it, and publish its page."""
    if summary.goals.several:
        tracker.mark_front(each.number for each in front(summary.outcomes, summary.goals))
    status = "KILLED" if summary.interrupted else "FINISHED"
    files = [folder.best] if folder.best.exists() else []
    facts = {} if summary.soup is None else soup_facts(summary.soup)
    tracker.sweep_finished(summary.metrics(), description(summary), files, status, facts)
    print_summary(summary, terminal.console)
    if not summary.interrupted:
        terminal.warn(tracker.close())  # Publishing needs the runs in MLflow.
        terminal.warn(publisher.finish())
        if publisher.registered:
            terminal.notice(publisher.registered)


def _check_space(composed: ComposedSweep) -> None:
    if not composed.space.dimensions:
        raise InputError(
            "nothing is left to search",
            where="sweep.space, and the values that the command line fixes",
            remedy="search a key, as training.batch_size=8,16; for one fine-tune without a "
            "search: tuner train FILE.yaml",
        )


def _show_opened(start: Start, study: Study) -> None:
    """Show notes on a study before anything is trained."""
    terminal = start.terminal
    terminal.warn(study.notice)
    terminal.warn(early_refusal(start, study))
    if study.is_new and start.published is not None:
        terminal.notice(
            f"first trials, after the untuned default: {len(start.published.points)} of "
            f"{start.published.source}; sweep.literature=false leaves them out"
        )


def _announce(start: Start, study: Study, tracker: Tracker) -> None:
    """Create the sweep's run and MLflow's page, and show their addresses."""
    composed, goals = start.composed, start.goals
    total = str(composed.agent.sweep.n_trials)
    tracker.sweep_started(
        {"objective": ",".join(goals.objectives), "n_trials": total, "tuner": __version__},
        {"sweep.yaml": render(composed), **start.inputs.artifacts},
    )
    keys = composed.space.keys
    tracker.show(View(goals=goals, keys=keys, study=study.identity))
    if not study.is_new:
        tracker.restore_missing(study.outcomes())
    tracker.abandon(study.requeue_orphans())
    start.terminal.notice(f"review: {tracker.review}")


def _facts(start: Start) -> StudyFacts:
    return StudyFacts(
        name=start.composed.agent.study_name,
        goals=start.goals,
        contents=start.inputs.contents,
        made_with=made_with(start.composed.metrics),
    )


def _members(start: Start, study: Study) -> KeptMembers:
    keep = None if start.soup is None else start.soup.keep
    return KeptMembers(study, start.folder, start.goals, keep, start.base.training.seed)


def _search(
    start: Start,
    study: Study,
    best_publisher: BestPublisher,
    members: KeptMembers,
    tracker: Tracker,
    publisher: Publisher,
    tags: Mapping[str, str],
) -> Sweep:
    """Run the missing trials."""
    agent, terminal, launcher = start.composed.agent, start.terminal, start.launcher
    earlier = study.outcomes()

    def finished(spec: TrialSpec, outcome: TrialOutcome) -> None:
        best_publisher(spec, outcome)
        members.finished(spec)
        publisher.refresh()
        start.hooks.on_finished(spec, outcome)

    sweep = Sweep(
        plan=replace(
            start.plan(earlier, tags),
            timeout=agent.sweep.timeout,
            enough=partial(_stop_reason, start, study),
            wants_model=best_publisher.wants_model,
            wants_member=members.wants,
            hooks=replace(start.hooks, on_finished=finished),
        ),
        source=study,
        launcher=launcher,
        tracker=tracker,
        folder=start.folder,
        watcher=terminal,
        on_idle=publisher.prepare,
    )
    sweep.prepare(start.base)
    terminal.begin(
        agent.study_name,
        start.n_trials,
        launcher.slots,
        earlier=earlier,
        goals=start.goals,
        timeout=agent.sweep.timeout,
    )
    try:
        sweep.run()
    finally:
        terminal.end()
    best_publisher.publish()  # Another agent may have been killed before it published its best.
    if study.exhausted and len(study.values()) < agent.sweep.n_trials:
        terminal.notice(
            "every configuration of the search space has been tried: the sweep ends before "
            f"sweep.n_trials={agent.sweep.n_trials}"
        )
    return sweep


def _confirm(
    start: Start,
    study: Study,
    best_publisher: BestPublisher,
    members: KeptMembers,
    sweep: Sweep,
    retraining: Retraining,
    soup: SoupBuilding,
    tags: Mapping[str, str],
) -> ConfirmationResult:
    """Confirm the leading configurations; retrain models that are lost by then; build the soup."""

    def complete_models(repeats: Sweep | None) -> bool:
        return retraining.restore(sweep, repeats) and soup.decide()

    found = confirm(start, study, best_publisher, members, sweep, tags, complete_models)
    sweeps = [sweep] if found.sweep is None else [sweep, found.sweep]
    is_done = found.confirmation is not None
    if not is_done and not any(each.interrupted or each.failed for each in sweeps):
        complete_models(found.sweep)
    return found


def _stop_reason(start: Start, study: Study) -> str:
    """Return why `sweep.stop_when` holds; empty if it does not."""
    settings = start.composed.agent.sweep
    if settings.stop_when.patience is None:
        return ""  # The study need not be read.
    values = study.values()
    if len(values) >= settings.n_trials:
        return ""
    return stop_reason(values, start.goals.directions, settings.stop_when)


def _summary(
    start: Start,
    study: Study,
    sweep: Sweep,
    confirmed: ConfirmationResult,
    tracker: Tracker,
    invocation: Invocation,
    started_at: float,
) -> SweepSummary:
    """Collect the facts of the final summary."""
    composed, agent = start.composed, start.composed.agent
    sweeps = [sweep] if confirmed.sweep is None else [sweep, confirmed.sweep]
    outcomes = by_preference(study.outcomes(), start.goals)
    winner = best(outcomes, start.goals)
    ended = [outcome for each in sweeps for outcome in each.outcomes]
    here = {outcome.number for outcome in sweep.outcomes}
    return SweepSummary(
        study=agent.study_name,
        goals=start.goals,
        outcomes=outcomes,
        reading=read_sweep(
            outcomes,
            space=composed.space,
            goals=start.goals,
            importances=study.importances(),
            epochs=composed.base.training.epochs,
        ),
        confirmation=confirmed.confirmation,
        interrupted=any(each.interrupted for each in sweeps),
        failed=next((each.failed for each in sweeps if each.failed), ""),
        time=TimeSpent(
            seconds=time.monotonic() - started_at,
            busy=sum(outcome.seconds_busy for outcome in ended),
            slots=len(start.launcher.slots),
            ended=len(ended),
            earlier=sum(outcome.number not in here for outcome in outcomes),
            in_trials=sum(outcome.seconds for outcome in outcomes),
        ),
        best_file=start.folder.best,
        keys=composed.space.keys,
        review=tracker.review_steps,
        invocation=invocation,
        labels=start.inputs.labels(start.compose(winner.parameters)) if winner else (),
        study_exists=start.folder.has_sibling,
    )


def _request(
    composed: ComposedSweep, folder: StudyFolder, identity: StudyIdentity, *, sends: bool
) -> Request:
    """Return the parts of a composed sweep that are published in MLflow beside its runs."""
    agent = composed.agent
    return Request(
        study=identity,
        objectives=composed.goals.objectives,
        storage=study_url(agent.storage, folder),
        tracking=tracking_uri(agent.tracking.uri),
        folder=str(folder.path.absolute()),
        draw=sends and agent.tracking.plots,
        log_model=sends and agent.tracking.log_model,
        register=agent.tracking.register,
    )
