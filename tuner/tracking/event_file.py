"""TensorBoard's event files, written without TensorFlow, which the agent never loads.

A file is a sequence of TFRecords (length, its checksum, data, its checksum), each an `Event` of
tensorflow/core/util/event.proto. We write time, step, the file's version, the session's start, and
named values.
"""

import errno
import struct
from collections.abc import Mapping
from pathlib import Path

_VERSION = b"brain.Event:2"
_START = 1
"""`SessionLog.START`: TensorBoard then drops values of earlier files from that step on."""

_VARINT, _DOUBLE, _BYTES, _FLOAT = 0, 1, 2, 5
"""Wire types of protocol buffers."""


class EventFile:
    """The file of one attempt; from its first step on, it replaces earlier files."""

    def __init__(self, folder: Path, begun: int) -> None:
        """Name the file.

        Args:
            folder: Folder that TensorBoard reads.
            begun: Start of the attempt, in milliseconds since the epoch.
        """
        self.path = folder / f"events.out.tfevents.{begun}.tuner"

    def add(self, at: int, step: int, values: Mapping[str, float]) -> None:
        """Add an evaluation point.

        Args:
            at: Time of the point, in milliseconds since the epoch.
            step: Number of examples seen.
            values: Metric name to value.

        Raises:
            OSError: The disk is full.
        """
        events = []
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            events.append(_field(3, _BYTES, _VERSION))
            events.append(_step(step) + _field(7, _BYTES, _field(1, _VARINT, _varint(_START))))
        summary = b"".join(_field(1, _BYTES, _value(*item)) for item in values.items())
        events.append(_step(step) + _field(5, _BYTES, summary))
        time = _field(1, _DOUBLE, struct.pack("<d", at / 1000.0))
        records = b"".join(_record(time + event) for event in events)
        with self.path.open("ab", buffering=0) as file:
            end = file.tell()
            if file.write(records) != len(records):
                file.truncate(end)  # Readers give up on a file with half a record.
                raise OSError(errno.ENOSPC, "no space left on the device", str(self.path))


def _step(step: int) -> bytes:
    return _field(2, _VARINT, _varint(step))


def _value(name: str, value: float) -> bytes:
    return _field(1, _BYTES, name.encode()) + _field(2, _FLOAT, struct.pack("<f", value))


def _field(number: int, wire_type: int, content: bytes) -> bytes:
    length = _varint(len(content)) if wire_type == _BYTES else b""
    return _varint(number << 3 | wire_type) + length + content


def _varint(value: int) -> bytes:
    """Encode a number with seven bits per byte, lowest first; the top bit means "continued"."""
    parts = bytearray()
    while value > 0x7F:  # noqa: PLR2004
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + _masked_crc(length) + data + _masked_crc(data)


def _masked_crc(data: bytes) -> bytes:
    """Return the CRC-32C (Castagnoli), rotated and shifted as in TFRecords."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _table_entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    return byte


_TABLE = [_table_entry(byte) for byte in range(256)]
