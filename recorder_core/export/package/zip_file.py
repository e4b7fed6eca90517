"""A zip of stored members that has one form only: names, sizes, checksums and the time determine each of its bytes.

So a reader tells any other byte, wherever it stands, without trusting one of them. No member is compressed: footage
does not get smaller, and a disk image or a browser finds each file as it is. Sizes and places beyond 4 GiB stand in
zip64 fields (PKWARE's APPNOTE 4.3, 4.4 and 4.5.3).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")
_END64 = struct.Struct("<IQHHIIQQQQ")
_LOCATOR = struct.Struct("<IIQI")

_LOCAL_SIGNATURE = 0x0403_4B50
_CENTRAL_SIGNATURE = 0x0201_4B50
_END_SIGNATURE = 0x0605_4B50
_END64_SIGNATURE = 0x0606_4B50
_LOCATOR_SIGNATURE = 0x0706_4B50

_VERSION = 45  # zip64
_MADE_BY = 3 << 8 | _VERSION  # on Unix, whose file modes the attributes then hold
_UTF8 = 1 << 11
_MODE = 0o100600 << 16
_ZIP64_EXTRA = 1
_MAX_U16 = 0xFFFF
_MAX_U32 = 0xFFFF_FFFF
_LARGEST_DIRECTORY = 64 << 20


class ZipError(ValueError):
    """The file is no zip of this form; `offset` is where that shows first, `name` the member it belongs to, if any."""

    def __init__(self, message: str, offset: int, name: str = "") -> None:
        """Say what is wrong, and where."""
        super().__init__(message)
        self.offset = offset
        self.name = name


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a zip: its content has `size` bytes from `offset` on, and the checksum `crc` (CRC-32)."""

    name: str
    offset: int
    size: int
    crc: int
    stamp: int


def local_bytes(name: str) -> int:
    """Return how many bytes stand before a member's content."""
    return _LOCAL.size + len(name.encode()) + 20


class ZipWriter:
    """Writes members one behind the other into an empty file."""

    def __init__(self, file: BinaryIO, made_us: int) -> None:
        """Give all members the UTC time `made_us`, to 2 s, which is what the format has."""
        self._file = file
        self._stamp = dos_stamp(made_us)
        self._members: list[Member] = []
        self._name = ""
        self._begin = 0
        self._size = 0
        self._crc = 0

    def begin(self, name: str) -> None:
        """Begin a member."""
        self._begin = self._file.tell()
        self._name, self._size, self._crc = name, 0, 0
        self._file.write(bytes(local_bytes(name)))

    def write(self, data: bytes | memoryview) -> None:
        """Append to the member."""
        self._file.write(data)
        self._crc = zlib.crc32(data, self._crc)
        self._size += len(data)

    def end(self) -> None:
        """Finish the member."""
        member = Member(self._name, self._begin + local_bytes(self._name), self._size, self._crc, self._stamp)
        after = self._file.tell()
        self._file.seek(self._begin)
        self._file.write(local_header(member))
        self._file.seek(after)
        self._members.append(member)

    def close(self) -> None:
        """Write the directory. The file stays open."""
        self._file.write(directory(self._members, self._file.tell()))


def dos_stamp(at_us: int) -> int:
    """Return a UTC time as MS-DOS date and time; before 1980 and after 2107 the nearest that the format has."""
    at = datetime.fromtimestamp(at_us // 1_000_000, UTC)
    year = min(max(at.year, 1980), 2107)
    return (year - 1980) << 25 | at.month << 21 | at.day << 16 | at.hour << 11 | at.minute << 5 | at.second // 2


def local_header(member: Member) -> bytes:
    """Return what stands before a member's content. It always has room for 64 bits, so its length is known before."""
    name = member.name.encode()
    return (
        _LOCAL.pack(
            _LOCAL_SIGNATURE,
            _VERSION,
            _UTF8,
            0,
            member.stamp & _MAX_U16,
            member.stamp >> 16,
            member.crc,
            _MAX_U32,
            _MAX_U32,
            len(name),
            20,
        )
        + name
        + struct.pack("<HHQQ", _ZIP64_EXTRA, 16, member.size, member.size)
    )


def directory(members: Sequence[Member], begin: int) -> bytes:
    """Return the central directory of a zip, which stands at `begin`, and its end; for fewer than 65 536 members."""
    entries = b"".join(map(_central_entry, members))
    count = len(members)
    end = b""
    if begin >= _MAX_U32:
        end = _END64.pack(
            _END64_SIGNATURE, _END64.size - 12, _MADE_BY, _VERSION, 0, 0, count, count, len(entries), begin
        )
        end += _LOCATOR.pack(_LOCATOR_SIGNATURE, 0, begin + len(entries), 1)
    return entries + end + _END.pack(_END_SIGNATURE, 0, 0, count, count, len(entries), min(begin, _MAX_U32), 0)


def _central_entry(member: Member) -> bytes:
    name = member.name.encode()
    header = member.offset - local_bytes(member.name)
    wide = [value for value in (member.size, member.size, header) if value >= _MAX_U32]
    extra = struct.pack(f"<HH{len(wide)}Q", _ZIP64_EXTRA, 8 * len(wide), *wide) if wide else b""
    return (
        _CENTRAL.pack(
            _CENTRAL_SIGNATURE,
            _MADE_BY,
            _VERSION,
            _UTF8,
            0,
            member.stamp & _MAX_U16,
            member.stamp >> 16,
            member.crc,
            min(member.size, _MAX_U32),
            min(member.size, _MAX_U32),
            len(name),
            len(extra),
            0,
            0,
            0,
            _MODE,
            min(header, _MAX_U32),
        )
        + name
        + extra
    )


def read_zip(file: BinaryIO) -> tuple[list[Member], list[ZipError]]:
    """Return the members of a zip, and each place where it has not the one form that it may have.

    The directory leads to the members; where that is damaged itself, their own headers do, which stand one behind the
    other. A member's content is not looked at.

    Raises:
        ZipError: neither of them leads through the file.
    """
    size = file.seek(0, 2)
    try:
        members, begin = _listed(file, size)
    except ZipError as listed:
        members, begin = _walked(file, size)
        found, expected = _read(file, begin, size - begin), directory(members, begin)
        pairs = zip(found, expected, strict=False)
        at = next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(found), len(expected)))
        return members, [ZipError(str(listed), begin + at, listed.name)]
    flaws = []
    for member in members:
        expected = local_header(member)
        found = _read(file, member.offset - len(expected), len(expected))
        if found != expected:
            at = next(at for at, (one, other) in enumerate(zip(found, expected, strict=True)) if one != other)
            offset = member.offset - len(expected) + at
            flaws.append(ZipError("The zip has two different entries for this file", offset, member.name))
    return members, flaws


