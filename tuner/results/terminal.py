"""Terminal output: progress of a running sweep, a line for each trial."""

import logging
import math
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from tuner.formatting.printable import printable
from tuner.formatting.timestamps import stamped
from tuner.results.console import PlainConsole
from tuner.results.layout import cell, fill, words
from tuner.results.live import Frame, FrameView, Resizable, Row
from tuner.results.tables import STYLES, figure
from tuner.search.goals import Goals, score
from tuner.search.pareto import best, front
from tuner.search.short_names import short_names
from tuner.trial.duration import Running, duration_text, seconds_left
from tuner.trial.records import Scalar, TrialOutcome, TrialSpec, TrialState

_logger = logging.getLogger(__name__)

COUNTED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.INFEASIBLE)
"""States that count toward a study's total."""

WIDE = 1_000
"""Columns of a line if no terminal wraps it."""

_INDENT = 11
"""Indent of a trial's second line, which starts below its state."""


def print_line(console: Console, text: str | Text, style: str | None = None) -> None:
    """Print a line, wrapped between words on a terminal and unwrapped elsewhere.

    A word longer than a line, for example an address, stays whole and can be copied.
    """
    width = console.width
    if console.is_terminal and any(cell_len(word) > width for word in str(text).split()):
        lines = []
        for paragraph in str(text).split("\n"):
            parts = [Text(part) for part in re.findall(r"\s*\S+", paragraph)]
            lines += fill(parts, width, whole=True) or [Text()]
        console.print(Text("\n").join(lines), style=style, soft_wrap=True)
    else:
        console.print(text, style=style, markup=False, soft_wrap=not console.is_terminal)


def parameters_text(parameters: Mapping[str, Scalar]) -> str:
    """Return parameters as short overrides."""
    return " ".join(f"{key}={figure(value)}" for key, value in parameters.items())


def outcome_parts(
    outcome: TrialOutcome, objective: str, noun: str = "trial", keys: Sequence[str] = ()
) -> list[Text]:
    """Return a finished trial as parts of `tuner.results.layout.fill`.

    Args:
        outcome: Outcome of the trial.
        objective: Name of the metric.
        noun: Name of a trial in messages.
        keys: Searched keys that are shown by short names; others are shown in full.
    """
    value = outcome.measured.get(objective, outcome.value)
    if value is None and outcome.last is not None:
        value = outcome.last.value(objective)
    shown = "-" if value is None or math.isnan(value) else score(value)
    status = outcome.diagnosis.status.value if outcome.diagnosis else ""
    names = short_names(keys)
    parts = [
        cell(f"{noun} {outcome.number:>3}"),
        Text("  ") + cell(f"{outcome.state.value:<11}", STYLES[outcome.state]),
        cell(f" {objective} {shown:<7}"),
        cell(f" {status:<13}"),
        cell(f" {outcome.seconds:5.0f} s "),
        *(
            cell(f" {names.get(key, key)}={figure(value)}")
            for key, value in outcome.parameters.items()
        ),
    ]
    problem = f"misses {'; '.join(outcome.violated)}" if outcome.violated else ""
    if outcome.error is not None:
        problem += f" {outcome.error.text}"
    return [*parts, *([cell(" ")] if problem else []), *words(problem, "red")]


def outcome_line(outcome: TrialOutcome, objective: str, noun: str = "trial") -> Text:
    """Return a finished trial as one line, with parameters by their keys."""
    return Text().join(outcome_parts(outcome, objective, noun))


def show_outcome(
    console: Console,
    outcome: TrialOutcome,
    objective: str,
    noun: str = "trial",
    keys: Sequence[str] = (),
) -> None:
    """Print a finished trial, in several lines on a terminal and in one line elsewhere."""
    if not console.is_terminal:
        print_line(console, outcome_line(outcome, objective, noun))
        return
    for line in fill(outcome_parts(outcome, objective, noun, keys), console.width, _INDENT):
        print_line(console, line)


def _output() -> Console:
    """Return standard output; it is live only on a terminal, whatever FORCE_COLOR says."""
    if sys.stdout is None or not sys.stdout.isatty():
        return PlainConsole(width=WIDE, force_interactive=False)
    console = PlainConsole()
    if console.is_dumb_terminal:  # Rich assumes 80 columns for it.
        size = shutil.get_terminal_size()
        return PlainConsole(width=size.columns, height=size.lines)
    return console


@dataclass(frozen=True, kw_only=True)
class _Slot:
    """Present state of a slot."""

    trial: int | None = None
    """Number of its trial; None if none runs."""
    waits: str = "waiting"
    """Text while no trial runs."""
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    share: float = 0.0
    score: float | None = None
    rate: float = 0.0
    since: float = 0.0
    """Start of the trial, by the terminal's clock."""


