"""The SHA-256 that stands for a segment file: over all its bytes but the samples' data.

Each sample's own SHA-256 is among those bytes, so no byte of the file can change without one or the other. So each
byte is hashed once while it is recorded, and a lost index is rebuilt from the headers without reading any footage.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

    from recorder_core.mp4.reader import SegmentLayout


def segment_digest(file: BinaryIO, layout: SegmentLayout) -> bytes:
    """Return the digest of the file up to the end of the last of `layout`'s fragments.

    Raises:
        OSError: the file cannot be read.
    """
    digest = hashlib.sha256()
    begin = 0
    for fragment in layout.fragments:
        file.seek(begin)
        digest.update(file.read(fragment.samples[0].offset - begin))
        begin = fragment.offset + fragment.size
    return digest.digest()
