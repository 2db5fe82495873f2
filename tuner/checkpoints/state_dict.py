"""The pickle of a PyTorch state dict, interpreted without executing anything.

`pickle` calls what a file names, and even an unpickler with a list of allowed names lets a file
set attributes of what it was given. So the operations are interpreted here: names are never
looked up, and the only values are those that a state dict consists of.
"""

import math
import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

MOST_BYTES = 4 * 2**20
"""Largest size of a pickle; one of 1,000 tensors has 0.2 MB, as the numbers are not in it."""

_MOST_DIMENSIONS = 64
_LARGEST = 2**63


class StateDictError(Exception):
    """A pickle is no state dict; the message is a clause without a full stop."""


@dataclass(frozen=True)
class NumberType:
    """Type of the numbers of a storage."""

    spelling: str
    """As safetensors spells it."""

    dtype: str
    """As numpy spells it."""

    size: int
    """Bytes of a number."""


STORAGES: Mapping[str, NumberType] = {
    "DoubleStorage": NumberType("F64", "float64", 8),
    "FloatStorage": NumberType("F32", "float32", 4),
    "HalfStorage": NumberType("F16", "float16", 2),
    "BFloat16Storage": NumberType("BF16", "bfloat16", 2),
    "LongStorage": NumberType("I64", "int64", 8),
    "IntStorage": NumberType("I32", "int32", 4),
    "ShortStorage": NumberType("I16", "int16", 2),
    "CharStorage": NumberType("I8", "int8", 1),
    "ByteStorage": NumberType("U8", "uint8", 1),
    "BoolStorage": NumberType("BOOL", "bool", 1),
}
"""Class in the module `torch` to the type of its numbers."""


@dataclass(frozen=True)
class Storage:
    """A row of numbers, which several tensors may share."""

    type: NumberType
    key: str
    """Key of the row in the file."""

    numbers: int

    @property
    def bytes(self) -> int:
        """Size of all numbers."""
        return self.numbers * self.type.size


