"""Live lines while a sweep runs: one for the sweep, and one for each slot."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import (
    Console,
    ConsoleOptions,
    ConsoleRenderable,
    RenderableType,
    RenderHook,
)
from rich.control import Control
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.segment import ControlType, Segment
from rich.text import Text

from tuner.results.layout import GAP, cell, fill
from tuner.search.goals import score

_LONG_BAR, _BAR, _SHORT_BAR = 20, 10, 3
_WIDE = 120
"""Least number of columns with space for a long bar."""

_INTERRUPT = "^C"
"""Text that a terminal writes behind the last line; a wrapped line would not be erased."""

_SCORE = 7
"""Columns of a score, so that a sign does not shift the rest."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """Progress of the sweep or of a slot."""

    slot: str = ""
    """Name of the slot; empty for the sweep."""
    title: str
    """Trial of the slot, or what it waits for."""
    share: float | None = None
    """Share of the work that is done, 0 to 1; None if there is none."""
    score: float | None = None
    """Objective at the last report; None before one."""
    rate: float = 0.0
    """Examples per second; 0 if unknown."""
    parameters: Sequence[str] = ()
    """Parameters as `name=value`."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Everything that is shown at one moment."""

    facts: Sequence[Text] = ()
    """Facts on the sweep as parts of `fill`: name, best so far, times, failures."""
    rows: Sequence[Row] = ()
    """Row of the sweep, then of each slot."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row placed in a terminal."""

    label: str
    """Slot and trial."""
    bar: int
    """Columns of the bar; 0 if it does not fit."""
    share: float | None
    """Filled share of the bar; None for a blank bar."""
    values: str
    """Percentage, score, speed and parameters."""
    gap: str
    """Gap between these parts."""


def place(rows: Sequence[Row], width: int) -> list[Line]:
    """Place rows in common columns; each value is shown whole or not at all.

    Slot, trial, percentage and score are always shown. If they take too much space, parameters are
    left out first, then the speed, then a part of the bar.

    Args:
        rows: Rows of the sweep and its slots, one or more.
        width: Columns of the terminal.
    """
    labels = _labels(rows)
    scores = _aligned(["" if row.score is None else score(row.score) for row in rows], _SCORE)
    rates = _aligned([f"{row.rate:.0f} examples/s" if row.rate else "" for row in rows])
    always = cell_len(labels[0]) + 4 + len(scores[0])
    gap, bar = _bar(always, width)
    left = width - always - bar - (3 if bar else 2) * len(gap)
    if len(gap + rates[0]) > left:
        rates = [""] * len(rows)
    elif rates[0]:
        left -= len(gap + rates[0])
    lines = []
    for row, label, value, rate in zip(rows, labels, scores, rates, strict=True):
        percent = "" if row.share is None else f"{row.share:.0%}"
        shown = [f"{percent:>4}", value, *([rate] if rate else [])]
        values = gap.join([*shown, *_fitting(row.parameters, left, gap)])
        lines.append(Line(label=label, bar=bar, share=row.share, values=values, gap=gap))
    return lines


def _labels(rows: Sequence[Row]) -> list[str]:
    slots = _padded(row.slot for row in rows if row.slot)
    names = iter(slots)
    return _padded(f"{next(names)}{GAP}{row.title}" if row.slot else row.title for row in rows)


def _padded(texts: Iterable[str]) -> list[str]:
    """Pad texts to equal width."""
    texts = list(texts)
    width = max(map(cell_len, texts), default=0)
    return [text + " " * (width - cell_len(text)) for text in texts]


def _aligned(texts: Sequence[str], least: int = 0) -> list[str]:
    """Align numbers on the right; blank if there are none."""
    width = max([*map(len, texts), least if any(texts) else 0])
    return [text.rjust(width) for text in texts]


