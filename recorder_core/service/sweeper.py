"""Deletes what is to go, again and again: by age, by quota, and before a volume is full. Decides nothing by itself.

What goes is decided by `sweep_plan`, what may go by the index, in the transaction that takes it (invariants 2 and 3);
here the two are asked in turn, in small steps, on the injected clock. Files are unlinked on a thread beside the
index's, so that whoever writes footage never waits for it. Nothing is deleted by age while the clock is in doubt, and
nothing at all while holds may be unread (invariant 7).
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from recorder_core.errors import RequestError, StorageError
from recorder_core.models import DeletionRule, RecordClass, Retention, SweepHalt
from recorder_core.storage.files import storage_error
from recorder_core.storage.garbage import collect_garbage
from recorder_core.storage.index import Index

from .events import EventKind
from .kept import Kept, read_kept
from .sweep_plan import (
    age_batch_us,
    days_until_full,
    growth,
    is_scarce,
    over_quota,
    spare_bytes,
    too_old_us,
    wanted_bytes,
)
from .volume_slot import find_shortage
from .waiting import woken_or_after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recorder_core.clock import Clock
    from recorder_core.models import Certificate
    from recorder_core.storage.records import Volume

    from .events import EventLog
    from .holds import Holds
    from .index_thread import IndexThread
    from .sweep_clock import SweepClock
    from .volumes import Volumes

_LOGGER = logging.getLogger(__name__)

SWEEP_S = 10.0
_KEPT_US = 300_000_000
"""So often what a camera has kept is read anew, though nothing says that it has changed."""


class Rules(Protocol):
    """What the sweeper must know of the recorder's cameras and settings."""

    def retentions(self) -> Mapping[str, Retention]:
        """Return the rules of every camera, also of those that are not recorded any more."""
        ...

    def bytes_per_day(self, camera_id: str) -> int:
        """Return how much a camera records in a day; 0 where that is not known."""
        ...

    def policy_version(self) -> str:
        """Return what certificates are to say of the policy that is in force."""
        ...

    def kept(self, camera_id: str, kept: Kept) -> None:
        """Take note of what a camera has kept."""
        ...


@dataclass(slots=True)
class _Told:
    """What was told, so that it is told once until it is over."""

    halt: SweepHalt | None = None
    scarce: bool = False
    only_held: set[str] = field(default_factory=set)
    below: set[str] = field(default_factory=set)


