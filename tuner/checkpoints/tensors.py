"""Tensors of weight files by the names that a family gives them."""

from collections.abc import Collection, Iterator

from tuner.encoders import Family


def places(family: Family, names: Collection[str]) -> list[str]:
    """Return what stands before the names of each encoder of this family in a checkpoint.

    Files of a larger model that the encoder is a part of have further parts there. An encoder
    without them is the checkpoint's own, whatever others there are.

    Args:
        family: Family of the encoder.
        names: Names of all tensors in the files.

    Returns:
        Prefixes up to their dot, ascending; none where no token embedding is found.
    """
    table = next(family.parameters())
    spelled = list(family.names_in_files(table.name))
    found = sorted(set(_before(spelled, names)))
    return [""] if "" in found else found


def _before(spelled: list[str], names: Collection[str]) -> Iterator[str]:
    for full in names:
        for each in spelled:
            if full == each or full.endswith(f".{each}"):
                yield full.removesuffix(each)
                break


def find(family: Family, name: str, names: Collection[str], place: str) -> str | None:
    """Return the full name of a tensor in the files of a checkpoint; None where it has none.

    Args:
        family: Family of the encoder, which may spell a name in several ways.
        name: Name as `Family.parameters` has it.
        names: Names of all tensors in the files.
        place: One of `places`.
    """
    spelled = (f"{place}{each}" for each in family.names_in_files(name))
    return next((full for full in spelled if full in names), None)
