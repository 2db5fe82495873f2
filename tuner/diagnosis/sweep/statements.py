"""Interpretation of a sweep in sentences."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median

from tuner.diagnosis.sweep.edges import Edge
from tuner.diagnosis.sweep.limits import number
from tuner.diagnosis.sweep.separation import Place, Separation, is_number
from tuner.diagnosis.sweep.sweep import EPOCHS, ShortBudget, SweepReading
from tuner.settings.overrides import override
from tuner.trial.records import Scalar

ENOUGH = 6
"""Least number of completed trials that show which parameters matter."""

NAMED = 4
"""Largest number of parameters that are named."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement, with a command to act on it."""

    text: str
    """Sentence without its full stop."""
    command: str = ""
    """Command quoted for a shell; empty if there is none."""


CONFIRM: Mapping[str, str] = {"sweep.confirm.top": "sweep.confirm.top=3"}
"""Key to override of a search whose best trials are then repeated with new seeds."""

CommandWith = Callable[[Mapping[str, str]], str]
"""Function of overrides by key, quoted for a shell; returns the sweep's command with them."""


def overrides_only(overrides: Mapping[str, str]) -> str:
    """Return the overrides to add if the original command is unknown."""
    return f"[the sweep's command] {' '.join(overrides.values())}"


@dataclass(frozen=True, kw_only=True)
class FollowUp:
    """Follow-up commands after a sweep."""

    study: str
    """Name of the study; another space or budget needs another name."""
    command_with: CommandWith = overrides_only
    """Function that returns the sweep's command with other overrides."""
    study_exists: Callable[[str], bool] = lambda name: False  # noqa: ARG005
    """Function that returns True if a study of a name exists."""
    is_confirmed: bool = False
    """True if the leading trials have been repeated with new seeds."""

    def new_study_command(self, overrides: Mapping[str, str]) -> str:
        """Return the command that starts a new study with these overrides."""
        name = next_name(self.study)
        while self.study_exists(name):
            name = next_name(name)
        return self.command_with({"study": override("study", name), **overrides})


def statements(reading: SweepReading, follow_up: FollowUp) -> list[Statement]:
    """Return all statements about a sweep, the counts first.

    Args:
        reading: Analysis of the sweep.
        follow_up: Follow-up commands.
    """
    if not reading.statuses:
        return []
    found = [
        Statement(text=", ".join(f"{n} {status}" for status, n in reading.statuses.items())),
        *(Statement(text=_separation(each)) for each in reading.separations),
        *(_edge(each, follow_up) for each in reading.edges),
        *_budget(reading.budget),
        *_importances(reading),
        *_noise(reading, follow_up),
    ]
    moved = _moved(reading)
    if moved:
        found.append(
            Statement(
                text=f"{_moved_text(reading)} moved is another study",
                command=follow_up.new_study_command(moved),
            )
        )
    return found


def lines(reading: SweepReading, follow_up: FollowUp) -> list[str]:
    """Return the statements as lines for a terminal."""
    return [
        f"{each.text}: {each.command}" if each.command else each.text
        for each in statements(reading, follow_up)
    ]


def _separation(found: Separation) -> str:
    key, own, others = found.dimension.key, found.own, found.others
    head = f"{found.status} went with {key}"
    when = "".join(
        f" (where {other}={'|'.join(map(str, allowed))})"
        for other, allowed in found.dimension.when.items()
    )
    if found.place is Place.CHOICE:
        return (
            f"{head}={_figure(found.choice)}{when}: {own.count(found.choice)} of its {len(own)} "
            f"trials, {others.count(found.choice)} of the {len(others)} others"
        )
    where = _where(found.place, [*filter(is_number, own)], [*filter(is_number, others)])
    return f"{head}{when} {where}"


def _where(place: Place, own: list[float], others: list[float]) -> str:
    """Describe a range by the other trials' one, or without overlap by where most of it lies."""
    low, high = _figure(own[0]), _figure(own[-1])
    first, last = _figure(others[0]), _figure(others[-1])
    range_of_others = first if first == last else f"{first} to {last}"
    below = [value for value in own if value < others[0]]
    above = [value for value in own if value > others[-1]]
    match place:
        case Place.LOWER if below == own:
            return f"up to {high}, all others {range_of_others}"
        case Place.HIGHER if above == own:
            return f"from {low}, all others {range_of_others}"
        case Place.ENDS if below and above and [*below, *above] == own:
            return (
                f"up to {_figure(below[-1])} or from {_figure(above[0])}, "
                f"all others {range_of_others}"
            )
        case Place.MIDDLE if not any(own[0] <= value <= own[-1] for value in others):
            return f"from {low} to {high}, no other trial"
        case Place.ENDS | Place.MIDDLE:
            word = "nearer the ends" if place is Place.ENDS else "in the middle"
            return f"{word} of what was tried: {low} to {high}, others {range_of_others}"
    return (
        f"on the {'low' if place is Place.LOWER else 'high'} side: median "
        f"{_figure(median(own))}, that of the others {_figure(median(others))}"
    )