class Sweeper:
    """Sweeps one recorder's volumes, on the running event loop, from `start` to `close`."""

    def __init__(
        self,
        index: IndexThread,
        volumes: Volumes,
        holds: Holds,
        events: EventLog,
        *,
        rules: Rules,
        clock: Clock,
        sweep_clock: SweepClock,
    ) -> None:
        """Sweep `volumes` by `rules`, as far as `holds` and `sweep_clock` let it."""
        self._index = index
        self._volumes = volumes
        self._holds = holds
        self._events = events
        self._rules = rules
        self._clock = clock
        self._sweep_clock = sweep_clock
        self._told = _Told()
        self._aged_us: dict[str, int] = {}
        self._kept: dict[str, Kept] = {}
        self._kept_us: int | None = None
        self._stale: set[str] = set()
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self.days_until_full: float | None = None

    # Life

    async def start(self) -> None:
        """Find out whether anything may be deleted, and sweep until `close`."""
        await self._sweep_clock.look()
        await self._holds.bring_to_files(self._volumes)
        self._tell_of_halt()
        self._task = asyncio.create_task(self._sweep_again_and_again(), name="sweeper")

    async def close(self) -> None:
        """Stop after the step that is being done."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait({self._task})

    def wake(self) -> None:
        """Sweep now and thoroughly: rules or holds have changed."""
        self._aged_us.clear()
        self._kept_us = None
        self._wake.set()

    @property
    def halt(self) -> SweepHalt | None:
        """Why nothing is deleted for now: by age because of the clock, at all because of holds."""
        if self._holds.unread:
            return SweepHalt.HOLDS
        return SweepHalt.CLOCK if self._sweep_clock.in_doubt else None

    async def confirm_clock(self) -> None:
        """Believe the clock as it is, for somebody has looked at it."""
        async with self._turn:
            await self._sweep_clock.confirm()
            self._tell_of_halt()
        self.wake()

    async def _sweep_again_and_again(self) -> None:
        while not self._stopping:
            try:
                await self.sweep()
            except Exception:
                _LOGGER.exception("A sweep failed")
            if not self._stopping:
                await woken_or_after(self._clock, self._wake, SWEEP_S)

    async def sweep(self) -> None:
        """Do once what is due."""
        async with self._turn:
            await self._sweep_clock.look()
            await self._holds.bring_to_files(self._volumes)
            await self._holds.see_to(self._volumes, self._sweep_clock)
            self._tell_of_halt()
            if self.halt is None:
                await self._by_age()
            await self._read_kept()
            if self.halt is not SweepHalt.HOLDS:
                await self._by_quota()
                await self._by_space()
            await self._collect()
            await self._read_kept()

    # Deleting

    async def _by_age(self) -> None:
        now_us = self._clock.now_us()
        running_us = self._clock.monotonic_us()
        for camera_id, retention in self._rules.retentions().items():
            limit = too_old_us(retention, now_us)
            last_us = self._aged_us.get(camera_id)
            if limit is None or (last_us is not None and running_us - last_us < age_batch_us(retention)):
                continue
            self._aged_us[camera_id] = running_us
            await self._condemn(camera_id, limit[0], before_us=limit[1])

    async def _by_quota(self) -> None:
        for camera_id, retention in self._rules.retentions().items():
            if retention.quota_bytes is None or camera_id not in self._kept:
                continue
            stored = (await self._index.ask(Index.footage, camera_id)).size
            excess = over_quota(
                retention, stored - self._kept[camera_id].held_bytes, self._rules.bytes_per_day(camera_id)
            )
            if excess > 0:
                await self._condemn(camera_id, DeletionRule.QUOTA, max_bytes=excess)

    async def _condemn(
        self, camera_id: str, rule: DeletionRule, *, before_us: int | None = None, max_bytes: int | None = None
    ) -> None:
        """Delete a camera's oldest footage that may go, stretch by stretch."""
        while not self._stopping and (max_bytes is None or max_bytes > 0):
            try:
                certificate = await self._index.ask(
                    Index.condemn_oldest,
                    camera_id,
                    before_us=before_us,
                    max_bytes=max_bytes,
                    rule=rule,
                    policy_version=self._rules.policy_version(),
                    now_us=self._clock.now_us(),
                )
            except RequestError:  # it has rules and never recorded anything here
                return
            if certificate is None:
                return
            self._tell_of(certificate)
            await self._collect()
            max_bytes = None if max_bytes is None else max_bytes - certificate.size

    async def _by_space(self) -> None:
        rate = sum(self._rules.bytes_per_day(camera_id) for camera_id in self._rules.retentions())
        rooms = await self._volumes.rooms()
        exhausted = False
        for volume, room, state in rooms:
            if (wanted := wanted_bytes(room, rate)) > 0 and await self._make_room(volume, wanted) <= 0:
                self._told.only_held.discard(volume.volume_id)
                continue
            if wanted <= 0:
                self._told.only_held.discard(volume.volume_id)
                continue
            exhausted = True
            if find_shortage(room, state) is not None:
                await self._tell_of_holds_only(volume)
        held = sum(kept.held_bytes for kept in self._kept.values())
        self._tell_of_scarcity(
            scarce=bool(rooms) and held > 0 and (exhausted or is_scarce([room for _, room, _ in rooms], held)),
            held_bytes=held,
        )
        self._foresee(sum(max(spare_bytes(room), 0) for _, room, _ in rooms))

    async def _make_room(self, volume: Volume, wanted: int) -> int:
        """Delete the oldest footage on a volume that may go; return how many of the wanted bytes are still missing."""
        while wanted > 0 and not self._stopping:
            certificates = await self._index.ask(
                Index.condemn_oldest_on,
                volume.volume_id,
                wanted,
                policy_version=self._rules.policy_version(),
                now_us=self._clock.now_us(),
            )
            if not certificates:
                break
            for certificate in certificates:
                self._tell_of(certificate)
                wanted -= certificate.size
            await self._collect()
            self._volumes.look_soon()
        return wanted

    async def _collect(self) -> None:
        """Unlink what was given up."""
        for volume in self._volumes.usable():
            try:
                await self._index.beside(collect_garbage, volume)
            except StorageError as error:
                _LOGGER.error("Nothing can be deleted from volume %s: %s", volume.path, error.message)  # noqa: TRY400  # it says all
            except OSError as error:
                _LOGGER.error("%s", storage_error(error, f"Deleting from volume {volume.path}").message)  # noqa: TRY400  # it says all

    # Figures

    async def _read_kept(self) -> None:
        """Read what the cameras have kept, beside all other work on the index."""
        running_us = self._clock.monotonic_us()
        rules = self._rules.retentions()
        if self._kept_us is None or running_us - self._kept_us >= _KEPT_US:
            self._kept_us = running_us
            self._stale.update(rules)
        stale, self._stale = self._stale, set()
        for camera_id in sorted(stale & rules.keys()):
            now_us = self._clock.now_us()
            try:
                kept = await self._index.beside(read_kept, camera_id, rules[camera_id], now_us)
            except RequestError:  # it has rules and never recorded anything here
                continue
            known = self._kept.get(camera_id)
            self._kept[camera_id] = kept
            self._rules.kept(camera_id, kept)
            self._tell_of_minimum(camera_id, below=kept.below_minimum(rules[camera_id], now_us), first=known is None)

    def _foresee(self, spare: int) -> None:
        growths = []
        for camera_id, retention in self._rules.retentions().items():
            kept = self._kept.get(camera_id, Kept())
            growths.append(growth(retention, self._rules.bytes_per_day(camera_id), kept.unheld_bytes))
        self.days_until_full = days_until_full(spare, growths)

    # Telling

    def _tell_of(self, certificate: Certificate) -> None:
        self._stale.add(certificate.camera_id)
        self._events.note(
            EventKind.FOOTAGE_DELETED,
            certificate.camera_id,
            certificate_id=certificate.certificate_id,
            record_class=RecordClass.VIDEO,
            rule=certificate.rule,
            records=certificate.records,
            size=certificate.size,
            start_us=certificate.start_us,
            end_us=certificate.end_us,
        )

    def _tell_of_halt(self) -> None:
        before, self._told.halt = self._told.halt, self.halt
        if self._told.halt is before:
            return
        if self._told.halt is not None:
            _LOGGER.warning("No footage is deleted for now: %s", self._told.halt)
            self._events.note(EventKind.SWEEP_HALTED, reason=self._told.halt)
        else:
            _LOGGER.warning("Footage is deleted again")
            self._events.note(EventKind.SWEEP_RESUMED)

    def _tell_of_minimum(self, camera_id: str, *, below: bool, first: bool) -> None:
        """Tell once that room took footage too early; a start does not tell again."""
        if below and camera_id not in self._told.below:
            self._told.below.add(camera_id)
            if not first:
                self._events.note(EventKind.MINIMUM_NOT_KEPT, camera_id)
        elif not below:
            self._told.below.discard(camera_id)

    def _tell_of_scarcity(self, *, scarce: bool, held_bytes: int) -> None:
        if scarce and not self._told.scarce:
            _LOGGER.warning("Holds leave little room to record: they keep %d bytes", held_bytes)
            self._events.note(EventKind.STORAGE_NEARLY_FULL, held_bytes=held_bytes)
        self._told.scarce = scarce

    async def _tell_of_holds_only(self, volume: Volume) -> None:
        if volume.volume_id in self._told.only_held:
            return
        left = await self._index.ask(Index.bytes_on_volume, volume.volume_id)
        if left > 0:
            self._told.only_held.add(volume.volume_id)
            _LOGGER.error("Volume %s is full of footage that is held; recording to it has stopped", volume.path)
            self._events.note(EventKind.STORAGE_HELD, path=str(volume.path), held_bytes=left)
