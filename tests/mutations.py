"""Damage to files: bytes, texts and single values changed as no writer would write them."""

import copy
import json
import struct

from hypothesis import strategies as st

DEEP = 3000

NASTY_TEXTS = (
    "", "\x00", "\ufeff", "\x1b[31m", "\n", "\r", "\t", "\u202e", '"', "'", "\\", ",", "{", "}",
    "[", "]", "?", "!", "&a", "*a", "<<: *a", "---\n", "%YAML 9.9\n", "- ", ": ", "# ", "|", ">",
    "null", "NaN", "-Infinity", "1e999", "-1", "0", "9" * 400, "9" * 5000, "0" * 5000, "1_0",
    "0x10", "1:30:00", "2024-99-99", "true", "[" * DEEP, "{" * DEEP, '{"a":' * DEEP, "- " * DEEP,
    "(" * DEEP, "a" * 30_000, "&a [*a, *a]", "!!python/object/apply:os.system [true]",
    "!!binary //8=", "!!set {a, b}", "!!timestamp 0", "!unknown x", "${", "${}", "${oc.env:HOME}",
    "${model.checkpoint}", "${a.b.c}", "${oc.decode:'['}", "${oc.create:{a:1}}", "???", "_target_",
    "_self_", "../../../etc/passwd", "/dev/zero", "~", "\\ud800", "\\u0000", "\u0663", "é" * 10,
    "# @package _global_\n", "defaults: [adamw]\n", "interval(0,1)", "range(0, 1e18)",
)  # fmt: skip
"""Bytes that break readers, to be inserted anywhere."""

NASTY_BYTES = (b"\xff\xfe", b"\xef\xbb\xbf", b"\x00" * 8, b"\xff" * 8, b"\xed\xa0\x80", b"\xc3")

NASTY_VALUES = (
    None, True, False, 0, -1, 1, 2, 3, 1.5, -0.0, 1e308, float("nan"), float("inf"), 2**31 - 1,
    2**31, 2**53, 2**63, 2**64, 10**40, "", "x", "0", "1", "nan", "../x", "\x00", "\ud800", "\n",
    "é", "a" * 3000, [], [1], [[]], [None], ["a", "b"], {}, {"a": 1}, {"": {}}, [0] * 1000,
    [-1, 2], [2**40, 2**40],
)  # fmt: skip
"""Values of every type, to stand in place of any other."""


@st.composite
def damaged_bytes(draw, valid):
    """A file with bytes flipped, cut off, inserted, doubled or swapped."""
    data = bytearray(valid)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        stop = min(len(data), start + draw(st.integers(0, 40)))
        match draw(st.sampled_from(("flip", "cut", "insert", "put", "drop", "double", "swap"))):
            case "flip" if start < len(data):
                data[start] ^= draw(st.integers(1, 255))
            case "cut":
                del data[start:]
            case "insert":
                data[start:start] = draw(st.binary(max_size=8) | st.sampled_from(NASTY_BYTES))
            case "put":
                data[start:stop] = draw(st.sampled_from(NASTY_TEXTS)).encode()
            case "drop":
                del data[start:stop]
            case "double":
                data[start:start] = data[start:stop]
            case "swap":
                other = draw(st.integers(0, len(data)))
                data[start:stop], data[other:other] = b"", data[start:stop]
    return bytes(data)


@st.composite
def changed_values(draw, valid):
    """Plain nested values with some of them replaced, left out, renamed or added."""
    content = json.loads(json.dumps(valid))
    for _ in range(draw(st.integers(1, 3))):
        node = content
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if not isinstance(node[key], dict | list) or draw(st.integers(0, 3)) == 0:
                _change(draw, node, key)
                break
            node = node[key]
    return content


def _change(draw, node, key):
    match draw(st.sampled_from(("value", "value", "value", "drop", "rename", "copy"))):
        case "drop":
            del node[key]
        case "rename" if isinstance(node, dict):
            node[draw(st.sampled_from(NASTY_TEXTS))] = node.pop(key)
        case "copy" if isinstance(node, dict):
            node[key] = copy.deepcopy(node[draw(st.sampled_from(list(node)))])
        case _:
            node[key] = copy.deepcopy(draw(st.sampled_from(NASTY_VALUES)))


def changed_json(valid):
    """JSON files: one with changed values, or with changed bytes."""
    text = json.dumps(valid, indent=1)
    written = changed_values(valid).map(lambda value: json.dumps(value).encode())
    return written | damaged_bytes(text.encode())


def changed_safetensors(valid):
    """Safetensors files whose header says something else, or whose bytes are damaged."""
    length = struct.unpack("<Q", valid[:8])[0]
    header, numbers = json.loads(valid[8 : 8 + length]), valid[8 + length :]

    def assembled(changed, claimed):
        text = json.dumps(changed).encode()
        return struct.pack("<Q", len(text) if claimed is None else claimed) + text + numbers

    claims = st.none() | st.sampled_from((0, 1, 2**31, 2**40, 2**64 - 1))
    head = st.builds(assembled, changed_values(header), st.none() | claims)
    return (
        head
        | damaged_bytes(valid)
        | damaged_bytes(valid[: 8 + length]).map(lambda damaged: damaged + numbers)
    )
