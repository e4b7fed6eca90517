"""Writes the segments of one volume on a thread of its own.

So a slow disk holds up neither the event loop nor another volume.

Keeps invariants 1 and 2 (the index knows a file before it exists, and a segment only after it is whole and synced), 6
(no file is created where the volume's marker is not) and 7 (`rpo_s` is what a power cut may take). Memory is bounded:
past `max_backlog_bytes` an append is refused, and the camera records a `storage_stalled` gap, not an endless queue.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol

from recorder_core.errors import ErrorCode, StorageError

from .files import storage_error, sync_filesystem
from .open_segment import OpenSegment, SegmentTail, Written
from .segment_file import SegmentFile
from .volumes import VolumeHandle

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder_core.media import Fragment, VideoFormat

    from .records import OpenFile, Segment, Volume

_LOGGER = logging.getLogger(__name__)

DEFAULT_RPO_S = 5.0
DEFAULT_BACKLOG_BYTES = 96 << 20

_SLOW_S = 1.0
"""Work on the disk that takes longer is named in the log."""


class Journal(Protocol):
    """What the index does for the writer. Called on the writer's thread; each call is one committed transaction."""

    def file_opened(self, file: OpenFile) -> None:
        """Remember a file that is about to be created."""
        ...

    def file_closed(self, segment: Segment, next_file: OpenFile | None = None) -> None:
        """Turn an open file into a segment and, in the same transaction, remember the file that follows it."""
        ...

    def file_discarded(self, segment_id: int) -> None:
        """Forget an open file that held no fragment and was removed."""
        ...


