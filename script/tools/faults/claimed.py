"""What an index claims, read with SQLite from a copy of it and held against the files from then on.

A segment that was claimed once must be there for ever, byte for byte, or have gone with a certificate. Like the rest of
the checker this imports nothing of the recorder's.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .boxes import read_file

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Row:
    """What the index says of a closed segment."""

    camera_id: str
    start_us: int
    end_us: int
    size: int


@dataclass(slots=True)
class Claim:
    """A segment that some state of the index claimed: its file, the SHA-256 of its bytes, and when it was there last.

    `missed_us` is when it was first seen to be gone.
    """

    row: Row
    path: Path
    sha256: str
    seen_us: int
    missed_us: int | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the index says to have destroyed."""

    camera_id: str
    start_us: int
    end_us: int


@dataclass(slots=True)
class Claims:
    """All that was claimed so far; `lost` are claims that had no whole file from the first."""

    known: dict[int, Claim] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)

    def note(self, index: Path, volumes: Iterable[Path], now_us: int) -> None:
        """Take down what the index claims now, and which of the files that it claimed before are gone."""
        for claim in self.known.values():
            if claim.path.exists():
                claim.seen_us = now_us
            elif claim.missed_us is None:
                claim.missed_us = now_us
        claimed = rows(index)
        fresh = claimed.keys() - self.known.keys() - self.lost
        found = by_id(volumes) if fresh else {}
        for segment_id in fresh:
            path = found.get(segment_id)
            if path is None or not _is_whole(path):
                self.lost.add(segment_id)
            else:
                self.known[segment_id] = Claim(claimed[segment_id], path, sha256(path), now_us)

    def broken(self) -> set[int]:
        """Return the claimed segments that are not there any more, or not as they were."""
        gone = {
            segment_id
            for segment_id, claim in self.known.items()
            if not claim.path.exists() or sha256(claim.path) != claim.sha256
        }
        return gone | self.lost


def rows(index: Path) -> dict[int, Row]:
    """Return the closed segments of an index by their ids."""
    return {
        segment_id: Row(camera, start, start + wall, size)
        for segment_id, camera, start, wall, size in _asked(
            index,
            "SELECT segment_id, camera_id, start_us, wall_duration_us, size"
            " FROM segment JOIN camera USING (camera_key)",
        )
    }


def gaps(index: Path) -> list[tuple[str, int, int | None, str]]:
    """Return all gaps of an index: camera, start, end and reason."""
    return _asked(index, "SELECT camera_id, start_us, end_us, reason FROM gap JOIN camera USING (camera_key)")


def certificates(index: Path) -> list[Certificate]:
    """Return what an index says to have destroyed of the footage."""
    query = (
        "SELECT camera_id, start_us, end_us FROM certificate JOIN camera USING (camera_key)"
        " WHERE record_class = 'video'"
    )
    return [Certificate(*row) for row in _asked(index, query)]


def garbage(index: Path) -> set[int]:
    """Return the ids of the files that an index has given up and that may be there still."""
    return {segment_id for (segment_id,) in _asked(index, "SELECT segment_id FROM garbage")}


def holds(index: Path) -> set[str]:
    """Return the keys of the holds that an index calls active."""
    return {key for (key,) in _asked(index, "SELECT idempotency_key FROM hold WHERE state = 'active'")}


def exports(index: Path) -> dict[str, list[tuple[Path, str]]]:
    """Return the exports that an index calls done, with the path and the SHA-256 of each of their files."""
    found = _asked(index, "SELECT export_id, job FROM export WHERE state = 'done'")
    return {
        export_id: [(Path(file["path"]), file["sha256"]) for file in json.loads(job)["files"]]
        for export_id, job in found
    }


def copies(index: Path) -> dict[Path, list[tuple[Path, str]]]:
    """Return the folders of the copies that an index calls delivered, with path and SHA-256 of each of their files."""
    found = _asked(index, "SELECT path, delivery FROM delivery WHERE state = 'delivered'")
    return {
        Path(path): [(Path(path, file["name"]), file["sha256"]) for file in json.loads(delivery)["files"]]
        for path, delivery in found
    }


def delivery_folders(index: Path) -> set[Path]:
    """Return the folders that ever took a copy."""
    return {Path(path).parent for (path,) in _asked(index, "SELECT path FROM delivery")}


def _asked(index: Path, query: str) -> list[tuple]:  # type: ignore[type-arg]  # each query has columns of its own
    """Ask a copy, so that nothing of the original is touched."""
    with tempfile.TemporaryDirectory(prefix="look-") as folder:
        copy = Path(folder) / "index"
        for suffix in ("", "-wal"):
            part = index.with_name(index.name + suffix)
            if part.exists():
                shutil.copyfile(part, copy.with_name(copy.name + suffix))
        connection = sqlite3.connect(copy)
        try:
            return connection.execute(query).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):  # killed before it had made one: it claims nothing
                return []
            raise
        finally:
            connection.close()


def by_id(volumes: Iterable[Path]) -> dict[int, Path]:
    """Return the files of volumes by the id in their names."""
    return {
        int(path.stem.rpartition("-")[2], 16): path for volume in volumes for path in volume.rglob("cameras/*/*/*.mp4")
    }


def _is_whole(path: Path) -> bool:
    file = read_file(path)
    return not file.torn and bool(file.samples) and all(sample.whole for sample in file.samples)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
