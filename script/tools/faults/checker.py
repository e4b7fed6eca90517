"""Judges what a fault left behind, by the files alone and the simulator's log of the frames that it sent.

It imports nothing of the recorder, so it shares no mistake with it. What the index claims is read with SQLite from a
copy of it and held against the files: a segment that was claimed once must be there for ever, byte for byte.
"""

from __future__ import annotations

import bisect
import hashlib
import json
import shutil
import sqlite3
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .boxes import read_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SAME_US: Final = 8_000_000
"""A loop's frame recurs after more than twice that, so a stored sample's time says which of its showings it is."""

_LIVED_US: Final = 120_000_000
"""No recorder of a test whose clock steps lives longer."""

_MEETS_US: Final = 50_000
"""Neighbours in the account that are this close leave nothing between them."""


@dataclass(frozen=True, slots=True)
class SentFrame:
    """A line of the simulator's log; `key` is the SHA-256 of the frame's sample."""

    serial: int
    time_us: int
    sync: bool
    key: str


@dataclass(frozen=True, slots=True)
class Life:
    """One life of a recorder, from its start to its end in UTC microseconds."""

    start_us: int
    end_us: int


@dataclass(slots=True)
class Claims:
    """Segments that some state of the index claimed to be closed: their files and the SHA-256 of their bytes."""

    files: dict[int, tuple[Path, str]] = field(default_factory=dict)
    lost: set[int] = field(default_factory=set)

    def note(self, index: Path, volumes: Iterable[Path]) -> None:
        """Take down what the index claims now; a claim without a whole file is lost from the first."""
        fresh = rows(index).keys() - self.files.keys() - self.lost
        found = by_id(volumes) if fresh else {}
        for segment_id in fresh:
            path = found.get(segment_id)
            if path is None or not _is_whole(path):
                self.lost.add(segment_id)
            else:
                self.files[segment_id] = path, _sha256(path)

    def broken(self) -> set[int]:
        """Return the claimed segments that are not there any more, or not as they were."""
        gone = {
            segment_id
            for segment_id, (path, digest) in self.files.items()
            if not path.exists() or _sha256(path) != digest
        }
        return gone | self.lost


@dataclass(frozen=True, slots=True)
class Row:
    """What the index says of a closed segment."""

    camera_id: str
    start_us: int
    end_us: int
    size: int


def rows(index: Path) -> dict[int, Row]:
    """Return the closed segments of an index by their ids, from a copy, so that nothing of the original is touched."""
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


def _asked(index: Path, query: str) -> list[tuple]:  # type: ignore[type-arg]  # each query has columns of its own
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


def read_log(path: Path, loop: Sequence[str]) -> dict[str, list[SentFrame]]:
    """Return the frames that were sent to somebody, by camera in the order of sending."""
    sent = defaultdict(list)
    with path.open() as file:
        for line in file:
            said = json.loads(line)
            if said["receivers"]:
                key = loop[said["serial"] % len(loop)]
                sent[said["name"]].append(SentFrame(said["serial"], said["time_us"], said["sync"], key))
    return sent


@dataclass(slots=True)
class Verdict:
    """What the files say. `unaccounted_s` is time of cameras in no segment and no gap, `strays` files without a row.

    `max_loss_s` is the longest time of sent frames in one piece that no file holds, within one life of the recorder;
    `altered` counts samples that are not as their digest says, `unknown` those that no camera ever sent.
    """

    frames_sent: int = 0
    frames_stored: int = 0
    duplicated: int = 0
    unknown: int = 0
    altered: int = 0
    torn: int = 0
    strays: int = 0
    unlike_row: int = 0
    closed_segments_lost: int = 0
    max_loss_s: float = 0.0
    unaccounted_s: float = 0.0

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong but for the loss, whose bound depends on the fault."""
        wrong = self.unknown, self.altered, self.torn, self.strays, self.unlike_row, self.closed_segments_lost
        return not any(wrong) and self.unaccounted_s < 0.1


def judge(
    *,
    index: Path,
    volumes: Sequence[Path],
    sent: dict[str, list[SentFrame]],
    lives: Sequence[Life],
    claims: Claims,
    shifts_us: Sequence[int] = (0,),
) -> Verdict:
    """Judge a store whose recorder has stopped cleanly; `shifts_us` is what its clock was ahead of the cameras'."""
    verdict = Verdict(frames_sent=sum(map(len, sent.values())))
    verdict.closed_segments_lost = len(claims.broken() | (claims.files.keys() - rows(index).keys()))
    stored = _stored(volumes, sent, shifts_us, verdict)
    _hold_against_rows(index, volumes, verdict)
    for camera, frames in sent.items():
        for life in lives:
            verdict.max_loss_s = max(verdict.max_loss_s, _longest_loss(frames, stored[camera], life))
    verdict.unaccounted_s = _unaccounted_s(index, shifts_us)
    return verdict


