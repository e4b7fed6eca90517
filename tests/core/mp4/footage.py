"""Real encoded footage for tests: H.264, H.265 or JPEG pictures that carry their number, and PyAV reads it back.

The number stands in the luma as a row of blocks, 16 bits, dark for 0 and light for 1, so that it survives any encoder.
What is written here goes through the recorder's own functions; what is read back, through libavcodec alone.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING

import av
import numpy as np

from recorder_core.jpeg_header import frame_header
from recorder_core.media import TIMESCALE, Codec, Sample, VideoFormat
from recorder_core.mp4 import fragment_header, init_segment
from recorder_core.parameter_sets import nal_unit_type, video_format
from recorder_core.storage.records import FragmentSpan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

FPS = 25
FRAME = TIMESCALE // FPS
FRAME_US = 1_000_000 // FPS
_BITS = 16
_BLOCK = 16
_DARK, _LIGHT = 40, 200

_PARAMETER_SETS = {Codec.H264: (7, 8), Codec.H265: (32, 33, 34)}
# IDR of H.264, IRAP of H.265. An open GOP of H.264 begins with a recovery point, where not every player can start.
_SYNC = {Codec.H264: (5,), Codec.H265: tuple(range(16, 22))}
_PIXELS = {Codec.H264: "yuv420p", Codec.H265: "yuv420p", Codec.MJPEG: "yuvj420p"}
_START_CODE = re.compile(rb"\x00*\x00\x00\x01")


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a test's footage is encoded. `options` are those of libx264, or of `x265-params`, or of the JPEG encoder."""

    codec: Codec
    options: tuple[tuple[str, str], ...]
    width: int = 256
    height: int = 144


H264 = Encoding(Codec.H264, (("bf", "0"), ("g", "10"), ("sc_threshold", "0")))
H264_BASELINE = Encoding(Codec.H264, (("profile", "baseline"), ("g", "10"), ("sc_threshold", "0")))
H264_B = Encoding(Codec.H264, (("bf", "2"), ("g", "10"), ("sc_threshold", "0"), ("b_strategy", "0")))
H264_PYRAMID = Encoding(
    Codec.H264,
    (("bf", "5"), ("g", "20"), ("sc_threshold", "0"), ("b_strategy", "0"), ("x264-params", "b-pyramid=normal")),
)
H264_OPEN = Encoding(
    Codec.H264,
    (
        ("bf", "3"),
        ("g", "10"),
        ("sc_threshold", "0"),
        ("b_strategy", "0"),
        ("x264-params", "open-gop=1:b-pyramid=normal"),
    ),
)
H265 = Encoding(
    Codec.H265, (("keyint", "10"), ("min-keyint", "10"), ("scenecut", "0"), ("bframes", "3"), ("open-gop", "0"))
)
H265_OPEN = Encoding(
    Codec.H265, (("keyint", "10"), ("min-keyint", "10"), ("scenecut", "0"), ("bframes", "3"), ("open-gop", "1"))
)
MJPEG = Encoding(Codec.MJPEG, (("qmin", "2"), ("qmax", "5")))
ENCODINGS = {
    "h264": H264,
    "h264_baseline": H264_BASELINE,
    "h264_b": H264_B,
    "h264_pyramid": H264_PYRAMID,
    "h264_open": H264_OPEN,
    "h265": H265,
    "h265_open": H265_OPEN,
    "mjpeg": MJPEG,
}


@dataclass(frozen=True, slots=True)
class Footage:
    """An encoded stream: its format, and its samples in decoding order with times from 0."""

    video_format: VideoFormat
    samples: tuple[Sample, ...]


@cache
def footage(encoding: Encoding, frames: int) -> Footage:
    """Encode pictures number 0 to `frames` - 1."""
    encoder = _encoder(encoding)
    packets = []
    for number in range(frames):
        drawn = _draw(number, encoding.width, encoding.height)
        frame = av.VideoFrame.from_ndarray(drawn, format=_PIXELS[encoding.codec])
        frame.pts = number
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    sets: list[bytes] = []
    units: list[tuple[bytes, int, bool]] = []
    for packet in packets:
        assert packet.pts is not None
        if encoding.codec is Codec.MJPEG:
            sets = [frame_header(bytes(packet)) or b""]
            units.append((bytes(packet), packet.pts * FRAME, True))
            continue
        data, sync = b"", False
        for nal_unit in nal_units(bytes(packet)):
            if nal_unit_type(encoding.codec, nal_unit) in _PARAMETER_SETS[encoding.codec]:
                sets.append(nal_unit)
            else:
                data += len(nal_unit).to_bytes(4) + nal_unit
                sync |= nal_unit_type(encoding.codec, nal_unit) in _SYNC[encoding.codec]
        units.append((data, packet.pts * FRAME, sync))
    decoded = sorted(pts for _, pts, _ in units)
    samples = tuple(Sample(data, dts, pts, FRAME, sync) for (data, pts, sync), dts in zip(units, decoded, strict=True))
    return Footage(video_format(encoding.codec, sets), samples)


