"""What is kept and for how long: holds, the sweep and its forecasts, as one part of the recorder (invariants 2, 3, 6).

It begins before the volumes are opened, for nothing of a volume is taken in before its holds are, and sweeps from when
the cameras record.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, RequestError
from recorder_core.models import Retention
from recorder_core.storage.index import Index

from .forecast import Outlook, forecast
from .holds import Holds
from .sweep_clock import SweepClock
from .sweeper import Sweeper
from .volume_slot import spare_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from recorder_core.clock import Clock
    from recorder_core.models import (
        Certificate,
        Forecast,
        Hold,
        HoldRelease,
        HoldRequest,
        HoldReview,
        PlacedHold,
        Settings,
        SweepHalt,
    )
    from recorder_core.storage.records import Volume

    from .cameras import Cameras
    from .duties import Duties
    from .events import EventLog
    from .index_thread import IndexThread
    from .kept import Kept
    from .settings import SettingsFiles
    from .volumes import Volumes

    type _Shown = tuple[SweepHalt | None, int, int, bool, float | None]


class Keeping:
    """Holds and retention of one recorder, on the running event loop."""

    def __init__(
        self,
        index: IndexThread,
        events: EventLog,
        clock: Clock,
        folder: Path,
        files: SettingsFiles,
        former: Mapping[str, Retention],
        *,
        duties: Duties,
        on_changed: Callable[[], None],
    ) -> None:
        """Keep holds in `index`; `folder` is the recorder's data folder, whose `files` hold its settings.

        `former` are the rules of cameras that were removed, as they lie in the files.
        `on_changed` is called when the recorder's status is to show something else.
        """
        self._index = index
        self._events = events
        self._clock = clock
        self._folder = folder
        self._files = files
        self._holds = Holds(index, events, clock, folder)
        self.former = former
        self._duties = duties
        self._on_changed = on_changed
        self._shown: _Shown | None = None

    async def read_back(self, volume: Volume) -> None:
        """Take in the holds of a volume, see `Holds.read_back`."""
        await self._holds.read_back(volume)

    async def start(
        self,
        volumes: Volumes,
        cameras: Cameras,
        settings: Callable[[], Settings],
        synchronised: Callable[[], bool | None],
    ) -> None:
        """Delete what is to go from `volumes`, by the rules of `cameras`, until `close`.

        `synchronised` says whether anything disciplines the host's clock.
        """
        self._volumes = volumes
        self._cameras = cameras
        self._settings = settings
        self._sweeper = Sweeper(
            self._index,
            volumes,
            self._holds,
            self._events,
            rules=self,
            clock=self._clock,
            duties=self._duties,
            sweep_clock=await asyncio.to_thread(SweepClock, self._clock, self._folder, synchronised),
        )
        await self._sweeper.start()

    async def close(self) -> None:
        """Stop sweeping."""
        await self._sweeper.close()

    # For the status

    @property
    def halt(self) -> SweepHalt | None:
        """Why nothing is deleted for now."""
        return self._sweeper.halt

    @property
    def trusted_us(self) -> int | None:
        """What the clock showed when it was last looked at; None while it is in doubt."""
        return self._sweeper.trusted_us

    @property
    def days_until_full(self) -> float | None:
        """In how many days the volumes are full; None if they never are."""
        return self._sweeper.days_until_full

    @property
    def holds_active(self) -> int:
        """How many holds there are."""
        return self._holds.active

    @property
    def holds_to_review(self) -> int:
        """How many of them somebody is to look at again."""
        return self._holds.to_review

    @property
    def holds_leave_little(self) -> bool:
        """Whether holds leave little of the volumes to other footage."""
        return self._sweeper.holds_leave_little

    # For the sweeper

    def retentions(self) -> dict[str, Retention]:
        """Return the rules of every camera, also of those that were removed: their footage is still to go in time."""
        configs = self._cameras.configs()
        return {**self.former, **{camera_id: config.retention for camera_id, config in configs.items()}}

    def bytes_per_day(self, camera_id: str) -> int:
        """Return how much a camera records in a day; 0 where it records nothing."""
        return self._cameras.bytes_per_day(camera_id)

    def policy_version(self) -> str:
        """Return what certificates are to say of the policy that is in force."""
        return self._settings().policy_version

    def kept(self, camera_id: str, kept: Kept) -> None:
        """Put what a camera has kept into its status."""
        self._cameras.take_kept(camera_id, kept)

    def swept(self) -> None:
        """Have the status shown if it is another one."""
        self._show()

    def _show(self) -> None:
        """Have the status shown if it is another one; in how many days all is full changes a little all the time."""
        days = self.days_until_full
        rounded = None if days is None else round(days, 1)
        shown = (self.halt, self.holds_active, self.holds_to_review, self.holds_leave_little, rounded)
        if shown != self._shown:
            self._shown = shown
            self._on_changed()

    # Configuration

    def changed(self) -> None:
        """Sweep by rules or limits that have changed."""
        self._sweeper.wake()

    async def camera_removed(self, camera_id: str, retention: Retention) -> None:
        """Remember the rules of a camera that goes, on the disk, until it comes back."""
        await self._keep_former({**self.former, camera_id: retention})

    async def camera_put(self, camera_id: str) -> None:
        """Go by the rules of a camera's configuration, which has changed."""
        await self._keep_former({one: rules for one, rules in self.former.items() if one != camera_id})
        self.changed()

    async def _keep_former(self, former: Mapping[str, Retention]) -> None:
        if former != self.former:
            await asyncio.to_thread(self._files.save_former, former)
            self.former = former

    # Asked by people

    async def place_hold(self, request: HoldRequest) -> PlacedHold:
        """Place a hold, see `Holds.place`."""
        placed = await self._holds.place(request, self._volumes)
        self.changed()
        self._show()
        return placed

    async def review_hold(self, hold_id: str, review: HoldReview) -> Hold:
        """Note that a hold was looked at and stays, see `Holds.review`."""
        hold = await self._holds.review(hold_id, review, self._volumes)
        self._show()
        return hold

    async def release_hold(self, hold_id: str, release: HoldRelease) -> Hold:
        """Release a hold, see `Holds.release`."""
        hold = await self._holds.release(hold_id, release, self._volumes)
        self.changed()
        self._show()
        return hold

    async def hold(self, hold_id: str) -> Hold:
        """Return a hold. Raises RequestError `UNKNOWN_HOLD`."""
        return await self._holds.hold(hold_id)

    async def holds(self, *, active: bool) -> list[Hold]:
        """Return the holds, the newest first: the active ones, or with those that are over."""
        return await self._holds.holds(active=active)

    async def forecast(self, camera_id: str, start_us: int, end_us: int) -> Forecast:
        """Say when what is stored or will be recorded in `[start_us, end_us)` will go, if nothing changes.

        Raises:
            RequestError: `UNKNOWN_CAMERA`, `INTERVAL_INVERTED`.
        """
        if start_us >= end_us:
            raise RequestError(ErrorCode.INTERVAL_INVERTED, "The interval must end after it begins.")
        rules = self.retentions()
        outlook = Outlook(
            retention=rules.get(camera_id, Retention()),
            spare_bytes=sum(max(spare_bytes(room), 0) for _, room, _ in await self._volumes.rooms()),
            rates={one: self.bytes_per_day(one) for one in rules},
            writing=[one.partial() for one in self._volumes.open_segments(camera_id)],
        )
        return await self._index.beside(forecast, camera_id, (start_us, end_us), outlook, self._clock.now_us())

    async def certificates(self, camera_id: str | None, after: int, limit: int) -> list[Certificate]:
        """Return up to `limit` certificates numbered above `after`. Raises RequestError `UNKNOWN_CAMERA`."""
        return await self._index.ask(Index.certificates, camera_id, after, limit)

    async def confirm_clock(self) -> None:
        """Let footage be deleted by age again, for somebody has seen that the clock is right."""
        await self._sweeper.confirm_clock()
        self._show()