def _listed(file: BinaryIO, size: int) -> tuple[list[Member], int]:
    """Return the members by the directory, and where that begins."""
    damaged = ZipError("The zip's directory is damaged", max(size - _END.size, 0))
    if size < _END.size:
        raise damaged
    *_, length, begin, _ = _END.unpack(_read(file, size - _END.size, _END.size))
    tail = _END.size
    if begin == _MAX_U32 and size >= _END64.size + _LOCATOR.size + _END.size:
        tail += _END64.size + _LOCATOR.size
        *_, length, begin = _END64.unpack(_read(file, size - _END.size - _LOCATOR.size - _END64.size, _END64.size))
    if not 0 < length <= _LARGEST_DIRECTORY or begin + length + tail != size:
        raise damaged
    data = _read(file, begin, size - begin)
    members: list[Member] = []
    position = after = 0
    while position < length:
        member, position = _central_member(data, position, after)
        if member is None or len(members) == _MAX_U16:
            raise damaged
        members.append(member)
        after = member.offset + member.size
    if after != begin or data != directory(members, begin):
        raise damaged
    names: set[str] = set()
    for member in members:
        if member.name in names:
            raise ZipError(f"The zip has two files of the name {member.name}", begin, member.name)
        names.add(member.name)
    return members, begin


def _central_member(data: bytes, position: int, header: int) -> tuple[Member | None, int]:
    """Return the member whose entry stands at `position` and whose header at `header`, and where the next entry is."""
    if position + _CENTRAL.size > len(data):
        return None, position
    fields = _CENTRAL.unpack_from(data, position)
    time, date, crc, size, name_bytes, extra_bytes = fields[5], fields[6], fields[7], fields[8], fields[10], fields[11]
    name_at = position + _CENTRAL.size
    extra_at = name_at + name_bytes
    end = extra_at + extra_bytes
    name = data[name_at:extra_at].decode("utf-8", "replace")
    if size == _MAX_U32:
        if extra_bytes < 20 or end > len(data):
            return None, position
        (size,) = struct.unpack_from("<Q", data, extra_at + 4)
    return Member(name, header + local_bytes(name), size, crc, date << 16 | time), end


def _walked(file: BinaryIO, size: int) -> tuple[list[Member], int]:
    """Return the members by their own headers, and where these end."""
    members: list[Member] = []
    position = 0
    while (head := _read(file, position, min(_LOCAL.size, size - position)))[:4] == _LOCAL_SIGNATURE.to_bytes(
        4, "little"
    ):
        fields = _LOCAL.unpack(head) if len(head) == _LOCAL.size else (0,) * 11
        name_bytes = fields[9]
        rest = _read(file, position + _LOCAL.size, min(name_bytes + 20, size - position - _LOCAL.size))
        name = rest[:name_bytes].decode("utf-8", "replace")
        length = int.from_bytes(rest[-8:], "little")
        member = Member(name, position + local_bytes(name), length, fields[6], fields[5] << 16 | fields[4])
        if head + rest != local_header(member):
            sentence = "The zip's structure is damaged, or another program packed it"
            raise ZipError(sentence, position, name if members else "")
        if member.offset + length > size:
            raise ZipError("The zip ends within this file: something was cut off", size, name)
        members.append(member)
        position = member.offset + length
    if not members or len(members) > _MAX_U16 or size - position > _LARGEST_DIRECTORY:
        raise ZipError("This is no zip, or its structure is damaged", position)
    return members, position


def _read(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)
