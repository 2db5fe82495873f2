"""What a person sees: progress while a sweep runs, a line for each trial, a table at the end."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from tuner.console import PlainConsole
from tuner.core.confirmation import HEADINGS, Confirmation, cells
from tuner.core.duration import Running, seconds_left, told
from tuner.core.goals import Goals, is_missed, score
from tuner.core.pareto import front
from tuner.core.ranking import is_usable
from tuner.core.trial import Scalar, TrialOutcome, TrialSpec, TrialState

STYLES = {
    TrialState.COMPLETE: "green",
    TrialState.PRUNED: "yellow",
    TrialState.INFEASIBLE: "magenta",
    TrialState.FAILED: "red",
    TrialState.INTERRUPTED: "blue",
    TrialState.RETRIED: "blue",
}
COUNTED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.INFEASIBLE)
"""What counts toward a study's total."""

WIDE = 1_000
"""Columns of a line where there is no terminal to wrap it."""


def say(console: Console, text: str | Text, style: str | None = None) -> None:
    """Prints a line: wrapped between words on a terminal, as it is elsewhere."""
    console.print(text, style=style, markup=False, soft_wrap=not console.is_terminal)


def figure(value: Scalar) -> str:
    """A value as people read it: floats to four significant digits."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if not isinstance(value, float):
        return str(value)
    return f"{value:.4g}"


def parameters_text(parameters: Mapping[str, Scalar]) -> str:
    """Parameters as short overrides."""
    return " ".join(f"{key}={figure(value)}" for key, value in parameters.items())


def outcome_line(outcome: TrialOutcome, objective: str, noun: str = "trial") -> Text:
    """One finished trial as one line."""
    value = outcome.measured.get(objective, outcome.value)
    if value is None and outcome.last is not None:
        value = outcome.last.value(objective)
    told = "-" if value is None or math.isnan(value) else score(value)
    status = outcome.diagnosis.status.value if outcome.diagnosis else ""
    line = Text.assemble(
        f"{noun} {outcome.number:>3}  ",
        (f"{outcome.state.value:<11}", STYLES[outcome.state]),
        f" {objective} {told:<7} {status:<13} {outcome.seconds:5.0f} s  "
        f"{parameters_text(outcome.parameters)}",
    )
    if outcome.violated:
        line.append(f"  misses {'; '.join(outcome.violated)}", style="red")
    if outcome.error is not None:
        line.append(f"  {outcome.error.type}: {outcome.error.message}", style="red")
    return line


@dataclass(kw_only=True)
class _SlotLine:
    """The live line of one slot."""

    task: TaskID
    title: str = ""
    parameters: str = ""
    share: float = 0.0
    score: float | None = None
    rate: float = 0.0
    since: float | None = None

    def note(self, objective: str) -> str:
        told = "" if self.score is None else f"{objective} {score(self.score)}  "
        rate = f"{self.rate:.0f} examples/s  " if self.rate else ""
        return told + rate + self.parameters


class Terminal:
    """Shows a sweep: live lines on a terminal, plain ones elsewhere."""

    def __init__(
        self,
        objective: str,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
        noun: str = "trial",
    ) -> None:
        """Shows nothing until `begin`.

        Args:
            objective: Metric name.
            console: Where to write; None: standard output.
            clock: Seconds, monotonic.
            noun: What a trial is called.
        """
        console = console or PlainConsole()
        if not console.is_terminal:
            console = PlainConsole(width=WIDE, file=console.file)
        self.console = console
        self._objective = objective
        self._noun = noun
        self._lines: dict[int, _SlotLine] = {}
        self._sweep: TaskID | None = None
        self._done = self._total = 0
        self._clock = clock
        self._ends: float | None = None
        self._ended: list[float] = []
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
            disable=not console.is_terminal,
            refresh_per_second=4,
        )

    def begin(
        self,
        title: str,
        total: int,
        done: int,
        slots: Iterable[int],
        timeout: float | None = None,
    ) -> None:
        """Shows the sweep's line and one for each slot.

        Args:
            title: The study's name.
            total: Trials in all.
            done: Of them, finished by an earlier start.
            slots: Slot indices.
            timeout: Seconds after which no trial starts; None: none.
        """
        self._ends = None if timeout is None else self._clock() + timeout
        self._done, self._total = done, total
        self._sweep = self._progress.add_task(
            title, total=total, completed=done, note=self._trials()
        )
        for slot in slots:
            self._line(slot)
        self._progress.start()

    def end(self) -> None:
        """Takes the live lines away."""
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        self._progress.stop()

    def notice(self, text: str) -> None:
        """A line to know."""
        say(self.console, text)

    def warn(self, text: str) -> None:
        """A line to mind, if there is anything to say."""
        if text:
            say(self.console, text, style="yellow")

    def trial_started(self, slot: int, spec: TrialSpec) -> None:
        """The slot's line says what the trial tries."""
        line = _SlotLine(
            task=self._line(slot).task,
            title=f"{self._noun} {spec.number}",
            parameters=parameters_text(spec.parameters),
            since=self._clock(),
        )
        if not self.console.is_terminal:
            self.notice(f"slot {slot}  {line.title} starts  {line.parameters}")
        self._lines[slot] = line
        description = f"slot {slot}  {line.title}"
        self._progress.update(
            line.task, completed=0.0, description=description, note=line.note(self._objective)
        )

    def progressed(self, slot: int, share: float, rate: float) -> None:
        """The slot's line moves on."""
        line = self._lines[slot]
        line.rate, line.share = rate, share
        if self._sweep is not None:
            self._progress.update(self._sweep, note=self._trials())
        self._progress.update(line.task, completed=share, note=line.note(self._objective))

    def reported(self, slot: int, value: float) -> None:
        """The slot's line shows the last score."""
        line = self._lines[slot]
        line.score = value
        if not self.console.is_terminal:
            self.notice(
                f"slot {slot}  {line.title}  {line.share:.0%}  {self._objective} {score(value)}"
            )
        self._progress.update(line.task, note=line.note(self._objective))

    def trial_finished(self, slot: int, outcome: TrialOutcome) -> None:
        """The trial as a line above; the sweep's line counts on."""
        say(self.console, outcome_line(outcome, self._objective, self._noun))
        line = self._lines[slot]
        line.since, line.share = None, 0.0
        if self._sweep is not None and outcome.state in COUNTED:
            self._done += 1
            self._ended.append(outcome.seconds)
            self._progress.update(self._sweep, completed=self._done, note=self._trials())
            if not self.console.is_terminal:
                self.notice(self._trials())
        self._progress.update(line.task, completed=0.0, description=f"slot {slot}", note="waiting")

    def _line(self, slot: int) -> _SlotLine:
        """The slot's line, which one gets when it is first heard of: a cluster may grow."""
        if slot not in self._lines:
            task = self._progress.add_task(f"slot {slot}", total=1.0, note="starting")
            self._lines[slot] = _SlotLine(task=task)
        return self._lines[slot]

    def _trials(self) -> str:
        left = self._left()
        ending = "" if left is None or not self._total > self._done else f", {left}"
        return f"{self._done} of {self._total} {self._noun}s{ending}"

    def _left(self) -> str | None:
        """When the sweep will end, as far as its trials tell."""
        now = self._clock()
        running = [
            Running(seconds=now - line.since, share=line.share)
            for line in self._lines.values()
            if line.since is not None
        ]
        waiting = max(0, self._total - self._done - len(running))
        seconds = seconds_left(self._ended, running, waiting, len(self._lines))
        if seconds is None:
            return None
        if self._ends is not None and now + seconds > self._ends:
            return f"no trial starts after {told(max(0.0, self._ends - now))} from now"
        end = datetime.now().astimezone() + timedelta(seconds=seconds)
        today = end.date() == datetime.now().astimezone().date()
        return f"about {told(seconds)} left, until {end:{'%H:%M' if today else '%a %H:%M'}}"


