"""Holds: placed, reviewed and ended in the index, told of, and kept as a file on every volume (invariants 3 and 7).

The index decides what is held. The files are there for the day on which it is lost: while holds may lie on a volume
that were not read back into a new index, `unread` is true, and whoever deletes footage does nothing.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING
from uuid import uuid4

from recorder_core.errors import ErrorCode, RequestError, StorageError
from recorder_core.models import Hold, HoldState, PlacedHold
from recorder_core.storage.files import fsync_folder
from recorder_core.storage.hold_files import read_holds, write_hold
from recorder_core.storage.index import Index
from recorder_core.storage.intervals import clip, length

from .events import EventKind
from .startup import UNREAD_HOLDS

if TYPE_CHECKING:
    from pathlib import Path

    from recorder_core.clock import Clock
    from recorder_core.models import HoldRelease, HoldRequest, HoldReview
    from recorder_core.storage.records import Segment, Volume

    from .events import EventLog
    from .index_thread import IndexThread
    from .sweep_clock import SweepClock
    from .volumes import Volumes

_LOGGER = logging.getLogger(__name__)

_ALL = 1 << 31


class Holds:
    """All holds of a recorder, on the running event loop."""

    def __init__(self, index: IndexThread, events: EventLog, clock: Clock, folder: Path) -> None:
        """Keep holds in `index`; `folder` is the recorder's data folder."""
        self._index = index
        self._events = events
        self._clock = clock
        self._note = folder / UNREAD_HOLDS
        self._writing = asyncio.Lock()
        self._unreadable: dict[str, frozenset[str]] = {}
        self._written: set[str] = set()
        self._recount = True
        self.unread = self._note.exists()
        self.active = 0
        self._due: set[str] = set()

    @property
    def to_review(self) -> int:
        """How many active holds somebody is to look at again by now."""
        return len(self._due)

    # Asked by people

    async def place(self, request: HoldRequest, volumes: Volumes) -> PlacedHold:
        """Place a hold, or widen the one that has its key; it lies on every volume that is usable when this returns.

        Raises:
            RequestError: `UNKNOWN_CAMERA`, `INTERVAL_INVERTED`, `BAD_REQUEST`, `KEY_TAKEN`.
        """
        now_us = self._clock.now_us()
        hold_id = uuid4().hex
        hold, changed = await self._index.ask(Index.place_hold, request, hold_id=hold_id, now_us=now_us)
        created = hold.hold_id == hold_id
        if changed:
            await self._write(hold.hold_id, volumes)
            self._tell(EventKind.HOLD_PLACED if created else EventKind.HOLD_WIDENED, hold, actor=request.actor)
            await self._count()
        writing = [one.partial() for camera_id in hold.camera_ids for one in volumes.open_segments(camera_id)]
        held_bytes, missing_us = await self._index.ask(_found, hold, writing, now_us)
        return PlacedHold(hold=hold, created=created, held_bytes=held_bytes, missing_us=missing_us)

    async def release(self, hold_id: str, release: HoldRelease, volumes: Volumes) -> Hold:
        """Release a hold.

        Raises:
            RequestError: `UNKNOWN_HOLD`, `HOLD_OVER`.
        """
        now_us = self._clock.now_us()
        hold = await self._index.ask(
            Index.end_hold, hold_id, state=HoldState.RELEASED, actor=release.actor, now_us=now_us
        )
        await self._ended(EventKind.HOLD_RELEASED, hold, release.actor, volumes)
        return hold

    async def review(self, hold_id: str, review: HoldReview, volumes: Volumes) -> Hold:
        """Note that somebody looked at a hold and it stays, and when that is to be done again.

        Raises:
            RequestError: `UNKNOWN_HOLD`, `HOLD_OVER`, or `BAD_REQUEST` where the next review would be due already.
        """
        now_us = self._clock.now_us()
        hold, changed = await self._index.ask(Index.review_hold, hold_id, review, now_us=now_us)
        self._due.discard(hold_id)
        if changed:
            await self._write(hold_id, volumes)
            self._tell(EventKind.HOLD_REVIEWED, hold, actor=review.actor, review_us=hold.review_us)
        return hold

    async def hold(self, hold_id: str) -> Hold:
        """Return a hold. Raises RequestError `UNKNOWN_HOLD`."""
        return await self._index.ask(Index.hold, hold_id)

    async def holds(self, *, active: bool) -> list[Hold]:
        """Return the holds, the newest first: the active ones, or with the others."""
        return await self._index.ask(Index.holds, active=active, limit=_ALL if active else 1000)

    # With time

    async def see_to(self, volumes: Volumes, clock: SweepClock) -> None:
        """Do what is due: end holds that expire, unless the clock is in doubt, and remind of reviews, once each.

        While some may be unread, none expires: the file that is still to be read may tell of one that it goes on.
        """
        by_us = clock.seen_us
        if not (clock.in_doubt or self.unread):
            await self._expire(by_us, volumes)
        review = await self._index.ask(Index.holds_to_review, by_us)
        # From here on to where they are counted nothing is waited for, or one would count that was just reviewed.
        due = {hold.hold_id: hold.review_us or 0 for hold in review}
        for hold in review:
            if clock.reminded.get(hold.hold_id) != hold.review_us:
                self._tell(EventKind.HOLD_REVIEW_DUE, hold, review_us=hold.review_us)
        self._due = {*due}
        await clock.remind(due)
        if self._recount:
            await self._count()

    async def _expire(self, by_us: int, volumes: Volumes) -> None:
        for hold in await self._index.ask(Index.holds_to_expire, by_us):
            now_us = self._clock.now_us()
            ended = await self._index.ask(Index.expire_hold, hold.hold_id, by_us=by_us, now_us=now_us)
            if ended is not None:
                await self._ended(EventKind.HOLD_EXPIRED, ended, "", volumes)

    # Files

    async def read_back(self, volume: Volume) -> None:
        """Take in the holds that a volume's files tell of, before anything else of the volume is taken in.

        Raises:
            StorageError: They cannot be read, and the index may not know them.
        """
        try:
            found = await asyncio.to_thread(read_holds, volume)
        except StorageError as error:
            gone = error.code in (ErrorCode.VOLUME_MISSING, ErrorCode.VOLUME_FOREIGN)
            known = {one.volume_id for one in await self._index.ask(Index.volumes)}
            if gone or self.unread or volume.volume_id not in known:
                raise
            # The index knows them all, and nobody is to miss footage for want of a copy of them.
            _LOGGER.error("The holds on volume %s cannot be read: %s", volume.path, error.message)  # noqa: TRY400  # it says all
            return
        unknown = set(found.unreadable)
        for hold in found.holds.values():
            try:
                await self._take_in(hold)
            except RequestError:  # a camera that cannot be: nobody wrote this but by mistake
                unknown.add(hold.hold_id)
        self._unreadable[volume.volume_id] = frozenset(unknown)
        for hold_id in unknown:
            _LOGGER.error("The file of hold %s on volume %s cannot be understood", hold_id, volume.path)
        self._written.discard(volume.volume_id)

    async def _take_in(self, hold: Hold) -> None:
        if await self._index.ask(Index.restore_hold, hold):
            self._recount = True
            _LOGGER.warning("Hold %s was read back from its file: %s", hold.hold_id, hold.state)
        elif self.unread and hold.state is not HoldState.ACTIVE:
            # An older copy on another volume, or an index of before, did not know yet that it has ended.
            known = await self._index.ask(Index.hold, hold.hold_id)
            if known.state is HoldState.ACTIVE:
                ended_us = self._clock.now_us() if hold.ended_us is None else hold.ended_us
                actor = hold.ended_by or ""
                await self._index.ask(Index.end_hold, hold.hold_id, state=hold.state, actor=actor, now_us=ended_us)

    async def bring_to_files(self, volumes: Volumes) -> None:
        """Write what volumes lack that came, or came back, and see whether all holds were read back by now."""
        usable = {volume.volume_id: volume for volume in volumes.usable()}
        self._written &= usable.keys()
        for volume_id in usable.keys() - self._written:
            await self._fill(usable[volume_id], volumes)
        if self.unread and volumes.all_opened() and not await self._index.ask(self._lost):
            await asyncio.to_thread(self._forget_note)
            self.unread = False

    async def _fill(self, volume: Volume, volumes: Volumes) -> None:
        try:
            found = await volumes.on_disk(volume, read_holds, volume)
            for hold in await self._index.ask(Index.holds, active=False, limit=_ALL):
                if found.holds.get(hold.hold_id) != hold:
                    async with self._writing:  # as it is by now: what was written meanwhile must not be undone
                        newest = await self._index.ask(Index.hold, hold.hold_id)
                        await volumes.on_disk(volume, write_hold, volume, newest)
        except StorageError as error:
            _LOGGER.error("The holds cannot be kept on volume %s: %s", volume.path, error.message)  # noqa: TRY400  # it says all
        else:
            self._written.add(volume.volume_id)

    def _lost(self, index: Index) -> set[str]:
        """Return the holds whose files cannot be understood and that the index does not know from elsewhere."""
        unreadable = frozenset[str]().union(*self._unreadable.values())
        return {hold_id for hold_id in unreadable if not _is_known(index, hold_id)}

    def _forget_note(self) -> None:
        self._note.unlink(missing_ok=True)
        fsync_folder(self._note.parent)

    async def _write(self, hold_id: str, volumes: Volumes) -> None:
        """Bring a hold's files up to date, one change after the other: the last to be written is the newest."""
        async with self._writing:
            hold = await self._index.ask(Index.hold, hold_id)
            for volume in volumes.usable():
                try:
                    await volumes.on_disk(volume, write_hold, volume, hold)
                except StorageError as error:  # the next look writes all that it lacks
                    self._written.discard(volume.volume_id)
                    _LOGGER.error("Hold %s cannot be kept on volume %s: %s", hold_id, volume.path, error.message)  # noqa: TRY400  # it says all

    async def _ended(self, kind: EventKind, hold: Hold, actor: str, volumes: Volumes) -> None:
        self._due.discard(hold.hold_id)
        await self._write(hold.hold_id, volumes)
        self._tell(kind, hold, actor=actor)
        await self._count()

    async def _count(self) -> None:
        self._recount = False
        self.active = len(await self._index.ask(Index.holds, active=True, limit=_ALL))

    def _tell(self, kind: EventKind, hold: Hold, **data: str | float | None) -> None:
        camera_id = hold.camera_ids[0] if len(hold.camera_ids) == 1 else None
        self._events.note(
            kind,
            camera_id,
            hold_id=hold.hold_id,
            case_id=hold.case_id,
            hold_kind=hold.kind,
            cameras=len(hold.camera_ids),
            start_us=hold.start_us,
            end_us=hold.end_us,
            **data,
        )


def _is_known(index: Index, hold_id: str) -> bool:
    try:
        index.hold(hold_id)
    except RequestError as error:
        if error.code is not ErrorCode.UNKNOWN_HOLD:
            raise
        return False
    return True


def _found(index: Index, hold: Hold, writing: list[Segment], now_us: int) -> tuple[int, int]:
    """Return how many bytes a hold covers that are stored, and how much of what has passed is not."""
    end_us = now_us if hold.end_us is None else min(hold.end_us, now_us)
    if hold.start_us >= end_us:
        return 0, 0
    size = 0
    missing_us = 0
    for camera_id in hold.camera_ids:
        stored, covered_us = index.footage_in(camera_id, hold.start_us, end_us)
        still = [one for one in writing if one.camera_id == camera_id and index.segment(one.segment_id) is None]
        overlapping = [one for one in still if one.start_us < end_us and one.end_us > hold.start_us]
        size += stored + sum(one.size for one in overlapping)
        covered_us += length(clip(((one.start_us, one.end_us) for one in overlapping), hold.start_us, end_us))
        missing_us += max(end_us - hold.start_us - covered_us, 0)
    return size, missing_us
