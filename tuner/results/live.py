"""The lines that move while a sweep runs: the sweep's, and one for each slot."""

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
"""Columns from which on there is room for a long bar."""

_SCORE = 7
"""Columns of a score, so that a sign does not move what follows."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """How far the sweep is, or what a slot does."""

    slot: str = ""
    """Name of the slot; empty for the sweep."""
    title: str
    """The trial, or what the slot waits for."""
    share: float | None = None
    """Share of the work that is done, 0 to 1; None: there is none."""
    score: float | None = None
    """The objective at the last report; None before one."""
    rate: float = 0.0
    """Examples a second; 0: unknown."""
    parameters: Sequence[str] = ()
    """Each as `name=value`."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """All that is shown at one moment."""

    facts: Sequence[Text] = ()
    """On the sweep: its name, the best so far, times, failures; parts of `fill`."""
    rows: Sequence[Row] = ()
    """Of the sweep, then of each slot."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row placed in a terminal."""

    label: str
    """Slot and trial."""
    bar: int
    """Columns of the bar; 0: there is no room for one."""
    share: float | None
    """Share of the bar that is full; None: the bar is blank."""
    values: str
    """Percentage, score, speed and parameters."""
    gap: str
    """Between these."""


def place(rows: Sequence[Row], width: int) -> list[Line]:
    """Place rows in columns that they share; each value is shown whole or not at all.

    Slot, trial, percentage and score are always shown. Where there is no room for more, the
    parameters are left out first, then the speed, then a part of the bar.

    Args:
        rows: Of the sweep and its slots, one or more.
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
    """Texts that end at one place."""
    texts = list(texts)
    width = max(map(cell_len, texts), default=0)
    return [text + " " * (width - cell_len(text)) for text in texts]


def _aligned(texts: Sequence[str], least: int = 0) -> list[str]:
    """Numbers of which the last digits stand below each other; blank if there are none."""
    width = max([*map(len, texts), least if any(texts) else 0])
    return [text.rjust(width) for text in texts]


def _bar(always: int, width: int) -> tuple[str, int]:
    """The gap between parts, and the columns of the bars.

    Args:
        always: Columns of what is always shown.
        width: Of the terminal.
    """
    for gap in (GAP, " "):
        bar = min(_LONG_BAR if width >= _WIDE else _BAR, width - always - 3 * len(gap))
        if bar >= _SHORT_BAR:
            return gap, bar
    return " ", 0


def _fitting(parameters: Sequence[str], width: int, gap: str) -> list[str]:
    """The first parameters that fit, and how many more there are."""
    for count in range(len(parameters), 0, -1):
        more = len(parameters) - count
        shown = [" ".join(parameters[:count]), *([f"+{more} more"] if more else [])]
        if cell_len("".join(gap + text for text in shown)) <= width:
            return shown
    return []


def frame_lines(
    frame: Frame, width: int, height: int, bar: Callable[[float, int], Text]
) -> list[Text]:
    """The lines of a frame.

    Args:
        frame: What is shown.
        width: Columns of the terminal.
        height: Lines of the terminal; slots for which there is no line are counted.
        bar: Draws a bar: the full share of it, and its columns.
    """
    if not frame.rows:
        return []
    lines = fill(frame.facts, width)
    free = max(2, height - len(lines) - 1)  # One stays free for what is printed above.
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
    """A frame as Rich draws it."""

    def __init__(self, frame: Callable[[], Frame]) -> None:
        """Draw nothing yet.

        Args:
            frame: Gives what is to be shown.
        """
        self._frame = frame

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Yield the lines."""

        def bar(share: float, width: int) -> Text:
            segments = console.render(ProgressBar(1.0, share, width=width), options)
            return Text.assemble(*((text, style or "") for text, style, _ in segments))

        yield from frame_lines(self._frame(), options.max_width, options.size.height, bar)


class Resizable(RenderHook):
    """What stays at the bottom of a terminal whose width may change.

    A terminal that becomes narrower wraps what stands on it, so that what was drawn last takes
    more lines than Rich knows of. As a hook of the console, this erases them.
    """

    def __init__(self, console: Console, drawn: RenderableType = "") -> None:
        """Draw nothing yet.

        Args:
            console: Where it is drawn.
            drawn: What is drawn.
        """
        self._console = console
        self.drawn = drawn
        self._lengths: Sequence[int] = ()
        self._live = Live(self, console=console, transient=True)

    def start(self) -> None:
        """Draw, and go on to draw four times a second; nothing where lines cannot move."""
        if self._console.is_interactive:
            self._console.push_render_hook(self)
            self._live.start(refresh=True)

    def stop(self) -> None:
        """Take away what is drawn."""
        if self._live.is_started:
            self._live.stop()
            self._console.pop_render_hook()

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Erase the lines that the last drawing takes in addition on a narrower terminal."""
        more = wrapped(self._lengths, self._console.width)
        if not more:
            return renderables
        up = ((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)) * more
        erased = Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2), *up)
        self._lengths = ()
        return [erased, *renderables]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """Yield what is drawn."""
        lines = console.render_lines(self.drawn, options, pad=False)
        self._lengths = [Segment.get_line_length(line) for line in lines[: options.size.height]]
        for line in lines:
            yield from line
            yield Segment.line()


def wrapped(lengths: Iterable[int], width: int) -> int:
    """Number of lines that a terminal adds to lines of these lengths to show them."""
    return sum((max(length, 1) - 1) // width for length in lengths)