def ranking_table(ordered: Sequence[TrialOutcome], goals: Goals, keys: Sequence[str]) -> Table:
    """The trials in their order; of several objectives, with a mark at those on the front.

    Args:
        ordered: As `tuner.core.pareto.order` gives them.
        goals: What they were run for.
        keys: Searched keys that have a column.
    """
    leading = {each.number for each in front(ordered, goals)} if goals.several else set()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("rank", "trial"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in goals.watched:
        table.add_column(name, justify="right", no_wrap=True)
    if goals.several:
        table.add_column("front", no_wrap=True)
    for name in ("state", "convergence"):
        table.add_column(name, no_wrap=True)
    for key in keys:
        table.add_column(key.rpartition(".")[2], justify="right")
    table.add_column("seconds", justify="right", no_wrap=True)
    for rank, outcome in enumerate(ordered, start=1):
        values = goals.values(outcome)
        table.add_row(
            str(rank) if is_usable(outcome) else "",
            str(outcome.number),
            *(_score(outcome, name, values) for name in goals.watched),
            *((["yes"] if outcome.number in leading else [""]) if goals.several else []),
            Text(outcome.state.value, STYLES[outcome.state]),
            outcome.diagnosis.status.value if outcome.diagnosis else "",
            *(figure(outcome.parameters[k]) if k in outcome.parameters else "" for k in keys),
            f"{outcome.seconds:.0f}",
        )
    return table


def _score(outcome: TrialOutcome, name: str, values: Mapping[str, float]) -> Text:
    """A cell of the table; red where a constraint of the metric is missed."""
    style = "red" if is_missed(name, outcome.violated) else ""
    return Text(score(values[name]) if name in values else "", style)


def confirmation_table(found: Confirmation) -> Table:
    """The configurations that were trained again, by rank."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for configuration in found.configurations:
        table.add_row(*cells(configuration, found))
    return table


def ending(outcome: TrialOutcome) -> str:
    """How a trial ended, why, and what to change, in one line."""
    if outcome.error is not None:
        why = f"{outcome.error.type}: {outcome.error.message}"
    elif outcome.diagnosis is not None:
        why = f"{outcome.diagnosis.status.value}: {outcome.diagnosis.reason}"
        if outcome.diagnosis.advice:
            why += f"; {outcome.diagnosis.advice}"
    else:
        why = ""
    how = outcome.state.value
    if outcome.last is not None and outcome.state is TrialState.PRUNED:
        how += f" at {outcome.last.point} of {outcome.last.points}"
    if outcome.violated:
        how += f", misses {'; '.join(outcome.violated)}"
    return f"trial {outcome.number:>3} {how}: {why}"


def stop_reasons(ordered: Iterable[TrialOutcome]) -> list[str]:
    """Why each trial that can not be taken stopped, or what it misses, a line each."""
    return [ending(outcome) for outcome in ordered if not is_usable(outcome)]
