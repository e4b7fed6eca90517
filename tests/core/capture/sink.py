"""A sink like the service's: a real index on a thread of its own, a real writer, and an account that tests can read."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recorder_core.service.index_thread import IndexJournal, IndexThread
from recorder_core.simulator.waiting import Bell
from recorder_core.storage.index import Index
from recorder_core.storage.intervals import subtract
from recorder_core.storage.writer import VolumeWriter
from tests.core.storage.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from recorder_core.errors import StorageError
    from recorder_core.storage.open_segment import OpenSegment
    from recorder_core.storage.records import Gap, GapReason, Run, Segment


@dataclass(slots=True)
class Account:
    """What a camera has reported."""

    runs: list[Run] = field(default_factory=list)
    ends: list[tuple[int, str]] = field(default_factory=list)
    opened: list[GapReason] = field(default_factory=list)
    lost: list[tuple[int, int, GapReason, str]] = field(default_factory=list)


class Sink:
    """Keeps the account of all cameras, in the index and for the test."""

    def __init__(self, store: Store, writer: VolumeWriter, index: IndexThread) -> None:
        """Hand out `writer` for every segment."""
        self.store = store
        self.index = index
        self.refusal: StorageError | None = None
        self.bell = Bell()
        self._writer = writer
        self._accounts: dict[str, Account] = {}
        self._cameras_of_runs: dict[str, str] = {}
        self._gap_ids: dict[str, int] = {}

    def account(self, camera_id: str) -> Account:
        """Return what that camera has reported."""
        return self._accounts.setdefault(camera_id, Account())

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is true that a report made true."""
        async with asyncio.timeout(60):
            await self.bell.wait(condition)

    # CaptureSink

    def obstacle(self) -> StorageError | None:
        """Return what was set."""
        return self.refusal

    def writer(self, camera_id: str) -> VolumeWriter:  # noqa: ARG002 - one for all
        """Return the writer."""
        if self.refusal is not None:
            raise self.refusal
        return self._writer

    def run_started(self, run: Run) -> None:
        """Keep it."""
        self._cameras_of_runs[run.run_id] = run.camera_id
        self.account(run.camera_id).runs.append(run)
        self.index.post(Index.begin_run, run)
        self.bell.ring()

    def run_ended(self, run_id: str, end_us: int, reason: str) -> None:
        """Keep it."""
        self.account(self._cameras_of_runs[run_id]).ends.append((end_us, reason))
        self.index.post(Index.end_run, run_id, end_us, reason)
        self.bell.ring()

    def gap_opened(self, camera_id: str, start_us: int, reason: GapReason, detail: str) -> None:
        """Keep it."""
        self.account(camera_id).opened.append(reason)
        self.index.post(self._open_gap, camera_id, start_us, reason, detail)
        self.bell.ring()

    def gap_closed(self, camera_id: str, end_us: int) -> None:
        """Keep it."""
        self.index.post(self._close_gap, camera_id, end_us)
        self.bell.ring()

    def gap(self, camera_id: str, start_us: int, end_us: int, reason: GapReason, detail: str) -> None:
        """Keep it."""
        self.account(camera_id).lost.append((start_us, end_us, reason, detail))
        self.index.post(Index.add_gap, camera_id, start_us, end_us, reason, detail)
        self.bell.ring()

    def changed(self, camera_id: str) -> None:  # noqa: ARG002 - whoever waits looks for itself
        """Wake whoever waits."""
        self.bell.ring()

    def _open_gap(self, index: Index, camera_id: str, start_us: int, reason: GapReason, detail: str) -> None:
        self._gap_ids[camera_id] = index.open_gap(camera_id, start_us, reason, detail)

    def _close_gap(self, index: Index, camera_id: str, end_us: int) -> None:
        if (gap_id := self._gap_ids.pop(camera_id, None)) is not None:
            index.close_gap(gap_id, end_us)


class Place:
    """Where tests record to."""

    def __init__(self, root: Path, *, max_backlog_bytes: int = 96 << 20) -> None:
        """Open a store below `root`; call within the event loop."""
        (root / "volume").mkdir(exist_ok=True)
        self.store = Store(root)
        self.closed: list[Segment] = []
        self.failed: list[OpenSegment] = []
        self.index = IndexThread(self.store.index)
        self.writer = VolumeWriter(
            self.store.handle.volume,
            IndexJournal(self.index),
            on_closed=self._closed,
            on_failed=self.failed.append,
            max_backlog_bytes=max_backlog_bytes,
        )
        self.writer.start()
        self.sink = Sink(self.store, self.writer, self.index)

    def _closed(self, segment: Segment) -> None:
        self.closed.append(segment)
        self.sink.bell.ring()

    def add_camera(self, camera_id: str) -> None:
        """Make it known to the index."""
        self.index.post(Index.put_camera, camera_id, camera_id.title())

    async def settle(self) -> None:
        """Wait until all that was handed over is on the disk and in the index."""
        await self.writer.drained()
        await self.index.ask(Index.open_gaps)

    async def segments(self, camera_id: str) -> list[Segment]:
        """Return the segments of a camera in the order in which they were begun."""
        found = await self.index.ask(Index.segments, camera_id, 0, 1 << 60)
        return sorted(found, key=lambda one: one.segment_id >> 20)

    async def gaps(self, camera_id: str) -> list[Gap]:
        """Return the gaps of a camera."""
        return await self.index.ask(Index.gaps, camera_id, 0, 1 << 60)

    async def holes(self, camera_id: str, start_us: int, end_us: int, tolerance_us: int) -> list[tuple[int, int]]:
        """Return what of a time is in no segment and in no gap (invariant 4), but for the tolerance."""
        covered = [(one.start_us, one.end_us) for one in await self.segments(camera_id)]
        covered += [(one.start_us, end_us if one.end_us is None else one.end_us) for one in await self.gaps(camera_id)]
        holes = subtract([(start_us, end_us)], covered)
        return [(begin, end) for begin, end in holes if end - begin > tolerance_us]

    async def close(self) -> None:
        """End the threads."""
        await self.writer.stop()
        await self.index.close()


@asynccontextmanager
async def place(root: Path, *, max_backlog_bytes: int = 96 << 20) -> AsyncGenerator[Place]:
    """Give a place to record to."""
    opened = Place(root, max_backlog_bytes=max_backlog_bytes)
    try:
        yield opened
    finally:
        await opened.close()