def _bar(always: int, width: int) -> tuple[str, int]:
    """Return the gap between parts, and the columns of the bars.

    Args:
        always: Columns of the parts that are always shown.
        width: Columns of the terminal.
    """
    for gap in (GAP, " "):
        bar = min(_LONG_BAR if width >= _WIDE else _BAR, width - always - 3 * len(gap))
        if bar >= _SHORT_BAR:
            return gap, bar
    return " ", 0


def _fitting(parameters: Sequence[str], width: int, gap: str) -> list[str]:
    """Return the first parameters that fit, and the number of the others."""
    for count in range(len(parameters), 0, -1):
        more = len(parameters) - count
        shown = [" ".join(parameters[:count]), *([f"+{more} more"] if more else [])]
        if cell_len("".join(gap + text for text in shown)) <= width:
            return shown
    return []


def frame_lines(
    frame: Frame, width: int, height: int, bar: Callable[[float, int], Text]
) -> list[Text]:
    """Return the lines of a frame.

    Args:
        frame: Content to show.
        width: Columns of the terminal.
        height: Lines of the terminal; slots that do not fit are counted.
        bar: Function that draws a bar, given its filled share and its columns.
    """
    if not frame.rows:
        return []
    lines = fill(frame.facts, width)
    free = max(2, height - len(lines) - 1)  # One line stays free for output above.
    placed = place(frame.rows, width)
    shown = placed if len(placed) <= free else placed[: free - 1]
    for each in shown:
        line = Text(each.label)
        if each.bar:
            drawn = Text() if each.share is None else bar(each.share, each.bar)
            drawn.align("left", each.bar)
            line += Text(each.gap) + drawn
        line += Text(each.gap + each.values)
        line.rstrip()
        lines.append(line)
    if len(shown) < len(placed):
        lines.append(cell(f"and {len(placed) - len(shown)} more slots", "dim"))
    return lines


class FrameView:
    """A frame as a renderable of Rich."""

    def __init__(self, frame: Callable[[], Frame]) -> None:
        """Start without drawing.

        Args:
            frame: Function that returns the present content.
        """
        self._frame = frame

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Yield the lines."""

        def bar(share: float, width: int) -> Text:
            segments = console.render(ProgressBar(1.0, share, width=width), options)
            return Text.assemble(*((text, style or "") for text, style, _ in segments))

        width = max(1, options.max_width - len(_INTERRUPT))
        yield from frame_lines(self._frame(), width, options.size.height, bar)


class Resizable(RenderHook):
    """Live lines at the bottom of a terminal whose width may change.

    A terminal that becomes narrower wraps its lines, so that the last drawing takes more lines
    than Rich knows of. As a hook of the console, this erases them.
    """

    def __init__(self, console: Console, drawn: RenderableType = "") -> None:
        """Start without drawing.

        Args:
            console: Console to draw on.
            drawn: Renderable to draw.
        """
        self._console = console
        self.drawn = drawn
        self._lengths: Sequence[int] = ()
        self._live = Live(self, console=console, transient=True)

    def start(self) -> None:
        """Draw now and four times a second; do nothing if the terminal cannot move lines."""
        if self._console.is_interactive:
            self._console.push_render_hook(self)
            self._live.start(refresh=True)

    def stop(self) -> None:
        """Remove the live lines."""
        if self._live.is_started:
            self._live.stop()
            self._console.pop_render_hook()

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Erase the additional lines of the last drawing on a narrower terminal."""
        more = wrapped(self._lengths, self._console.width)
        if not more:
            return renderables
        up = ((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)) * more
        erased = Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2), *up)
        self._lengths = ()
        return [erased, *renderables]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """Yield the lines."""
        lines = console.render_lines(self.drawn, options, pad=False)
        self._lengths = [Segment.get_line_length(line) for line in lines[: options.size.height]]
        for line in lines:
            yield from line
            yield Segment.line()


def wrapped(lengths: Iterable[int], width: int) -> int:
    """Return the number of lines that a terminal adds when it wraps lines of these lengths."""
    return sum((max(length, 1) - 1) // width for length in lengths)
