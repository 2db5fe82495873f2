"""A traced graph of TensorFlow as ONNX, operation by operation.

Only the operations of the encoders' forward passes are known; another one is refused by name.
Integers are int64 throughout, as ONNX wants shapes and as its users feed token ids: a value that
TensorFlow has as int32 is the same number.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tuner.errors import TunerError
from tuner.serving.library import onnx

OPSET = 17
"""Version of the operators: of 2022, which every maintained runtime knows."""

IR_VERSION = 8
"""Version of the file format that came with it."""

_END = 2**63 - 1
"""End of a slice that goes up to the last element."""

_SAME: Mapping[str, str] = {
    "Abs": "Abs", "Add": "Add", "AddV2": "Add", "BiasAdd": "Add", "Cos": "Cos", "Erf": "Erf",
    "Exp": "Exp", "Equal": "Equal", "Greater": "Greater", "GreaterEqual": "GreaterOrEqual",
    "Less": "Less", "LessEqual": "LessOrEqual", "LogicalAnd": "And", "LogicalNot": "Not",
    "Maximum": "Max", "Minimum": "Min", "Mul": "Mul", "Neg": "Neg", "Pow": "Pow", "Range": "Range",
    "RealDiv": "Div", "Relu": "Relu", "Reshape": "Reshape", "SelectV2": "Where",
    "Sigmoid": "Sigmoid", "Sin": "Sin", "Sqrt": "Sqrt", "Sub": "Sub", "Tanh": "Tanh",
    "Tile": "Tile",
}  # fmt: skip
"""Operation of TensorFlow to that of ONNX that takes the same inputs."""

_THROUGH = ("Identity", "IdentityN", "StopGradient", "PreventGradient")
"""Operations whose outputs are their inputs."""


class Conversion:
    """Nodes and constants of ONNX that are made from the operations of one graph."""

    def __init__(self, names: Mapping[str, str], weights: Mapping[str, np.ndarray]) -> None:
        """Convert nothing yet.

        Args:
            names: Name in ONNX of each tensor that is fed, weights among them.
            weights: Values of the weights by name.
        """
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = dict(weights)
        self._names = dict(names)
        self._made = 0

    def convert(self, graph: tf.Graph) -> None:
        """Convert all operations of a graph.

        Raises:
            TunerError: An operation has no counterpart here.
        """
        for operation in graph.get_operations():
            if operation.type not in ("Placeholder", "NoOp"):
                made = self._convert(operation)
                names = (tensor.name for tensor in operation.outputs)
                self._names.update(zip(names, made, strict=True))

    def name(self, tensor: tf.Tensor) -> str:
        """Return the name that a tensor has in ONNX."""
        return self._names[tensor.name]

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output, and return its name; see `node_of_several`."""
        return self.node_of_several(1, kind, *inputs, **attributes)[0]

    def node_of_several(
        self, outputs: int, kind: str, *inputs: str, **attributes: Any
    ) -> list[str]:
        """Add a node, and return the names of its outputs.

        Args:
            outputs: Number of its outputs.
            kind: Operator.
            *inputs: Names of its inputs.
            **attributes: Attributes of the operator.
        """
        self._made += 1
        names = [f"{kind}_{self._made}" + (f"_{n}" if n else "") for n in range(outputs)]
        self.nodes.append(onnx.helper.make_node(kind, inputs, names, names[0], **attributes))
        return names

    def constant(self, values: Any) -> str:
        """Return the name of a constant; integers become int64."""
        array = np.asarray(values)
        if array.dtype.kind in "iu":
            array = array.astype(np.int64)
        self._made += 1
        name = f"constant_{self._made}"
        self.constants[name] = array
        return name

    def _convert(self, operation: tf.Operation) -> Sequence[str]:
        """Return the names of the outputs of an operation."""
        kind = operation.type
        inputs = [self.name(tensor) for tensor in operation.inputs]
        if kind in _THROUGH:
            return inputs
        if kind in _SAME:
            return [self.node(_SAME[kind], *inputs)]
        if kind not in _RULES:
            raise TunerError(f"TensorFlow's operation {kind} ({operation.name}) is not converted")
        made = _RULES[kind](self, operation, *inputs)
        return [made] if isinstance(made, str) else made


def _static(tensor: tf.Tensor) -> Any:
    """Return the value of a tensor that is the same for all inputs, as lists of numbers.

    Raises:
        TunerError: It depends on the inputs.
    """
    value = tf.get_static_value(tensor)
    if value is None:
        raise TunerError(f"{tensor.name} depends on the inputs, and ONNX wants a constant")
    return value.tolist()


