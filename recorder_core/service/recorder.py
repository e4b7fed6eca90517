"""`Recorder`: everything that one data folder's recorder does, behind the few calls that the API makes."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Self

from recorder_core.errors import ErrorCode, RequestError
from recorder_core.models import (
    API_VERSION,
    CameraConfig,
    CameraState,
    CameraStatus,
    FeedItem,
    RecorderStatus,
    Settings,
)
from recorder_core.version import __version__

from .feed import Feed
from .settings import SettingsFiles

if TYPE_CHECKING:
    from pathlib import Path

    from recorder_core.clock import Clock
    from recorder_core.storage.records import Event


class Recorder:
    """One recorder on one data folder."""

    def __init__(self, folder: Path, *, clock: Clock, supervisor_pid: int | None = None) -> None:
        """Prepare a recorder on `folder`."""
        self._files = SettingsFiles(folder)
        self._clock = clock
        self._supervisor_pid = supervisor_pid
        self._started_us = clock.now_us()
        self._settings = Settings()
        self._cameras: dict[str, CameraConfig] = {}
        self._changing = asyncio.Lock()
        self.shutdown_requested = asyncio.Event()
        self.feed = Feed(self._events_after, self.status)

    async def _events_after(self, _seq: int, _limit: int) -> list[Event]:
        return []

    async def __aenter__(self) -> Self:
        """Start."""
        self._settings = await asyncio.to_thread(self._files.settings)
        self._cameras = await asyncio.to_thread(self._files.cameras)
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop."""
        self.feed.close()

    def status(self) -> RecorderStatus:
        """Return the recorder as a whole."""
        return RecorderStatus(
            version=__version__,
            api_version=API_VERSION,
            store_id="",
            pid=os.getpid(),
            supervisor_pid=self._supervisor_pid,
            started_us=self._started_us,
            host_synchronised=None,
            cameras=[self._camera_status(config) for config in self._cameras.values()],
            volumes=[],
        )

    def _camera_status(self, config: CameraConfig) -> CameraStatus:
        state = CameraState.CONNECTING if config.enabled else CameraState.DISABLED
        return CameraStatus(
            camera_id=config.camera_id,
            name=config.name,
            enabled=config.enabled,
            state=state,
            since_us=self._started_us,
        )

    async def apply_settings(self, settings: Settings) -> RecorderStatus:
        """Replace the settings."""
        async with self._changing:
            await asyncio.to_thread(self._files.save_settings, settings)
            self._settings = settings
        return self.status()

    async def put_camera(self, config: CameraConfig) -> CameraStatus:
        """Add a camera or replace its configuration."""
        async with self._changing:
            cameras = self._cameras | {config.camera_id: config}
            await asyncio.to_thread(self._files.save_cameras, cameras.values())
            self._cameras = cameras
        status = self._camera_status(config)
        self.feed.publish(FeedItem(camera=status))
        return status

    async def remove_camera(self, camera_id: str) -> None:
        """Stop recording a camera and forget its configuration."""
        async with self._changing:
            if camera_id not in self._cameras:
                raise RequestError(ErrorCode.UNKNOWN_CAMERA, "There is no such camera.", camera_id=camera_id[:64])
            cameras = {key: value for key, value in self._cameras.items() if key != camera_id}
            await asyncio.to_thread(self._files.save_cameras, cameras.values())
            self._cameras = cameras
        self.feed.publish(FeedItem(removed_camera=camera_id))

    def request_shutdown(self) -> None:
        """Ask whoever runs the recorder to stop it for good."""
        self.shutdown_requested.set()
