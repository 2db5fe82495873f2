"""Estimate of a trial's device memory, part by part, before it runs.

The activations are those that are kept for the backward pass of the layers as they are built
here: on a CPU by TensorFlow, on a GPU by XLA, which computes again what follows from other
things. How near the sum comes to a measured peak is what `python benchmarks/memory.py` prints for
a CPU and `python benchmarks/gpu.py --only idle` for a GPU.
"""

import math
from dataclasses import asdict, dataclass, replace

from tuner.optimizers import Optimizer
from tuner.settings.settings import TrialSettings
from tuner.trial.recovery import with_batch, with_less_memory

FLOAT = 4
"""Bytes of a float32 number: all weights, gradients and slots are such."""

LIBRARIES = 900 * 10**6
"""Bytes of a worker that has imported its libraries; `python benchmarks/memory.py` prints it."""

GRAPHS = 30 * 10**6
GRAPH = 10 * 10**6
"""Bytes of host memory that traced graphs take: all without layers, and each layer's part; the
rest of the measured peaks of models with 2 and with 6 small layers and few tokens."""

COPIES = 2
"""Numbers for each weight that an update makes: its gradient clipped, and what decays of it."""

HOST_COPIES = 3
"""The same on a CPU, where the weight before its decay is still there beside the one after."""

SLACK = 0.08
"""Share by which the pool that TensorFlow allocates from on a CPU, and returns nothing of to the
system, is larger than what it holds at most; `python benchmarks/memory.py` shows it."""

EVALUATED = 4
"""Rows evaluated at once, for each row trained on, where memory decides on both."""

AT_WORK = 3
"""Tensors of a layer's largest shape that a step of the backward pass has at once: for a softmax
the gradient that comes in, its product with the output, and the gradient that goes out."""


@dataclass(frozen=True, kw_only=True)
class ModelShape:
    """The sizes of an encoder that decide its memory.

    Attributes:
        hidden: Width of the hidden states.
        intermediate: Width inside the feed-forward layers.
        layers: Transformer layers that a forward pass goes through.
        heads: Attention heads.
        vocabulary: Rows of the token embedding.
        embedding: Width of the embeddings.
        parameters: Numbers in the weights, those of a dense layer above the encoder among them.
        more_states: Tensors of the size of the hidden states that a layer keeps beyond BERT's.
        more_scores: Tensors of the size of the attention scores that it works with beyond BERT's.
        inputs: Inputs of a training row, one for each choice.
    """

    hidden: int
    intermediate: int
    layers: int
    heads: int
    vocabulary: int
    embedding: int
    parameters: int
    more_states: int = 0
    more_scores: int = 0
    inputs: int = 1

    def with_vocabulary(self, rows: int) -> "ModelShape":
        """Return the shape with so many rows of the token embedding."""
        fewer = (self.vocabulary - rows) * self.embedding
        return replace(self, vocabulary=rows, parameters=self.parameters - fewer)


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes that stand side by side at a trial's peak.

    Attributes:
        program: Libraries and traced graphs, in host memory.
        weights: The model; its first state; a moving average.
        optimizer: The optimizer's slots.
        gradients: Gradients of a micro-batch, and their sum if an update has several.
        activations: Memory that the backward pass needs, or the update's own copies of
            gradients and weights if those are more.
        allocator: Memory of a CPU that TensorFlow's pool has beside what is in use.
    """

    program: int
    weights: int
    optimizer: int
    gradients: int
    activations: int
    allocator: int

    @property
    def parts(self) -> dict[str, int]:
        """Name to bytes."""
        return asdict(self)

    @property
    def total(self) -> int:
        """All together."""
        return sum(self.parts.values())


def estimate(shape: ModelShape, settings: TrialSettings, *, on_host: bool) -> Memory:
    """Return the peak memory of a trial on one device.

    Args:
        shape: Sizes of its model.
        settings: Settings of the trial; the batch size is a number.
        on_host: It computes on the CPU.
    """
    training, weights = settings.training, FLOAT * shape.parameters
    summed = training.batch_size * training.devices < settings.effective_batch_size
    copies = weights * (HOST_COPIES if on_host else COPIES)
    memory = Memory(
        program=LIBRARIES + GRAPHS + GRAPH * shape.layers if on_host else 0,
        weights=weights * (2 + (training.ema_decay is not None)),
        optimizer=weights * _slots(settings.optimizer, on_host=on_host),
        gradients=weights * (1 + summed),
        activations=max(copies, _activations(shape, settings, on_host=on_host)),
        allocator=0,
    )
    pooled = memory.total - memory.program
    return replace(memory, allocator=int(SLACK * pooled)) if on_host else memory


def fitting(
    shape: ModelShape, settings: TrialSettings, room: int, *, on_host: bool
) -> TrialSettings:
    """The same trial with the largest batch that fits, on the way that a lack of memory takes.

    Args:
        shape: Sizes of its model.
        settings: Settings of the trial, with `training.effective_batch_size`.
        room: Bytes of the device.
        on_host: It computes on the CPU.

    Returns:
        With the smallest batch, and activations computed again, where even that does not fit.
    """
    training, effective = settings.training, settings.effective_batch_size
    whole = math.ceil(effective / training.devices)
    tried: TrialSettings | None = replace(
        settings,
        training=replace(
            training, batch_size=whole, accumulation_steps=1, effective_batch_size=effective
        ),
    )
    while tried is not None:
        least = _evaluating(tried, training.evaluation_batch_size)
        if estimate(shape, least, on_host=on_host).total <= room:
            break
        tried = with_less_memory(tried)
    return with_batch(least, least.training.batch_size)


def _evaluating(settings: TrialSettings, rows: int) -> TrialSettings:
    """With so many rows in a pass of an evaluation, or what fits beside the training batch.

    A pass forward alone keeps nothing of a layer, so a multiple of the batch fits.
    """
    training = settings.training
    rows = min(rows, EVALUATED * training.batch_size)
    return replace(settings, training=replace(training, evaluation_batch_size=rows))


def _slots(optimizer: Optimizer, *, on_host: bool) -> int:
    """Numbers kept for each weight; the first state of Keras' optimizers lies in host memory."""
    return optimizer.slots * (1 + (optimizer.uses_keras and on_host))


