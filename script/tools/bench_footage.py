"""Stored footage for the benchmarks: segment files and their rows, made by the recorder's own functions.

The pictures are the loop of `material`: 1080p, 25 a second, about 4 Mbit/s, in fragments of a second and files of a
minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recorder_core.media import TIMESCALE, Codec, Fragment, Sample, VideoFormat
from recorder_core.storage.ids import new_segment_id, segment_path
from recorder_core.storage.records import FragmentSpan, OpenFile, Segment
from recorder_core.storage.segment_file import SegmentFile

from .material import FPS, GOP, HEIGHT, WIDTH, ensure_material

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

S: Final = 1_000_000
"""A second in microseconds."""

T0: Final = 1_790_000_000 * S
"""When the footage begins: 2026-09-21 14:13:20 UTC."""

SEGMENT_S: Final = 60
_FRAME: Final = TIMESCALE // FPS


@dataclass(frozen=True, slots=True)
class Loop:
    """The samples of the loop, and their format."""

    samples: list[bytes]
    video_format: VideoFormat

    def fragments(self, start_us: int, seconds: int, *, sample_bytes: int | None = None) -> Iterator[Fragment]:
        """Give fragments of a second each; `sample_bytes` cuts samples to that size, for files that are but headers."""
        for second in range(seconds):
            samples = tuple(
                Sample(
                    data=self.samples[number % len(self.samples)][:sample_bytes],
                    dts=number * _FRAME,
                    pts=number * _FRAME,
                    duration=_FRAME,
                    sync=number % GOP == 0,
                )
                for number in range(second * FPS, (second + 1) * FPS)
            )
            yield Fragment(samples, start_us + second * S, start_us + (second + 1) * S)


def load_loop() -> Loop:
    """Read the loop, encoding it where this machine has none yet."""
    folder, material = ensure_material()
    data = (folder / "loop.bin").read_bytes()
    samples, at = [], 0
    for size in material.sizes:
        samples.append(data[at : at + size])
        at += size
    parameter_sets = _parameter_sets(bytes.fromhex(material.codec_data))
    return Loop(samples, VideoFormat(Codec.H264, parameter_sets, WIDTH, HEIGHT, 0))


def _parameter_sets(configuration: bytes) -> tuple[bytes, bytes]:
    """Take SPS and PPS, one each, out of an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3)."""
    sps_bytes = int.from_bytes(configuration[6:8])
    pps = configuration[8 + sps_bytes + 1 :]
    return configuration[8 : 8 + sps_bytes], pps[2 : 2 + int.from_bytes(pps[:2])]


def name_file(camera_id: str, run_id: str, volume_id: str, start_us: int) -> OpenFile:
    """Name a file that is still to be written."""
    segment_id = new_segment_id(start_us)
    path = segment_path(camera_id, start_us, segment_id)
    return OpenFile(segment_id, camera_id, run_id, volume_id, path, start_us)


def write_fragments(
    root: Path, file: OpenFile, loop: Loop, seconds: int = SEGMENT_S, *, sample_bytes: int | None = None
) -> tuple[SegmentFile, list[FragmentSpan]]:
    """Write fragments into a new file below `root`, and leave it open as a recorder that dies would."""
    written = SegmentFile(root, file, loop.video_format)
    written.create()
    return written, [written.append(one) for one in loop.fragments(file.start_us, seconds, sample_bytes=sample_bytes)]


def close_segment(file: OpenFile, written: SegmentFile, spans: list[FragmentSpan]) -> Segment:
    """Finish a file and return its row."""
    return Segment(
        segment_id=file.segment_id,
        camera_id=file.camera_id,
        run_id=file.run_id,
        volume_id=file.volume_id,
        path=file.path,
        start_us=file.start_us,
        wall_duration_us=len(spans) * S,
        media_duration=len(spans) * TIMESCALE,
        size=spans[-1].offset + spans[-1].size,
        root=written.finish(),
        fragments=tuple(spans),
        samples=len(spans) * FPS,
    )
