"""A model of ONNX in onnxruntime."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tuner.data.tokenized import Integers, TokenizedSplit
from tuner.devices.host import usable_cores
from tuner.encoders import Family
from tuner.serving.library import onnxruntime
from tuner.tasks import HeadKind

BATCH = 32
"""Inputs in one pass."""

TIMED = 3
"""Passes that are timed, at most: of short, medium and long inputs."""


def feeds(family: Family) -> list[str]:
    """Return the names of a model's inputs, as transformers' tokenizers give them."""
    return ["input_ids", "attention_mask", *(["token_type_ids"] if family.token_types else [])]


class Session:
    """A model on the CPU, with all cores that this process may use."""

    def __init__(self, path: Path, kind: HeadKind) -> None:
        """Load a file that `write_onnx` wrote.

        Args:
            path: The file.
            kind: Kind of the model's head.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = usable_cores()
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        self._fed = {each.name for each in self._session.get_inputs()}
        self._kind = kind

    def run(
        self, ids: NDArray[np.int32], types: NDArray[np.int32], lengths: NDArray[np.integer]
    ) -> NDArray[np.float32]:
        """Return the outputs of some inputs, as the head gives them; see `Classifier.logits`.

        Args:
            ids: Token ids, shape [rows, tokens]; of choices, all those of one example.
            types: Token types, the same shape.
            lengths: Tokens that are no padding, shape [rows].
        """
        mask = np.arange(ids.shape[1]) < np.asarray(lengths)[:, None]
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        fed = {name: each.astype(np.int64) for name, each in given.items() if name in self._fed}
        if self._kind is HeadKind.CHOICE:
            fed = {name: each[np.newaxis] for name, each in fed.items()}
        outputs = self._session.run(None, fed)
        if self._kind is HeadKind.CHOICE:
            return np.asarray(outputs[0]).reshape(-1, 1)
        return (
            np.stack(outputs, axis=-1) if self._kind is HeadKind.SPAN else np.asarray(outputs[0])
        )

    def seconds(self, split: TokenizedSplit, clock: Callable[[], float]) -> float:
        """Return the mean seconds of an input, over passes of several lengths.

        Args:
            split: Examples, of which some are run.
            clock: Seconds.
        """
        every = list(self._batches(split))
        step = -(-len(every) // TIMED)
        some = every[(step - 1) // 2 :: step]
        padded = [split.pad(inputs) for inputs in some]
        started = clock()
        for given in padded:
            self.run(*given)
        return (clock() - started) / sum(map(len, some))

    def logits(self, split: TokenizedSplit) -> NDArray[np.float32]:
        """Return the outputs of all examples of a split, laid out as by `Evaluator.logits`."""
        lengths = split.lengths
        made: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(lengths)
        for inputs in self._batches(split):
            outputs = self.run(*split.pad(inputs))
            for place, output, length in zip(inputs, outputs, lengths[inputs], strict=True):
                made[place] = output[:length] if self._kind.per_token else output[np.newaxis]
        return np.concatenate(made)

    def _batches(self, split: TokenizedSplit) -> Iterator[Integers]:
        """Yield the inputs of each pass: those of like length, or the choices of an example."""
        if self._kind is HeadKind.CHOICE:
            for example in range(len(split)):
                yield split.inputs_of(np.array([example]))
            return
        order = np.argsort(split.lengths, kind="stable")
        for start in range(0, len(order), BATCH):
            yield order[start : start + BATCH]
