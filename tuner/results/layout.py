"""Layout of text in terminal columns: whatever fits is shown whole, no value is cut."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rich.cells import cell_len, chop_cells
from rich.text import Text

from tuner.formatting.printable import printable

GAP = "  "
"""Gap between two columns."""

INDENT = 4
"""Indent in columns of the values below a row."""


def cell(text: str, style: str = "") -> Text:
    """Return a value on one line, whatever it contains."""
    return Text(printable(text, keep=""), style)


# -- running text ---------------------------------------------------------------------------------


def fill(parts: Sequence[Text], width: int, indent: int = 0, *, whole: bool = False) -> list[Text]:
    """Arrange parts in lines; a part that fits into a line is never broken.

    Args:
        parts: Parts of the text. Leading blanks separate a part from the previous one, and are
            removed at the start of a line. A part longer than a line is broken after its first
            `=`, so that a name and its value each stay whole if they fit.
        width: Columns of a line, 1 or more.
        indent: Columns before every line but the first.
        whole: True to leave longer parts unbroken, too.

    Returns:
        Lines without trailing blanks; none without parts.
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
    """Return the words of a sentence as parts of `fill`."""
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
    """Return the columns of a text without its trailing blanks."""
    return cell_len(text.plain.rstrip())


def _without_blanks(text: Text) -> Text:
    return text[len(text.plain) - len(text.plain.lstrip()) :]


def _broken(text: Text, width: int) -> Iterator[Text]:
    """Yield pieces of at most so many columns."""
    head, equals, _ = text.plain.partition("=")
    halves = text.divide([len(head) + 1]) if equals else [text]
    for half in halves:
        yield from half.divide(_offsets(half.plain, width))


def _offsets(text: str, width: int) -> list[int]:
    """Return the offsets that break a text into pieces of at most so many columns."""
    offsets = [0]
    for piece in chop_cells(text, max(width, 2)):  # A wide character takes two.
        offsets.append(offsets[-1] + len(piece))
    return offsets[1:-1]


# -- tables ---------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table that fits any width."""

    heading: str
    """Heading above the values."""
    cells: Sequence[Text]
    """Values, one for each row."""
    right: bool = False
    """True to align values on the right, like numbers."""
    drop_order: int | None = None
    """Order in which the column is dropped if the table is too wide; None for never."""
    move_order: int | None = None
    """Order in which its values move below their rows if the table is too wide; None for never."""
    label: str = ""
    """Text before a value below its row; empty if the value is a sentence."""

    @cached_property
    def width(self) -> int:
        """Columns of the longest value."""
        return max((each.cell_len for each in self.cells), default=0)

    @property
    def lines(self) -> tuple[str, ...]:
        """Lines of the heading, broken after `_` and `.` so that it adds little width."""
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
    """Positions of a table's columns at some width."""

    shown: tuple[int, ...]
    """Indices of the columns that are shown side by side."""
    headings: tuple[tuple[str, ...], ...]
    """Lines of each shown column's heading."""
    below: tuple[int, ...] = ()
    """Indices of the columns whose values are shown below their row."""
    dropped: tuple[int, ...] = ()
    """Indices of the columns that are dropped."""


def arrange(columns: Sequence[Column], width: int) -> Layout:
    """Return the first layout that fits.

    Headings are first split into lines, then columns are dropped in order. If that is not enough,
    all columns return, and values move below their rows in order.

    Args:
        columns: Columns of the table.
        width: Columns of the terminal.
    """
    layout = Layout(shown=(), headings=())
    for layout in _layouts(columns):
        if sum(_widths(columns, layout)) + len(GAP) * (len(layout.shown) - 1) <= width:
            break
    return layout


def _layouts(columns: Sequence[Column]) -> Iterator[Layout]:
    everything = range(len(columns))
    moving = sorted({each.move_order for each in columns if each.move_order is not None})
    dropping = sorted({each.drop_order for each in columns if each.drop_order is not None})
    for moved, dropped in itertools.product((None, *moving), (None, *dropping)):
        below = tuple(i for i in everything if _is_due(columns[i].move_order, moved))
        out = tuple(i for i in everything if _is_due(columns[i].drop_order, dropped))
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
    """Return the lines of a table within some width; no value is cut.

    Args:
        columns: Columns of the table, all with the same number of values.
        width: Columns of the terminal.

    Returns:
        Headings and rows, then a note about dropped columns, if any.
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
    """Return a line of a heading whose last line is directly above the values."""
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
    """Return the lines of the values below a row."""
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
