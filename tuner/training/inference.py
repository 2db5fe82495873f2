"""Time that a model takes for one example, as a service that answers one request at a time."""

import statistics
from collections.abc import Callable

import numpy as np

from tuner.data.tokenized import TokenizedSplit
from tuner.training.evaluate import Evaluator

WARM_UPS = 5
"""Passes that are not counted: the first ones trace, compile or fill caches."""

PASSES = 31
"""Passes whose median is taken; an odd number, so that it is one of them."""


def inference_ms(evaluator: Evaluator, split: TokenizedSplit, clock: Callable[[], float]) -> float:
    """Return the median milliseconds of a forward pass of one example.

    Args:
        evaluator: Runs the model, in the trial's precision and on the slot's device.
        split: Validation rows, of which the example of median length is taken.
        clock: Seconds.
    """
    example = np.array([median_example(split)])
    inputs = len(split.inputs_of(example))
    times = []
    for _ in range(WARM_UPS + PASSES):
        started = clock()
        evaluator.logits(split, example, inputs)  # Its outputs are on the host when it returns.
        times.append(clock() - started)
    return 1000.0 * statistics.median(times[WARM_UPS:])


def median_example(split: TokenizedSplit) -> int:
    """Return the number of the example of median length, over all of its inputs."""
    ends = split.offsets if split.inputs is None else split.offsets[split.inputs]
    order = np.argsort(np.diff(ends), kind="stable")
    return int(order[len(order) // 2])
