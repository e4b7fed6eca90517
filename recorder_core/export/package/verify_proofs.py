"""Checking a clip's proofs: from its samples through fragment headers to segments' roots, and on into the ledger.

What is read here may be made up by somebody who has the key, so that signature and hashes hold.
"""

from __future__ import annotations

import hashlib
import json
import struct
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING

from recorder_core.ledger_chain import entry_hash
from recorder_core.media import TIMESCALE
from recorder_core.merkle import leaf_hash, root_from_path
from recorder_core.models import LedgerKind
from recorder_core.mp4 import Mp4Error, read_fragment, read_init

from .frames import Picture
from .layout import json_line, utc_text
from .read_manifest import MALFORMED
from .shape import ShapeError, check_shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recorder_core.media import VideoFormat
    from recorder_core.models import LedgerEntry
    from recorder_core.mp4 import FragmentLayout

    from .read_manifest import ReadManifest, ReadSegment, ReadVideo


class ProofError(ValueError):
    """Something does not follow; the sentence says what."""


@dataclass(slots=True)
class ProvedClip:
    """What a clip's proofs show: its pictures in the order of its data, and the segments' formats by their ids."""

    pictures: list[Picture] = field(default_factory=list)
    formats: dict[str, VideoFormat] = field(default_factory=dict)


def proved_clip(lines: bytes, video: ReadVideo, manifest: ReadManifest) -> ProvedClip:
    """Return what a clip's proofs show.

    Raises:
        ProofError: a line is no proof.
    """
    clip = ProvedClip()
    for number, line in enumerate(BytesIO(lines), 1):
        try:
            _add_line(line, clip, video, manifest)
        except MALFORMED as error:
            reason = str(error) if isinstance(error, ProofError | ShapeError) else "It is not a proof"
            raise ProofError(f"Line {number}: {reason}") from error
    if not clip.pictures or sum(picture.size for picture in clip.pictures) != video.media_bytes:
        raise ProofError("The proofs are not for all pictures of the video")
    return clip


def _add_line(line: bytes, clip: ProvedClip, video: ReadVideo, manifest: ReadManifest) -> None:
    fields = json.loads(line)
    check_shape(fields, "proof")
    data = b64decode(fields["data"], validate=True)
    if json_line(fields | {"data": b64encode(data).decode()}) != line:
        raise ProofError("It could be read in two ways")
    segment_id, index, first, count = fields["segment"], fields["leaf"], fields["first"], fields["count"]
    segment = manifest.segments[segment_id]
    path = [bytes.fromhex(node) for node in fields["path"]]
    if root_from_path(leaf_hash(data), index, segment.leaves, path) != segment.root:
        raise ProofError(f"This is no part of the recording {segment_id}")
    if index == 0:
        init = read_init(BytesIO(data))
        if init.camera_id != video.camera_id or f"{init.segment_id:016x}" != segment_id:
            raise ProofError("The recording is one of another camera")
        clip.formats[segment_id] = init.video_format
        return
    if segment_id not in clip.formats:
        raise ProofError("The recording's beginning is missing")
    layout = read_fragment(BytesIO(data + bytes(_READ_AHEAD)), 0, len(data) + _data_bytes(data))
    if not (first >= 0 and count > 0 and first + count <= len(layout.samples)):
        raise ProofError("The fragment has no such pictures")
    taken = slice(first, first + count)
    clip.pictures.extend(
        Picture(segment_id, index, sample.size, sample.sync, sample.digest, at_us)
        for sample, at_us in zip(layout.samples[taken], _times(layout)[taken], strict=True)
    )


def _times(layout: FragmentLayout) -> list[int]:
    """The UTC of each sample's presentation; that of the first one stands in the header."""
    times = []
    media = -layout.samples[0].composition_offset
    for sample in layout.samples:
        times.append(layout.start_us + (media + sample.composition_offset) * 1_000_000 // TIMESCALE)
        media += sample.duration
    return times


_READ_AHEAD = 4096
"""A reader of headers looks a little into the data, which a proof does not show."""


def _data_bytes(header: bytes) -> int:
    """The size of the data that the header at the end of these bytes, of an `mdat`, announces."""
    if header[-4:] == b"mdat":
        return int.from_bytes(header[-8:-4]) - 8
    if header[-12:-8] == b"mdat":
        return int.from_bytes(header[-8:]) - 16
    raise Mp4Error("There is no data")


class SampleCheck:
    """Compares a video's data with what its samples must be; is fed the file from its beginning."""

    def __init__(self, samples: Sequence[Picture], header_bytes: int) -> None:
        """The samples' data begin after `header_bytes`."""
        self.wrong: str | None = None
        self._samples = samples
        self._skip = header_bytes
        self._index = 0
        self._left = samples[0].size if samples else 0
        self._hash = hashlib.sha256()

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        view = memoryview(data)
        skipped = min(self._skip, len(view))
        self._skip -= skipped
        view = view[skipped:]
        while view and self._index < len(self._samples):
            taken = view[: self._left]
            view = view[len(taken) :]
            self._hash.update(taken)
            self._left -= len(taken)
            if not self._left:
                self._finish()

    def _finish(self) -> None:
        sample = self._samples[self._index]
        if self._hash.digest() != sample.digest and self.wrong is None:
            self.wrong = f"Picture {self._index + 1} of the file, of {utc_text(sample.at_us)}, is not as recorded"
        self._index += 1
        self._hash = hashlib.sha256()
        if self._index < len(self._samples):
            self._left = self._samples[self._index].size


def check_ledger(entry: LedgerEntry) -> None:
    """Make sure that an entry is what its hash covers.

    Raises:
        ProofError: it is not.
    """
    try:
        expected = entry_hash(bytes.fromhex(entry.previous), entry.seq, entry.at_us, entry.kind, entry.body).hex()
    except struct.error as error:  # a number of more than 64 bits
        raise ProofError(f"Entry {entry.seq} of the ledger cannot be read") from error
    if entry.hash != expected:
        raise ProofError(f"Entry {entry.seq} of the ledger is not what its hash covers")


def check_segment(segment_id: str, segment: ReadSegment, entries: Mapping[int, LedgerEntry]) -> None:
    """Make sure that a segment's root is among those that its hour's entry of the ledger stands for.

    Raises:
        ProofError: it is not.
    """
    place = segment.ledger
    if place is None:
        return
    try:
        entry = entries[place.seq]
        body = json.loads(entry.body)
        told = (entry.kind, body["camera_id"], body["segments"], body["root"])
        shown = root_from_path(leaf_hash(segment.root), place.index, place.count, place.path)
    except MALFORMED as error:
        raise ProofError(f"The ledger's proof for the recording {segment_id} cannot be read") from error
    if told != (LedgerKind.ROOTS, segment.camera_id, place.count, shown.hex()):
        raise ProofError(f"The ledger does not know the recording {segment_id}")
