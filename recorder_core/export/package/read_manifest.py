"""Reading a manifest back, which may have been altered or made up: what is not there as expected is one error.

It has one form only. So nobody reads two things in it: no key stands twice, each time is one moment however it is told,
and no name leads out of the package or tells another camera or time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recorder_core.models import LedgerEntry

from .absent import holes
from .layout import (
    ALWAYS_LISTED,
    FORMAT,
    FORMAT_VERSION,
    PIECE_BYTES,
    UNLISTED,
    are_plain,
    is_clip_name,
    is_derived_name,
    json_document,
    told_twice,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .absent import Span

MALFORMED = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)
"""What reading JSON raises that is not what it should be."""


class ManifestError(ValueError):
    """The manifest is none of a package that this version knows."""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that the manifest lists; hashes in hexadecimal."""

    name: str
    size: int
    sha256: str
    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPictures:
    """What the manifest says of a file that shows pictures; times as in `ExportFile`."""

    name: str
    size: int
    camera_id: str
    start_us: int
    end_us: int
    duration_us: int
    lead_in_us: int
    frames: int
    media_bytes: int
    frames_file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadVideo(ReadPictures):
    """What it says of a clip, and which file proves it."""

    proofs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadDerived(ReadPictures):
    """What it says of re-encoded pictures, which nothing proves."""


@dataclass(frozen=True, slots=True)
class LedgerPlace:
    """Where a segment's root stands in the ledger."""

    seq: int
    index: int
    count: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ReadSegment:
    """A segment that footage was cut from; `clock_offset_us` is the camera's clock minus the recorder's, if known."""

    camera_id: str
    root: bytes
    leaves: int
    clock_offset_us: int | None
    ledger: LedgerPlace | None


@dataclass(frozen=True, slots=True)
class Absence:
    """A stretch of the time asked for in which nothing of a camera is shown, and why."""

    camera_id: str
    start_us: int
    end_us: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadManifest:
    """What the check of a package needs of its manifest; `asked` is the time that was asked for.

    Of `gaps`, one that still lasted when the package was made ends with that time.
    """

    fingerprint: str
    started_us: int
    asked: Span
    start_mode: str
    cameras: tuple[str, ...]
    absences: tuple[Absence, ...]
    gaps: tuple[Absence, ...]
    files: tuple[ReadFile, ...]
    videos: tuple[ReadVideo, ...]
    derived: tuple[ReadDerived, ...]
    segments: Mapping[str, ReadSegment]
    ledger: Mapping[int, LedgerEntry]

    @property
    def names(self) -> list[str]:
        """All files of the package, in their order."""
        return [*(file.name for file in self.files), *UNLISTED]

    def untold(self, camera_id: str) -> list[Span]:
        """Return what neither a video of a camera shows nor the manifest calls not shown."""
        return holes(self.asked, [*spans_of(self.videos, camera_id), *spans_of(self.absences, camera_id)])


def spans_of(listed: Iterable[ReadPictures | Absence], camera_id: str) -> list[Span]:
    """Return when those of one camera begin and end."""
    return [(one.start_us, one.end_us) for one in listed if one.camera_id == camera_id]


def read_manifest(data: bytes) -> ReadManifest:
    """Read a manifest.

    Raises:
        ManifestError: it is none, or one of another format.
    """
    try:
        content = json.loads(data)
        _check_format(content["format"], content["format_version"], content["piece_bytes"])
        entries = [LedgerEntry.from_dict(entry) for entry in content["ledger"]]
        manifest = ReadManifest(
            fingerprint=str(content["signing_key"]["fingerprint"]),
            started_us=_number(content["started_us"]),
            asked=(_number(content["request"]["start_us"]), _number(content["request"]["end_us"])),
            start_mode=str(content["request"]["start_mode"]),
            cameras=tuple(str(camera["camera_id"]) for camera in content["cameras"]),
            absences=tuple(
                _absence(str(camera["camera_id"]), one) for camera in content["cameras"] for one in camera["not_shown"]
            ),
            gaps=tuple(
                _gap(str(camera["camera_id"]), one, content["request"]["end_us"])
                for camera in content["cameras"]
                for one in camera["gaps"]
            ),
            files=tuple(
                ReadFile(str(file["name"]), _number(file["size"]), str(file["sha256"]), tuple(map(str, file["pieces"])))
                for file in content["files"]
            ),
            videos=tuple(
                _pictures(ReadVideo, file, proofs=str(file["proofs"]))
                for file in content["files"]
                if file["kind"] == "video"
            ),
            derived=tuple(_pictures(ReadDerived, file) for file in content["files"] if file["kind"] == "derivative"),
            segments={
                str(segment["segment_id"]): _segment(str(camera["camera_id"]), segment)
                for camera in content["cameras"]
                for segment in camera["segments"]
            },
            ledger={entry.seq: entry for entry in entries},
        )
        again = json_document(content)
        twice = next(filter(None, map(told_twice, _objects(content))), None)
        shown = {one.camera_id for one in manifest.videos} | {one.camera_id for one in manifest.derived}
        marked = all((file["kind"] == "derivative") is file.get("derived", False) for file in content["files"])
        complete = content["request"]["camera_ids"] == list(manifest.cameras) and shown <= set(manifest.cameras)
    except ManifestError:
        raise
    except MALFORMED as error:
        raise ManifestError("The manifest cannot be read.") from error
    if again != data:
        raise ManifestError("The manifest is not in the one form that it has: it could be read in two ways.")
    if twice is not None:
        raise ManifestError(f'The manifest tells a time, "{twice}", in two ways that are not the same moment.')
    if not marked:
        raise ManifestError("The manifest does not say of each video whether it was encoded anew.")
    if not complete:
        raise ManifestError("The manifest tells of other cameras than were asked for.")
    if not are_plain(manifest.names) or not _are_named_well(manifest):
        raise ManifestError("The manifest lists files under names that no package has.")
    if set(manifest.names) != {*_of_videos(manifest), *ALWAYS_LISTED, *UNLISTED}:
        raise ManifestError("The manifest lists other files than a package has.")
    return manifest


