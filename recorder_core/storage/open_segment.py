"""A segment that is being written: what is known of it by now, seen by the event loop, changed by the writer's thread.

So it counts in index, time line and export before it is closed, without a lock between the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .records import FragmentSpan, Segment

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder_core.errors import StorageError
    from recorder_core.media import Fragment

    from .records import OpenFile


@dataclass(frozen=True, slots=True)
class SegmentTail:
    """What is known of a segment only when it ends."""

    end_us: int
    packets_lost: int = 0
    clock_offset_us: int | None = None
    host_synchronised: bool | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What of a segment has reached its file: whole fragments, their samples, and where the last of them ends."""

    end_us: int
    spans: tuple[FragmentSpan, ...] = ()
    samples: int = 0

    def with_fragment(self, span: FragmentSpan, fragment: Fragment) -> Written:
        """Return it with one fragment more."""
        return Written(fragment.end_us, (*self.spans, span), self.samples + len(fragment.samples))


@dataclass(slots=True)
class OpenSegment:
    """A segment that is being written, as the event loop sees it; only the writer's thread changes `written`.

    It does so by one assignment for each fragment that has reached the file, so whoever looks from another thread sees
    spans, samples and end that belong together. `handed_us` is where the last fragment ends that was queued. `error` is
    set once and for all when writing failed; then `on_failed` is called on the event loop: what lies between the two
    ends is lost.
    """

    file: OpenFile
    written: Written
    on_failed: Callable[[OpenSegment], None] | None = None
    handed_us: int = 0
    error: StorageError | None = None

    @property
    def end_us(self) -> int:
        """Where what has been written ends."""
        return self.written.end_us

    def partial(self) -> Segment:
        """Return what has been written so far, as a segment without a root."""
        written = self.written
        return self._segment(written, SegmentTail(end_us=written.end_us), b"")

    def whole(self, tail: SegmentTail, root: bytes) -> Segment:
        """Return the closed segment."""
        return self._segment(self.written, tail, root)

    def _segment(self, written: Written, tail: SegmentTail, root: bytes) -> Segment:
        spans = written.spans
        return Segment(
            segment_id=self.file.segment_id,
            camera_id=self.file.camera_id,
            run_id=self.file.run_id,
            volume_id=self.file.volume_id,
            path=self.file.path,
            start_us=self.file.start_us,
            wall_duration_us=max(tail.end_us - self.file.start_us, 0),
            media_duration=sum(span.duration for span in spans),
            size=spans[-1].offset + spans[-1].size if spans else 0,
            root=root,
            fragments=spans,
            samples=written.samples,
            packets_lost=tail.packets_lost,
            clock_offset_us=tail.clock_offset_us,
            host_synchronised=tail.host_synchronised,
        )
