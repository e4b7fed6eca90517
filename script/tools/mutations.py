"""Twenty mistakes that a careful programmer could make, each where it would cost footage or its truth.

A row names a file, text that stands in it exactly once, what is put in its place, the mistake in words, and the tests
that are expected to catch it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Mutation:
    """One row: see the module."""

    path: str
    text: str
    replacement: str
    mistake: str
    tests: tuple[str, ...]


MUTATIONS: Final = (
    Mutation(
        "recorder_core/capture/timeline.py",
        "self._duration = duration = dts - former",
        "self._duration = duration = _FALLBACK_DURATION",
        "every picture lasts 1/25 s, whatever the camera's rate",
        ("tests/core/capture/test_timeline.py",),
    ),
    Mutation(
        "recorder_core/capture/run.py",
        "dts - self._samples[0].dts >= _FRAGMENT",
        "dts - self._samples[0].dts >= 2 * _FRAGMENT",
        "a fragment takes two seconds, which a crash would cost",
        ("tests/core/capture/test_recording.py",),
    ),
    Mutation(
        "recorder_core/capture/run.py",
        "count + unit.packets_lost)",
        "unit.packets_lost)",
        "a gap tells only of its last loss",
        ("tests/core/capture/test_recording_losses.py",),
    ),
    Mutation(
        "recorder_core/capture/run_clock.py",
        "rate = min(max((media * _US + guess - here) / SEGMENT_US, -MAX_RATE), MAX_RATE)",
        "rate = (media * _US + guess - here) / SEGMENT_US",
        "a run's clock follows every guess at any speed",
        ("tests/core/capture/test_run_clock.py",),
    ),
    Mutation(
        "recorder_core/capture/run_clock.py",
        "offset < self._smallest:",
        "offset > self._smallest:",
        "the slowest journey sets the clock, not the quickest",
        ("tests/core/capture/test_run_clock.py",),
    ),
    Mutation(
        "recorder_core/capture/recording.py",
        "self._clock_stepped = abs(change) > _CLOCK_STEP_US",
        "self._clock_stepped = change > _CLOCK_STEP_US",
        "a clock that is set back does not end the run",
        ("tests/core/capture/test_recording_time.py",),
    ),
    Mutation(
        "recorder_core/rtp/depacketizer.py",
        "self.pts += step - (1 << 32) if step >= 1 << 31 else step",
        "self.pts += step",
        "a picture of the past lies thirteen hours ahead",
        ("tests/core/rtp",),
    ),
    Mutation(
        "recorder_core/rtp/depacketizer.py",
        "missing = (sequence - self._expected) & 0xFFFF",
        "missing = sequence - self._expected",
        "sequence numbers do not wrap",
        ("tests/core/rtp",),
    ),
    Mutation(
        "recorder_core/rtp/depacketizer.py",
        "self._sync and whole and self._whole and self._first_seen",
        "self._sync",
        "a sync sample that lacks a slice is a place to start from",
        ("tests/core/rtp",),
    ),
    Mutation(
        "recorder_core/rtp/depacketizer.py",
        "(self._size - self._fu_size - 4).to_bytes(4)",
        "(self._size - self._fu_size).to_bytes(4)",
        "a NAL unit says that it is four bytes longer than it is",
        ("tests/core/rtp",),
    ),
    Mutation(
        "recorder_core/rtp/rtcp.py",
        "fraction * 1_000_000 >> 32",
        "fraction * 1_000 >> 32",
        "a sender report's fraction of a second counts for next to nothing",
        ("tests/core/rtp/test_rtcp.py",),
    ),
    Mutation(
        "recorder_core/rtsp/auth.py",
        "self._count += 1",
        "self._count = 1",
        "a nonce is never counted on",
        ("tests/core/rtsp/test_auth.py",),
    ),
    Mutation(
        "recorder_core/mp4/fragment.py",
        "sample.pts - sample.dts,",
        "max(sample.pts - sample.dts, 0),",
        "pictures that are shown before their decoding time are shown late",
        ("tests/core/mp4/test_segment.py",),
    ),
    Mutation(
        "recorder_core/mp4/fragment.py",
        "samples[0].dts - base_dts, count",
        "samples[0].dts, count",
        "a file's time line begins where the run's does",
        ("tests/core/mp4/test_segment.py",),
    ),
    Mutation(
        "recorder_core/mp4/progressive.py",
        "index + 1 for index in table.sync",
        "index for index in table.sync",
        "a clip's sync samples are counted from 0",
        ("tests/core/mp4/test_progressive.py",),
    ),
    Mutation(
        "recorder_core/mp4/track.py",
        "if len(tracks) != 1:",
        "if not tracks:",
        "a second track, which may be sound, is no fault",
        ("tests/core/mp4",),
    ),
    Mutation(
        "recorder_core/storage/volumes.py",
        "left = room.free_bytes + room.pending_bytes - wanted_bytes",
        "left = room.free_bytes - wanted_bytes",
        "what is being deleted does not count as free",
        ("tests/core/storage/test_volumes.py",),
    ),
    Mutation(
        "recorder_core/storage/database.py",
        "get('sqlite_begin', 'DEFERRED')",
        "get('sqlite_start', 'DEFERRED')",
        "a writer takes its lock only after it has read",
        ("tests/core/storage/test_database.py",),
    ),
    Mutation(
        "recorder_core/storage/segment_file.py",
        "os.ftruncate(self._fd, self.size)",
        "os.ftruncate(self._fd, self.size + wanted)",
        "half a fragment stays in the file when the disk refuses the rest",
        ("tests/core/storage_writer/test_segment_file.py",),
    ),
    Mutation(
        "recorder_core/storage/segment_rows.py",
        "SEGMENT.c.start_us > start_us - longest",
        "SEGMENT.c.start_us >= start_us",
        "a segment that began before the window is not found",
        ("tests/core/storage/test_rows.py",),
    ),
)
