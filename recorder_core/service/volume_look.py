"""Looking at one volume: opens it, sees what state it is in, and settles what it took along or brought back.

Keeps invariants 4 and 6: a volume without its own marker gets no footage, and what was being written when one went away
is in a gap until it is back. A disk that does not answer counts as away.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from recorder_core.errors import StorageError
from recorder_core.models import VolumeState
from recorder_core.storage.index import Index
from recorder_core.storage.reconcile import miss_left, salvage_left
from recorder_core.storage.volumes import open_volume
from recorder_core.storage.writer import VolumeWriter

from .disk_calls import DiskCalls, stalled
from .index_thread import IndexJournal
from .read_in import ReadIn, note_unread, unread_note
from .volume_slot import PRESENT, STATES, find_shortage, full, growing_bytes, regrowing_bytes

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from recorder_core.clock import Clock
    from recorder_core.models import VolumeConfig, VolumeStatus
    from recorder_core.storage.open_segment import OpenSegment
    from recorder_core.storage.records import Gap, Segment, Volume
    from recorder_core.storage.volumes import Room, VolumeHandle

    from .index_thread import IndexThread
    from .volume_slot import Slot

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Who is told of what; see `Volumes`."""

    found: Callable[[Volume], Awaitable[None]]
    closed: Callable[[Segment], None]
    missed: Callable[[Gap], None]
    read_in: Callable[[Path, int], None]
    changed: Callable[[VolumeStatus, VolumeState], None]


