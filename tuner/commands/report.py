"""`tuner report sweep=NAME`: a study ranked in the terminal and on one HTML page."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from tuner.commands.command_words import read_options
from tuner.config import ComposedReader, compose_report
from tuner.confirmation import confirmation_lines
from tuner.diagnosis.sweep import FollowUp, SweepReading, statements
from tuner.formatting.timestamps import local_time
from tuner.orchestration.report_page import PAGE, Reporter
from tuner.results.html.data import StudyView, TrialView
from tuner.results.live import Resizable
from tuner.results.pasted import print_command
from tuner.results.tables import confirmation_table, ranking_table
from tuner.results.terminal import Terminal, ending, parameters_text, print_line
from tuner.search.goals import score
from tuner.search.short_names import short_names
from tuner.settings.report_settings import ReportSettings
from tuner.soup import soup_lines
from tuner.study.reader import StudyReader
from tuner.tracking import replay
from tuner.trial.folder import StudyFolder
from tuner.trial.kept_model import model_note

REFRESH_SECONDS = 30
"""Interval at which a browser reloads the page of a followed sweep."""

QUIET_READS = 2
"""Number of consecutive reads without an unfinished trial after which the sweep is over.

Between two trials of a slot there is a moment in which none runs.
"""


def run(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: Hydra overrides: sweep or study, output, storage, tracking, report.

    Returns:
        0 if done, also if the user ends following.

    Raises:
        InputError: There is no such study, or an argument is wrong.
    """
    options = read_options(arguments, command="report")
    composed = compose_report(options.overrides, Path.cwd())
    reader = StudyReader(composed.study, composed.storage, Path(composed.output))
    try:
        _report(composed, reader, quiet=options.quiet)
    finally:
        reader.close()
    return 0


def _report(composed: ComposedReader[ReportSettings], reader: StudyReader, *, quiet: bool) -> None:
    folder = StudyFolder(Path(composed.output), reader.name)
    given = composed.settings.output
    page = Path(given) if given else folder.path / PAGE
    reporter = Reporter(reader=reader, folder=folder, page=page)
    terminal = Terminal(reporter.view().objective, quiet=quiet, now=local_time)
    places = [place for place in (folder, folder.confirmation) if os.access(place.path, os.W_OK)]
    for place in places:  # Spools of a study that we cannot write are sent by its owner.
        for line in replay(reader.identity, place, composed.tracking):
            terminal.notice(line)
    follow = composed.settings.follow
    study = _follow(reporter, terminal, composed.settings.interval) if follow else reporter.view()
    reading = reporter.read(study)
    for part in study_view(study, reading, reporter.follow_up(study)):
        if isinstance(part, ShellCommand):
            print_command(terminal.console, part.text)
        elif isinstance(part, Text):
            print_line(terminal.console, part)
        else:
            terminal.console.print(part)
    note = model_note(folder)
    if note is not None:
        terminal.warn(note)
    reporter.write(study, reading)
    terminal.result(f"\n{'page':<13} {page}")


def _follow(reporter: Reporter, terminal: Terminal, interval: float) -> StudyView:
    """Show the study whenever it changes, until it ends or the user presses Ctrl-C."""
    console = terminal.console
    last: StudyView | None = None
    quiet = 0
    view = Resizable(console)
    view.start()
    try:
        while quiet < QUIET_READS:
            study = reporter.view()
            if study != last:
                reading = reporter.read(study)
                reporter.write(study, reading, refresh=REFRESH_SECONDS)
                if console.is_interactive:
                    view.drawn = live_view(study, reporter.page)
                else:
                    _print_new(terminal, study, last)
                last = study
            quiet = 0 if study.unfinished else quiet + 1
            if quiet < QUIET_READS:
                time.sleep(interval)
    except KeyboardInterrupt:
        pass
    finally:
        view.stop()
    return last or reporter.view()


def _print_new(terminal: Terminal, study: StudyView, last: StudyView | None) -> None:
    """Print a line for each trial that ended since the last read; no terminal is needed."""
    study_view = {outcome.number for outcome in last.outcomes} if last else set()
    for outcome in sorted(study.outcomes, key=lambda o: o.number):
        if outcome.number not in study_view:
            terminal.show_outcome(outcome)


@dataclass(frozen=True)
class ShellCommand:
    """Line to paste into a shell."""

    text: str


def study_view(
    study: StudyView, reading: SweepReading, rerun: FollowUp
) -> list[RenderableType | ShellCommand]:
    """Return a study for the terminal: ranked table, end of each trial, the whole sweep."""
    parts: list[RenderableType | ShellCommand] = []
    if study.outcomes:
        parts.append(ranking_table(study.outcomes, study.goals, study.keys))
    sections = {
        "How each ended, and what to change": [ending(outcome) for outcome in study.outcomes],
        "Not ended": _unfinished(study),
    }
    for title, texts in sections.items():
        if texts:
            parts += [Text(f"\n{title}", style="bold"), *map(Text, texts)]
    read = statements(reading, rerun)
    if read:
        parts.append(Text("\nReading", style="bold"))
    for each in read:
        parts += (
            [Text(f"{each.text}:"), ShellCommand(each.command)]
            if each.command
            else [Text(each.text)]
        )
    if study.confirmation is not None:
        parts += [
            Text("\nConfirmed with new seeds", style="bold"),
            confirmation_table(study.confirmation),
            *map(Text, confirmation_lines(study.confirmation, study.goals, study.soup_model)),
        ]
    if study.soup is not None:
        parts += [Text("\nSoup", style="bold"), *map(Text, soup_lines(study.soup))]
    return parts or [Text("The study has no trials yet.")]


def live_view(study: StudyView, page: Path) -> RenderableType:
    """Return the terminal's view of a followed study: changing parts first, on one screen."""
    return Group(
        Text(f"{page}   Ctrl-C ends following, not the sweep", style="dim"),
        *map(Text, _unfinished(study)),
        "",
        ranking_table(study.outcomes, study.goals, study.keys) if study.outcomes else "",
    )


def _unfinished(study: StudyView) -> list[str]:
    names = short_names(study.keys)
    return [_trial_line(trial, study.objective, names) for trial in study.unfinished]


def _trial_line(trial: TrialView, objective: str, names: Mapping[str, str]) -> str:
    """Return the line of a running or waiting trial."""
    parts = [f"trial {trial.number:>3} {trial.state}"]
    if trial.curve:
        parts.append(f"{trial.curve[-1].share:.0%}")
    if objective in trial.measured:
        parts.append(f"{objective} {score(trial.measured[objective])}")
    named = {names[key]: value for key, value in trial.parameters.items()}
    return "  ".join([*parts, parameters_text(named)])
