"""One coded picture as the smallest MP4 that a decoder takes."""

from __future__ import annotations

import hashlib

from recorder_core.media import TIMESCALE, Sample, VideoFormat
from recorder_core.mp4 import fragment_header, init_segment


def lone_picture(fmt: VideoFormat, data: bytes) -> bytes:
    """Return a sync sample behind its init segment."""
    sample = Sample(data=data, dts=0, pts=0, duration=TIMESCALE, sync=True)
    digest = hashlib.sha256(data).digest()
    start = init_segment(fmt, camera_id="picture", run_id="picture", segment_id=0)
    return start + fragment_header([sample], sequence=1, base_dts=0, start_us=0, digests=[digest]) + data