def _objects(content: object) -> Iterator[dict[str, object]]:
    """All objects in a document, itself included."""
    left = [content]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            yield one
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)


def _are_named_well(manifest: ReadManifest) -> bool:
    """Whether the files of each video are called after its camera and its first picture, which people go by."""
    videos, derived = manifest.videos, manifest.derived
    return (
        all(is_clip_name(one.name, one.camera_id, one.start_us) for one in videos)
        and all(is_derived_name(one.name, one.camera_id, one.start_us) for one in derived)
        and all(one.frames_file == f"{one.name.removesuffix('.mp4')}.frames.csv" for one in [*videos, *derived])
        and all(one.proofs == f"{one.name.removesuffix('.mp4')}.proofs.jsonl" for one in videos)
    )


def _of_videos(manifest: ReadManifest) -> set[str]:
    """The files that the videos bring along: whatever else is listed would be held against nothing."""
    proved = {name for video in manifest.videos for name in (video.name, video.proofs, video.frames_file)}
    return proved | {name for one in manifest.derived for name in (one.name, one.frames_file)}


def _check_format(*found: object) -> None:
    if found != (FORMAT, FORMAT_VERSION, PIECE_BYTES):
        raise ManifestError("The manifest is of a format that this version does not know.")


def _number(value: object) -> int:
    if type(value) is not int:
        raise TypeError(value)
    return value


def _pictures[T: ReadPictures](kind: type[T], fields: dict[str, object], **more: str) -> T:
    return kind(
        name=str(fields["name"]),
        size=_number(fields["size"]),
        camera_id=str(fields["camera_id"]),
        start_us=_number(fields["start_us"]),
        end_us=_number(fields["end_us"]),
        duration_us=_number(fields["duration_us"]),
        lead_in_us=_number(fields["lead_in_us"]),
        frames=_number(fields["frames"]),
        media_bytes=_number(fields["media_bytes"]),
        frames_file=str(fields["frames_file"]),
        **more,
    )


def _absence(camera_id: str, fields: dict[str, object]) -> Absence:
    start_us, end_us = _number(fields["start_us"]), _number(fields["end_us"])
    return Absence(camera_id, start_us, end_us, str(fields["reason"]), str(fields["detail"]))


def _gap(camera_id: str, fields: dict[str, object], until_us: object) -> Absence:
    return _absence(camera_id, {**fields, "end_us": until_us} if fields["end_us"] is None else fields)


def _segment(camera_id: str, fields: dict[str, object]) -> ReadSegment:
    place, offset = fields["ledger"], fields["clock_offset_us"]
    return ReadSegment(
        camera_id=camera_id,
        root=bytes.fromhex(str(fields["root"])),
        leaves=_number(fields["leaves"]),
        clock_offset_us=None if offset is None else _number(offset),
        ledger=_place(place) if isinstance(place, dict) else None,
    )


def _place(fields: dict[str, object]) -> LedgerPlace:
    path = fields["path"]
    if not isinstance(path, list):
        raise TypeError(path)
    seq, index, count = (_number(fields[name]) for name in ("seq", "index", "count"))
    return LedgerPlace(seq, index, count, tuple(bytes.fromhex(str(node)) for node in path))
