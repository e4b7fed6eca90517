"""Finds out what is to go, again and again: by age and by quota here, for room in `sweep_room`. Decides nothing alone.

What goes is decided by `sweep_plan`, what may go by the index, in the transaction that takes it (invariants 2 and 3);
the two are asked in turn, in small steps, on the injected clock. Nothing is deleted by age while the clock is in
doubt, and then only by the time at which the clock was looked at; nothing at all while holds may be unread
(invariant 7).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from recorder_core.errors import RequestError
from recorder_core.models import DeletionRule, Duty, SweepHalt
from recorder_core.storage.index import Index

from .deletion import Deletion
from .kept import read_kept
from .sweep_news import SweepNews
from .sweep_plan import age_batch_us, over_quota, too_old_us
from .sweep_room import STEPS, SweepRoom
from .waiting import woken_or_after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recorder_core.clock import Clock
    from recorder_core.models import Certificate, Retention

    from .duties import Duties
    from .events import EventLog
    from .holds import Holds
    from .index_thread import IndexThread
    from .kept import Kept
    from .sweep_clock import SweepClock
    from .volumes import Volumes

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

    def swept(self) -> None:
        """Take note that a turn is over."""
        ...


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
        duties: Duties,
    ) -> None:
        """Sweep `volumes` by `rules`, as far as `holds` and `sweep_clock` let it."""
        self._index = index
        self._volumes = volumes
        self._holds = holds
        self._rules = rules
        self._clock = clock
        self._sweep_clock = sweep_clock
        self._duties = duties
        self._news = SweepNews(events)
        self._deletion = Deletion(index, volumes, clock, policy_version=rules.policy_version, on_deleted=self._deleted)
        self._wake = asyncio.Event()
        self._room = SweepRoom(index, volumes, self._deletion, self._news, on_more=self._wake.set)
        self._aged_us: dict[str, int] = {}
        self._kept: dict[str, Kept] = {}
        self._kept_us: int | None = None
        self._stale: set[str] = set()
        self._turn = asyncio.Lock()

    # Life

    async def start(self) -> None:
        """Find out whether anything may be deleted, and sweep until `close`."""
        await self._sweep_clock.look()
        await self._holds.bring_to_files(self._volumes)
        self._news.halt(self.halt)
        self._task = asyncio.create_task(self._sweep_again_and_again(), name="sweeper")

    async def close(self) -> None:
        """Stop after the step that is being done."""
        self._deletion.stopping = True
        self._wake.set()
        await asyncio.wait({self._task})

    def wake(self) -> None:
        """Sweep now and thoroughly: rules or holds have changed."""
        self._aged_us.clear()
        self._kept_us = None
        self._wake.set()

    @property
    def holds_leave_little(self) -> bool:
        """Whether holds leave little of the volumes to other footage."""
        return self._news.scarce

    @property
    def halt(self) -> SweepHalt | None:
        """Why nothing is deleted for now: by age because of the clock, at all because of holds."""
        if self._holds.unread:
            return SweepHalt.HOLDS
        return SweepHalt.CLOCK if self._sweep_clock.in_doubt else None

    @property
    def trusted_us(self) -> int | None:
        """What the clock showed when it was last looked at; None while it is in doubt."""
        return None if self._sweep_clock.in_doubt else self._sweep_clock.seen_us

    @property
    def days_until_full(self) -> float | None:
        """In how many days all volumes are full; None if they never are, or nobody can tell."""
        return self._room.days_until_full

    async def confirm_clock(self) -> None:
        """Believe the clock as it is, for somebody has looked at it."""
        async with self._turn:
            await self._sweep_clock.confirm()
            self._news.halt(self.halt)
        self.wake()

    async def _sweep_again_and_again(self) -> None:
        while not self._deletion.stopping:
            with self._duties.turn(Duty.SWEEP):
                await self.sweep()
            if not self._deletion.stopping:
                await woken_or_after(self._clock, self._wake, SWEEP_S)

    async def sweep(self) -> None:
        """Do once what is due.

        Raises:
            RecorderError: what could not be done; what did not depend on it was.
        """
        async with self._turn:
            await self._sweep_clock.look()
            await self._holds.bring_to_files(self._volumes)
            await self._holds.see_to(self._volumes, self._sweep_clock)
            self._news.halt(self.halt)
            if self.halt is None:
                await self._by_age()
            await self._read_kept()
            if self.halt is not SweepHalt.HOLDS:
                await self._by_quota()
                rules = self._rules.retentions()
                await self._room.make(rules, {one: self._rules.bytes_per_day(one) for one in rules}, self._kept)
            await self._deletion.collect()
            await self._read_kept()
        self._rules.swept()
        if self._deletion.refused is not None:
            raise self._deletion.refused

    # Deleting

    async def _by_age(self) -> None:
        """Delete what is too old, by the time of the last look: a clock that has stepped since decides over nothing."""
        running_us = self._sweep_clock.seen_running_us
        steps = 0
        for camera_id, retention in self._rules.retentions().items():
            limit = too_old_us(retention, self._sweep_clock.seen_us)
            last_us = self._aged_us.get(camera_id)
            if limit is None or (last_us is not None and running_us - last_us < age_batch_us(retention)):
                continue
            while not self._deletion.stopping and await self._deletion.oldest_of(
                camera_id, limit[0], before_us=limit[1]
            ):
                steps += 1
                if steps == STEPS:
                    self._wake.set()  # the rest with the next turn
                    return
            self._aged_us[camera_id] = running_us

    async def _by_quota(self) -> None:
        steps = 0
        for camera_id, retention in self._rules.retentions().items():
            excess = await self._over_quota(camera_id, retention)
            while excess > 0 and not self._deletion.stopping:
                deleted = await self._deletion.oldest_of(camera_id, DeletionRule.QUOTA, max_bytes=excess)
                if deleted is None:
                    break
                excess -= deleted.size
                steps += 1
                if steps == STEPS:
                    self._wake.set()
                    return

    async def _over_quota(self, camera_id: str, retention: Retention) -> int:
        """Return how much of a camera is to go for its quota, by what is held now and not when it was last read."""
        if retention.quota_bytes is None or camera_id not in self._kept:
            return 0
        rate = self._rules.bytes_per_day(camera_id)
        stored = (await self._index.ask(Index.footage, camera_id)).size
        if over_quota(retention, stored - self._kept[camera_id].held_bytes, rate) == 0:
            return 0
        held = await self._index.beside(Index.held_bytes, camera_id)
        return over_quota(retention, stored - held, rate)

    def _deleted(self, certificate: Certificate) -> None:
        self._stale.add(certificate.camera_id)
        self._news.deleted(certificate)

    # Figures

    async def _read_kept(self) -> None:
        """Read what the cameras have kept, beside all other work on the index."""
        running_us = self._clock.monotonic_us()
        rules = self._rules.retentions()
        if self._kept_us is None or running_us - self._kept_us >= _KEPT_US:
            self._kept_us = running_us
            self._stale.update(rules)
        for camera_id in sorted(self._stale & rules.keys()):
            self._stale.discard(camera_id)
            now_us = self._clock.now_us()
            try:
                kept = await self._index.beside(read_kept, camera_id, rules[camera_id], now_us)
            except RequestError:  # it has rules and never recorded anything here
                continue
            known = self._kept.get(camera_id)
            self._kept[camera_id] = kept
            self._rules.kept(camera_id, kept)
            self._news.minimum(camera_id, below=kept.below_minimum(rules[camera_id], now_us), first=known is None)
