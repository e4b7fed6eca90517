"""The nouns of moving pictures that every part of the recorder shares: formats, access units, samples, fragments.

Media times are integers in units of 1/90 000 s (`TIMESCALE`), the clock of RTP video (RFC 3551 section 5) and of
every track that the recorder writes. Wall times are UTC in integer microseconds and end in `_us`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

TIMESCALE = 90_000
"""Media time units per second in every track."""


class Codec(StrEnum):
    """The video codecs that the recorder stores."""

    H264 = "h264"
    H265 = "h265"
    MJPEG = "mjpeg"


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """All that a sample entry needs to know; two equal formats may share one init segment.

    `parameter_sets` are whole NAL units without start codes or length prefixes: SPS then PPS for H.264, VPS, SPS,
    then PPS for H.265, none for Motion JPEG, whose pictures each bring their own tables. `width` and `height` are what
    a player shows (cropped), in pixels. `reorder_depth` is how many access units may precede one in decoding order and
    follow it in output order; None where the bitstream does not say (H.264 without `bitstream_restriction`).
    """

    codec: Codec
    parameter_sets: tuple[bytes, ...]
    width: int
    height: int
    reorder_depth: int | None


@dataclass(slots=True)
class AccessUnit:
    """One coded picture as it came from a camera, in decoding order.

    `data` is the MP4 sample: NAL units with 4-byte lengths, parameter sets and delimiters left out; for Motion JPEG the
    whole JPEG picture. `pts` is the presentation time, unwrapped to a plain integer that may start anywhere.
    `arrival_us` is the injected monotonic clock when its last byte had been read. `packets_lost` counts RTP packets
    known to be missing right before it or in it. `parameter_sets` is set on the first unit that needs other ones than
    its predecessor; for Motion JPEG it is the frame header that gives the pictures' size.
    `discontinuity` is true where the source began anew, so that times before and after are not comparable.
    """

    data: bytes
    pts: int
    sync: bool
    arrival_us: int
    packets_lost: int = 0
    parameter_sets: tuple[bytes, ...] | None = None
    discontinuity: bool = False


@dataclass(slots=True)
class Sample:
    """An access unit with its place on the decoding time line, ready for a fragment.

    `dts`, `pts`, `duration` are media times within the run. The decoding times of a run are its presentation times in
    ascending order, so a run starts with dts = pts, a picture that is decoded early has a positive composition offset
    and one that follows it in decoding but precedes it in output a negative one (`trun` version 1).
    """

    data: bytes
    dts: int
    pts: int
    duration: int
    sync: bool


@dataclass(frozen=True, slots=True)
class Fragment:
    """What one `moof` and `mdat` will hold: the samples, the UTC of the first one's dts and of the end of the last."""

    samples: tuple[Sample, ...]
    start_us: int
    end_us: int

    @property
    def duration(self) -> int:
        """The sum of its samples' durations, in media time."""
        return sum(sample.duration for sample in self.samples)

    @property
    def size(self) -> int:
        """The bytes of all samples together."""
        return sum(len(sample.data) for sample in self.samples)