class VolumeWriter:
    """Takes fragments from the event loop and turns them into the files of one volume.

    All public methods belong to the event loop that called `start`; `on_closed` and `on_failed` are called there.
    """

    def __init__(
        self,
        volume: Volume,
        journal: Journal,
        *,
        on_closed: Callable[[Segment], None],
        on_failed: Callable[[OpenSegment], None],
        rpo_s: float = DEFAULT_RPO_S,
        max_backlog_bytes: int = DEFAULT_BACKLOG_BYTES,
    ) -> None:
        """Prepare a writer for `volume` that reports to `journal`."""
        self.volume = volume
        self._journal = journal
        self._on_closed = on_closed
        self._on_failed = on_failed
        self._rpo_s = rpo_s
        self._max_backlog = max_backlog_bytes
        self._queue: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._backlog = 0
        self._open: dict[int, OpenSegment] = {}
        self._files: dict[int, SegmentFile] = {}
        self._dirty_since: float | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = asyncio.Event()

    # On the event loop

    def start(self) -> None:
        """Start the thread."""
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, name=f"volume-{self.volume.volume_id}", daemon=True).start()

    async def stop(self) -> None:
        """Do what is queued, sync, and end the thread. What is still open then is left to reconcile."""
        self._queue.put(None)
        await self._ended.wait()

    async def drained(self) -> None:
        """Wait until all that is queued now has been done."""
        done = asyncio.Event()
        self._queue.put(lambda: self._tell(done.set))
        await done.wait()

    @property
    def backlog_bytes(self) -> int:
        """Bytes of samples that are queued and not yet written."""
        return self._backlog

    def open_segments(self, camera_id: str | None = None) -> list[OpenSegment]:
        """Return the segments being written, of one camera or of all."""
        with self._lock:
            return [one for one in self._open.values() if camera_id in (None, one.file.camera_id)]

    def open(
        self, file: OpenFile, fmt: VideoFormat, *, on_failed: Callable[[OpenSegment], None] | None = None
    ) -> OpenSegment:
        """Queue the creation of a segment's file; `on_failed` is what its owner wants to know beside the writer's."""
        segment = self._register(file, on_failed)
        self._queue.put(lambda: self._create(segment, fmt, journalled=False))
        return segment

    def append(self, segment: OpenSegment, fragment: Fragment) -> None:
        """Queue a fragment.

        Raises:
            StorageError: `STORAGE_STALLED` when the disk is too far behind to take more; else what an earlier write
                of this segment met.
        """
        if segment.error is not None:
            raise segment.error
        size = fragment.size
        if self._backlog + size > self._max_backlog:
            raise StorageError(
                ErrorCode.STORAGE_STALLED,
                f"The disk is {self._backlog >> 20} MiB behind; recording pauses until it has caught up.",
                backlog_mib=self._backlog >> 20,
            )
        with self._lock:
            self._backlog += size
        segment.handed_us = fragment.end_us
        self._queue.put(lambda: self._append(segment, fragment, size))

    def rotate(self, segment: OpenSegment, tail: SegmentTail, file: OpenFile, fmt: VideoFormat) -> OpenSegment:
        """Queue the end of a segment and the start of the next, journalled in one transaction."""
        successor = self._register(file, segment.on_failed)

        def work() -> None:
            journalled = self._close(segment, tail, file)
            self._create(successor, fmt, journalled=journalled)

        self._queue.put(work)
        return successor

    def close(self, segment: OpenSegment, tail: SegmentTail) -> None:
        """Queue the end of a segment."""

        def work() -> None:
            self._close(segment, tail, None)

        self._queue.put(work)

    def _register(self, file: OpenFile, on_failed: Callable[[OpenSegment], None] | None) -> OpenSegment:
        segment = OpenSegment(file, Written(file.start_us), on_failed, handed_us=file.start_us)
        with self._lock:
            self._open[file.segment_id] = segment
        return segment

    # On the thread

    def _run(self) -> None:
        while True:
            timeout = None
            if self._dirty_since is not None:
                timeout = max(self._dirty_since + self._rpo_s - time.monotonic(), 0)
            try:
                work = self._queue.get(timeout=timeout)
            except queue.Empty:
                self._sync()
                continue
            if work is None:
                break
            began = time.monotonic()
            work()
            if (took := time.monotonic() - began) > _SLOW_S:
                _LOGGER.warning("Writing to volume %s took %.1f s", self.volume.path, took)
            if self._dirty_since is not None and time.monotonic() - self._dirty_since >= self._rpo_s:
                self._sync()
        self._sync()
        for file in self._files.values():
            file.release()
        self._tell(self._ended.set)

    def _create(self, segment: OpenSegment, fmt: VideoFormat, *, journalled: bool) -> None:
        with _Reporting(self, segment, "Creating a segment"):
            file = SegmentFile(self.volume.path, segment.file, fmt)
            self._files[segment.file.segment_id] = file
            VolumeHandle(self.volume).check()
            if not journalled:
                self._journal.file_opened(segment.file)
            file.create()

    def _append(self, segment: OpenSegment, fragment: Fragment, size: int) -> None:
        with _Reporting(self, segment, "Writing a fragment"):
            if segment.error is None:
                span = self._files[segment.file.segment_id].append(fragment)
                segment.written = segment.written.with_fragment(span, fragment)
                if self._dirty_since is None:
                    self._dirty_since = time.monotonic()
        with self._lock:
            self._backlog -= size

    def _close(self, segment: OpenSegment, tail: SegmentTail, next_file: OpenFile | None) -> bool:
        """Finish a segment; True if `next_file` was journalled with it.

        It counts as open until the index has it, so that whoever looks at both misses it at no moment.
        """
        try:
            return self._finish(segment, tail, next_file)
        finally:
            with self._lock:
                self._open.pop(segment.file.segment_id, None)

    def _finish(self, segment: OpenSegment, tail: SegmentTail, next_file: OpenFile | None) -> bool:
        file = self._files.pop(segment.file.segment_id, None)
        with _Reporting(self, segment, "Closing a segment"):
            if file is None or not segment.written.spans:
                if file is not None:
                    file.discard()
                self._journal.file_discarded(segment.file.segment_id)
                return False
            if segment.error is not None:  # it ends where the last fragment that was written ends
                tail = SegmentTail(segment.end_us, tail.packets_lost, tail.clock_offset_us, tail.host_synchronised)
            whole = segment.whole(tail, file.finish())
            self._journal.file_closed(whole, next_file)
            self._tell(lambda: self._on_closed(whole))
            return next_file is not None
        return False

    def fail(self, segment: OpenSegment, error: StorageError) -> None:
        """Mark a segment as failed and tell the event loop, once."""
        if segment.error is None:
            segment.error = error
            if segment.on_failed is not None:
                self._tell(partial(segment.on_failed, segment))
            self._tell(lambda: self._on_failed(segment))

    def _sync(self) -> None:
        """Bring what was written to the disk, all open files of the volume in one go."""
        self._dirty_since = None
        try:
            sync_filesystem(self.volume.path)
        except OSError as error:
            _LOGGER.exception("Syncing volume %s failed", self.volume.path)
            for segment in self.open_segments():
                self.fail(segment, storage_error(error, "Syncing the volume"))

    def _tell(self, call: Callable[[], object]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop closed while the thread was still writing
                self._loop.call_soon_threadsafe(call)


class _Reporting:
    """Turns what the disk or the index refuses into the segment's error, so that one camera's trouble stays its own."""

    def __init__(self, writer: VolumeWriter, segment: OpenSegment, doing: str) -> None:
        self._writer = writer
        self._segment = segment
        self._doing = doing

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        match error:
            case None:
                return False
            case StorageError():
                known = error
            case OSError():
                known = storage_error(error, self._doing)
            case _:
                _LOGGER.error("%s failed unexpectedly", self._doing, exc_info=error)
                known = StorageError(ErrorCode.STORAGE_FAILED, f"{self._doing} failed.", doing=self._doing)
        self._writer.fail(self._segment, known)
        return isinstance(error, Exception)
