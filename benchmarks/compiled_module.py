"""Bytes read and written by a module that XLA compiled for a GPU; pure functions on its text.

The text is that of the optimised module in XLA's dump (`--xla_dump_to`), in which each instruction
of the entry computation, and of the loops and calls in it, is about one kernel.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

BITS = {
    "pred": 8, "s4": 4, "u4": 4, "s8": 8, "u8": 8, "s16": 16, "u16": 16, "bf16": 16, "f16": 16,
    "s32": 32, "u32": 32, "f32": 32, "s64": 64, "u64": 64, "f64": 64,
}  # fmt: skip
"""Bytes of an element of each type."""

NO_KERNEL = {
    "parameter", "constant", "tuple", "get-tuple-element", "bitcast", "after-all",
    "opt-barrier",
}  # fmt: skip
"""Instructions that move nothing."""

_ARRAY = re.compile(r"\b([a-z]+\d*)\[([\d,]*)\]")
_HEAD = re.compile(r"(ENTRY )?%?([\w.\-]+) (?:\(.*)?\{")
_INSTRUCTION = re.compile(r"\s+(?:ROOT )?%?([\w.\-]+) = (.*?) ([a-z][\w\-]*)\((.*)")
_NAME = re.compile(r"%([\w.\-]+)")
_CALLED = re.compile(r"(?:body|to_apply|calls)=%?([\w.\-]+)")
_TARGET = re.compile(r'custom_call_target="([^"]*)"')
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"')


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """A line of a computation.

    Attributes:
        name: Name of its result.
        shape: Shape of its result, as text.
        operation: XLA's name of the operation.
        operands: Names of other instructions.
        called: The computation that it runs, or that says what it does.
        target: The library's function, where it is a custom call.
        trips: Number of times that it runs what it calls, as far as XLA knows.
    """

    name: str
    shape: str
    operation: str
    operands: tuple[str, ...]
    called: str | None = None
    target: str = ""
    trips: int = 1


Computation = Mapping[str, Instruction]
"""Instructions by name, in their order."""


@dataclass(frozen=True, kw_only=True)
class Module:
    """A compiled module: its computations by name, and which of them it begins with."""

    computations: Mapping[str, Computation]
    entry: str


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Bytes that kernels read and write.

    Attributes:
        products: Traffic of kernels that multiply matrices.
        others: Traffic of all other kernels.
        kernels: Number of kernels.
    """

    products: int
    others: int
    kernels: int

    @property
    def total(self) -> int:
        """Traffic of all kernels."""
        return self.products + self.others


def size(shape: str) -> int:
    """Bytes of an array, or of all arrays of a tuple.

    Args:
        shape: As XLA writes it: `bf16[64,128]{1,0}`, `(f32[2], pred[])`.
    """
    return sum(
        math.ceil(math.prod(int(side) for side in sides.split(",") if side) * BITS[element] / 8)
        for element, sides in _ARRAY.findall(shape)
        if element in BITS  # Tokens have no bytes.
    )


def parse(text: str) -> Module:
    """Reads a module.

    Raises:
        ValueError: It has no entry computation.
    """
    computations: dict[str, dict[str, Instruction]] = {}
    entry, inside = None, ""
    for line in text.splitlines():
        if head := _HEAD.match(line):
            inside = head[2]
            computations[inside] = {}
            entry = inside if head[1] else entry
        elif inside and (instruction := _instruction(line)):
            computations[inside][instruction.name] = instruction
    if entry is None:
        raise ValueError("the text is no module of XLA: it has no ENTRY")
    return Module(computations=computations, entry=entry)


def _instruction(line: str) -> Instruction | None:
    found = _INSTRUCTION.match(line)
    if found is None:
        return None
    name, shape, operation, rest = found.groups()
    called, target, trips = (pattern.search(rest) for pattern in (_CALLED, _TARGET, _TRIPS))
    return Instruction(
        name=name,
        shape=shape,
        operation=operation,
        operands=tuple(_NAME.findall(rest.partition(")")[0])),
        called=called[1] if called else None,
        target=target[1] if target else "",
        trips=int(trips[1]) if trips else 1,
    )


def kernels(module: Module, computation: str | None = None) -> Iterator[tuple[Instruction, int]]:
    """The instructions that are kernels, each with the bytes of its operands and results.

    What a kernel reads in part, such as rows of a table, and what the device's cache still holds
    counts whole. A loop's instructions come as often as XLA knows that it runs.

    Args:
        module: To look through.
        computation: To begin with; the entry by default.
    """
    instructions = module.computations[computation or module.entry]
    for each in instructions.values():
        if each.operation in ("while", "call") and each.called:
            for _ in range(each.trips):
                yield from kernels(module, each.called)
        elif each.operation not in NO_KERNEL:
            read = sum(size(instructions[name].shape) for name in each.operands)
            yield each, read + size(each.shape)


def multiplies(module: Module, instruction: Instruction) -> bool:
    """True if a kernel multiplies matrices, in XLA's own code or by calling cuBLAS."""
    if instruction.target.startswith("__cublas"):
        return True
    inside: Computation = module.computations.get(instruction.called or "", {})
    return instruction.operation == "dot" or any(
        multiplies(module, each) for each in inside.values()
    )


def traffic(module: Module) -> Traffic:
    """Bytes that all kernels of one run read and write."""
    found: Sequence[tuple[bool, int]] = [
        (multiplies(module, each), moved) for each, moved in kernels(module)
    ]
    products = sum(moved for multiplying, moved in found if multiplying)
    total = sum(moved for _, moved in found)
    return Traffic(products=products, others=total - products, kernels=len(found))


def least_seconds(traffic: Traffic, flops: int, bandwidth: float, rate: float) -> float:
    """The time that a run takes on a device that wastes none.

    Matrix products take what their operations or their bytes take, whichever is longer; the other
    kernels come before and after them, and take what their bytes take.

    Args:
        traffic: Bytes read and written.
        flops: Operations of the matrix products.
        bandwidth: Bytes that the device's memory moves in a second.
        rate: Operations that the device makes in a second.
    """
    return max(flops / rate, traffic.products / bandwidth) + traffic.others / bandwidth