def _axes(tensor: tf.Tensor) -> list[int]:
    """Return axes that are given as one or several."""
    axes = _static(tensor)
    return axes if isinstance(axes, list) else [axes]


def _dtype(kind: tf.DType) -> int:
    """Return ONNX' number of a type."""
    numbers = onnx.TensorProto
    if kind.is_integer:
        return int(numbers.INT64)
    return int(numbers.BOOL if kind.is_bool else numbers.FLOAT)


def _constant(made: Conversion, operation: tf.Operation) -> str:
    return made.constant(tf.make_ndarray(operation.get_attr("value")))


def _matmul(made: Conversion, operation: tf.Operation, a: str, b: str) -> str:
    """A product; a weight is turned around in the file, where quantization looks for it."""
    is_batch = operation.type.startswith("Batch")
    turned = ("adj_x", "adj_y") if is_batch else ("transpose_a", "transpose_b")
    names = []
    for name, tensor, attribute in zip((a, b), operation.inputs, turned, strict=True):
        if not operation.get_attr(attribute):
            names.append(name)
        elif name in made.constants:
            made.constants.setdefault(
                f"{name}.T", np.ascontiguousarray(np.swapaxes(made.constants[name], -1, -2))
            )
            names.append(f"{name}.T")
        else:
            order = [*range(len(tensor.shape))]
            names.append(made.node("Transpose", name, perm=[*order[:-2], order[-1], order[-2]]))
    return made.node("MatMul", *names)


def _einsum(made: Conversion, operation: tf.Operation, *inputs: str) -> str:
    return made.node("Einsum", *inputs, equation=operation.get_attr("equation").decode())


def _square(made: Conversion, _: tf.Operation, x: str) -> str:
    return made.node("Mul", x, x)


def _rsqrt(made: Conversion, _: tf.Operation, x: str) -> str:
    return made.node("Reciprocal", made.node("Sqrt", x))


def _mean(made: Conversion, operation: tf.Operation, x: str, _: str) -> str:
    keep = int(operation.get_attr("keep_dims"))
    return made.node("ReduceMean", x, axes=_axes(operation.inputs[1]), keepdims=keep)


def _sum(made: Conversion, operation: tf.Operation, x: str, _: str) -> str:
    axes = made.constant(_axes(operation.inputs[1]))
    return made.node("ReduceSum", x, axes, keepdims=int(operation.get_attr("keep_dims")))


def _softmax(made: Conversion, _: tf.Operation, x: str) -> str:
    return made.node("Softmax", x, axis=-1)


def _not_equal(made: Conversion, _: tf.Operation, a: str, b: str) -> str:
    return made.node("Not", made.node("Equal", a, b))


def _cast(made: Conversion, operation: tf.Operation, x: str) -> str:
    return made.node("Cast", x, to=_dtype(operation.get_attr("DstT")))


def _shape(made: Conversion, _: tf.Operation, x: str) -> str:
    return made.node("Shape", x)


def _gather(made: Conversion, operation: tf.Operation, x: str, places: str, _: str) -> str:
    if operation.get_attr("batch_dims"):
        raise TunerError(f"{operation.name} gathers by row, which is not converted")
    return made.node("Gather", x, places, axis=_static(operation.inputs[2]))


def _concat(made: Conversion, operation: tf.Operation, *inputs: str) -> str:
    return made.node("Concat", *inputs[:-1], axis=_static(operation.inputs[-1]))


def _pack(made: Conversion, operation: tf.Operation, *inputs: str) -> str:
    axis = operation.get_attr("axis")
    place = made.constant([axis])
    parts = [made.node("Unsqueeze", each, place) for each in inputs]
    return made.node("Concat", *parts, axis=axis)


def _unpack(made: Conversion, operation: tf.Operation, x: str) -> list[str]:
    axis, count = operation.get_attr("axis"), operation.get_attr("num")
    return [made.node("Gather", x, made.constant(n), axis=axis) for n in range(count)]


def _split(made: Conversion, operation: tf.Operation, _: str, x: str) -> list[str]:
    axis, count = _static(operation.inputs[0]), operation.get_attr("num_split")
    return made.node_of_several(count, "Split", x, axis=axis)


def _expand(made: Conversion, operation: tf.Operation, x: str, _: str) -> str:
    return made.node("Unsqueeze", x, made.constant(_axes(operation.inputs[1])))


def _transpose(made: Conversion, operation: tf.Operation, x: str, _: str) -> str:
    return made.node("Transpose", x, perm=_static(operation.inputs[1]))


