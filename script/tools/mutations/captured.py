"""Mistakes between a camera and a file: packets, times, runs and the files' form."""

from __future__ import annotations

from typing import Final

from .row import Mutation

CAPTURED: Final = (
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
)
