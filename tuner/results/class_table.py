"""Scores by class as a table for the terminal and in Markdown."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from tuner.formatting.markdown import prose, table
from tuner.tasks.class_scores import ClassScore, ShownScores

HEADINGS = ("class", "rows", "precision", "recall", "F1")


def class_table(found: ShownScores) -> Table:
    """Return the scores as a table; long class names are folded, numbers never."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(HEADINGS[0], overflow="fold")
    for heading in HEADINGS[1:]:
        table.add_column(heading, justify="right", no_wrap=True, min_width=len(heading))
    for each in found.scores:
        table.add_row(Text(each.label), *_figures(each))
    return table


def class_lines(found: ShownScores) -> list[str]:
    """Return the scores as lines of a Markdown table."""
    return table(HEADINGS, [(prose(each.label), *_figures(each)) for each in found.scores])


def _figures(score: ClassScore) -> Sequence[str]:
    shares = (score.precision, score.recall, score.f1)
    return str(score.rows), *(f"{share:.3f}" for share in shares)
