"""A package as it is handed in, as a zip or unpacked into a folder: its files by name, read piece by piece."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from .findings import PackageFinding, PackageFlaw
from .layout import PIECE_BYTES
from .zip_file import ZipError, read_zip

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class _Place:
    path: Path
    offset: int
    size: int


class OpenedPackage:
    """Its files; `findings` tell what is wrong with the zip around them."""

    def __init__(self, path: Path) -> None:
        """Look at a zip, or at the files of a folder.

        Raises:
            OSError: it cannot be read.
        """
        self.findings: list[PackageFinding] = []
        self._stack = ExitStack()
        self._places = self._in_folder(path) if path.is_dir() else self._in_zip(path)

    def __enter__(self) -> Self:
        """Files are opened as they are read."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close what is open."""
        self._stack.close()

    @property
    def sizes(self) -> dict[str, int]:
        """The size of each file in bytes."""
        return {name: place.size for name, place in self._places.items()}

    def pieces(self, name: str) -> Iterator[bytes]:
        """Read a file piece by piece; one that has become shorter ends early."""
        place = self._places[name]
        with place.path.open("rb", buffering=0) as file:
            file.seek(place.offset)
            left = place.size
            while left and (piece := _read_full(file, min(PIECE_BYTES, left))):
                left -= len(piece)
                yield piece

    def content(self, name: str) -> bytes:
        """Read a whole file, empty if there is none of that name."""
        return b"".join(self.pieces(name)) if name in self._places else b""

    @staticmethod
    def _in_folder(path: Path) -> dict[str, _Place]:
        with os.scandir(path) as entries:
            return {entry.name: _Place(Path(entry.path), 0, entry.stat().st_size) for entry in entries}

    def _in_zip(self, path: Path) -> dict[str, _Place]:
        with path.open("rb", buffering=0) as file:
            try:
                members, flaws = read_zip(file)
            except ZipError as error:
                members, flaws = [], [error]
        for flaw in flaws:
            name = flaw.name or path.name
            detail = f"{flaw}, at byte {flaw.offset} of {path.name}"
            self.findings.append(PackageFinding(name, PackageFlaw.STRUCTURE, detail, offset=flaw.offset))
        return {member.name: _Place(path, member.offset, member.size) for member in members}


def _read_full(file: BinaryIO, size: int) -> bytes:
    """Read `size` bytes, fewer only at the end of the file: one read may return less than was asked for."""
    data = file.read(size)
    while len(data) < size and (more := file.read(size - len(data))):
        data += more
    return data
