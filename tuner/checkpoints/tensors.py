"""Tensors of weight files by the names that a family gives them."""

from collections.abc import Collection

from tuner.encoders import Family


def find(family: type[Family], name: str, names: Collection[str]) -> str | None:
    """Return the full name of a tensor in the files of a checkpoint; None where it has none.

    Files of the bare encoder lack the first part of the names; those of a larger model that the
    encoder is a part of have further parts before it.

    Args:
        family: Family of the encoder.
        name: Name as `Family.parameters` has it.
        names: Names of all tensors in the files.
    """
    spelled = list(family.names_in_files(name))
    exact = next((each for each in spelled if each in names), None)
    if exact is not None:
        return exact
    ends = tuple(f".{each}" for each in spelled)
    return next((full for full in names if full.endswith(ends)), None)
