"""The compact form of a segment's fragments: about four bytes each in the index, decoded in microseconds.

Behind the offset of the first fragment follow four columns: bytes left free before a fragment, size, duration, sync.
A column is its smallest value, the number of bits of the largest difference from it, and all differences in as many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .records import FragmentSpan

if TYPE_CHECKING:
    from collections.abc import Sequence

_VERSION = 1
_COLUMNS = 4
_MAX_COUNT = 1 << 16
_MAX_BITS = 63
_MAX_VARINT_BYTES = 9
"""63 bits in groups of seven."""


def encode_fragments(fragments: Sequence[FragmentSpan]) -> bytes:
    """Pack fragments that lie one behind the other.

    Raises ValueError if they overlap, are out of order, have a negative number, or are more than 65 536.
    """
    if len(fragments) > _MAX_COUNT:
        raise ValueError("too many fragments")
    first = end = fragments[0].offset if fragments else 0
    if first < 0:
        raise ValueError("fragments begin before their file")
    free = []
    for fragment in fragments:
        free.append(fragment.offset - end)
        end = fragment.offset + fragment.size
    columns = (
        free,
        [fragment.size for fragment in fragments],
        [fragment.duration for fragment in fragments],
        [int(fragment.sync) for fragment in fragments],
    )
    head = bytes([_VERSION]) + _varint(len(fragments)) + _varint(first)
    return head + b"".join(_pack(column) for column in columns if column)


def decode_fragments(data: bytes) -> tuple[FragmentSpan, ...]:
    """Undo `encode_fragments`. Raises ValueError for anything that it did not make."""
    if not data or data[0] != _VERSION:
        raise ValueError("unknown form of a fragment table")
    count, at = _read_varint(data, 1)
    if count > _MAX_COUNT:
        raise ValueError("too many fragments")
    end, at = _read_varint(data, at)
    columns: list[list[int]] = [[]] * _COLUMNS
    for index in range(_COLUMNS if count else 0):
        columns[index], at = _unpack(data, at, count)
    if at != len(data):
        raise ValueError("bytes behind a fragment table")
    spans = []
    for free, size, duration, sync in zip(*columns, strict=True):
        offset = end + free
        end = offset + size
        spans.append(FragmentSpan(offset, size, duration, bool(sync)))
    return tuple(spans)


def _varint(value: int) -> bytes:
    """Write an unsigned integer in groups of seven bits, lowest first, the high bit set on all but the last."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(data[at : at + _MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, at + index + 1
    raise ValueError("a number in a fragment table does not end")


def _pack(values: list[int]) -> bytes:
    smallest = min(values)
    bits = (max(values) - smallest).bit_length()
    if smallest < 0 or max(values).bit_length() > _MAX_BITS:
        raise ValueError("fragments overlap, are out of order or too large")
    packed = 0
    for index, value in enumerate(values):
        packed |= (value - smallest) << index * bits
    return _varint(smallest) + bytes([bits]) + packed.to_bytes(_packed_size(len(values), bits), "little")


def _unpack(data: bytes, at: int, count: int) -> tuple[list[int], int]:
    smallest, at = _read_varint(data, at)
    if at >= len(data) or data[at] > _MAX_BITS:
        raise ValueError("a column of a fragment table is cut or too wide")
    bits = data[at]
    end = at + 1 + _packed_size(count, bits)
    if end > len(data):
        raise ValueError("a column of a fragment table is cut")
    packed = int.from_bytes(data[at + 1 : end], "little")
    if packed >> count * bits:
        raise ValueError("a column of a fragment table has stray bits")
    mask = (1 << bits) - 1
    return [smallest + (packed >> index * bits & mask) for index in range(count)], end


def _packed_size(count: int, bits: int) -> int:
    return (count * bits + 7) // 8
