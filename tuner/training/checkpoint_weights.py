"""The tensors of a checkpoint as float32, by the names of its family."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tuner.checkpoints.tensor_file import TensorFile, open_tensors
from tuner.checkpoints.tensors import find, places
from tuner.encoders import Family, Origin, Parameter


class TensorReader:
    """The tensors of a checkpoint's weight files."""

    def __init__(self, family: Family, files: Sequence[Path]) -> None:
        """Open the files.

        Args:
            family: Family of the encoder.
            files: Weight files, see `find_weights`.
        """
        self._family = family
        self._homes: dict[str, TensorFile] = {}
        for file in map(open_tensors, files):
            self._homes |= dict.fromkeys(file.keys(), file)
        (self._place,) = places(family, self._homes)

    def __contains__(self, name: str) -> bool:
        """Return True if the checkpoint has this tensor, under any spelling."""
        return find(self._family, name, self._homes, self._place) is not None

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        """Return the tensor; KeyError where there is none."""
        full = find(self._family, name, self._homes, self._place)
        if full is None:
            raise KeyError(name)
        return self._homes[full].get_tensor(full).astype(np.float32, copy=False)

    def first_value(self, parameter: Parameter) -> NDArray[np.float32] | None:
        """Return what a fine-tune begins with; None where it is drawn."""
        if parameter.origin is Origin.NEW:
            return None
        if parameter.origin is Origin.CHECKPOINT_OR_NEW and parameter.name not in self:
            return None
        return self[parameter.name]