@dataclass(frozen=True)
class StoredTensor:
    """Numbers of a storage, known to lie inside it."""

    storage: Storage
    offset: int
    """Place of the first number, in numbers."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    """Distance of neighbours along each axis, in numbers."""


@dataclass(frozen=True)
class _Name:
    """A name that a pickle may contain."""

    module: str
    name: str


def read_pickle(data: bytes) -> tuple[Any, int]:
    """Interpret a pickle that consists of what a state dict needs.

    Args:
        data: Begins with the pickle; more may follow.

    Returns:
        Value, with a `StoredTensor` for each tensor and a dict for each OrderedDict; length of
        the pickle.

    Raises:
        StateDictError: It is cut off, too long, or contains anything else.
    """
    source = BytesIO(data[:MOST_BYTES])
    interpreter = _Interpreter()
    try:
        for operation, argument, _ in pickletools.genops(source):
            interpreter.step(operation.name, argument)
    except ValueError as error:
        if len(data) >= MOST_BYTES:
            raise StateDictError(f"its pickle has no end in {MOST_BYTES} bytes") from error
        raise StateDictError(f"its pickle is damaged: {error}") from error
    return interpreter.result(), source.tell()


class _Interpreter:
    """Stack, marks and memo of a pickle."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def result(self) -> Any:
        """Return what the pickle leaves."""
        return self._pop()

    def step(self, operation: str, argument: Any) -> None:
        """Carry out one operation."""
        if operation in _LITERALS:
            self._stack.append(argument)
        elif operation in _CONSTANTS:
            self._stack.append(_CONSTANTS[operation]())
        elif operation in _OPERATIONS:
            _OPERATIONS[operation](self, argument)
        else:
            raise StateDictError(f"its pickle has the operation {operation}, which is not run")

    def nothing(self, _: Any) -> None:
        """PROTO, FRAME, STOP."""

    def mark(self, _: Any) -> None:
        """MARK."""
        self._marks.append(len(self._stack))

    def memoize(self, number: int | None) -> None:
        """MEMOIZE, BINPUT: remember the value on top."""
        value = self._pop()
        self._stack.append(value)
        self._memo[len(self._memo) if number is None else number] = value

    def recall(self, number: int) -> None:
        """BINGET."""
        if number not in self._memo:
            raise StateDictError(f"its pickle asks for the value {number}, which it lacks")
        self._stack.append(self._memo[number])

    def short_tuple(self, size: int) -> None:
        """TUPLE1 to TUPLE3."""
        self._stack.append(tuple([self._pop() for _ in range(size)][::-1]))

    def long_tuple(self, _: Any) -> None:
        """TUPLE."""
        self._stack.append(tuple(self._pop_to_mark()))

    def append(self, _: Any) -> None:
        """APPEND."""
        self._extend([self._pop()])

    def appends(self, _: Any) -> None:
        """APPENDS."""
        self._extend(self._pop_to_mark())

    def set_item(self, _: Any) -> None:
        """SETITEM."""
        value, key = self._pop(), self._pop()
        self._update([key, value])

    def set_items(self, _: Any) -> None:
        """SETITEMS."""
        self._update(self._pop_to_mark())

    def name(self, names: str) -> None:
        """GLOBAL."""
        self._stack.append(_known_name(*names.split(" ", 1)))

    def stacked_name(self, _: Any) -> None:
        """STACK_GLOBAL."""
        name, module = self._pop(), self._pop()
        self._stack.append(_known_name(module, name))

    def persistent(self, _: Any) -> None:
        """BINPERSID: a storage."""
        self._stack.append(_storage(self._pop()))

    def call(self, _: Any) -> None:
        """REDUCE: one of the functions in `_CALLED`."""
        arguments, called = self._pop(), self._pop()
        make = _CALLED.get(called) if isinstance(called, _Name) else None
        if make is None or not isinstance(arguments, tuple):
            raise StateDictError("its pickle calls what is no function of a state dict")
        self._stack.append(make(arguments))

    def build(self, _: Any) -> None:
        """BUILD: attributes of an OrderedDict, as PyTorch's `_metadata`, are left out."""
        _, built = self._pop(), self._pop()
        if type(built) is not dict:
            raise StateDictError("its pickle sets attributes")
        self._stack.append(built)

    def _pop(self) -> Any:
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise StateDictError("its pickle is damaged: a value is missing")
        return self._stack.pop()

    def _pop_to_mark(self) -> list[Any]:
        if not self._marks:
            raise StateDictError("its pickle is damaged: a mark is missing")
        start = self._marks.pop()
        values = self._stack[start:]
        del self._stack[start:]
        return values

    def _extend(self, values: list[Any]) -> None:
        target = self._pop()
        if type(target) is not list:
            raise StateDictError("its pickle appends to what is no list")
        target += values
        self._stack.append(target)

    def _update(self, items: list[Any]) -> None:
        target = self._pop()
        keys, values = items[::2], items[1::2]
        if type(target) is not dict or len(keys) != len(values):
            raise StateDictError("its pickle sets items of what is no dict")
        if not all(type(key) is str for key in keys):
            raise StateDictError("its pickle has a dict with keys that are no texts")
        target.update(zip(keys, values, strict=True))
        self._stack.append(target)


_LITERALS = frozenset(
    ("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE",
     "BINSTRING", "SHORT_BINSTRING")
)  # fmt: skip
"""Operations that put their argument on the stack."""

_CONSTANTS: Mapping[str, Callable[[], Any]] = {
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple, "EMPTY_LIST": list, "EMPTY_DICT": dict,
}  # fmt: skip

