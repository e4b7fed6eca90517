"""Reading a manifest back, which may have been altered or made up: what is not there as expected is one error."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recorder_core.models import LedgerEntry

from .layout import FORMAT, FORMAT_VERSION, PIECE_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping


class ManifestError(ValueError):
    """The manifest is none of a package that this version knows."""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that the manifest lists; hashes in hexadecimal."""

    name: str
    size: int
    sha256: str
    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReadVideo:
    """What the manifest says of a video besides."""

    name: str
    camera_id: str
    media_bytes: int
    proofs: str


@dataclass(frozen=True, slots=True)
class LedgerPlace:
    """Where a segment's root stands in the ledger."""

    seq: int
    index: int
    count: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ReadSegment:
    """A segment that footage was cut from."""

    root: bytes
    leaves: int
    ledger: LedgerPlace | None


@dataclass(frozen=True, slots=True)
class ReadManifest:
    """What the check of a package needs of its manifest."""

    fingerprint: str
    files: tuple[ReadFile, ...]
    videos: tuple[ReadVideo, ...]
    segments: Mapping[str, ReadSegment]
    ledger: Mapping[int, LedgerEntry]


def read_manifest(data: bytes) -> ReadManifest:
    """Read a manifest.

    Raises:
        ManifestError: it is none, or one of another format.
    """
    try:
        content = json.loads(data)
        _check_format(content["format"], content["format_version"], content["piece_bytes"])
        entries = [LedgerEntry.from_dict(entry) for entry in content["ledger"]]
        return ReadManifest(
            fingerprint=str(content["signing_key"]["fingerprint"]),
            files=tuple(
                ReadFile(str(file["name"]), int(file["size"]), str(file["sha256"]), tuple(map(str, file["pieces"])))
                for file in content["files"]
            ),
            videos=tuple(
                ReadVideo(str(file["name"]), str(file["camera_id"]), int(file["media_bytes"]), str(file["proofs"]))
                for file in content["files"]
                if file["kind"] == "video"
            ),
            segments={
                str(segment["segment_id"]): _segment(segment)
                for camera in content["cameras"]
                for segment in camera["segments"]
            },
            ledger={entry.seq: entry for entry in entries},
        )
    except ManifestError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise ManifestError("The manifest cannot be read.") from error


def _check_format(*found: object) -> None:
    if found != (FORMAT, FORMAT_VERSION, PIECE_BYTES):
        raise ManifestError("The manifest is of a format that this version does not know.")


def _segment(fields: dict[str, object]) -> ReadSegment:
    place = fields["ledger"]
    return ReadSegment(
        bytes.fromhex(str(fields["root"])),
        int(str(fields["leaves"])),
        _place(place) if isinstance(place, dict) else None,
    )


def _place(fields: dict[str, object]) -> LedgerPlace:
    path = fields["path"]
    if not isinstance(path, list):
        raise ManifestError("The manifest cannot be read.")
    seq, index, count = (int(str(fields[name])) for name in ("seq", "index", "count"))
    return LedgerPlace(seq, index, count, tuple(bytes.fromhex(str(node)) for node in path))