def _figure(value: Scalar) -> str:
    if value is None:
        return "null"
    if isinstance(value, float):
        return number(float(f"{value:.3g}"))
    return str(value)


def _edge(found: Edge, follow_up: FollowUp) -> Statement:
    """Return the statement of an edge; without support it may be chance."""
    text = (
        f"the best {found.dimension.key}, {_figure(found.value)}, lies "
        f"{'beyond' if found.outside else 'at'} the {found.side} bound {_figure(found.bound)}"
    )
    if found.supported:
        return Statement(text=f"{text}, and the better trials lie there too")
    return Statement(
        text=f"{text}, which may be chance: the better trials do not point there; "
        "another study with the bound moved all the same",
        command=follow_up.new_study_command(found.overrides),
    )


def _budget(short: ShortBudget | None) -> Iterator[Statement]:
    if short is None:
        return
    which = f"{short.improving} of the {short.ended} trials that ran to its end"
    if short.best:
        which += ", the best among them,"
    yield Statement(text=f"the budget was too short: {which} were still improving")


def _epochs(short: ShortBudget) -> str:
    return f"{EPOCHS}={short.epochs:g}"


def _importances(reading: SweepReading) -> Iterator[Statement]:
    if not reading.completed:
        return
    if reading.completed < ENOUGH:
        few = (
            "1 completed trial is"
            if reading.completed == 1
            else (f"{reading.completed} completed trials are")
        )
        text = f"{few} too few to say which parameters matter; that takes {ENOUGH}"
        yield Statement(text=text)
    elif reading.noise is not None and reading.noise.explains_all:
        yield Statement(
            text="no parameter can be said to matter among the completed trials, whose scores "
            "differ by no more than noise"
        )
    elif not reading.importances:
        yield Statement(
            text=f"among the {reading.completed} completed trials alone no parameter stands out "
            "from chance"
        )
    else:
        named = ", ".join(
            f"{key} {share:.0%}"
            for key, share in list(reading.importances.items())[:NAMED]
            if round(100 * share)
        )
        yield Statement(
            text=f"what mattered among the {reading.completed} completed trials: {named}"
        )


def _noise(reading: SweepReading, follow_up: FollowUp) -> Iterator[Statement]:
    found = reading.noise
    if found is None or found.lead is None:
        return
    rows = f"{found.examples} validation rows"
    if found.tied > 1:
        text = (
            f"the first {found.tied} of {found.completed} completed trials cannot be told "
            f"apart by {rows}: they differ by less than {found.margin:.2g}"
        )
    else:
        text = (
            f"the best trial leads by {found.lead:.2g}, more than the {found.margin:.2g} "
            f"that {rows} may mistake"
        )
    if follow_up.is_confirmed:
        yield Statement(text=text)
    else:
        command = follow_up.command_with(CONFIRM)
        yield Statement(text=f"{text}; the best repeated with other seeds", command=command)


def _moved(reading: SweepReading) -> dict[str, str]:
    """Return key to override of all findings beyond chance; the first for a key counts."""
    moved: dict[str, str] = {}
    for edge in reading.edges:
        if edge.supported:
            moved = {**edge.overrides, **moved}
    if reading.budget is not None:
        moved.setdefault(EPOCHS, _epochs(reading.budget))
    return moved


def _moved_text(reading: SweepReading) -> str:
    bounds = sum(edge.supported for edge in reading.edges)
    parts = ["the bound" if bounds == 1 else "the bounds"] if bounds else []
    if reading.budget is not None:
        parts.append("the budget")
    return " and ".join(parts)


def next_name(study: str) -> str:
    """Return the next name: `lr` → `lr-2` → `lr-3`."""
    numbered = re.fullmatch(r"(.+)-(\d+)", study)
    if numbered is None:
        return f"{study}-2"
    return f"{numbered[1]}-{int(numbered[2]) + 1}"
