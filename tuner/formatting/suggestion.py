"""The nearest of the names that there are to one that there is not."""

import difflib
from collections.abc import Iterable

_ALIKE = 0.6
"""Similarity from which a name may have been meant; difflib's own default."""


_SHORTEST = 3
"""Characters from which the beginning of a name stands for it."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that a mistyped one most likely stands for; None: none is near.

    Case, and `-` for `_`, do not count.

    Args:
        name: Name as it was typed.
        known: Names that there are.
    """
    plain = {_folded(each): each for each in known}
    begun = [each for each in plain if len(name) >= _SHORTEST and each.startswith(_folded(name))]
    if len(begun) == 1:
        return plain[begun[0]]
    near = difflib.get_close_matches(_folded(name), plain, n=1, cutoff=_ALIKE)
    return plain[near[0]] if near else None


def nearest_key(key: str, known: Iterable[str]) -> str | None:
    """Return the known key that a mistyped one most likely stands for; None: none is near.

    Keys of the same section come first; a key of a wrong section, or of none, is found by its
    last part.

    Args:
        key: Key as it was typed, as `training.epochs`.
        known: Keys that there are.
    """
    keys = list(known)
    section, _, leaf = key.rpartition(".")
    siblings = {name: each for each in keys for above, _, name in [each.rpartition(".")]
                if above == section}  # fmt: skip
    near = nearest(leaf, siblings)
    if near is not None:
        return siblings[near]
    if section and siblings:
        return None
    same = [each for each in keys if _folded(each).endswith(f".{_folded(leaf)}")]
    if len(same) == 1:
        return same[0]
    return nearest(key, same or keys) or next(iter(same), None)


def one_of(name: str, known: Iterable[str], form: str = "{}") -> str:
    """Return the remedy for a name that there is not: the nearest one, and all others.

    Args:
        name: Name as it was typed.
        known: Names that there are.
        form: Text around a name, as `model={}`.
    """
    names = list(known)
    listed = f"one of {', '.join(names)}"
    if len(names) == 1:
        return form.format(names[0])
    near = nearest(name, names)
    return listed if near is None else f"{form.format(near)}; {listed}"


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")
