"""The reading of a sweep in sentences."""

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
"""Fewer completed trials do not say which parameters matter."""

NAMED = 4
"""So many of the parameters that matter are named."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One thing to know, and what to type for it."""

    text: str
    """A sentence without its full stop."""
    command: str = ""
    """What to type, quoted for a shell; empty where there is nothing to type."""


CONFIRM: Mapping[str, str] = {"sweep.confirm.top": "sweep.confirm.top=3"}
"""Key to override of a search whose best is then repeated with other seeds."""

Changed = Callable[[Mapping[str, str]], str]
"""The sweep's own command with other overrides, given by key and quoted for a shell."""


def overrides_alone(overrides: Mapping[str, str]) -> str:
    """Return what is to be added to a command that nobody remembers."""
    return f"[the sweep's command] {' '.join(overrides.values())}"


@dataclass(frozen=True, kw_only=True)
class Rerun:
    """What can be run after a sweep."""

    study: str
    """Name of the study: one with another space or budget needs another."""
    changed: Changed = overrides_alone
    """Makes the command."""
    is_taken: Callable[[str], bool] = lambda name: False  # noqa: ARG005
    """True for the name of a study that there is already."""
    is_confirmed: bool = False
    """True if the leading trials have been repeated with other seeds."""

    def elsewhere(self, overrides: Mapping[str, str]) -> str:
        """Return the command that runs another study with these overrides."""
        name = next_name(self.study)
        while self.is_taken(name):
            name = next_name(name)
        return self.changed({"study": override("study", name), **overrides})


def statements(reading: SweepReading, rerun: Rerun) -> list[Statement]:
    """All that the reading has to say, the counts first.

    Args:
        reading: The reading.
        rerun: What can be run after the sweep.
    """
    if not reading.statuses:
        return []
    told = [
        Statement(text=", ".join(f"{n} {status}" for status, n in reading.statuses.items())),
        *(Statement(text=_separation(each)) for each in reading.separations),
        *(_edge(each, rerun) for each in reading.edges),
        *_budget(reading.budget),
        *_importances(reading),
        *_noise(reading, rerun),
    ]
    moved = _moved(reading)
    if moved:
        told.append(
            Statement(
                text=f"{_what_moved(reading)} moved is another study",
                command=rerun.elsewhere(moved),
            )
        )
    return told


def lines(reading: SweepReading, rerun: Rerun) -> list[str]:
    """The statements as lines for a terminal."""
    return [
        f"{each.text}: {each.command}" if each.command else each.text
        for each in statements(reading, rerun)
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
    """A range and that of the others where they do not overlap, else how most of it lies."""
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


def _edge(found: Edge, rerun: Rerun) -> Statement:
    """What the better trials do not support may be chance, and stays out of the last statement."""
    text = (
        f"the best {found.dimension.key}, {_figure(found.value)}, lies "
        f"{'beyond' if found.outside else 'at'} the {found.side} bound {_figure(found.bound)}"
    )
    if found.supported:
        return Statement(text=f"{text}, and the better trials lie there too")
    return Statement(
        text=f"{text}, which may be chance: the better trials do not point there; "
        "another study with the bound moved all the same",
        command=rerun.elsewhere(found.overrides),
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


def _noise(reading: SweepReading, rerun: Rerun) -> Iterator[Statement]:
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
    if rerun.is_confirmed:
        yield Statement(text=text)
    else:
        command = rerun.changed(CONFIRM)
        yield Statement(text=f"{text}; the best repeated with other seeds", command=command)


def _moved(reading: SweepReading) -> dict[str, str]:
    """Key to override, of all that is not chance; the first that concerns a key counts."""
    moved: dict[str, str] = {}
    for edge in reading.edges:
        if edge.supported:
            moved = {**edge.overrides, **moved}
    if reading.budget is not None:
        moved.setdefault(EPOCHS, _epochs(reading.budget))
    return moved


def _what_moved(reading: SweepReading) -> str:
    bounds = sum(edge.supported for edge in reading.edges)
    parts = ["the bound" if bounds == 1 else "the bounds"] if bounds else []
    if reading.budget is not None:
        parts.append("the budget")
    return " and ".join(parts)


def next_name(study: str) -> str:
    """`lr` → `lr-2` → `lr-3`."""
    numbered = re.fullmatch(r"(.+)-(\d+)", study)
    if numbered is None:
        return f"{study}-2"
    return f"{numbered[1]}-{int(numbered[2]) + 1}"
