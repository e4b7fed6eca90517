"""A package as it is handed in, as a zip or unpacked into a folder: its files by name, read piece by piece."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .findings import PackageFinding, PackageFlaw
from .layout import LARGEST_WHOLE, PIECE_BYTES
from .zip_file import Member, ZipError, read_zip

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file of a package lies: `size` bytes from `offset` on in the file at `path`."""

    path: Path
    offset: int
    size: int


class OpenedPackage:
    """Its files, as `places` by their names; `findings` tell what is wrong around them."""

    def __init__(self, path: Path) -> None:
        """Look at a zip, or at the files of a folder.

        Raises:
            OSError: it cannot be read.
        """
        self.path = path
        self.findings: list[PackageFinding] = []
        self.members: list[Member] = []  # none of a folder
        self.places = self._in_folder(path) if path.is_dir() else self._in_zip(path)

    def pieces(self, name: str) -> Iterator[bytes]:
        """Read a file piece by piece; one that has become shorter ends early."""
        place = self.places[name]
        with place.path.open("rb", buffering=0) as file:
            file.seek(place.offset)
            left = place.size
            while left and (piece := _read_full(file, min(PIECE_BYTES, left))):
                left -= len(piece)
                yield piece

    def content(self, name: str) -> bytes:
        """Read a whole file, empty if there is none of that name, or if it is larger than any that is read so."""
        place = self.places.get(name)
        return b"" if place is None or place.size > LARGEST_WHOLE else b"".join(self.pieces(name))

    def _in_folder(self, path: Path) -> dict[str, Place]:
        places = {}
        with os.scandir(path) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.is_file(follow_symlinks=False):
                    places[entry.name] = Place(Path(entry.path), 0, entry.stat().st_size)
                else:
                    self._find(entry.name, "It is no plain file, but a folder, a link or a device.")
        return places

    def _in_zip(self, path: Path) -> dict[str, Place]:
        with path.open("rb", buffering=0) as file:
            try:
                self.members, flaws = read_zip(file)
            except ZipError as error:
                flaws = [error]
        for flaw in flaws:
            self._find(flaw.name or path.name, f"{flaw}, at byte {flaw.offset} of {path.name}.", flaw.offset)
        return {member.name: Place(path, member.offset, member.size) for member in self.members}

    def _find(self, name: str, detail: str, offset: int | None = None) -> None:
        self.findings.append(PackageFinding(name, PackageFlaw.STRUCTURE, detail, offset=offset))


def _read_full(file: BinaryIO, size: int) -> bytes:
    """Read `size` bytes, fewer only at the end of the file: one read may return less than was asked for."""
    data = file.read(size)
    while len(data) < size and (more := file.read(size - len(data))):
        data += more
    return data
