"""Checking a clip's proofs: from its samples through fragment headers to segments' roots, and on into the ledger."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from binascii import Error as Base64Error
from io import BytesIO
from typing import TYPE_CHECKING

from recorder_core.ledger_chain import entry_hash
from recorder_core.merkle import leaf_hash, root_from_path
from recorder_core.mp4 import Mp4Error, read_fragment, read_init

from .layout import utc_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recorder_core.models import LedgerEntry
    from recorder_core.mp4 import SampleLayout

    from .read_manifest import ReadManifest, ReadSegment, ReadVideo


class ProofError(ValueError):
    """Something does not follow; the sentence says what."""


def proved_samples(lines: bytes, video: ReadVideo, manifest: ReadManifest) -> list[tuple[SampleLayout, int]]:
    """Return the samples that a clip's proofs show, in the order of its data, each with its fragment's UTC.

    Raises:
        ProofError: a line is no proof.
    """
    samples: list[tuple[SampleLayout, int]] = []
    introduced: set[str] = set()
    for number, line in enumerate(lines.splitlines(), 1):
        try:
            samples += _line_samples(line, introduced, video, manifest)
        except (ValueError, TypeError, LookupError, Base64Error) as error:
            reason = str(error) if isinstance(error, ProofError) else "It is not a proof"
            raise ProofError(f"Line {number}: {reason}") from error
    if sum(sample.size for sample, _ in samples) != video.media_bytes:
        raise ProofError("The proofs are not for all samples of the video")
    return samples


def _line_samples(
    line: bytes, introduced: set[str], video: ReadVideo, manifest: ReadManifest
) -> list[tuple[SampleLayout, int]]:
    fields = json.loads(line)
    segment_id, index, first, count = fields["segment"], fields["leaf"], fields["first"], fields["count"]
    segment = manifest.segments[segment_id]
    data = b64decode(fields["data"], validate=True)
    path = [bytes.fromhex(node) for node in fields["path"]]
    if root_from_path(leaf_hash(data), index, segment.leaves, path) != segment.root:
        raise ProofError(f"This is no part of the recording {segment_id}")
    if index == 0:
        init = read_init(BytesIO(data))
        if init.camera_id != video.camera_id or f"{init.segment_id:016x}" != segment_id:
            raise ProofError("The recording is one of another camera")
        introduced.add(segment_id)
        return []
    if segment_id not in introduced:
        raise ProofError("The recording's beginning is missing")
    layout = read_fragment(BytesIO(data + bytes(_READ_AHEAD)), 0, len(data) + _data_bytes(data))
    if not (first >= 0 and count > 0 and first + count <= len(layout.samples)):
        raise ProofError("The fragment has no such samples")
    return [(sample, layout.start_us) for sample in layout.samples[first : first + count]]


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

    def __init__(self, samples: Sequence[tuple[SampleLayout, int]], header_bytes: int) -> None:
        """The samples' data begin after `header_bytes`."""
        self.wrong: str | None = None
        self._samples = samples
        self._skip = header_bytes
        self._index = 0
        self._left = samples[0][0].size if samples else 0
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
        sample, at_us = self._samples[self._index]
        if self._hash.digest() != sample.digest and self.wrong is None:
            self.wrong = f"Sample {self._index + 1}, of the second from {utc_text(at_us)} on, is not as recorded"
        self._index += 1
        self._hash = hashlib.sha256()
        if self._index < len(self._samples):
            self._left = self._samples[self._index][0].size


def check_ledger(entry: LedgerEntry) -> None:
    """Make sure that an entry is what its hash covers.

    Raises:
        ProofError: it is not.
    """
    try:
        expected = entry_hash(bytes.fromhex(entry.previous), entry.seq, entry.at_us, entry.kind, entry.body).hex()
    except (ValueError, OverflowError) as error:  # no hexadecimal number, or none of 64 bits
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
        root = bytes.fromhex(json.loads(entries[place.seq].body)["root"])
        shown = root_from_path(leaf_hash(segment.root), place.index, place.count, place.path)
    except (ValueError, TypeError, LookupError) as error:
        raise ProofError(f"The ledger's proof for the recording {segment_id} cannot be read") from error
    if shown != root:
        raise ProofError(f"The ledger does not know the recording {segment_id}")