_OPERATIONS: Mapping[str, Callable[[_Interpreter, Any], None]] = {
    "PROTO": _Interpreter.nothing, "FRAME": _Interpreter.nothing, "STOP": _Interpreter.nothing,
    "MARK": _Interpreter.mark, "MEMOIZE": _Interpreter.memoize,
    "BINPUT": _Interpreter.memoize, "LONG_BINPUT": _Interpreter.memoize,
    "BINGET": _Interpreter.recall, "LONG_BINGET": _Interpreter.recall,
    "TUPLE": _Interpreter.long_tuple, "TUPLE1": lambda self, _: self.short_tuple(1),
    "TUPLE2": lambda self, _: self.short_tuple(2), "TUPLE3": lambda self, _: self.short_tuple(3),
    "APPEND": _Interpreter.append, "APPENDS": _Interpreter.appends,
    "SETITEM": _Interpreter.set_item, "SETITEMS": _Interpreter.set_items,
    "GLOBAL": _Interpreter.name, "STACK_GLOBAL": _Interpreter.stacked_name,
    "BINPERSID": _Interpreter.persistent, "REDUCE": _Interpreter.call,
    "BUILD": _Interpreter.build,
}  # fmt: skip


def _ordered_dict(arguments: tuple[Any, ...]) -> dict[str, Any]:
    if arguments:
        raise StateDictError("its pickle makes an OrderedDict of values")
    return {}


def _parameter(arguments: tuple[Any, ...]) -> StoredTensor:
    if not arguments or not isinstance(arguments[0], StoredTensor):
        raise StateDictError("its pickle makes a parameter of what is no tensor")
    return arguments[0]


def _tensor(arguments: tuple[Any, ...]) -> StoredTensor:
    """A tensor, of `torch._utils._rebuild_tensor_v2`'s arguments; an empty one has one axis."""
    match arguments:
        case (Storage() as storage, offset, tuple() as shape, tuple() as strides, *_):
            if _are_sizes(shape) and _are_sizes(strides) and _are_sizes((offset,)):
                tensor = StoredTensor(storage, offset, shape, strides)
                if 0 in shape:
                    return StoredTensor(storage, 0, (0,), (1,))
                if len(shape) == len(strides) and _lies_inside(tensor):
                    return tensor
    raise StateDictError("its pickle has a tensor that does not lie in its storage")


def _are_sizes(values: tuple[Any, ...]) -> bool:
    return len(values) <= _MOST_DIMENSIONS and all(map(_is_size, values))


def _lies_inside(tensor: StoredTensor) -> bool:
    """True if a tensor has no numbers but those of its storage, and no more of them."""
    axes = zip(tensor.shape, tensor.strides, strict=True)
    last = tensor.offset + sum((size - 1) * step for size, step in axes)
    return max(math.prod(tensor.shape), last + 1) <= tensor.storage.numbers


_CALLED: Mapping[_Name, Callable[[tuple[Any, ...]], Any]] = {
    _Name("collections", "OrderedDict"): _ordered_dict,
    _Name("torch._utils", "_rebuild_tensor_v2"): _tensor,
    _Name("torch._utils", "_rebuild_parameter"): _parameter,
}
_TYPES: Mapping[_Name, NumberType] = {_Name("torch", n): kind for n, kind in STORAGES.items()}


def _known_name(module: Any, name: Any) -> _Name:
    """A name that a state dict needs."""
    if type(module) is not str or type(name) is not str:
        raise StateDictError("its pickle has a name that is no text")
    known = _Name(module, name)
    if known not in _CALLED and known not in _TYPES:
        raise StateDictError(f"its pickle names {module}.{name}, which is not run")
    return known


def _storage(identity: Any) -> Storage:
    """A storage, of what PyTorch gives it as its persistent id.

    The oldest format has a sixth part, a view on another storage; PyTorch writes None since 0.4.
    """
    match identity:
        case ("storage", _Name() as name, str() as key, str(), numbers) if _is_size(numbers):
            pass
        case ("storage", _Name() as name, str() as key, str(), numbers, None) if _is_size(numbers):
            pass
        case _:
            raise StateDictError("its pickle has a storage that is none of PyTorch's")
    if name not in _TYPES:
        raise StateDictError(f"its pickle has a storage of type {name.module}.{name.name}")
    return Storage(_TYPES[name], key, numbers)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < _LARGEST