def _pad(made: Conversion, operation: tf.Operation, x: str, *_: str) -> str:
    before, after = zip(*_static(operation.inputs[1]), strict=True)
    return made.node("Pad", x, made.constant([*before, *after]))


def _cumsum(made: Conversion, operation: tf.Operation, x: str, axis: str) -> str:
    exclusive, reverse = (int(operation.get_attr(name)) for name in ("exclusive", "reverse"))
    return made.node("CumSum", x, axis, exclusive=exclusive, reverse=reverse)


def _fill(made: Conversion, operation: tf.Operation, shape: str, value: str) -> str:
    del operation
    return made.node("Expand", value, shape)


def _zeros_like(made: Conversion, operation: tf.Operation, x: str) -> str:
    kind = _dtype(operation.outputs[0].dtype)
    return made.node("Cast", made.node("ConstantOfShape", made.node("Shape", x)), to=kind)


def _reverse(made: Conversion, operation: tf.Operation, x: str, _: str) -> str:
    axes = _axes(operation.inputs[1])
    back, end = [-1] * len(axes), [-_END] * len(axes)
    return made.node("Slice", x, *map(made.constant, (back, end, axes, back)))


def _strided_slice(made: Conversion, operation: tf.Operation, x: str, *vectors: str) -> str:
    """A slice, whose axes may be new, or vanish, or be left to an ellipsis."""
    steps = _static(operation.inputs[3])
    bits = {
        name: [bool(operation.get_attr(f"{name}_mask") >> n & 1) for n in range(len(steps))]
        for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    rank = len(operation.inputs[0].shape)
    real = len(steps) - sum(bits["new_axis"]) - sum(bits["ellipsis"])
    axis = place = 0
    sliced: list[tuple[int, int]] = []
    gone, new = [], []
    for number in range(len(steps)):
        if bits["ellipsis"][number]:
            axis, place = axis + rank - real, place + rank - real
        elif bits["new_axis"][number]:
            new.append(place)
            place += 1
        else:
            if not (bits["begin"][number] and bits["end"][number] and steps[number] == 1):
                sliced.append((number, axis))
            if bits["shrink_axis"][number]:
                gone.append(axis)
            else:
                place += 1
            axis += 1
    if sliced:
        ends = [_bounds(made, operation, vectors, bits, number) for number, _ in sliced]
        starts, stops = (made.node("Concat", *each, axis=0) for each in zip(*ends, strict=True))
        axes, strides = [axis for _, axis in sliced], [steps[number] for number, _ in sliced]
        x = made.node("Slice", x, starts, stops, made.constant(axes), made.constant(strides))
    if gone:
        x = made.node("Squeeze", x, made.constant(gone))
    return made.node("Unsqueeze", x, made.constant(new)) if new else x


def _bounds(
    made: Conversion,
    operation: tf.Operation,
    vectors: Sequence[str],
    bits: Mapping[str, Sequence[bool]],
    number: int,
) -> Iterator[str]:
    """Yield begin and end of a slice along one axis, each a vector of one number."""
    backwards = _static(operation.inputs[3])[number] < 0
    first, last = (_END, -_END) if backwards else (0, _END)
    if bits["shrink_axis"][number]:
        begin = _static(operation.inputs[1])[number]
        yield made.constant([begin])
        yield made.constant([begin + 1 if begin != -1 else _END])
        return
    for name, vector, whole in zip(("begin", "end"), vectors, (first, last), strict=False):
        if bits[name][number]:
            yield made.constant([whole])
        else:
            yield made.node("Gather", vector, made.constant([number]))


_RULES: Mapping[str, Callable[..., Any]] = {
    "BatchMatMul": _matmul, "BatchMatMulV2": _matmul, "Cast": _cast, "ConcatV2": _concat,
    "Const": _constant, "Cumsum": _cumsum, "Einsum": _einsum, "ExpandDims": _expand,
    "Fill": _fill, "GatherV2": _gather, "MatMul": _matmul, "Mean": _mean, "NotEqual": _not_equal,
    "Pack": _pack, "Pad": _pad, "ReverseV2": _reverse,
    "Rsqrt": _rsqrt, "Shape": _shape, "Softmax": _softmax, "Split": _split, "Square": _square,
    "StridedSlice": _strided_slice, "Sum": _sum, "Transpose": _transpose, "Unpack": _unpack,
    "ZerosLike": _zeros_like,
}  # fmt: skip
"""Operation of TensorFlow to the function that adds its nodes."""
