"""Copies of exports in delivery folders: made one after the other in each, told of, and handed over to `delivery_care`.

The index decides, the files follow (invariant 2): a row stands before the first byte is copied, and says that the copy
is whole only when it is synced.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import uuid4

from recorder_core.errors import ErrorCode, RecorderError, RequestError, StorageError
from recorder_core.export.delivery_copies import make_copy
from recorder_core.export.delivery_folders import check_room
from recorder_core.models import DeletionRule, DeliveryState, Duty, ExportState
from recorder_core.storage.delivery_rows import not_done
from recorder_core.storage.index import Index

from .delivery_care import LONGEST_US, DeliveryCare, planned
from .disk_calls import LIMIT_S, DiskCalls, stalled
from .events import EventKind
from .problems import problem_of
from .waiting import woken_or_after

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from recorder_core.clock import Clock
    from recorder_core.export.archive import Archive
    from recorder_core.models import Delivery, DeliveryRequest, ExportJob

    from .delivery_folders import DeliveryFolders
    from .duties import Duties
    from .events import EventLog
    from .index_thread import IndexThread

_LOGGER = logging.getLogger(__name__)

_DAY_US = 86_400_000_000
_LOOK_S = 60.0
_STANDSTILL_S = 1800.0
"""A copy hangs of which not a megabyte is written for so long; a slow stick needs minutes to sync a large file."""

_OF_THE_SOURCE = frozenset({ErrorCode.EXPORT_DAMAGED, ErrorCode.VOLUME_MISSING})
"""What reading an export that was removed looks like."""


@dataclass(slots=True)
class _Live:
    """A copy that is being made; `steps` counts how often it was asked whether to go on."""

    stop: threading.Event = field(default_factory=threading.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    steps: int = 0


class Deliveries:
    """All copies of one recorder, on the running event loop."""

    def __init__(
        self,
        index: IndexThread,
        events: EventLog,
        archive: Archive,
        folders: DeliveryFolders,
        clock: Clock,
        duties: Duties,
        *,
        job_of: Callable[[str], Awaitable[ExportJob]],
    ) -> None:
        """Keep copies in `index`, and tell of them by `events`; `job_of` returns an export by its id."""
        self._index = index
        self._archive = archive
        self._folders = folders
        self._clock = clock
        self._duties = duties
        self._job_of = job_of
        self._live: dict[str, _Live] = {}
        self._care = DeliveryCare(index, events, archive, folders, clock, self._live)
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._making: set[asyncio.Task[Delivery]] = set()
        self._looking: asyncio.Task[None] | None = None
        self._wish = asyncio.Event()
        self._closing = False

    # Life

    def start(self) -> None:
        """Begin to look after the copies."""
        self._looking = asyncio.create_task(self._look_again_and_again(), name="deliveries")

    def wake(self) -> None:
        """Have the copies looked after now: some were given up with their export."""
        self._wish.set()

    async def close(self) -> None:
        """Stop what is being copied; what a folder that hangs still holds of it then goes with the next start."""
        self._closing = True
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})
        for live in self._live.values():
            live.stop.set()
        if self._making:
            _, hanging = await asyncio.wait(self._making, timeout=LIMIT_S)
            for task in hanging:
                task.cancel()
            if hanging:
                await asyncio.wait(hanging)

    async def _look_again_and_again(self) -> None:
        while True:
            with self._duties.turn(Duty.DELIVERIES):
                await self._care.look()
            await woken_or_after(self._clock, self._wish, _LOOK_S)

    # Asking

    async def deliver(self, export_id: str, request: DeliveryRequest) -> Delivery:
        """Copy the files of an export into a delivery folder, and return the copy once it lies there, synced.

        It is made even if whoever asked goes away meanwhile.

        Raises:
            RequestError: `UNKNOWN_EXPORT`, `EXPORT_NOT_DONE`, `UNKNOWN_DELIVERY_FOLDER`, `BAD_REQUEST` for a time.
            StorageError: `DELIVERY_FOLDER_MISSING`, `DELIVERY_FOLDER_FULL`, `EXPORT_DAMAGED`, `VOLUME_MISSING`,
                `STORAGE_STALLED`, `DELIVERY_FAILED`; nothing of the copy is left then, or what is goes when its folder
                is back.
        """
        task = asyncio.create_task(self._deliver(export_id, request), name=f"delivery of {export_id}")
        self._making.add(task)
        task.add_done_callback(self._made)
        return await asyncio.shield(task)

    def _made(self, task: asyncio.Task[Delivery]) -> None:
        self._making.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOGGER.warning("No copy was made: %s", error)

    async def deliveries(self, limit: int, *, active: bool) -> list[Delivery]:
        """Return the copies that lie in a folder, or up to `limit` whatever became of them, the newest first."""
        return await (self._index.ask(Index.active_deliveries) if active else self._index.ask(Index.deliveries, limit))

    async def remove(self, delivery_id: str, actor: str) -> Delivery:
        """Stop a copy that is being made, or give one up that lies there; return it as it is then.

        Where its folder is away it is `removing`, and goes later.

        Raises:
            RequestError: `UNKNOWN_DELIVERY`.
            StorageError: `STORAGE_STALLED` for one that is being made in a folder that hangs; it goes when that ends.
        """
        if (live := self._live.get(delivery_id)) is not None:
            live.stop.set()
            try:
                await asyncio.wait_for(live.ended.wait(), LIMIT_S)
            except TimeoutError:
                raise stalled() from None
        delivery = await self._care.give_up(delivery_id, DeletionRule.PERSON, actor)
        return await self._care.erase(delivery) if delivery.state is DeliveryState.REMOVING else delivery

    # Making

    async def _deliver(self, export_id: str, request: DeliveryRequest) -> Delivery:
        settings = self._archive.settings()
        folder = next((one for one in settings.delivery_folders if one.name == request.folder), None)
        if folder is None:
            sentence = f"There is no delivery folder {request.folder}."
            raise RequestError(ErrorCode.UNKNOWN_DELIVERY_FOLDER, sentence, folder=request.folder)
        async with self._turns[folder.path]:  # one that hangs keeps no other
            job = await self._done(export_id)
            now_us = self._clock.now_us()
            until_us = expiry(request.expires_us, now_us, settings.delivery_days, job.expires_us)
            await self._folders.disk(folder.path).do(check_room, folder, sum(file.size for file in job.files))
            delivery = replace(planned(uuid4().hex, job, folder, now_us, until_us), actor=request.actor)
            return await self._make(delivery, job)

    async def _make(self, delivery: Delivery, job: ExportJob) -> Delivery:
        live = self._live[delivery.delivery_id] = _Live()
        try:
            await self._index.ask(Index.add_delivery, delivery)
            try:
                await self._copy(delivery, job, live)
                delivered = await self._index.ask(Index.finish_delivery, delivery, self._clock.now_us())
            except RecorderError as error:
                await self._care.fail(replace(delivery, problem=problem_of(error)))
                raise
        finally:
            del self._live[delivery.delivery_id]
            live.ended.set()
        self._care.tell(EventKind.EXPORT_DELIVERED, delivered)
        return delivered

    async def _copy(self, delivery: Delivery, job: ExportJob, live: _Live) -> None:
        disk = DiskCalls(delivery.path, _STANDSTILL_S, lambda: live.steps)
        try:
            await disk.do(make_copy, delivery, job, self._archive.store_id(), self._should_stop(live))
        except StorageError as error:
            if error.code in _OF_THE_SOURCE:
                await self._done(job.export_id)
            raise
        finally:
            live.stop.set()  # one that hangs is not to go on later, nor while it is cleared away

    async def _done(self, export_id: str) -> ExportJob:
        job = await self._job_of(export_id)
        if job.state is not ExportState.DONE:
            raise not_done(job)
        return job

    def _should_stop(self, live: _Live) -> Callable[[], bool]:
        def should_stop() -> bool:
            live.steps += 1
            return self._closing or live.stop.is_set()

        return should_stop


def expiry(asked_us: int | None, now_us: int, days: float, export_us: int | None) -> int:
    """Return when a copy is to go: as asked, else after so many days, and never after its export goes.

    An export whose time is over is held; its copies go by their own time, or with it.

    Raises:
        RequestError: `BAD_REQUEST` for a time that has passed or lies more than a year ahead.
    """
    until_us = now_us + int(days * _DAY_US) if asked_us is None else asked_us
    if not now_us < until_us <= now_us + LONGEST_US:
        sentence = "expires_us must lie in the future, and a year ahead at most."
        raise RequestError(ErrorCode.BAD_REQUEST, sentence, field="expires_us")
    return until_us if export_us is None or export_us <= now_us else min(until_us, export_us)
