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
    Mutation(
        "recorder_core/storage/retention_rows.py",
        "kept = held_intervals(connection, key) + reading_intervals(connection, key)",
        "kept = reading_intervals(connection, key)",
        "what is held goes like any other footage",
        ("tests/core/storage/test_retention.py",),
    ),
    Mutation(
        "recorder_core/storage/retention_rows.py",
        "kept = held_intervals(connection, key) + reading_intervals(connection, key)",
        "kept = held_intervals(connection, key)",
        "footage goes while it is being exported",
        ("tests/core/storage/test_retention.py",),
    ),
    Mutation(
        "recorder_core/storage/retention_rows.py",
        'SEGMENT.c.start_us + SEGMENT.c.wall_duration_us <= bindparam("until"),',
        'SEGMENT.c.start_us <= bindparam("until"),',
        "a file goes of which only the end is held",
        ("tests/core/storage/test_retention.py",),
    ),
    Mutation(
        "recorder_core/storage/hold_scope.py",
        "end_us=None if known.end_us is None or other.end_us is None else max(known.end_us, other.end_us),",
        "end_us=known.end_us,",
        "a key that is used again does not prolong its hold",
        ("tests/core/storage/test_holds.py",),
    ),
    Mutation(
        "recorder_core/storage/hold_scope.py",
        "max(request.start_us - math.ceil(request.pre_roll_s * _SECOND_US), -EVER_US)",
        "max(request.start_us, -EVER_US)",
        "the time before an incident is not held",
        ("tests/core/storage/test_holds.py",),
    ),
    Mutation(
        "recorder_core/storage/intervals.py",
        "begin = max(begin, hole_end)",
        "begin = hole_end",
        "what two holds cover together is less than what each does",
        ("tests/core/storage/test_intervals.py",),
    ),
    Mutation(
        "recorder_core/service/clock_trust.py",
        "if step_us > STEP_US:",
        "if step_us < -STEP_US:",
        "a clock that jumps a year ahead makes all footage old",
        ("tests/core/service/test_clock_trust.py",),
    ),
    Mutation(
        "recorder_core/service/sweep_plan.py",
        "days, rule = min(limits, key=lambda limit: limit[0])",
        "days, rule = max(limits, key=lambda limit: limit[0])",
        "what the law wants gone stays as long as the library likes",
        ("tests/core/service/test_sweep_plan.py",),
    ),
    Mutation(
        "recorder_core/merkle.py",
        "root = _node(root, other) if is_left else _node(other, root)",
        "root = _node(root, other)",
        "a proof says nothing of where its leaf is",
        ("tests/core/test_merkle.py",),
    ),
    Mutation(
        "recorder_core/ledger_chain.py",
        "return entry.hash == digest.hex()",
        "return len(entry.hash) == len(digest.hex())",
        "an entry of the ledger may be altered",
        ("tests/core/storage/test_ledger_rows.py", "tests/core/service/test_verify_ledger.py"),
    ),
    Mutation(
        "recorder_core/export/sample_check.py",
        'if b"".join(ended) == self._digests[first * DIGEST_BYTES : self._index * DIGEST_BYTES]:',
        "if len(ended) == self._index - first:",
        "a picture that the disk has changed is handed out",
        ("tests/core/export/test_clip_files.py",),
    ),
    Mutation(
        "recorder_core/export/clip_plan.py",
        "if (within := bisect_left(times, threshold)) < len(times):",
        "if (within := 0) < len(times):",
        "a clip that is to begin at the next sync sample begins before it",
        ("tests/core/export/test_clip_plan.py", "tests/core/export/test_clip_pictures.py"),
    ),
    Mutation(
        "recorder_core/export/package/verify.py",
        "if name not in manifest.names:",
        "if name not in manifest.names and not name:",
        "a file that somebody put into a package is not told of",
        ("tests/core/export/test_package_changed.py",),
    ),
    Mutation(
        "recorder_core/export/removal.py",
        "if (now_us := self._archive.trusted_us()) is not None:",
        "if (now_us := self._clock.now_us()) is not None:",
        "exports go by a clock that nobody believes",
        ("tests/core/service/test_export_removal.py",),
    ),
    Mutation(
        "recorder_core/service/ledger.py",
        "while told == MOST_LEAVES:",
        "while told < 0:",
        "the ledger is never told of footage",
        ("tests/core/service/test_ledger.py",),
    ),
)
