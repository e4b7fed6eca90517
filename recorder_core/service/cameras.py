"""The cameras of a recorder: each with its configuration, its capture while it is enabled, and its figures.

Keeps invariant 4 between captures: whatever a camera waits for, it is in a gap that says so.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from recorder_core.capture import CameraRecorder, CaptureConfig, CaptureStatus
from recorder_core.errors import ErrorCode, RequestError
from recorder_core.models import CameraConfig, CameraState, CameraStatus, FeedItem
from recorder_core.storage.records import GapReason

from .account import Account
from .figures import Figures, read_figures
from .kept import NOTHING_KEPT, Kept
from .status import camera_status
from .waiting import woken_or_after

if TYPE_CHECKING:
    from recorder_core.clock import Clock
    from recorder_core.rtsp import Poller

    from .events import EventLog
    from .index_thread import IndexThread
    from .volumes import Volumes

_LOGGER = logging.getLogger(__name__)

REFRESH_S = 60.0
"""Figures grow old without an event: a day ends, a gap goes on."""


@dataclass(slots=True)
class _Camera:
    config: CameraConfig
    figures: Figures
    since_us: int
    capture: CameraRecorder | None = None
    kept: Kept = NOTHING_KEPT


def capture_config(config: CameraConfig) -> CaptureConfig:
    """Return what capture must know of a camera."""
    return CaptureConfig(
        camera_id=config.camera_id,
        name=config.name,
        url=config.url,
        username=config.username,
        password=config.password,
        source=config.source,
        verify_tls=config.verify_tls,
        stall_timeout_s=config.stall_timeout_s,
    )


def _records_alike(before: CameraConfig, after: CameraConfig) -> bool:
    """Whether nothing differs that capture would have to begin anew for."""
    return replace(before, name=after.name, retention=after.retention) == after


class Cameras:
    """All cameras of a recorder, on the running event loop."""

    def __init__(self, index: IndexThread, volumes: Volumes, events: EventLog, *, clock: Clock, poller: Poller) -> None:
        """Begin with none."""
        self._index = index
        self._events = events
        self._clock = clock
        self._poller = poller
        self._cameras: dict[str, _Camera] = {}
        self._stale: set[str] = set()
        self._wake = asyncio.Event()
        self._refreshing: asyncio.Task[None] | None = None
        self._account = Account(index, volumes, events, on_changed=self._publish, on_figures=self.refresh)
        self.zone = ZoneInfo("UTC")

    def start_refreshing(self) -> None:
        """Keep the figures fresh until `close`."""
        self._refreshing = asyncio.create_task(self._refresh_again_and_again(), name="figures")

    async def close(self) -> None:
        """End all captures; what follows is a gap until the recorder runs again."""
        if self._refreshing is not None:  # first, for whatever may go wrong with a camera: soon the index is closed
            self._refreshing.cancel()
            await asyncio.wait({self._refreshing})
        await self.stop_all(GapReason.RECORDER_DOWN)

    def configs(self) -> dict[str, CameraConfig]:
        """Return all configurations by the cameras' ids."""
        return {camera_id: camera.config for camera_id, camera in self._cameras.items()}

    def statuses(self) -> list[CameraStatus]:
        """Return what all cameras do."""
        return [self._status(camera) for camera in self._cameras.values()]

    def status(self, camera_id: str) -> CameraStatus:
        """Return what a camera does.

        Raises:
            RequestError: `UNKNOWN_CAMERA`.
        """
        return self._status(self._known(camera_id))

    async def put(self, config: CameraConfig) -> None:
        """Add a camera that the index knows, or go on with another configuration of one.

        A configuration that changes nothing for capture interrupts nothing.
        """
        camera_id = config.camera_id
        now_us = self._clock.now_us()
        known = self._cameras.get(camera_id)
        if known is not None and known.capture is not None and _records_alike(known.config, config):
            known.config = config
            self._publish(camera_id)
            return
        # Asked first: an index that refuses must not leave a camera stopped.
        figures = await self._index.ask(read_figures, camera_id, now_us, self.zone)
        if known is not None and known.capture is not None:
            await known.capture.stop(GapReason.RECONFIGURED if config.enabled else GapReason.DISABLED)
        camera = _Camera(config, figures, since_us=now_us, kept=NOTHING_KEPT if known is None else known.kept)
        self._cameras[camera_id] = camera
        if config.enabled:
            self._start(camera)
        elif self._account.gap_start_us(camera_id) is None:
            self._account.gap_opened(camera_id, now_us, GapReason.DISABLED, "")
        self._publish(camera_id)

    async def remove(self, camera_id: str) -> None:
        """Stop recording a camera and forget it; its footage stays.

        Raises:
            RequestError: `UNKNOWN_CAMERA`.
        """
        camera = self._known(camera_id)
        if camera.capture is not None:
            await camera.capture.stop(GapReason.DISABLED)
        self._account.gap_closed(camera_id, self._clock.now_us())  # nobody misses footage of a camera that is no more
        del self._cameras[camera_id]
        self._events.publish(FeedItem(removed_camera=camera_id))

    async def stop_all(self, reason: GapReason) -> None:
        """Stop all captures, side by side."""
        captures = [camera.capture for camera in self._cameras.values() if camera.capture is not None]
        await asyncio.gather(*(capture.stop(reason) for capture in captures))
        for camera in self._cameras.values():
            camera.capture = None

    def start_all(self) -> None:
        """Start the captures that `stop_all` has stopped."""
        for camera in self._cameras.values():
            if camera.config.enabled and camera.capture is None:
                self._start(camera)

    def bytes_per_day(self, camera_id: str) -> int:
        """Return how much a camera records in a day; 0 where that is not known, or where it is not recorded."""
        camera = self._cameras.get(camera_id)
        return 0 if camera is None or not camera.config.enabled else camera.figures.bytes_per_day or 0

    def take_kept(self, camera_id: str, kept: Kept) -> None:
        """Take note of what a camera has kept, and have its figures read again."""
        camera = self._cameras.get(camera_id)
        if camera is not None and camera.kept != kept:
            camera.kept = kept
            self.refresh(camera_id)

    def refresh(self, camera_id: str) -> None:
        """Have the figures of a camera read again, and its status published."""
        self._stale.add(camera_id)
        self._wake.set()

    def refresh_all(self) -> None:
        """Have all figures read again."""
        self._stale.update(self._cameras)
        self._wake.set()

    def _known(self, camera_id: str) -> _Camera:
        camera = self._cameras.get(camera_id)
        if camera is None:
            raise RequestError(ErrorCode.UNKNOWN_CAMERA, "There is no such camera.", camera_id=camera_id[:64])
        return camera

    def _start(self, camera: _Camera) -> None:
        camera.capture = CameraRecorder(
            capture_config(camera.config), sink=self._account, clock=self._clock, poller=self._poller
        )
        camera.capture.start()

    def _status(self, camera: _Camera) -> CameraStatus:
        idle = CaptureStatus(CameraState.DISABLED, camera.since_us)
        return camera_status(
            camera.config,
            idle if camera.capture is None else camera.capture.status,
            camera.figures,
            camera.kept,
            gap_start_us=self._account.gap_start_us(camera.config.camera_id),
            now_us=self._clock.now_us(),
        )

    def _publish(self, camera_id: str) -> None:
        camera = self._cameras.get(camera_id)
        if camera is not None:
            self._events.publish(FeedItem(camera=self._status(camera)))

    async def _refresh_again_and_again(self) -> None:
        while True:
            if not await woken_or_after(self._clock, self._wake, REFRESH_S):
                self._stale.update(self._cameras)
            stale, self._stale = self._stale, set()
            for camera_id in stale & self._cameras.keys():
                await self._refresh(camera_id)

    async def _refresh(self, camera_id: str) -> None:
        try:
            figures = await self._index.ask(read_figures, camera_id, self._clock.now_us(), self.zone)
        except Exception:
            _LOGGER.exception("Reading the figures of camera %s failed", camera_id)
            return
        camera = self._cameras.get(camera_id)
        if camera is not None:
            camera.figures = figures
            self._publish(camera_id)
