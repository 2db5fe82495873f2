"""Tables of trials by rank, and of configurations by their repeats."""

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console, ConsoleOptions
from rich.text import Text

from tuner.confirmation import HEADINGS, Confirmation, table_row
from tuner.results.layout import Column, cell, table_lines
from tuner.search.goals import Goals, is_missed, score
from tuner.search.pareto import front
from tuner.search.ranking import is_usable
from tuner.search.short_names import short_names
from tuner.trial.records import Scalar, TrialOutcome, TrialState

STYLES = {
    TrialState.COMPLETE: "green",
    TrialState.PRUNED: "yellow",
    TrialState.INFEASIBLE: "magenta",
    TrialState.FAILED: "red",
    TrialState.INTERRUPTED: "blue",
    TrialState.RETRIED: "blue",
}

_SECONDS, _STATE, _FRONT, _CONVERGENCE = range(4)
"""Order in which columns of the ranking are dropped: first those whose content the rank and the
list of reasons repeat."""


def figure(value: Scalar) -> str:
    """Return the text of a value, floats with four significant digits."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if not isinstance(value, float):
        return str(value)
    return f"{value:.4g}"


class FittedTable:
    """A table that fits the width of its terminal."""

    def __init__(self, columns: Sequence[Column]) -> None:
        """Store the columns.

        Args:
            columns: Columns, all with the same number of values.
        """
        self.columns = columns
        self._width: int | None = None
        self._lines: Sequence[Text] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Yield its lines, which are arranged once for each width."""
        if self._width != options.max_width:
            self._width = options.max_width
            self._lines = table_lines(self.columns, self._width)
        yield from self._lines


def ranking_table(
    ordered: Sequence[TrialOutcome], goals: Goals, keys: Sequence[str]
) -> FittedTable:
    """Return the trials in order; with several objectives, those on the front are marked.

    Args:
        ordered: Trials as `tuner.search.pareto.by_preference` returns them.
        goals: Goals of the study.
        keys: Searched keys that get a column.
    """
    ranks = [str(rank) if is_usable(each) else "" for rank, each in enumerate(ordered, start=1)]
    columns = [
        Column(heading="rank", cells=list(map(cell, ranks)), right=True),
        Column(heading="trial", cells=[cell(str(each.number)) for each in ordered], right=True),
        *_metrics(ordered, goals),
    ]
    if goals.several:
        leading = {each.number for each in front(ordered, goals)}
        marks = [cell("yes" if each.number in leading else "") for each in ordered]
        columns.append(Column(heading="front", cells=marks, drop_order=_FRONT))
    states = [cell(each.state.value, STYLES[each.state]) for each in ordered]
    statuses = [cell(each.diagnosis.status.value if each.diagnosis else "") for each in ordered]
    seconds = [cell(f"{each.seconds:.0f}") for each in ordered]
    return FittedTable(
        [
            *columns,
            Column(heading="state", cells=states, drop_order=_STATE),
            Column(heading="convergence", cells=statuses, drop_order=_CONVERGENCE),
            *_parameters(ordered, keys),
            Column(heading="seconds", cells=seconds, right=True, drop_order=_SECONDS),
        ]
    )


def _metrics(ordered: Sequence[TrialOutcome], goals: Goals) -> Iterator[Column]:
    """Yield a column for every watched metric; the first is always beside the trial's number."""
    values = [goals.values(each) for each in ordered]
    last = len(goals.watched)
    for turn, name in enumerate(goals.watched):
        pairs = zip(ordered, values, strict=True)
        yield Column(
            heading=name,
            cells=[_score(outcome, name, measured) for outcome, measured in pairs],
            right=True,
            move_order=last - turn if turn else None,
            label=f"{name}=",
        )


def _parameters(ordered: Sequence[TrialOutcome], keys: Sequence[str]) -> Iterator[Column]:
    for key, name in short_names(keys).items():
        given = [
            figure(each.parameters[key]) if key in each.parameters else "" for each in ordered
        ]
        values = list(map(cell, given))
        yield Column(heading=name, cells=values, right=True, move_order=0, label=f"{name}=")


def _score(outcome: TrialOutcome, name: str, values: Mapping[str, float]) -> Text:
    """Return a value of a metric, red if the trial misses a constraint of it."""
    style = "red" if is_missed(name, outcome.violated) else ""
    return cell(score(values[name]) if name in values else "", style)


def confirmation_table(found: Confirmation) -> FittedTable:
    """Return the repeated configurations by rank."""
    rows = [table_row(configuration, found) for configuration in found.configurations]
    *figures, notes = zip(*rows, strict=True)
    trial, mean, interval, seeds, promised, _ = HEADINGS
    turns = {seeds: 1, promised: 2, interval: 3}  # None of them is dropped.
    columns = [
        Column(
            heading=heading,
            cells=list(map(cell, values)),
            right=True,
            move_order=turns.get(heading),
            label=f"{heading} ",
        )
        for heading, values in zip((trial, mean, interval, seeds, promised), figures, strict=True)
    ]
    return FittedTable([*columns, Column(heading="", cells=list(map(cell, notes)), move_order=0)])
