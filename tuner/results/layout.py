"""Text arranged in the columns of a terminal: what fits is shown whole, no value is cut."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rich.cells import cell_len, chop_cells
from rich.text import Text

from tuner.formatting.printable import printable

GAP = "  "
"""Between two columns."""

INDENT = 4
"""Columns before the values that stand below a row."""


def cell(text: str, style: str = "") -> Text:
    """A value on one line, whatever it contains."""
    return Text(printable(text, keep=""), style)


# -- running text ---------------------------------------------------------------------------------


def fill(parts: Sequence[Text], width: int, indent: int = 0, *, whole: bool = False) -> list[Text]:
    """Arrange parts in lines; one that fits into a line is never broken.

    Args:
        parts: Their leading blanks separate them from the part before, and are left out where a
            line begins. What is longer than a line is broken after its first `=`, so that a name
            and its value stay whole as long as each of them fits.
        width: Columns of a line, 1 or more.
        indent: Columns before every line but the first.
        whole: True if what is longer than a line is not broken either.

    Returns:
        Lines without blanks at their ends; none without parts.
    """
    if not parts:
        return []
    indent = min(indent, width // 3)
    lines = [Text()]
    for part in parts:
        lines = _add(lines, part, width, indent, whole=whole)
    for line in lines:
        line.rstrip()
    return lines


def words(text: str, style: str = "") -> list[Text]:
    """The words of a sentence as parts of `fill`."""
    return [cell(f" {word}", style) for word in text.split()]


def _add(lines: list[Text], part: Text, width: int, indent: int, *, whole: bool) -> list[Text]:
    begun = bool(lines[-1])
    addition = part.copy() if begun else _without_blanks(part)
    if lines[-1].cell_len + _used(addition) <= width:
        return [*lines[:-1], lines[-1] + addition]
    rest = _without_blanks(part)
    free = width - (indent if begun or len(lines) > 1 else 0)
    pieces = [rest] if whole or _used(rest) <= free else _broken(rest, width - indent)
    blanks = Text(" " * indent)
    if begun:
        return lines + [blanks + piece for piece in pieces]
    first, *others = pieces
    return [*lines[:-1], lines[-1] + first, *(blanks + piece for piece in others)]


def _used(text: Text) -> int:
    """Columns of a text without the blanks at its end."""
    return cell_len(text.plain.rstrip())


def _without_blanks(text: Text) -> Text:
    return text[len(text.plain) - len(text.plain.lstrip()) :]


def _broken(text: Text, width: int) -> Iterator[Text]:
    """Pieces of at most so many columns."""
    head, equals, _ = text.plain.partition("=")
    halves = text.divide([len(head) + 1]) if equals else [text]
    for half in halves:
        yield from half.divide(_offsets(half.plain, width))


def _offsets(text: str, width: int) -> list[int]:
    """Where a text is broken into pieces of at most so many columns."""
    offsets = [0]
    for piece in chop_cells(text, max(width, 2)):  # A wide character takes two.
        offsets.append(offsets[-1] + len(piece))
    return offsets[1:-1]


# -- tables ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table that has to fit into any width."""

    heading: str
    """Above the values."""
    cells: Sequence[Text]
    """Values, one for each row."""
    right: bool = False
    """True if values end at the same place, as numbers do."""
    drops: int | None = None
    """Turn in which the column is left out where there is no room; None: never."""
    moves: int | None = None
    """Turn in which its values move below their rows where there is no room; None: never."""
    label: str = ""
    """Text before a value that stands below its row; empty: the value is a sentence."""

    @cached_property
    def width(self) -> int:
        """Columns that the longest value takes."""
        return max((each.cell_len for each in self.cells), default=0)

    @property
    def lines(self) -> tuple[str, ...]:
        """The heading in lines, broken after `_` and `.` so that it adds as little as it can."""
        pieces = self.heading.replace("_", "_\n").replace(".", ".\n").split("\n")
        pieces = [piece for piece in pieces if piece]
        room = max([self.width, *map(cell_len, pieces)])
        lines = [""]
        for piece in pieces:
            if cell_len(lines[-1] + piece) <= room:
                lines[-1] += piece
            else:
                lines.append(piece)
        return tuple(lines)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where the columns of a table stand at some width."""

    shown: tuple[int, ...]
    """Indices of the columns that stand beside each other."""
    headings: tuple[tuple[str, ...], ...]
    """The lines of the heading of each of these."""
    below: tuple[int, ...] = ()
    """Indices of those whose values stand below their row."""
    dropped: tuple[int, ...] = ()
    """Indices of those that are left out."""


def arrange(columns: Sequence[Column], width: int) -> Layout:
    """Find the first way in which a table fits.

    Headings are put into several lines first, then columns are left out in their turns. Where
    that is not enough, all columns are there again, and values move below their rows in turn.

    Args:
        columns: Of the table.
        width: Columns of the terminal.
    """
    layout = Layout(shown=(), headings=())
    for layout in _layouts(columns):
        if sum(_widths(columns, layout)) + len(GAP) * (len(layout.shown) - 1) <= width:
            break
    return layout


def _layouts(columns: Sequence[Column]) -> Iterator[Layout]:
    everything = range(len(columns))
    moving = sorted({each.moves for each in columns if each.moves is not None})
    dropping = sorted({each.drops for each in columns if each.drops is not None})
    for moved, dropped in itertools.product((None, *moving), (None, *dropping)):
        below = tuple(i for i in everything if _is_due(columns[i].moves, moved))
        out = tuple(i for i in everything if _is_due(columns[i].drops, dropped))
        shown = tuple(i for i in everything if i not in (*below, *out))
        plain = tuple((columns[i].heading,) for i in shown)
        for headings in (plain, tuple(columns[i].lines for i in shown)):
            yield Layout(shown=shown, headings=headings, below=below, dropped=out)


def _is_due(turn: int | None, now: int | None) -> bool:
    return turn is not None and now is not None and turn <= now


def _widths(columns: Sequence[Column], layout: Layout) -> list[int]:
    return [
        max([columns[i].width, *map(cell_len, heading)])
        for i, heading in zip(layout.shown, layout.headings, strict=True)
    ]


def table_lines(columns: Sequence[Column], width: int) -> list[Text]:
    """A table in at most so many columns; a value is never cut.

    Args:
        columns: Of the table, each with as many values as the others.
        width: Columns of the terminal.

    Returns:
        Headings, rows, and what was left out where something was.
    """
    layout = arrange(columns, width)
    widths = _widths(columns, layout)
    shown = [columns[i] for i in layout.shown]
    height = max(map(len, layout.headings))
    lines = []
    for line in range(height):
        texts = [_line_of(heading, line, height) for heading in layout.headings]
        lines.append(_row([Text(text, "bold") for text in texts], shown, widths))
    for row in range(len(columns[0].cells)):
        lines.append(_row([column.cells[row] for column in shown], shown, widths))
        lines += _below([columns[i] for i in layout.below], row, width)
    if layout.dropped:
        names = ", ".join(columns[i].heading for i in layout.dropped)
        note = words(f"not shown in {width} columns: {names}", "dim")
        lines += fill(note, width)
    return lines


def _line_of(heading: Sequence[str], line: int, height: int) -> str:
    """A line of a heading whose last one stands directly above the values."""
    missing = height - len(heading)
    return heading[line - missing] if line >= missing else ""


def _row(cells: Sequence[Text], columns: Sequence[Column], widths: Sequence[int]) -> Text:
    padded = []
    for value, column, width in zip(cells, columns, widths, strict=True):
        aligned = value.copy()
        aligned.align("right" if column.right else "left", width)
        padded.append(aligned)
    line = Text(GAP).join(padded)
    line.rstrip()
    return line


def _below(columns: Sequence[Column], row: int, width: int) -> list[Text]:
    """Lines of the values that stand below a row."""
    parts: list[Text] = []
    for column in columns:
        value = column.cells[row]
        if not value:
            continue
        if column.label:
            parts.append(cell(GAP + column.label) + value)
        else:
            parts += words(value.plain)
    if not parts:
        return []
    indent = Text(" " * INDENT)
    return [indent + line for line in fill(parts, width - INDENT)]
