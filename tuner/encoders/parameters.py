"""The parameters of an encoder: names, shapes, and where their first values come from."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto

INITIALIZER_RANGE = 0.02
"""Standard deviation of new weights, `initializer_range` of all families."""


class Origin(Enum):
    """Origin of the values with which a fine-tune begins."""

    CHECKPOINT = auto()
    """The checkpoint, which is refused without them."""

    CHECKPOINT_OR_NEW = auto()
    """The checkpoint; drawn where it lacks them."""

    NEW = auto()
    """Drawn for each trial: what the task adds."""


class Draw(Enum):
    """First values of a parameter that no checkpoint holds."""

    NORMAL = auto()
    """Normal with mean 0."""

    ZEROS = auto()
    ONES = auto()


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter of a model.

    Example:
        >>> [each.name for each in linear("pooler.dense", 4, 2)]
        ['pooler.dense.weight', 'pooler.dense.bias']
    """

    name: str
    """Name in the weight files of transformers; the shape is that of torch, too."""

    shape: tuple[int, ...]
    """Sizes; of a dense layer [outputs, inputs]."""

    depth: int = 0
    """0 in the embeddings, then the number of the layer from 1; above all layers one more."""

    origin: Origin = Origin.CHECKPOINT
    """Origin of its first values."""

    draw: Draw = Draw.NORMAL
    """First values where they are drawn."""

    spread: float = INITIALIZER_RANGE
    """Standard deviation of normal first values."""

    cutoff: float | None = None
    """Standard deviations beyond which none of them lies; None: any distance."""

    decays: bool = True
    """True if weight decay shrinks it; biases and the scales of norms are spared."""

    of_tokens: bool = False
    """True if it has a row for each token id and is read by `layers.embedded` alone."""


def linear(name: str, inputs: int, outputs: int, *, bias: bool = True) -> Iterator[Parameter]:
    """Yield the parameters of a dense layer."""
    yield Parameter(name=f"{name}.weight", shape=(outputs, inputs))
    if bias:
        yield _bias(name, outputs)


def norm(name: str, width: int, *, bias: bool = True) -> Iterator[Parameter]:
    """Yield the parameters of a layer norm."""
    yield Parameter(name=f"{name}.weight", shape=(width,), draw=Draw.ONES, decays=False)
    if bias:
        yield _bias(name, width)


def _bias(name: str, width: int) -> Parameter:
    return Parameter(name=f"{name}.bias", shape=(width,), draw=Draw.ZEROS, decays=False)


def table(name: str, rows: int, width: int) -> Iterator[Parameter]:
    """Yield the parameter of an embedding."""
    yield Parameter(name=f"{name}.weight", shape=(rows, width))


def token_table(name: str, rows: int, width: int) -> Iterator[Parameter]:
    """Yield the parameter of a token embedding, of which the rows that occur may be trained."""
    yield Parameter(name=f"{name}.weight", shape=(rows, width), of_tokens=True)


def placed(
    place: str,
    depth: int,
    parameters: Iterable[Parameter],
    origin: Origin | None = None,
) -> Iterator[Parameter]:
    """Yield parameters at their place in the model.

    Args:
        place: Prefix of their names, up to the dot before them; may be empty.
        depth: See `Parameter.depth`.
        parameters: Parameters by their names within the place.
        origin: Origin of all of them; None leaves each its own.
    """
    for each in parameters:
        name = f"{place}.{each.name}" if place else each.name
        yield replace(each, name=name, depth=depth, origin=origin or each.origin)