def _stored(
    volumes: Sequence[Path], sent: dict[str, list[SentFrame]], shifts_us: Sequence[int], verdict: Verdict
) -> dict[str, set[int]]:
    """Return the serials that files hold, by camera, and count what should not be."""
    shown: dict[tuple[str, str], list[SentFrame]] = defaultdict(list)
    for camera, frames in sent.items():
        for frame in frames:
            shown[camera, frame.key].append(frame)
    stored: dict[str, set[int]] = defaultdict(set)
    for path in by_id(volumes).values():
        file = read_file(path)
        verdict.torn += file.torn > 0
        for sample in file.samples:
            verdict.altered += not sample.whole
            frames = shown[file.camera_id, sample.sha256]
            near = (_near(frames, sample.time_us - shift_us) for shift_us in shifts_us)
            serial = next((frame.serial for frame in near if frame is not None), None)
            if serial is None:
                verdict.unknown += 1
            else:
                verdict.duplicated += serial in stored[file.camera_id]
                stored[file.camera_id].add(serial)
    verdict.frames_stored = sum(map(len, stored.values()))
    return stored


def _near(frames: list[SentFrame], time_us: int) -> SentFrame | None:
    """Return the showing of a frame that a sample of that time is; None if there is none."""
    at = bisect.bisect(frames, time_us, key=lambda frame: frame.time_us)
    near = min(frames[max(at - 1, 0) : at + 1], key=lambda frame: abs(frame.time_us - time_us), default=None)
    return near if near is not None and abs(near.time_us - time_us) < _SAME_US else None


def _longest_loss(frames: list[SentFrame], stored: set[int], life: Life) -> float:
    """Return the seconds of the longest piece sent in a life that is not stored, from a session's first sync sample on.

    Frames between that were sent to nobody show that another session has begun.
    """
    first = bisect.bisect(frames, life.start_us, key=lambda frame: frame.time_us)
    last = bisect.bisect(frames, life.end_us, key=lambda frame: frame.time_us)
    seen_sync = False
    lost_since: int | None = None
    longest = 0
    expected = -1
    for frame in frames[first:last]:
        if frame.serial != expected:
            seen_sync, lost_since = False, None
        expected = frame.serial + 1
        seen_sync = seen_sync or frame.sync
        if not seen_sync or frame.serial in stored:
            lost_since = None
            continue
        lost_since = frame.time_us if lost_since is None else lost_since
        longest = max(longest, frame.time_us - lost_since)
    return longest / 1e6


def _hold_against_rows(index: Path, volumes: Sequence[Path], verdict: Verdict) -> None:
    claimed = rows(index)
    files = by_id(volumes)
    verdict.strays = len(files.keys() - claimed.keys())
    verdict.unlike_row = sum(
        segment_id not in files or files[segment_id].stat().st_size != row.size for segment_id, row in claimed.items()
    )


def _unaccounted_s(index: Path, shifts_us: Sequence[int]) -> float:
    """Return the seconds between the first and the last known moment of each camera that nothing accounts for.

    A clock that stepped back leaves as much time between its two beginnings in which nobody recorded anything.
    """
    known: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in rows(index).values():
        known[row.camera_id].append((row.start_us, row.end_us))
    for camera, start, end, _ in gaps(index):
        known[camera].append((start, start if end is None else end))
    missing = 0
    for intervals in known.values():
        reached = min(intervals)[0]
        for start, end in sorted(intervals):
            hole = start - reached
            if hole > _MEETS_US and not any(shift < 0 and abs(hole + shift) < _LIVED_US for shift in shifts_us):
                missing += hole
            reached = max(reached, end)
    return missing / 1e6


def _is_whole(path: Path) -> bool:
    file = read_file(path)
    return not file.torn and bool(file.samples) and all(sample.whole for sample in file.samples)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
