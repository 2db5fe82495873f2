"""Tags of words: the schemes that data sets write them in, and IOB2, which all become."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

OUTSIDE = "O"
"""Tag of a word outside of every entity."""


class Scheme(Enum):
    """Meaning of a tag's letter."""

    IOB2 = "IOB2"
    """B begins each entity, I goes on."""

    IOB1 = "IOB1"
    """I, but B for an entity right after another one of the same type."""

    IOBES = "IOBES"
    """B begins and E ends an entity of several words; S is one of a single word."""

    BILOU = "BILOU"
    """IOBES with L for E and U for S."""

    TYPES = "types without a letter"
    """Neighbours of one type are one entity."""


_NEVER_FIRST = {Scheme.IOB2: ("I",), Scheme.IOBES: ("I", "E"), Scheme.BILOU: ("I", "E")}
"""Letters that begin no entity, as IOBES has them."""

_AS_IOBES = str.maketrans("LU", "ES")

Tags = Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Converted:
    """Tags of some rows as IOB2."""

    scheme: Scheme
    """Scheme that they were written in."""

    rows: tuple[tuple[str, ...], ...]
    """Tags of each row."""

    broken: tuple[tuple[int, int], ...]
    """Row and word, from 0, of tags that the scheme does not allow there."""


def parsed(tag: str) -> tuple[str, str]:
    """Return letter and type of a tag; both are empty outside, the letter where there is none.

    Example:
        >>> parsed("B-person"), parsed("person"), parsed("O")
        (('B', 'person'), ('', 'person'), ('', ''))
    """
    if tag == OUTSIDE:
        return "", ""
    letter, dash, kind = tag.partition("-")
    if dash and kind and letter in ("B", "I", "E", "S", "L", "U"):
        return letter, kind
    return "", tag


def odd_tag(rows: Iterable[Tags]) -> tuple[int, int] | None:
    """Return row and word of a tag without a letter where most tags have one; None without any."""
    rows = list(rows)
    counts = Counter(tag for row in rows for tag in row)
    lettered = {tag: bool(parsed(tag)[0]) for tag in counts if tag != OUTSIDE}
    with_letter = sum(counts[tag] for tag, has in lettered.items() if has)
    rest = sum(counts[tag] for tag, has in lettered.items() if not has)
    if not with_letter or not rest:
        return None
    odd = with_letter < rest
    return next(
        (number, place)
        for number, row in enumerate(rows)
        for place, tag in enumerate(row)
        if lettered.get(tag) is odd
    )


def detected(rows: Iterable[Tags]) -> Scheme:
    """Return the scheme that tags are written in.

    B and I alone are IOB1 if I begins entities and B nothing but those right after another one of
    the same type.

    Args:
        rows: Tags of each row, all of them with a letter or none.
    """
    rows = list(rows)
    letters = {parsed(tag)[0] for row in rows for tag in row if tag != OUTSIDE}
    if letters == {""}:
        return Scheme.TYPES
    if letters & {"L", "U"}:
        return Scheme.BILOU
    if letters & {"E", "S"}:
        return Scheme.IOBES
    i_begins = b_apart = 0
    for row in rows:
        before = ""
        for tag in row:
            letter, kind = parsed(tag)
            i_begins += letter == "I" and kind != before
            b_apart += letter == "B" and kind != before
            before = kind
    return Scheme.IOB1 if i_begins and not b_apart else Scheme.IOB2


def as_iob2(rows: Sequence[Tags]) -> Converted:
    """Return tags as IOB2; a tag that the scheme does not allow at its place begins an entity.

    Args:
        rows: Tags of each row, all of them with a letter or none.
    """
    scheme = detected(rows)
    made = [_converted(row, scheme) for row in rows]
    return Converted(
        scheme=scheme,
        rows=tuple(tags for tags, _ in made),
        broken=tuple((row, word) for row, (_, words) in enumerate(made) for word in words),
    )


def _converted(tags: Tags, scheme: Scheme) -> tuple[tuple[str, ...], list[int]]:
    """The tags of one row as IOB2, and the words whose tags the scheme does not allow."""
    out, broken = [], []
    has_ends = scheme in (Scheme.IOBES, Scheme.BILOU)
    before, is_open = "", False
    for place, tag in enumerate(tags):
        letter, kind = parsed(tag)
        letter = letter.translate(_AS_IOBES)
        goes_on = kind == before and is_open and letter not in ("B", "S") and bool(kind)
        if has_ends and is_open and not goes_on:
            broken.append(place)  # The entity before has no end.
        elif kind and not goes_on and letter in _NEVER_FIRST.get(scheme, ()):
            broken.append(place)
        out.append(tag if not kind else f"{'I' if goes_on else 'B'}-{kind}")
        before = kind
        is_open = bool(kind) and letter not in ("E", "S")
    if has_ends and is_open:
        broken.append(len(tags) - 1)
    return tuple(out), broken
