"""The volumes that footage goes to: opened by their markers, watched for room, each with a writer of its own.

Keeps invariants 4 (a full volume stops recording loudly) and 6 (no limit means none; no marker, no footage). A volume
that cannot be used stays in the list with the reason and is tried again.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, RequestError, StorageError
from recorder_core.models import VolumeConfig, VolumeState, VolumeStatus
from recorder_core.storage.folder_check import check_folder
from recorder_core.storage.volumes import open_volume

from .disk_calls import LIMIT_S
from .volume_look import Told, VolumeLooks
from .volume_slot import PRESENT, Slot, reserve_bytes, spare_bytes
from .waiting import side_by_side, woken_or_after

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    from recorder_core.clock import Clock
    from recorder_core.storage.open_segment import OpenSegment
    from recorder_core.storage.records import Gap, Segment, Volume
    from recorder_core.storage.volumes import Room, VolumeHandle
    from recorder_core.storage.writer import VolumeWriter

    from .index_thread import IndexThread

_LOGGER = logging.getLogger(__name__)

WATCH_S = 10.0


class Volumes:
    """All volumes of a recorder."""

    def __init__(
        self,
        index: IndexThread,
        clock: Clock,
        folder: Path,
        *,
        on_found: Callable[[Volume], Awaitable[None]],
        on_closed: Callable[[Segment], None],
        on_missed: Callable[[Gap], None],
        on_read_in: Callable[[Path, int], None],
        on_changed: Callable[[VolumeStatus, VolumeState], None],
    ) -> None:
        """Report every closed segment, gaps for what a volume took along, and volumes with the state they were in.

        `on_found` is done with a volume before anything that lies on it is taken in.

        A volume that the index has never seen and that holds footage is read into it while recording goes on: the
        index was lost, or the disk comes from elsewhere. `on_read_in` tells when it is done, with the volume's path and
        the number of segments.

        `folder` is the recorder's data folder.
        """
        self._clock = clock
        told = Told(found=on_found, closed=on_closed, missed=on_missed, read_in=on_read_in, changed=on_changed)
        self._looks = VolumeLooks(index, clock, folder, told)
        self._on_changed = on_changed
        self._slots: list[Slot] = []
        self._chosen: dict[str, Slot] = {}
        self._is_watching = False

    async def open(self, configs: Sequence[VolumeConfig]) -> None:
        """Take these volumes into use, in place of the ones before; nobody records meanwhile."""
        await self._close_slots(limit_s=LIMIT_S)
        self._slots = [Slot(config) for config in configs]
        await side_by_side(self._open(slot) for slot in self._slots)

    async def _open(self, slot: Slot) -> None:
        try:
            slot.handle = await self._looks.open(slot.config)
        except StorageError as error:
            _LOGGER.error("Volume %s: %s", slot.config.path, error.message)  # noqa: TRY400  # it says all

    def handles(self) -> list[VolumeHandle]:
        """Return the volumes that could be opened."""
        return [slot.handle for slot in self._slots if slot.handle is not None]

    async def start(self) -> None:
        """Begin to take footage."""
        await side_by_side(self._look(slot) for slot in self._slots)
        if self._is_watching:
            self._watch_all()

    async def check_new(self, configs: Sequence[VolumeConfig]) -> None:
        """Make volumes of the folders that are not in use yet.

        Raises:
            RequestError: `BAD_REQUEST` for what is no folder, or for two paths to one volume.
            StorageError: what `check_folder` says against the place, a network filesystem aside, or `open_volume`
                against the volume; folders that come after the one at fault are untouched.
        """
        if len({Path(config.path) for config in configs}) < len(configs):
            raise _same_volume()
        known = {slot.config.path: slot.handle for slot in self._slots}
        ids: set[str] = set()
        for config in configs:
            handle = known[config.path] if config.path in known else await self._make(config)
            if handle is None:
                continue
            if handle.volume.volume_id in ids:  # by a symbolic link, say
                raise _same_volume()
            ids.add(handle.volume.volume_id)

    async def _make(self, config: VolumeConfig) -> VolumeHandle:
        """Make a volume of a folder, unless it is one."""
        found = await asyncio.to_thread(check_folder, config.path, accepted={ErrorCode.VOLUME_NETWORK})
        if found.problem is not None:
            raise found.problem
        expected_id = await self._looks.known_id(config.path)
        return await asyncio.to_thread(
            open_volume, config, self._clock, expected_id=expected_id, create=expected_id is None
        )

    async def start_watching(self) -> None:
        """Look at the volumes again and again until `close`, and read in what the index does not know.

        Every camera has a record by now: with what is read in, that record is complete from the first file on.
        """
        for slot in self._slots:
            if slot.handle is not None:
                await self._looks.read_in(slot, slot.handle)
        self._looks.may_read_in = True
        self._is_watching = True
        self._watch_all()

    async def close(self) -> None:
        """Finish what is queued for writing and end the writers."""
        await self._close_slots(limit_s=None)  # whoever waits for the recorder to end has a limit

    def statuses(self) -> list[VolumeStatus]:
        """Return what all volumes are like, as of the last look."""
        return [slot.status() for slot in self._slots]

    def usable(self) -> list[Volume]:
        """Return the volumes that can be written to, whether or not they take footage."""
        return [slot.handle.volume for slot in self._slots if slot.handle is not None and slot.state in PRESENT]

    async def on_disk[**P, T](self, volume: Volume, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `call(...)` returns, which touches a volume's disk; see `DiskCalls.do`.

        Raises:
            StorageError: `STORAGE_STALLED` for a disk that hangs, and the looks at it tell so; else what `call` raises.
        """
        try:
            return await self._looks.disk(volume.path).do(call, *args, **kwargs)
        except StorageError as error:
            if error.code is ErrorCode.STORAGE_STALLED:
                self.look_soon()
            raise

    def all_opened(self) -> bool:
        """Whether every volume was there at least once since this start."""
        return all(slot.handle is not None for slot in self._slots)

    async def rooms(self) -> list[tuple[Volume, Room, VolumeState]]:
        """Return the volumes that can be written to with their room now, and their state as of the last look."""
        found = []
        for slot in tuple(self._slots):
            if slot.handle is not None and slot.writer is not None and slot.state in PRESENT:
                with suppress(StorageError):  # the next look says what is wrong with it
                    room = await self._looks.room(slot, slot.handle, slot.writer)
                    found.append((slot.handle.volume, room, slot.state))
        return found

    def look_soon(self) -> None:
        """Look at the volumes now: there may be more room than before."""
        for slot in self._slots:
            slot.look_soon.set()

    def take_room(self, *, tight: Collection[str], only_held: Collection[str], being_read: Collection[str]) -> None:
        """Take note, by their ids, of volumes whose room soon ends, and of full ones on which nothing may go.

        What they have is held, or what of it is not is read just now.
        """
        for slot in self._slots:
            volume_id = None if slot.handle is None else slot.handle.volume.volume_id
            slot.tight = volume_id in tight
            kept = (volume_id in only_held, volume_id in being_read)
            if kept != (slot.only_held, slot.being_read):
                slot.only_held, slot.being_read = kept
                self._on_changed(slot.status(), slot.state)

    def obstacle(self) -> StorageError | None:
        """Return why no volume takes footage, as of the last look; None while one does."""
        return None if self._by_room(VolumeState.OK) else self._trouble()

    def writer(self, camera_id: str) -> VolumeWriter:
        """Return where the next segment of a camera goes: where its last one went, as long as there is room.

        Else it goes where there is most room.

        Raises:
            StorageError: what keeps the volume that was configured first from being used.
        """
        usable = [slot for slot in self._slots if slot.state is VolumeState.OK and slot.writer is not None]
        if not usable:
            self._chosen.pop(camera_id, None)
            raise self._trouble()
        usable = [slot for slot in usable if not slot.tight] or usable
        slot = self._chosen.get(camera_id)
        if slot is None or slot not in usable:
            slot = self._chosen[camera_id] = max(usable, key=_spare)
        if slot.writer is None:
            raise RuntimeError("a usable volume has a writer")
        return slot.writer

    def path(self, volume_id: str) -> Path:
        """Return where a volume lies.

        Raises:
            StorageError: `VOLUME_MISSING` while it cannot be used.
        """
        for slot in self._slots:
            if slot.handle is not None and slot.handle.volume.volume_id == volume_id and slot.writer is not None:
                return slot.handle.volume.path
        raise StorageError(ErrorCode.VOLUME_MISSING, "The volume of this footage is not there.", volume_id=volume_id)

    def roots(self) -> list[Path]:
        """Return the folders of all volumes that can be written to, the one with most room first.

        One that is full for footage may still take an export: limits are there to be left room by footage.
        """
        return [Path(slot.config.path) for slot in self._by_room(*PRESENT)]

    def check_room(self, size: int) -> None:
        """Make sure that so many bytes fit on the volume with most room, as of the last look.

        Raises:
            StorageError: `VOLUME_FULL`, or what keeps the volume from being used.
        """
        roomiest = next(iter(self._by_room(*PRESENT)), None)
        if roomiest is None:
            raise self._trouble()
        if roomiest.room is not None and roomiest.room.free_bytes < size + reserve_bytes(roomiest.room):
            raise StorageError(ErrorCode.VOLUME_FULL, "There is not enough room for the export.")

    def open_segments(self, camera_id: str) -> list[OpenSegment]:
        """Return the segments of a camera that are being written."""
        writers = [slot.writer for slot in self._slots if slot.writer is not None]
        return [segment for writer in writers for segment in writer.open_segments(camera_id)]

    async def drained(self) -> None:
        """Wait until all that was handed to the writers so far lies in the files."""
        for slot in self._slots:
            if slot.writer is not None:
                await slot.writer.drained()

    def _by_room(self, *states: VolumeState) -> list[Slot]:
        """Return the opened volumes that are in one of these states, the one with most room first."""
        usable = [slot for slot in self._slots if slot.state in states and slot.writer is not None]
        return sorted(usable, key=lambda slot: -slot.room.free_bytes if slot.room is not None else 0)

    def _trouble(self) -> StorageError:
        """Return what keeps the volume that was configured first from being used."""
        if not self._slots:
            return StorageError(ErrorCode.VOLUME_MISSING, "No volume has been set up yet.")
        return self._slots[0].error or StorageError(ErrorCode.VOLUME_MISSING, "The volume is not ready.")

    def _watch_all(self) -> None:
        """Look at each volume again and again, beside the others: a disk may take its time, or hang."""
        for slot in self._slots:
            slot.watching = asyncio.create_task(self._watch(slot), name=f"volume {slot.config.path}")

    async def _watch(self, slot: Slot) -> None:
        while True:
            await woken_or_after(self._clock, slot.look_soon, WATCH_S)
            if slot.dropped:
                return
            try:
                await self._look(slot)
            except Exception:  # whatever it is, the next look is not to be given up for it
                _LOGGER.exception("Looking at volume %s failed", slot.config.path)

    async def _look(self, slot: Slot) -> None:
        await self._looks.look(slot)

    async def _close_slots(self, *, limit_s: float | None) -> None:
        await self._looks.close(self._slots, limit_s=limit_s)
        self._slots = []
        self._chosen.clear()


def _spare(slot: Slot) -> int:
    return 0 if slot.room is None else spare_bytes(slot.room)


def _same_volume() -> RequestError:
    return RequestError(ErrorCode.BAD_REQUEST, "Two paths lead to one volume.", field="volumes")
