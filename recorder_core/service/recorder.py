"""`Recorder`: everything that one data folder's recorder does, behind the few calls that the API makes.

Start: lock → index → volumes' files and index brought together → `recorder_down` gaps → volumes → cameras, and behind
them the reading of footage that the index does not know. Stop: the same backwards.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

from recorder_core.clock import host_synchronised
from recorder_core.decoder import Decoder
from recorder_core.errors import ErrorCode
from recorder_core.models import (
    API_VERSION,
    Coverage,
    Duty,
    FeedItem,
    LedgerPage,
    ProbeRequest,
    ProbeResult,
    RecorderStatus,
    Settings,
    VolumeCheck,
    VolumeConfig,
    VolumeState,
    VolumeStatus,
)
from recorder_core.rtsp import Poller
from recorder_core.storage.folder_check import check_folder
from recorder_core.storage.index import Index
from recorder_core.storage.lock import StoreLock
from recorder_core.version import __version__

from .archive import ServiceArchive, Store
from .cameras import Cameras
from .configuration import Configuration
from .duties import Duties
from .events import EventKind, EventLog
from .exporting import Exporting
from .feed import Feed
from .footage import Footage
from .index_backups import keep_backups
from .index_thread import IndexThread
from .keeping import Keeping
from .ledger import LedgerKeeper
from .probe import probe
from .problems import problem_of
from .settings import SettingsFiles
from .startup import INDEX, bring_together, open_index
from .volumes import Volumes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from recorder_core.clock import Clock
    from recorder_core.storage.records import Event, Gap, Segment

_LOGGER = logging.getLogger(__name__)

HEARTBEAT_S = 5.0
"""How exactly a start after a crash knows when the recorder went down, where no footage tells."""


class Recorder:
    """One recorder on one data folder, between `__aenter__` and `__aexit__`, on the event loop that entered it."""

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock,
        supervisor_pid: int | None = None,
        volumes: Sequence[Path] = (),
        synchronised: Callable[[], bool | None] = host_synchronised,
    ) -> None:
        """Prepare a recorder on `folder`, which exists; `volumes` are taken into use if the settings name none.

        `synchronised` says whether anything disciplines the host's clock, None where that is not known.
        """
        self._folder = folder
        self._clock = clock
        self._supervisor_pid = supervisor_pid
        self._first_volumes = [VolumeConfig(path=str(path)) for path in volumes]
        self._synchronised = synchronised
        self._started_us = clock.now_us()
        self._files = SettingsFiles(folder)
        self._store_id = ""
        self._stack = AsyncExitStack()
        self._poller = Poller(clock)
        self._decoder = Decoder()
        self.shutdown_requested = asyncio.Event()
        self.index_damaged = asyncio.Event()
        self.feed = Feed(self._events_after, self._last_event, self.status)

    # Life

    async def __aenter__(self) -> Self:
        """Start.

        Raises:
            RecorderError: `STORE_LOCKED`, `SETTINGS_DAMAGED`, what keeps the index from being used, or what speaks
                against the first volumes.
        """
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop: captures end their runs, files are closed, then the lock is given up."""
        await self._stack.aclose()

    async def _start(self) -> None:
        lock = await asyncio.to_thread(StoreLock, self._folder)
        self._stack.callback(lock.release)
        settings = await asyncio.to_thread(self._files.settings)
        configs = await asyncio.to_thread(self._files.cameras)
        former = await asyncio.to_thread(self._files.former)
        index = await asyncio.to_thread(open_index, self._folder, self._clock)
        loop = asyncio.get_running_loop()
        self._index = IndexThread(index, lambda: loop.call_soon_threadsafe(self._index_is_damaged))
        self._stack.push_async_callback(self._index.close)
        self._events = EventLog(self._index, self.feed, self._clock)
        self._duties = Duties(self._events, self._status_changed)
        ledger = LedgerKeeper(self._index, self._clock, self._duties)
        self._stack.push_async_callback(ledger.close)
        self._store_id = await asyncio.to_thread(self._files.store_id, index.store_id)
        self.keeping = Keeping(
            self._index,
            self._events,
            self._clock,
            self._folder,
            self._files,
            former,
            duties=self._duties,
            on_changed=self._status_changed,
        )
        self._volumes = Volumes(
            self._index,
            self._clock,
            self._folder,
            on_found=self.keeping.read_back,
            on_closed=self._segment_closed,
            on_missed=self._footage_missed,
            on_read_in=self._footage_read_in,
            on_changed=self._volume_changed,
        )
        self._stack.push_async_callback(self._volumes.close)
        self._cameras = Cameras(self._index, self._volumes, self._events, clock=self._clock, poller=self._poller)
        self.configuration = Configuration(
            settings,
            self._files,
            self._index,
            self._events,
            volumes=self._volumes,
            cameras=self._cameras,
            keeping=self.keeping,
            on_doubt=ledger.wake,
        )
        self._footage = Footage(self._index, self._volumes)
        keeping = self.keeping
        store = Store(self._folder, self._store_id, self._settings, lambda: keeping.halt, lambda: keeping.trusted_us)
        archive = ServiceArchive(self._index, self._footage, self._volumes, self._clock, store)
        self.exporting = Exporting(
            self._index,
            self._events,
            archive,
            self._decoder,
            self._clock,
            self._duties,
            self.configuration.folders,
        )
        await self.configuration.start(self._first_volumes, configs)
        await self._volumes.open(self._settings().volumes)
        await bring_together(self._index, self._volumes.handles(), configs)
        await ledger.start(self.configuration.settle)
        await archive.look_at_key()
        await self._volumes.start()
        self._stack.push_async_callback(self._cameras.close)
        for config in configs.values():
            await self._index.ask(Index.put_camera, config.camera_id, config.name)
            await self._cameras.put(config)
        self._stack.callback(self.feed.close)
        await self._volumes.start_watching()
        self._events.note(EventKind.RECORDER_STARTED, version=__version__)
        self._stack.push_async_callback(self.exporting.close)
        await self._index.ask(Index.forget_readings)
        await self._index.ask(Index.settle_erasures)
        await self.exporting.resume()
        await self.keeping.start(self._volumes, self._cameras, self._settings, self._synchronised)
        self._stack.push_async_callback(self.keeping.close)
        self.exporting.start()
        self._cameras.start_refreshing()
        beating = asyncio.create_task(self._beat(), name="heartbeat")
        self._stack.push_async_callback(_cancel, beating)
        copying = asyncio.create_task(
            keep_backups(self._folder / INDEX, self._clock, self._duties), name="index backups"
        )
        self._stack.push_async_callback(_cancel, copying)

    async def _beat(self) -> None:
        while True:
            with self._duties.turn(Duty.INDEX):
                await self._index.ask(Index.heartbeat, self._clock.now_us())
            await self._clock.sleep(HEARTBEAT_S)

    def _settings(self) -> Settings:
        return self.configuration.settings

    def request_shutdown(self) -> None:
        """Ask whoever runs the recorder to stop it for good."""
        self.shutdown_requested.set()

    def _index_is_damaged(self) -> None:
        """Have it ended, for only a start makes an index anew; till then nothing that is recorded could be found."""
        self.index_damaged.set()

    # Status and feed

    def status(self) -> RecorderStatus:
        """Return the recorder as a whole."""
        return RecorderStatus(
            version=__version__,
            api_version=API_VERSION,
            store_id=self._store_id,
            pid=os.getpid(),
            supervisor_pid=self._supervisor_pid,
            started_us=self._started_us,
            host_synchronised=self._synchronised(),
            cameras=self._cameras.statuses(),
            volumes=self._volumes.statuses(),
            days_until_full=self.keeping.days_until_full,
            holds=self.keeping.holds_active,
            holds_to_review=self.keeping.holds_to_review,
            holds_leave_little=self.keeping.holds_leave_little,
            sweep_halt=self.keeping.halt,
            failing=self._duties.failing,
        )

    async def _events_after(self, seq: int, limit: int) -> list[Event]:
        return await self._index.ask(Index.events, seq, limit)

    async def _last_event(self) -> int:
        return await self._index.ask(Index.last_event)

    def _segment_closed(self, segment: Segment) -> None:
        self._events.note(
            EventKind.SEGMENT_CLOSED,
            segment.camera_id,
            segment_id=segment.segment_id,
            start_us=segment.start_us,
            end_us=segment.end_us,
            size=segment.size,
            root=segment.root.hex(),
        )
        self._cameras.refresh(segment.camera_id)

    def _footage_missed(self, gap: Gap) -> None:
        self._events.note(
            EventKind.GAP,
            gap.camera_id,
            start_us=gap.start_us,
            end_us=gap.end_us,
            reason=gap.reason,
            detail=gap.detail,
        )
        self._cameras.refresh(gap.camera_id)

    def _footage_read_in(self, path: Path, segments: int) -> None:
        self._events.note(EventKind.FOOTAGE_READ_IN, path=str(path), segments=segments)
        self._cameras.refresh_all()

    def _status_changed(self) -> None:
        if self.feed.subscribers > 0:  # nobody follows before all has started
            self._events.publish(FeedItem(status=self.status()))

    def _volume_changed(self, volume: VolumeStatus, before: VolumeState) -> None:
        self._events.publish(FeedItem(volume=volume))
        if volume.state is not before:
            code = None if volume.problem is None else volume.problem.code
            self._events.note(EventKind.VOLUME_STATE, path=volume.path, state=volume.state, problem=code)

    # Trying

    async def check_volume(self, config: VolumeConfig) -> VolumeCheck:
        """Say whether a folder may hold footage. A network filesystem may: only the index needs a local one."""
        found = await asyncio.to_thread(check_folder, Path(config.path), accepted={ErrorCode.VOLUME_NETWORK})
        return VolumeCheck(
            path=config.path,
            filesystem=found.filesystem,
            total_bytes=found.total_bytes,
            free_bytes=found.free_bytes,
            problem=None if found.problem is None else problem_of(found.problem),
        )

    async def probe(self, request: ProbeRequest) -> ProbeResult:
        """Try a camera, see `probe.probe`."""
        return await probe(request, clock=self._clock, poller=self._poller, decoder=self._decoder)

    # Footage

    async def still(self, camera_id: str) -> bytes:
        """Return the newest sync sample of a camera as a JPEG.

        Raises:
            RequestError: `UNKNOWN_CAMERA`, `NO_FOOTAGE`.
            RecorderError: `DECODER_FAILED`, or what keeps the file from being read.
        """
        return await self._decoder.jpeg(await self._footage.newest_sync_sample(camera_id))

    async def coverage(self, camera_id: str, start_us: int, end_us: int) -> Coverage:
        """Return what is stored of a camera in `[start_us, end_us)`, see `Footage.coverage`."""
        return await self._footage.coverage(camera_id, start_us, end_us)

    # Ledger

    async def ledger(self, after: int, limit: int) -> LedgerPage:
        """Return up to `limit` entries of the ledger whose number is above `after`."""
        return await self._index.ask(Index.ledger, after, limit)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