def _activations(shape: ModelShape, settings: TrialSettings, *, on_host: bool) -> int:
    """Return the memory kept of all layers for the backward pass, plus that of one layer."""
    training, length = settings.training, settings.model.max_length
    size = FLOAT if training.precision == "float32" else FLOAT // 2
    tokens = training.batch_size * shape.inputs * length
    layer = tokens * (_kept if on_host else _kept_compiled)(shape, length, size)
    if training.rematerialize:
        layers = shape.layers * tokens * shape.hidden * size + layer
    else:
        layers = shape.layers * layer
    if not on_host:
        # Beside them lie the layers' weights as products take them. The gradients, which stand
        # in a sum of their own, come as these go.
        weights = shape.parameters
        cast = size * (weights - shape.vocabulary * shape.embedding) if size < FLOAT else 0
        layers = max(0, layers + cast - FLOAT * weights)
    at_work = _at_work(shape, length, size, FLOAT if on_host else size)
    return max(layers + tokens * at_work, training.evaluation_batch_size * length * at_work)


def _kept_compiled(shape: ModelShape, length: int, size: int) -> int:
    """Bytes that a layer keeps of each token where XLA compiles it; see `_kept`."""
    states = 2 * 2 + 4  # inputs and outputs of both norms; queries, keys, values, their mixture
    activation = 2 * shape.intermediate  # input of a GELU, and its output
    scores = 2 * shape.heads * length  # softmax, and what dropout leaves of it
    return size * ((states + shape.more_states) * shape.hidden + activation + scores)


def _kept(shape: ModelShape, length: int, size: int) -> int:
    """Bytes that a layer keeps of each token while training.

    Args:
        shape: Sizes of the model.
        length: Tokens of a text.
        size: Bytes of a number.
    """
    norms = 2 * (FLOAT + size)  # each: its output before the scale, float32, and after it
    attention = 4 * size  # queries, keys, values, and what is made of them
    masks = 2  # of both dropouts, a byte for each number
    activation = 2 * size  # input and output
    scores = FLOAT + size + 1  # softmax in float32, what dropout leaves of it, and its mask
    return (
        (norms + attention + masks + shape.more_states * size) * shape.hidden
        + activation * shape.intermediate
        + scores * shape.heads * length
    )


def _at_work(shape: ModelShape, length: int, size: int, score_size: int) -> int:
    """Bytes of each token in the largest step of a layer, attention or feed-forward."""
    scores = (AT_WORK + shape.more_scores) * shape.heads * length
    return max(score_size * scores, size * AT_WORK * shape.intermediate)
