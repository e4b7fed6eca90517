"""Makes room on the volumes before they are full, and says how long it lasts and what keeps it from being made.

Where only held footage is left nothing is deleted, and recording stops loudly (invariant 3). What is read just now, for
an export, is kept as well, but only until that is done: so the two are told apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recorder_core.storage.index import Index

from .kept import NOTHING_KEPT
from .sweep_plan import days_until_full, growth, is_scarce, is_tight, over_limits, wanted_bytes
from .volume_slot import find_shortage, spare_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from recorder_core.models import Retention, VolumeState
    from recorder_core.storage.records import Volume
    from recorder_core.storage.volumes import Room

    from .deletion import Deletion
    from .index_thread import IndexThread
    from .kept import Kept
    from .sweep_news import SweepNews
    from .volumes import Volumes

    type _Rooms = list[tuple[Volume, Room, VolumeState]]

STEPS = 20
"""Transactions for one rule in one turn: what a new rule takes may go on for hours, and the rest cannot wait for it."""


@dataclass(frozen=True, slots=True)
class _Stuck:
    """A volume of which nothing may go, with its bytes of footage.

    `held` says that holds keep all of it, else some is read; `full` that it takes no more.
    """

    volume: Volume
    size: int
    held: bool
    full: bool


class SweepRoom:
    """The room of one recorder's volumes, on the running event loop."""

    def __init__(
        self,
        index: IndexThread,
        volumes: Volumes,
        deletion: Deletion,
        news: SweepNews,
        *,
        on_more: Callable[[], None],
    ) -> None:
        """Make room on `volumes` by `deletion`; `on_more` is called where the next turn has more to do at once."""
        self._index = index
        self._volumes = volumes
        self._deletion = deletion
        self._news = news
        self._on_more = on_more
        self.days_until_full: float | None = None

    async def make(self, rules: Mapping[str, Retention], rates: Mapping[str, int], kept: Mapping[str, Kept]) -> None:
        """Make room where no volume has any, for what is recorded next, and on those that are beyond their limits.

        While one has room, cameras go there, and nothing is deleted for it on the others. All cameras have `rules` and
        `rates`, in bytes per day; `kept` is what is known of what they have kept.
        """
        rate = sum(rates.values())
        rooms = await self._volumes.rooms()
        exhausted: set[Volume] = set()
        if all(is_tight(room, rate) for _, room, _ in rooms):
            exhausted = await self._make_room(rooms, rate)
            rooms = await self._volumes.rooms()
        for volume, room, _ in rooms:
            await self._free(volume, over_limits(room, rate))
        stuck = [await self._stuck(volume, room, state) for volume, room, state in rooms if volume in exhausted]
        tight = {volume.volume_id for volume, room, _ in rooms if is_tight(room, rate)}
        self._tell(rooms, tight, stuck, sum(one.held_bytes for one in kept.values()))
        growths = [
            growth(one, rates[camera_id], kept.get(camera_id, NOTHING_KEPT).unheld_bytes)
            for camera_id, one in rules.items()
        ]
        spare = sum(max(spare_bytes(room), 0) for _, room, _ in rooms)
        self.days_until_full = days_until_full(spare, growths) if rooms else None  # of what is away nobody can tell

    async def _make_room(self, rooms: _Rooms, rate: int) -> set[Volume]:
        """Delete the oldest footage of all volumes, on whichever it lies; return those where nothing more may go."""
        begins = {}
        for volume, room, _ in rooms:
            if wanted_bytes(room, rate) > 0:
                begins[volume, room] = await self._index.ask(Index.oldest_on, volume.volume_id)
        exhausted = {volume for (volume, _), begin_us in begins.items() if begin_us is None}
        there = [(begin_us, volume, room) for (volume, room), begin_us in begins.items() if begin_us is not None]
        for _, volume, room in sorted(there, key=lambda one: one[0]):
            if await self._free(volume, wanted_bytes(room, rate)):
                break
            exhausted.add(volume)
        return exhausted

    async def _free(self, volume: Volume, wanted: int) -> bool:
        """Delete the oldest footage on a volume that may go; False where not enough may."""
        for _ in range(STEPS):
            if wanted <= 0 or self._deletion.stopping:
                return True
            deleted = await self._deletion.oldest_on(volume, wanted)
            if deleted == 0:
                return False
            wanted -= deleted
        self._on_more()
        return True

    async def _stuck(self, volume: Volume, room: Room, state: VolumeState) -> _Stuck:
        """Find out what keeps the footage on a volume of which nothing may go."""
        return _Stuck(
            volume,
            await self._index.ask(Index.bytes_on_volume, volume.volume_id),
            held=await self._index.ask(Index.all_held, volume.volume_id),
            full=find_shortage(room, state) is not None,
        )

    def _tell(self, rooms: _Rooms, tight: set[str], stuck: list[_Stuck], held_bytes: int) -> None:
        """Say where cameras are to go, and what holds and readers leave of the volumes."""
        stuck = [one for one in stuck if one.size > 0]  # else another program fills the disk
        only_held = {one.volume: one.size for one in stuck if one.full and one.held}
        being_read = {one.volume: one.size for one in stuck if one.full and not one.held}
        self._volumes.take_room(
            tight=tight,
            only_held={volume.volume_id for volume in only_held},
            being_read={volume.volume_id for volume in being_read},
        )
        self._news.only_held(only_held)
        self._news.being_read(being_read)
        scarce = is_scarce([room for _, room, _ in rooms], held_bytes) or any(one.held for one in stuck)
        self._news.scarcity(scarce=scarce, held_bytes=held_bytes)
