"""A round of `throughput.py`: nothing but the matrix products of one epoch.

As fast as TensorFlow multiplies matrices of an update's shapes, one after another. The update
reaches a share of this rate: the time of a round of products over that of one of ours.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from default_trial import one_epoch
from turns import serve

from tuner.data import prepare
from tuner.tasks import Classification
from tuner.training import device
from tuner.training.batches import epoch_updates


@dataclass(frozen=True)
class Sizes:
    """The sizes of a BERT encoder that decide its matrix products."""

    layers: int
    width: int
    heads: int
    feed_forward: int

    @classmethod
    def of(cls, checkpoint: Path) -> "Sizes":
        """Those of a BERT checkpoint."""
        config = json.loads((checkpoint / "config.json").read_text())
        return cls(
            config["num_hidden_layers"],
            config["hidden_size"],
            config["num_attention_heads"],
            config["intermediate_size"],
        )


def operands(shape: tuple[int, ...], count: int) -> list[tf.Tensor]:
    """So many random arrays of one shape."""
    return [tf.random.normal(shape) for _ in range(count)]


class Products:
    """The products of a layer, forward and for both gradients, with weights of its own."""

    def __init__(self, sizes: Sizes) -> None:
        """Draws the weights."""
        self._sizes = sizes
        width, inner = sizes.width, sizes.feed_forward
        # Query, key and value are one product.
        shapes = [(width, 3 * width), (width, width), (width, inner), (inner, width)]
        self._kernels = [operands(shape, sizes.layers) for shape in shapes]

    def update(self, rows: int, length: int) -> float:
        """Seconds that the products of one update take.

        Args:
            rows: Texts of the batch.
            length: Tokens of each.
        """
        sizes = self._sizes
        flows = {
            width: operands((rows * length, width), 1)[0]
            for width in {sizes.width, 3 * sizes.width, sizes.feed_forward}
        }
        head = (rows, sizes.heads, length, sizes.width // sizes.heads)
        query, key = operands(head, 2)
        (weights,) = operands((rows, sizes.heads, length, length), 1)
        _wait(weights)
        started = time.perf_counter()
        for layer in range(sizes.layers):
            for kernels in self._kernels:
                kernel = kernels[layer]
                into, out = (flows[size] for size in kernel.shape)
                last = tf.matmul(into, kernel)
                last = tf.matmul(out, kernel, transpose_b=True)
                last = tf.matmul(into, out, transpose_a=True)
            for _ in range(2):  # Forward; the gradients of the two factors of the other product.
                last = tf.matmul(query, key, transpose_b=True)
                last = tf.matmul(weights, key)
                last = tf.matmul(weights, key, transpose_a=True)
        _wait(last)
        return time.perf_counter() - started


def _wait(value: tf.Tensor) -> None:
    """Waits until a value is computed."""
    value.numpy()


def main() -> None:
    """Serves rounds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    given = parser.parse_args()
    device.set_up(given.threads)
    settings = one_epoch(given.rows)
    prepared = prepare(settings.data, settings.model, Classification())
    products = Products(Sizes.of(prepared.checkpoint.folder))
    lengths = np.array(prepared.train.lengths)

    def run_round(number: int) -> float:
        batches = epoch_updates(lengths, settings.training.batch_size, seed=number, epoch=0)
        return sum(products.update(len(rows), lengths[rows].max()) for rows in batches)

    serve(run_round)


if __name__ == "__main__":
    main()
