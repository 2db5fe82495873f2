"""A trained classifier as a model of ONNX, with the inputs and outputs that optimum names."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tuner.encoders import Forward, Inputs, Weights
from tuner.encoders.compiled import for_xla
from tuner.errors import TunerError
from tuner.installation.distribution import DISTRIBUTION
from tuner.serving.conversion import IR_VERSION, OPSET, Conversion
from tuner.serving.library import onnx
from tuner.serving.session import Session, feeds
from tuner.tasks import HeadKind
from tuner.training.model import Classifier

TOLERANCE = 1e-4
"""Largest difference of an output from TensorFlow's, as a share of the largest output above 1."""

_TOKENS = 512
"""Tokens of the longest text of the comparison."""

LARGEST = 1_900_000_000
"""Bytes of weights above which they have a file of their own; a model file ends at 2 GiB."""

_AXES: Mapping[HeadKind, tuple[str, ...]] = {
    HeadKind.CHOICE: ("batch_size", "num_choices", "sequence_length"),
}
_TEXT_AXES = ("batch_size", "sequence_length")


def write_onnx(classifier: Classifier, kind: HeadKind, path: Path) -> None:
    """Write a classifier as ONNX, and compare it with TensorFlow.

    Args:
        classifier: Its present weights are written.
        kind: Kind of its head.
        path: File to write; weights of more than `LARGEST` lie beside it, `NAME_data`.

    Raises:
        OSError: It cannot be written.
        TunerError: onnxruntime computes something else.
    """
    model = to_onnx(classifier, kind)
    external = sum(len(each.raw_data) for each in model.graph.initializer) > LARGEST
    onnx.save_model(model, path, save_as_external_data=external, location=f"{path.name}_data")
    onnx.checker.check_model(path)
    difference = largest_difference(classifier, Session(path, kind))
    if not difference <= TOLERANCE:
        raise TunerError(
            f"outputs of onnxruntime differ from TensorFlow's by {difference:.2g} of the largest"
        )


def to_onnx(classifier: Classifier, kind: HeadKind) -> Any:
    """Return a classifier as a model of ONNX.

    Args:
        classifier: The classifier.
        kind: Kind of its head.
    """
    axes = _AXES.get(kind, _TEXT_AXES)
    fed = feeds(classifier.family)
    weights = classifier.tensors()
    specs = [tf.TensorSpec([None] * len(axes), tf.int32)] * len(fed)
    specs += [tf.TensorSpec(each.shape, tf.float32) for each in weights.values()]

    def forward(*tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        given, values = tensors[: len(fed)], tensors[len(fed) :]
        ids, mask, *types = (tf.reshape(each, [-1, tf.shape(each)[-1]]) for each in given)
        inputs = Inputs(
            ids=ids,
            types=types[0] if types else tf.zeros_like(ids),
            lengths=tf.reduce_sum(mask, axis=1),
        )
        named = Weights(zip(weights, values, strict=True))
        with for_xla():  # Without gradients of our own.
            hidden = classifier.family.encode(inputs, named, Forward())
            outputs = classifier.head.apply(hidden, inputs, named, Forward())
        return _named(kind, outputs, given[0])

    traced: Any = tf.function(forward, autograph=False).get_concrete_function(*specs)
    names = {each.name: name for each, name in zip(traced.inputs, [*fed, *weights], strict=True)}
    made = Conversion(names, weights)
    made.convert(traced.graph)
    outputs = []
    for name, tensor in traced.structured_outputs.items():
        made.nodes.append(onnx.helper.make_node("Identity", [made.name(tensor)], [name]))
        shape = _shape(kind, axes, classifier.head.outputs)
        outputs.append(_value(name, onnx.TensorProto.FLOAT, shape))
    used = {name for node in made.nodes for name in node.input}
    graph = onnx.helper.make_graph(
        made.nodes,
        classifier.head.class_name,
        [_value(name, onnx.TensorProto.INT64, axes) for name in fed],
        outputs,
        [
            onnx.numpy_helper.from_array(values, name)
            for name, values in made.constants.items()
            if name in used
        ],
    )
    return onnx.helper.make_model(
        graph,
        producer_name=DISTRIBUTION,
        ir_version=IR_VERSION,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
    )


def _named(kind: HeadKind, outputs: tf.Tensor, ids: tf.Tensor) -> dict[str, tf.Tensor]:
    """Outputs of a head by the names that optimum gives them.

    Args:
        kind: Kind of the head.
        outputs: Its outputs.
        ids: Token ids as they are fed.
    """
    match kind:
        case HeadKind.SPAN:
            starts, ends = tf.unstack(outputs, axis=-1)
            return {"start_logits": starts, "end_logits": ends}
        case HeadKind.CHOICE:
            return {"logits": tf.reshape(outputs, tf.shape(ids)[:-1])}
        case HeadKind.SEQUENCE | HeadKind.TOKEN:
            return {"logits": outputs}


def _shape(kind: HeadKind, axes: Sequence[str], outputs: int) -> list[str | int]:
    """Sizes of an output, names where they are dynamic."""
    match kind:
        case HeadKind.SPAN:
            return [*axes]
        case HeadKind.CHOICE:
            return [*axes[:-1]]
        case HeadKind.TOKEN:
            return [*axes, outputs]
        case HeadKind.SEQUENCE:
            return [axes[0], outputs]


def _value(name: str, kind: int, shape: Sequence[str | int]) -> Any:
    return onnx.helper.make_tensor_value_info(name, kind, shape)


def largest_difference(classifier: Classifier, session: Session) -> float:
    """Return the largest difference between outputs of onnxruntime and of TensorFlow.

    Args:
        classifier: Model of TensorFlow.
        session: The same model in onnxruntime; it is fed random tokens of several lengths.

    Returns:
        Difference as a share of the largest output, if that is above 1.
    """
    family, random = classifier.family, np.random.default_rng(0)
    longest = min(family.max_positions, _TOKENS)
    lengths = np.array([longest, max(1, longest // 3), min(2, longest)], np.int32)
    ids = random.integers(0, family.vocab_size, (len(lengths), longest)).astype(np.int32)
    ids[np.arange(longest) >= lengths[:, None]] = family.pad_token_id
    types = random.integers(0, max(1, family.token_types), ids.shape).astype(np.int32)
    ours = classifier.logits(ids, types, lengths, training=False).numpy()
    theirs = session.run(ids, types, lengths)
    if ours.ndim == 3:  # noqa: PLR2004  (outputs of padding have no meaning)
        real = np.arange(longest) < lengths[:, None]
        ours, theirs = ours[real], theirs[real]
    return float(np.abs(ours - theirs).max() / max(1.0, np.abs(ours).max()))