class Terminal:
    """Display of a sweep: live lines on a terminal, plain lines elsewhere."""

    def __init__(
        self,
        objective: str,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
        noun: str = "trial",
        keys: Sequence[str] = (),
        *,
        quiet: bool = False,
        now: Callable[[], datetime] | None = None,
        moves: bool = True,
    ) -> None:
        """Show nothing until `begin`.

        Args:
            objective: Name of the metric.
            console: Console to print on; None for standard output.
            clock: Function that returns monotonic seconds.
            noun: Name of a trial in messages.
            keys: Searched keys, which are shown by short names.
            quiet: True to show warnings and results only.
            now: Function that returns local time, printed before each line of progress without a
                terminal; None to print no time.
            moves: False to show plain lines only, for example beside a debugger.
        """
        console = console or _output()
        if not console.is_terminal:
            console = PlainConsole(width=WIDE, file=console.file)
        self.console = console
        self._objective = objective
        self._noun = noun
        self._keys = keys
        self._names = short_names(keys)
        self._quiet, self._now = quiet, None if console.file.isatty() else now
        self._moves = moves
        self._clock = clock
        self._slots: Mapping[int, _Slot] = {}
        self._title = ""
        self._goals: Goals | None = None
        self._leading: Sequence[TrialOutcome] = ()
        self._done = self._total = self._failures = 0
        self._started_at = clock()
        self._ends: float | None = None
        self._ended: list[float] = []
        self._view = Resizable(console, FrameView(self.frame))

    @property
    def _is_live(self) -> bool:
        """True if lines can move; a dumb terminal and a file only take new ones."""
        return self._moves and self.console.is_interactive and not self._quiet

    def begin(
        self,
        title: str,
        total: int,
        slots: Iterable[int],
        *,
        earlier: Iterable[TrialOutcome] = (),
        goals: Goals | None = None,
        timeout: float | None = None,
    ) -> None:
        """Show the line of the sweep and one for each slot.

        Args:
            title: Name of the study.
            total: Number of trials in all.
            slots: Indices of the slots.
            earlier: Trials that ended before this start.
            goals: Goals that define the best so far; None to show no best.
            timeout: Seconds after which no trial starts; None for no limit.
        """
        self._started_at = self._clock()
        self._ends = None if timeout is None else self._started_at + timeout
        self._title, self._total, self._goals = title, total, goals
        earlier = list(earlier)
        for outcome in earlier:
            self._count(outcome)
        self._update_leading(earlier)
        self._slots = {slot: _Slot(waits="starting") for slot in slots}
        if self._is_live:
            self._view.start()

    def end(self) -> None:
        """Remove the live lines."""
        self._view.stop()

    def of(self, noun: str, keys: Sequence[str]) -> "Terminal":
        """Return another display on the same console.

        Args:
            noun: Name of its trials in messages.
            keys: Searched keys of its trials.
        """
        return type(self)(
            self._objective,
            self.console,
            self._clock,
            noun,
            keys,
            quiet=self._quiet,
            now=self._now,
            moves=self._moves,
        )

    def notice(self, text: str) -> None:
        """Show a line about the command, and log it."""
        _logger.info("%s", text)
        self._progress(text)

    def _progress(self, text: str) -> None:
        """Show a line about a trial; the loop logs what it says."""
        if not self._quiet:
            self._log(text)

    def warn(self, text: str) -> None:
        """Show and log a warning, unless the text is empty."""
        if text:
            _logger.info("warning: %s", text)
            self._log(text, style="yellow")

    def result(self, text: str) -> None:
        """Show a line of the result, without a time."""
        print_line(self.console, text)

    def show_outcome(self, outcome: TrialOutcome) -> None:
        """Show a finished trial as progress, in one line without a live terminal."""
        if self._quiet:
            return
        if self._now is None:
            show_outcome(self.console, outcome, self._objective, self._noun, self._keys)
        else:
            self._log(outcome_line(outcome, self._objective, self._noun))

    def _log(self, text: str | Text, style: str | None = None) -> None:
        print_line(
            self.console, text if self._now is None else stamped(text, self._now()), style=style
        )

    def trial_started(self, slot: int, spec: TrialSpec) -> None:
        """Show the trial in the slot's line."""
        now = _Slot(trial=spec.number, parameters=spec.parameters, since=self._clock())
        self._set(slot, now)
        if not self._is_live:
            trial, parameters = f"{self._noun} {spec.number}", parameters_text(spec.parameters)
            self._progress(f"slot {slot}  {trial} starts  {parameters}")

    def progressed(self, slot: int, share: float, rate: float) -> None:
        """Update the slot's progress."""
        self._set(slot, replace(self._slots[slot], share=share, rate=rate))

    def reported(self, slot: int, value: float) -> None:
        """Show the last score in the slot's line."""
        now = replace(self._slots[slot], score=value)
        self._set(slot, now)
        if not self._is_live:
            self._progress(
                f"slot {slot}  {self._noun} {now.trial}  {now.share:.0%}  "
                f"{self._objective} {score(value)}"
            )

    def trial_finished(self, slot: int, outcome: TrialOutcome) -> None:
        """Show the trial in a line above, and count it in the sweep's line."""
        self.show_outcome(outcome)
        self._set(slot, _Slot())
        self._count(outcome)
        self._update_leading([outcome])
        if outcome.state in COUNTED:
            self._ended.append(outcome.seconds)
            if not self._is_live:
                self._progress(
                    ", ".join((self._trials(), *(" ".join(each) for each in self._facts())))
                )

    # -- content ------------------------------------------------------------------------------

    def _set(self, slot: int, now: _Slot) -> None:
        """Set the state of a slot, which may be new because a cluster may grow.

        The mapping is replaced, because another thread draws it.
        """
        self._slots = {**self._slots, slot: now}

    def _count(self, outcome: TrialOutcome) -> None:
        self._done += outcome.state in COUNTED
        self._failures += outcome.state is TrialState.FAILED

    def _update_leading(self, ended: Iterable[TrialOutcome]) -> None:
        if self._goals is not None:
            self._leading = front([*self._leading, *ended], self._goals)

    def frame(self) -> Frame:
        """Return everything that the live lines show now."""
        rows = [Row(title=self._trials(), share=self._done / max(1, self._total))]
        rows += [self._row(slot, now) for slot, now in sorted(self._slots.items())]
        facts = [cell(self._title)]
        for first, *others in self._facts():
            facts += [cell(f"  {first}"), *(cell(f" {other}") for other in others)]
        if self._failures:
            facts[-1].stylize("red")
        return Frame(facts=facts, rows=rows)

    def _row(self, slot: int, now: _Slot) -> Row:
        if now.trial is None:
            return Row(slot=f"slot {slot}", title=now.waits)
        digits = len(str(max(0, self._total - 1)))
        named = ((self._names.get(key, key), value) for key, value in now.parameters.items())
        return Row(
            slot=f"slot {slot}",
            title=f"{self._noun} {now.trial:>{digits}}",
            share=now.share,
            score=now.score,
            rate=now.rate,
            parameters=[printable(f"{name}={figure(value)}", keep="") for name, value in named],
        )

    def _trials(self) -> str:
        return f"{self._done} of {self._total} {self._noun}s"

    def _facts(self) -> list[list[str]]:
        """Return the best so far, times and failures as words to keep together."""
        left = self._time_left() if self._total > self._done else None
        elapsed = f"{duration_text(self._clock() - self._started_at)} elapsed"
        failures = f"{self._failures} failed" if self._failures else None
        return [*self._best(), *([each] for each in (elapsed, left, failures) if each is not None)]

    def _best(self) -> list[list[str]]:
        """Return the best trial's result so far, and its number."""
        if self._goals is None:
            return []
        found = best(self._leading, self._goals)
        if found is None:
            return [[f"best {self._objective}: none yet"]]
        values = self._goals.values(found)
        *others, last = [f"{name} {score(values[name])}" for name in self._goals.objectives]
        first, *more = [*(f"{each}," for each in others), last]
        return [[f"best {first}", *more, f"({self._noun} {found.number})"]]

    def _time_left(self) -> str | None:
        """Return an estimate of the sweep's end, if its trials allow one."""
        now, slots = self._clock(), self._slots
        running = [
            Running(seconds=now - slot.since, share=slot.share)
            for slot in slots.values()
            if slot.trial is not None
        ]
        waiting = max(0, self._total - self._done - len(running))
        seconds = seconds_left(self._ended, running, waiting, len(slots))
        if seconds is None:
            return None
        if self._ends is not None and now + seconds > self._ends:
            return f"no trial starts after {duration_text(max(0.0, self._ends - now))} from now"
        end = datetime.now().astimezone() + timedelta(seconds=seconds)
        today = end.date() == datetime.now().astimezone().date()
        return (
            f"about {duration_text(seconds)} left, until {end:{'%H:%M' if today else '%a %H:%M'}}"
        )


def ending(outcome: TrialOutcome) -> str:
    """Return how and why a trial ended, and advice, in one line."""
    if outcome.error is not None:
        why = outcome.error.text
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
