"""A round of `throughput.py`: one epoch of Keras `fit`, every row padded to the full length."""

import argparse
import time

import keras
import keras_hub
import numpy as np
import tensorflow as tf
from turns import serve

LENGTH = 128


def load_rows(path: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """All rows as arrays of one length."""
    stored = np.load(path)
    offsets, rows = stored["offsets"], len(stored["labels"])
    ids = np.zeros((rows, LENGTH), np.int32)
    mask = np.zeros((rows, LENGTH), np.int32)
    for row in range(rows):
        tokens = stored["ids"][offsets[row] : offsets[row + 1]]
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    inputs = {"token_ids": ids, "padding_mask": mask, "segment_ids": np.zeros_like(ids)}
    return inputs, stored["labels"]


def make_model(checkpoint: str, labels: int) -> keras.Model:
    """The classifier of keras-hub, as its users compile it."""
    model = keras_hub.models.BertTextClassifier.from_preset(
        checkpoint, num_classes=labels, preprocessor=None
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(5e-5, weight_decay=0.01, global_clipnorm=1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def main() -> None:
    """Serves rounds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("inputs")
    parser.add_argument("checkpoint")
    parser.add_argument("--threads", type=int, required=True)
    given = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(given.threads)
    tf.config.threading.set_inter_op_parallelism_threads(given.threads)
    inputs, labels = load_rows(given.inputs)
    model = make_model(given.checkpoint, int(labels.max()) + 1)

    def run_round(number: int) -> float:  # noqa: ARG001
        started = time.perf_counter()
        model.fit(inputs, labels, batch_size=16, epochs=1, verbose=0)
        return time.perf_counter() - started

    serve(run_round)


if __name__ == "__main__":
    main()
