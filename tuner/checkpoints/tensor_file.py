"""Weight files of both formats, with their tensors by name."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from tuner.checkpoints.other_formats import convert_pickles, is_pointer, not_fetched
from tuner.checkpoints.repair import fetch_again
from tuner.checkpoints.state_dict import StateDictError
from tuner.checkpoints.torch_file import TorchFile
from tuner.errors import InputError

SAFETENSORS = ".safetensors"


class TensorPart(Protocol):
    """A tensor whose numbers are read when they are asked for."""

    def get_shape(self) -> Sequence[int]:
        """Return its sizes."""

    def get_dtype(self) -> str:
        """Return the type of its numbers, as safetensors spells it."""

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        """Return some rows."""


class TensorFile(Protocol):
    """The tensors of a weight file."""

    def keys(self) -> Iterable[str]:
        """Names of the tensors."""

    def get_tensor(self, name: str) -> NDArray[Any]:
        """Return a tensor."""

    def get_slice(self, name: str) -> TensorPart:
        """Return a tensor whose numbers are not read yet."""


def open_tensors(path: Path) -> TensorFile:
    """Open a weight file; no code of it is run.

    Args:
        path: A safetensors file, or one that `torch.save` wrote.

    Raises:
        InputError: It was not fetched, is cut off or damaged, or is of another format.
    """
    try:
        if is_pointer(path):
            raise not_fetched(path)
        if path.suffix == SAFETENSORS:
            file: TensorFile = safe_open(str(path), framework="np")
            return file
        return TorchFile(path)
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"the weights are cut off or cannot be read: {error}",
            where=str(path),
            remedy=fetch_again(path.parent, path.name),
        ) from error
    except StateDictError as error:
        raise InputError(
            f"{path.name} is not read as weights: {error}",
            where=str(path),
            remedy=f"{fetch_again(path.parent, path.name)}; if its origin is trusted, convert it "
            f"where PyTorch is installed: {convert_pickles(path.parent, path.name)}",
        ) from error
