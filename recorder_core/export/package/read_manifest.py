"""Reading a manifest back, which may have been altered or made up: what is not there as expected is one error.

It has one form only. So nobody reads two things in it: no key stands twice, each time is one moment however it is told,
and no name leads out of the package or tells another camera or time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from recorder_core.models import LedgerEntry, StartMode

from .absent import holes
from .custody import custody_log
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
)
from .shape import ShapeError, check_shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
    codec: str
    width: int
    height: int
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

    `custody` is the custody log as it follows from what the manifest tells.

    Of `gaps`, one that still lasted when the package was made ends with that time.
    """

    fingerprint: str
    started_us: int
    asked: Span
    start_mode: StartMode
    cameras: tuple[str, ...]
    absences: tuple[Absence, ...]
    gaps: tuple[Absence, ...]
    files: tuple[ReadFile, ...]
    videos: tuple[ReadVideo, ...]
    derived: tuple[ReadDerived, ...]
    segments: Mapping[str, ReadSegment]
    ledger: Mapping[int, LedgerEntry]
    custody: bytes

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
        content: dict[str, Any] = json.loads(data)  # Any: JSON, whose shape is checked now
        if isinstance(content, dict):
            _check_format(*map(content.get, ("format", "format_version", "piece_bytes")))
        check_shape(content, "manifest")
        again = json_document(content)
        manifest = _manifest(content)
    except ManifestError:
        raise
    except ShapeError as error:
        raise ManifestError(f"The manifest cannot be gone by: {error}.") from error
    except MALFORMED as error:
        raise ManifestError("The manifest cannot be read.") from error
    if again != data:
        raise ManifestError("The manifest is not in the one form that it has: it could be read in two ways.")
    _check_whole(content, manifest)
    return manifest


def _check_whole(content: dict[str, Any], manifest: ReadManifest) -> None:  # Any: JSON of a known shape
    if any((file["kind"] == "derivative") is not file.get("derived", False) for file in content["files"]):
        raise ManifestError("The manifest does not say of each video whether it was encoded anew.")
    cameras, shown = manifest.cameras, {one.camera_id for one in (*manifest.videos, *manifest.derived)}
    if content["request"]["camera_ids"] != list(cameras) or not shown <= set(cameras):
        raise ManifestError("The manifest tells of other cameras than were asked for.")
    segments = sum(len(camera["segments"]) for camera in content["cameras"])
    told = (len(cameras), segments, len(content["ledger"]))
    if told != (len(set(cameras)), len(manifest.segments), len(manifest.ledger)):
        raise ManifestError("The manifest tells of a camera, a recording or an entry of the ledger twice.")
    if any(len(one.pieces) != -(-one.size // PIECE_BYTES) for one in manifest.files):
        raise ManifestError("The manifest does not have a hash for each piece of each file.")
    if not are_plain(manifest.names) or not _are_named_well(manifest):
        raise ManifestError("The manifest lists files under names that no package has.")
    if set(manifest.names) != {*_of_videos(manifest), *ALWAYS_LISTED, *UNLISTED}:
        raise ManifestError("The manifest lists other files than a package has.")


def _manifest(content: dict[str, Any]) -> ReadManifest:  # Any: JSON, whose shape is known
    request, cameras, files = content["request"], content["cameras"], content["files"]
    until_us = request["end_us"]
    return ReadManifest(
        fingerprint=content["signing_key"]["fingerprint"],
        started_us=content["started_us"],
        asked=(request["start_us"], until_us),
        start_mode=StartMode(request["start_mode"]),
        cameras=tuple(camera["camera_id"] for camera in cameras),
        absences=tuple(_absence(camera, one, until_us) for camera in cameras for one in camera["not_shown"]),
        gaps=tuple(_absence(camera, one, until_us) for camera in cameras for one in camera["gaps"]),
        files=tuple(ReadFile(one["name"], one["size"], one["sha256"], tuple(one["pieces"])) for one in files),
        videos=tuple(_pictures(ReadVideo, one) for one in files if one["kind"] == "video"),
        derived=tuple(_pictures(ReadDerived, one) for one in files if one["kind"] == "derivative"),
        segments={one["segment_id"]: _segment(camera, one) for camera in cameras for one in camera["segments"]},
        ledger={one["seq"]: LedgerEntry.from_dict(one) for one in content["ledger"]},
        custody=custody_log(
            content["package_id"],
            request["request_id"],
            request["basis"],
            actor=request["actor"],
            store_id=content["store_id"],
            requested_us=request["requested_us"],
            started_us=content["started_us"],
            made_us=content["made_us"],
        ),
    )


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


def _pictures[T: ReadPictures](kind: type[T], told: dict[str, Any]) -> T:  # Any: JSON of a known shape
    return kind(**{field.name: told[field.name] for field in fields(kind)})


def _absence(camera: dict[str, Any], told: dict[str, Any], until_us: int) -> Absence:  # Any: JSON of a known shape
    end_us = until_us if told["end_us"] is None else told["end_us"]
    return Absence(camera["camera_id"], told["start_us"], end_us, told["reason"], told["detail"])


def _segment(camera: dict[str, Any], told: dict[str, Any]) -> ReadSegment:  # Any: JSON of a known shape
    place = told["ledger"]
    return ReadSegment(
        camera_id=camera["camera_id"],
        root=bytes.fromhex(told["root"]),
        leaves=told["leaves"],
        clock_offset_us=told["clock_offset_us"],
        ledger=place
        and LedgerPlace(place["seq"], place["index"], place["count"], tuple(map(bytes.fromhex, place["path"]))),
    )