class VolumeLooks:
    """Looks at the volumes of a recorder, on the running event loop."""

    def __init__(self, index: IndexThread, clock: Clock, folder: Path, told: Told) -> None:
        """Keep what is found in `index`; `folder` is the recorder's data folder."""
        self._index = index
        self._clock = clock
        self._folder = folder
        self._told = told
        self._disks: dict[str, DiskCalls] = {}
        self._closing: dict[str, asyncio.Task[None]] = {}
        self.may_read_in = False
        """Whether every camera has a record by now, so that footage may be read into it."""

    async def look(self, slot: Slot) -> None:
        """See what state a volume is in, and tell if it is another one than before."""
        before = slot.status()
        try:
            handle = slot.handle = slot.handle or await self.open(slot.config)
            await self.disk(slot.config.path).do(handle.check)
            slot.writer = writer = slot.writer or self._start_writer(slot, handle)
            if self.may_read_in:
                await self.read_in(slot, handle)
            slot.room = room = await self.room(slot, handle, writer)
            await self.disk(slot.config.path).do(handle.check_writable)
            if slot.unsettled or slot.state not in PRESENT:
                await self._salvage(slot, handle, writer)
        except StorageError as error:
            slot.error = error
            slot.state = STATES.get(error.code, VolumeState.MISSING)
        else:
            short = find_shortage(room, slot.state)
            slot.state = VolumeState.OK if short is None else VolumeState.FULL
            slot.error = None if short is None else full(short)
        if slot.handle is not None and slot.state not in PRESENT:
            await self._miss(slot, slot.handle)
        after = slot.status()
        if after.state is not before.state:
            _LOGGER.log(
                logging.INFO if slot.error is None else logging.ERROR,
                "Volume %s: %s",
                slot.config.path,
                after.state if slot.error is None else slot.error.message,
            )
        if after != before:
            self._told.changed(after, before.state)

    async def open(self, config: VolumeConfig) -> VolumeHandle:
        """Open a volume; if it holds footage that the index has never seen, note that before the index knows it."""
        expected_id = await self.known_id(config.path)
        disk = self.disk(config.path)
        handle = await disk.do(open_volume, config, self._clock, expected_id=expected_id)
        with suppress(StorageError):  # the next look says what is wrong with it; one that hangs is asked no more
            await disk.do(handle.check_writable)
        await disk.do(handle.check)
        if (closing := self._closing.get(handle.volume.volume_id)) is not None and not closing.done():
            raise stalled()
        await self._told.found(handle.volume)
        known = {volume.volume_id for volume in await self._index.ask(Index.volumes)}
        if handle.volume.volume_id not in known:
            await disk.do(note_unread, self._folder, handle.volume)
        await self._index.ask(Index.put_volume, handle.volume)
        return handle

    async def close(self, slots: Collection[Slot], *, limit_s: float | None) -> None:
        """Finish what is queued for writing and end all work on volumes that are in use no more.

        A disk that takes longer than `limit_s` goes on by itself; until it has finished its volume is not taken up.
        """
        closing = {asyncio.create_task(slot.close(), name=f"closing {slot.config.path}"): slot for slot in slots}
        if closing:
            await asyncio.wait(closing, timeout=limit_s)
        for task, slot in closing.items():
            if task.done():
                task.result()
            else:
                _LOGGER.error("Volume %s is closed as soon as its disk has written all", slot.config.path)
                self._closing[slot.config.path if slot.handle is None else slot.handle.volume.volume_id] = task

    async def read_in(self, slot: Slot, handle: VolumeHandle) -> None:
        """Begin to read what the index does not know of a volume, if there is such, and nobody does so yet."""
        note = unread_note(self._folder, handle.volume.volume_id)
        if slot.reading is None and await asyncio.to_thread(note.exists):
            slot.reading = ReadIn(self._index, self._clock, self._folder, handle, partial(self._is_read, slot))

    def _is_read(self, slot: Slot, path: Path, segments: int) -> None:
        self._told.read_in(path, segments)
        self._told.changed(slot.status(), slot.state)

    async def known_id(self, path: str) -> str | None:
        """Return the id of the volume that lay in a folder last; None if none ever did."""
        volumes = await self._index.ask(Index.volumes)
        return next((volume.volume_id for volume in reversed(volumes) if volume.path == Path(path)), None)

    async def room(self, slot: Slot, handle: VolumeHandle, writer: VolumeWriter) -> Room:
        """Return a volume's room now. Raises StorageError."""
        volume_id = handle.volume.volume_id
        used = await self._index.ask(Index.bytes_on_volume, volume_id)
        pending = await self._index.ask(Index.pending_bytes, volume_id)
        files = [segment.partial() for segment in writer.open_segments()]
        used += sum(file.size for file in files)
        if slot.room is None:
            slot.growing_bytes = regrowing_bytes(await self._index.ask(Index.newest_on, volume_id))
        elif slot.state is VolumeState.OK:  # a full one is to have room for as many as it had, before it takes up again
            slot.growing_bytes = growing_bytes(files)
        used += slot.reading.unread_bytes if slot.reading is not None else 0
        return await self.disk(slot.config.path).do(
            handle.room, used_bytes=used, pending_bytes=pending, growing_bytes=slot.growing_bytes
        )

    def disk(self, path: str | Path) -> DiskCalls:
        """Return what asks a volume's disk: one that hangs does so after a change of settings, too."""
        name = str(Path(path))
        return self._disks.setdefault(name, DiskCalls(name))

    async def _salvage(self, slot: Slot, handle: VolumeHandle, writer: VolumeWriter) -> None:
        """Take into the index what was being written when the volume went away, or failed for a moment."""
        slot.unsettled = any(segment.error is not None for segment in writer.open_segments())
        for segment in await self._index.ask(salvage_left, handle, slot.being_written):
            _LOGGER.warning("%s was salvaged from volume %s", segment.path, handle.volume.path)
            self._told.closed(segment)

    async def _miss(self, slot: Slot, handle: VolumeHandle) -> None:
        """Account for what was being written when the volume went away, until it is back (invariant 4)."""
        try:
            gaps = await self._index.ask(miss_left, handle.volume.volume_id, slot.being_written)
        except StorageError as error:  # the next look asks again
            _LOGGER.error("What volume %s took along is not accounted for: %s", handle.volume.path, error.message)  # noqa: TRY400  # it says all
            return
        for gap in gaps:
            self._told.missed(gap)

    def _start_writer(self, slot: Slot, handle: VolumeHandle) -> VolumeWriter:
        writer = VolumeWriter(
            handle.volume, IndexJournal(self._index), on_closed=self._told.closed, on_failed=partial(self._failed, slot)
        )
        writer.start()
        return writer

    def _failed(self, slot: Slot, segment: OpenSegment) -> None:
        _LOGGER.error("Writing %s failed: %s", segment.file.path, segment.error)
        slot.unsettled = True
        slot.look_soon.set()