@cache
def parameter_sets(encoding: Encoding) -> tuple[bytes, ...]:
    """The parameter sets that the encoder makes, in its order."""
    encoder = _encoder(encoding)
    grey = np.full((encoding.height * 3 // 2, encoding.width), 128, np.uint8)
    frame = av.VideoFrame.from_ndarray(grey, format=_PIXELS[encoding.codec])
    frame.pts = 0
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    if encoding.codec is Codec.MJPEG:
        return (frame_header(bytes(packets[0])) or b"",)
    wanted = _PARAMETER_SETS[encoding.codec]
    return tuple(unit for unit in nal_units(bytes(packets[0])) if nal_unit_type(encoding.codec, unit) in wanted)


def nal_units(stream: bytes) -> list[bytes]:
    """The NAL units of a byte stream with start codes."""
    return [unit for unit in _START_CODE.split(stream) if unit]


def _encoder(encoding: Encoding) -> av.VideoCodecContext:
    name = {Codec.H264: "libx264", Codec.H265: "libx265", Codec.MJPEG: "mjpeg"}[encoding.codec]
    encoder = av.CodecContext.create(name, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height = encoding.width, encoding.height
    encoder.pix_fmt = _PIXELS[encoding.codec]
    encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS)
    encoder.thread_count = 1
    if encoding.codec is Codec.H264:
        encoder.options = {"preset": "veryfast", "threads": "1", **dict(encoding.options)}
    elif encoding.codec is Codec.MJPEG:
        encoder.options = dict(encoding.options)
    else:
        fixed = {"log-level": "none", "pools": "1", "frame-threads": "1"}
        params = ":".join(f"{key}={value}" for key, value in (fixed | dict(encoding.options)).items())
        encoder.options = {"preset": "ultrafast", "x265-params": params}
    return encoder


def _draw(number: int, width: int, height: int) -> NDArray[np.uint8]:
    picture = np.full((height * 3 // 2, width), 128, np.uint8)
    bits = [number >> bit & 1 for bit in range(_BITS)]
    picture[:_BLOCK, : _BITS * _BLOCK] = np.repeat([_LIGHT if bit else _DARK for bit in bits], _BLOCK)
    # Something that moves, so that pictures differ by more than their number.
    picture[_BLOCK:height, number * 7 % width] = _LIGHT
    return picture


def number_of(frame: av.VideoFrame) -> int:
    """The number drawn into a decoded picture."""
    luma = frame.to_ndarray(format="yuv420p")
    blocks = luma[:_BLOCK, : _BITS * _BLOCK].reshape(_BLOCK, _BITS, _BLOCK)[4:-4, :, 4:-4]
    means = blocks.mean(axis=(0, 2))
    return sum(1 << bit for bit in range(_BITS) if means[bit] > (_DARK + _LIGHT) / 2)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a player shows of a file: the pictures' numbers, and when in seconds since the file's beginning."""

    numbers: list[int]
    times: list[float]


def shown(path: Path) -> Shown:
    """Play a file with libavformat and libavcodec; the first decoding error is raised."""
    numbers, times = [], []
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        context.thread_count = 1
        context.options = {"err_detect": "explode"}
        for frame in container.decode(video=0):
            numbers.append(number_of(frame))
            assert frame.time is not None
            times.append(frame.time)
    return Shown(numbers, times)


def fragments_of(samples: Sequence[Sample], longest: int = FPS) -> list[tuple[Sample, ...]]:
    """Cut samples into fragments, at each sync sample behind another kind and at a number of samples."""
    fragments: list[list[Sample]] = []
    for sample in samples:
        last = fragments[-1] if fragments else []
        if not last or (sample.sync and not last[-1].sync) or len(last) >= longest:
            fragments.append([])
        fragments[-1].append(sample)
    return [tuple(fragment) for fragment in fragments]


def fragment_bytes(samples: Sequence[Sample], *, sequence: int, base_dts: int, start_us: int) -> bytes:
    """A whole fragment: header and data."""
    data = [sample.data for sample in samples]
    digests = [hashlib.sha256(one).digest() for one in data]
    header = fragment_header(samples, sequence=sequence, base_dts=base_dts, start_us=start_us, digests=digests)
    return header + b"".join(data)


@dataclass(frozen=True, slots=True)
class SegmentBytes:
    """A segment file in memory, and where its fragments lie."""

    data: bytes
    spans: tuple[FragmentSpan, ...]


def segment_bytes(
    fmt: VideoFormat,
    samples: Sequence[Sample],
    *,
    start_us: int = 1_700_000_000_000_000,
    run_id: str = "run-1",
    segment_id: int = 1,
    longest: int = FPS,
) -> SegmentBytes:
    """A segment of samples, the first of which is decoded at `start_us`; media and wall clock run alike."""
    data = init_segment(fmt, camera_id="entrance", run_id=run_id, segment_id=segment_id)
    spans = []
    base_dts = samples[0].dts
    for sequence, fragment in enumerate(fragments_of(samples, longest), 1):
        first_us = start_us + (fragment[0].pts - base_dts) * 1_000_000 // TIMESCALE
        piece = fragment_bytes(fragment, sequence=sequence, base_dts=base_dts, start_us=first_us)
        duration = sum(sample.duration for sample in fragment)
        spans.append(FragmentSpan(len(data), len(piece), duration, fragment[0].sync))
        data += piece
    return SegmentBytes(data, tuple(spans))
