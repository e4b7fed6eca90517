"""Looks after the copies in delivery folders until nothing is left of them (invariants 2, 6 and 10).

A copy goes when its time is over by a clock that is trusted, with its export, or by hand; what was cut short goes as
well. While a folder is away nothing is called removed there: a later look does what is due. Copies that an index made
anew does not know are taken in again by their records (invariant 7). A copy of another store is left alone: only people
can remove it, so they are told if it outlives its time.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.export.delivery_copies import (
    files_of,
    found_copies,
    name_of,
    place_of,
    remove_copy,
    sizes_of_copy,
)
from recorder_core.models import DeletionRule, Delivery, DeliveryState
from recorder_core.storage.certificate_rows import Reason
from recorder_core.storage.index import Index

from .events import EventKind
from .problems import problem_of

if TYPE_CHECKING:
    from collections.abc import Container

    from recorder_core.clock import Clock
    from recorder_core.export.archive import Archive
    from recorder_core.export.delivery_copies import Found
    from recorder_core.export.delivery_records import Record
    from recorder_core.models import DeliveryFolder, ExportJob

    from .delivery_folders import DeliveryFolders
    from .events import EventLog
    from .index_thread import IndexThread

_LOGGER = logging.getLogger(__name__)

LONGEST_US = 365 * 86_400_000_000
"""The longest life of a copy."""

_AWAY = frozenset({ErrorCode.DELIVERY_FOLDER_MISSING, ErrorCode.STORAGE_STALLED})
"""What keeps all copies in a folder, not just the one that was tried."""

_PATIENCE_US = 3600 * 1_000_000
"""How long a copy may outlive its time, because its folder is away, before that counts as a failure."""


class DeliveryCare:
    """The end of every copy, on the running event loop."""

    def __init__(
        self,
        index: IndexThread,
        events: EventLog,
        archive: Archive,
        folders: DeliveryFolders,
        clock: Clock,
        live: Container[str],
    ) -> None:
        """Leave alone the copies of which the ids are in `live`: they are being made."""
        self._index = index
        self._events = events
        self._archive = archive
        self._folders = folders
        self._clock = clock
        self._live = live
        self._searched: set[str] = set()
        self._said: dict[str, str] = {}

    async def look(self) -> None:
        """Do once what is due; a folder that is away keeps no other, nor does a copy that cannot be removed.

        Raises:
            StorageError: What has kept a copy for too long, which may be that it is another recorder's.
        """
        late: StorageError | None = None
        away: set[str] = set()
        for delivery in await self._index.ask(Index.active_deliveries):
            where = place_of(delivery)[0].path
            if where in away:
                continue
            try:
                await self._see_to(delivery)
            except StorageError as error:
                if error.code in _AWAY:
                    away.add(where)
                self._say_stays(delivery, error)
                if self._clock.now_us() - (delivery.removed_us or delivery.expires_us) > _PATIENCE_US:
                    late = error
        for folder in self._archive.settings().delivery_folders:
            if str(Path(folder.path)) not in away | self._searched:
                try:
                    late = await self._search(folder) or late
                except StorageError as error:  # the next look tries again
                    self._say_once(folder.path, f"No copy can be looked for: {error.message}")
        if late is not None:
            raise late

    async def give_up(self, delivery_id: str, rule: DeletionRule, actor: str | None) -> Delivery:
        """Give up a copy if it is whole, and return it as it is then. Raises RequestError, `UNKNOWN_DELIVERY`."""
        return await self._index.ask(Index.give_up_delivery, delivery_id, self._reason(rule, actor))

    async def erase(self, delivery: Delivery) -> Delivery:
        """Remove the files of a copy that was given up, if that can be done now; return it as it is then."""
        try:
            return await self._erase(delivery)
        except StorageError as error:  # the next look tries again
            self._say_stays(delivery, error)
            return delivery

    async def fail(self, delivery: Delivery) -> None:
        """Keep the problem that left a copy cut short, and clear away what there is of it, now or with a later look."""
        try:
            await self._index.ask(Index.put_delivery, delivery)
            await self._clear_away(delivery)
        except StorageError as error:
            self._say_stays(delivery, error)

    async def _see_to(self, delivery: Delivery) -> None:
        trusted_us = self._archive.trusted_us()
        if delivery.state is DeliveryState.DELIVERED and trusted_us is not None and delivery.expires_us <= trusted_us:
            delivery = await self.give_up(delivery.delivery_id, DeletionRule.AGE, None)
        if delivery.state is DeliveryState.REMOVING:
            await self._erase(delivery)
        elif delivery.state is DeliveryState.COPYING and delivery.delivery_id not in self._live:
            # It may have become whole since it was asked for; now that it is not being made, its row says so.
            known = await self._index.ask(Index.delivery, delivery.delivery_id)
            if known is not None and known.state is DeliveryState.COPYING:
                await self._clear_away(known)

    async def _erase(self, delivery: Delivery) -> Delivery:
        await self._folders.disk(place_of(delivery)[0].path).do(remove_copy, delivery)
        removed = await self._index.ask(Index.delivery_erased, delivery.delivery_id, self._clock.now_us())
        if removed is None:  # it was erased by somebody who was quicker
            return replace(delivery, state=DeliveryState.REMOVED)
        self.tell(EventKind.DELIVERY_REMOVED, removed)
        return removed

    async def _clear_away(self, delivery: Delivery) -> None:
        """Certify and remove what was made of a copy that is not whole, and say that it failed."""
        disk = self._folders.disk(place_of(delivery)[0].path)
        sizes = await disk.do(sizes_of_copy, delivery)
        await self._index.ask(Index.give_up_copy_draft, delivery, sizes, self._reason(DeletionRule.UNFINISHED, None))
        await disk.do(remove_copy, delivery)
        interrupted = StorageError(ErrorCode.DELIVERY_FAILED, "The recorder ended before the copy was whole.")
        ended = replace(delivery, problem=delivery.problem or problem_of(interrupted))
        failed = await self._index.ask(Index.fail_delivery, ended, self._clock.now_us())
        if failed is not None:
            self.tell(EventKind.DELIVERY_FAILED, failed)

    async def _search(self, folder: DeliveryFolder) -> StorageError | None:
        """Take in what lies in a folder and the index does not know; again while another store's copies lie there.

        Returns what is wrong if one of those should have gone long ago.
        """
        late: StorageError | None = None
        are_ours = True
        for found in await self._folders.disk(folder.path).do(found_copies, folder):
            if await self._index.ask(Index.delivery, found.record.delivery_id) is not None:
                continue
            if (record := await self._ours(found.record)) is not None:
                await self._adopt(folder, replace(found, record=record))
            else:
                are_ours = False
                late = self._foreign(folder, found) or late
        if are_ours:
            self._searched.add(str(Path(folder.path)))
        return late

    async def _ours(self, record: Record) -> Record | None:
        """Return a record as it may be used, by the index if that knows the export; None if the copy is not ours."""
        stored = await self._index.ask(Index.export, record.export_id)
        if stored is not None and stored.job.files:
            job = stored.job
            return replace(
                record, camera_ids=job.camera_ids, start_us=job.start_us, end_us=job.end_us, files=files_of(job)
            )
        return record if record.store_id == self._archive.store_id() else None

    async def _adopt(self, folder: DeliveryFolder, found: Found) -> None:
        record = found.record
        # Whoever writes there may have changed the record: no copy may stay for longer than one that is made now.
        now_us = self._clock.now_us()
        end_us = _within(record.end_us, now_us)
        adopted = Delivery(
            delivery_id=record.delivery_id,
            export_id=record.export_id,
            folder=folder.name,
            path=str(Path(folder.path) / found.name),
            state=DeliveryState.DELIVERED if found.whole else DeliveryState.COPYING,
            created_us=_within(record.created_us, now_us),
            expires_us=_within(record.expires_us, now_us + LONGEST_US),
            camera_ids=record.camera_ids,
            start_us=_within(record.start_us, end_us),
            end_us=end_us,
            files=record.files,
        )
        known = await self._index.ask(Index.adopt_delivery, adopted, self._reason(DeletionRule.AGE, None))
        await self._see_to(known)

    def _foreign(self, folder: DeliveryFolder, found: Found) -> StorageError | None:
        """Say that a copy is of another store; return what is wrong if whoever is to remove it does not."""
        sentence = (
            f"{folder.path}/{found.name} is a copy of an export that is not known (yet): another recorder made it."
        )
        trusted_us = self._archive.trusted_us()
        is_late = trusted_us is not None and trusted_us - found.record.expires_us > _PATIENCE_US
        if is_late:
            sentence += " Its time is over, and that recorder does not remove it: somebody has to."
        self._say_once(found.name, sentence)
        return StorageError(ErrorCode.DELIVERY_FAILED, sentence) if is_late else None

    def tell(self, kind: EventKind, delivery: Delivery) -> None:
        """Note what became of a copy."""
        self._events.note(
            kind,
            export_id=delivery.export_id,
            delivery_id=delivery.delivery_id,
            folder=delivery.folder,
            expires_us=delivery.expires_us,
            problem=None if delivery.problem is None else delivery.problem.code,
        )

    def _reason(self, rule: DeletionRule, actor: str | None) -> Reason:
        return Reason(rule, self._archive.settings().policy_version, self._clock.now_us(), actor)

    def _say_stays(self, delivery: Delivery, error: StorageError) -> None:
        self._say_once(delivery.delivery_id, f"Copy {delivery.delivery_id} stays for now: {error.message}")

    def _say_once(self, what: str, sentence: str) -> None:
        """Log what keeps something, unless that was said of it last: a share may be away for days."""
        if self._said.get(what) != sentence:
            self._said[what] = sentence
            _LOGGER.warning(sentence)


def _within(asked_us: int, most_us: int) -> int:
    return min(max(asked_us, 0), most_us)


def planned(delivery_id: str, job: ExportJob, folder: DeliveryFolder, created_us: int, expires_us: int) -> Delivery:
    """Return the copy of an export that is to be made in a delivery folder."""
    return Delivery(
        delivery_id=delivery_id,
        export_id=job.export_id,
        folder=folder.name,
        path=str(Path(folder.path) / name_of(job, delivery_id)),
        state=DeliveryState.COPYING,
        created_us=created_us,
        expires_us=expires_us,
        camera_ids=job.camera_ids,
        start_us=job.start_us,
        end_us=job.end_us,
        files=files_of(job),
    )
