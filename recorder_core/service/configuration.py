"""What the recorder was told to do: settings and cameras, changed one at a time.

A change is in the ledger, if it decides how footage is kept, and on the disk, before anything follows from it and
before it is answered (invariant 8): one that the index refuses to tell of is not made.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from recorder_core.models import LedgerKind
from recorder_core.storage.index import Index
from recorder_core.storage.records import GapReason

from .events import EventKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recorder_core.clock import Clock
    from recorder_core.models import CameraConfig, CameraStatus, Settings, VolumeConfig

    from .cameras import Cameras
    from .events import EventLog
    from .index_thread import IndexThread
    from .keeping import Keeping
    from .settings import SettingsFiles
    from .volumes import Volumes

_LOGGER = logging.getLogger(__name__)


class Configuration:
    """Settings and cameras of one recorder, on the running event loop."""

    def __init__(
        self,
        settings: Settings,
        files: SettingsFiles,
        index: IndexThread,
        events: EventLog,
        clock: Clock,
        *,
        volumes: Volumes,
        cameras: Cameras,
        keeping: Keeping,
    ) -> None:
        """Begin with `settings`, which lie in `files`; the others do what follows from a change."""
        self.settings = settings
        self._files = files
        self._index = index
        self._events = events
        self._clock = clock
        self._volumes = volumes
        self._cameras = cameras
        self._keeping = keeping
        self._changing = asyncio.Lock()
        cameras.zone = ZoneInfo(settings.time_zone)

    async def take_first_volumes(self, volumes: Sequence[VolumeConfig]) -> None:
        """Put the volumes that this recorder was started with into its settings, unless these name some.

        Raises:
            RequestError: see `apply_settings`.
            StorageError: what speaks against one of them.
        """
        known = self.settings.volumes
        if not known and volumes:
            settings = replace(self.settings, volumes=list(volumes))
            await self._volumes.check_new(settings.volumes)
            await asyncio.to_thread(self._files.save_settings, settings)
            self.settings = settings
        elif not {volume.path for volume in volumes} <= {volume.path for volume in known}:
            _LOGGER.warning("The settings name the volumes; those that this recorder was started with are not used")

    async def apply_settings(self, settings: Settings) -> None:
        """Replace the settings; another set of volumes interrupts the recording for a moment.

        Raises:
            RequestError: `BAD_REQUEST` for two volumes in one place.
            StorageError: what speaks against a new volume; nothing was changed then.
        """
        async with self._changing:
            await self._volumes.check_new(settings.volumes)
            before = self.settings
            if before != settings:
                await self._tell(settings=settings.to_dict())
            await asyncio.to_thread(self._files.save_settings, settings)
            self.settings = settings
            self._cameras.zone = ZoneInfo(settings.time_zone)
            if before.volumes != settings.volumes:
                await self._cameras.stop_all(GapReason.RECONFIGURED)
                try:
                    await self._volumes.open(settings.volumes)
                    await self._volumes.start()
                finally:  # whatever is wrong with a volume, each camera says so for itself
                    self._cameras.start_all()
                self._events.note(EventKind.VOLUMES_CHANGED, volumes=len(settings.volumes))
            self._cameras.refresh_all()
            self._keeping.changed()

    async def put_camera(self, config: CameraConfig) -> CameraStatus:
        """Add a camera or replace its configuration."""
        async with self._changing:
            configs = self._cameras.configs()
            known = configs.get(config.camera_id)
            await self._index.ask(Index.put_camera, config.camera_id, config.name)
            if known is None or (known.enabled, known.retention) != (config.enabled, config.retention):
                rules = config.retention.to_dict()
                await self._tell(camera_id=config.camera_id, enabled=config.enabled, retention=rules)
            await asyncio.to_thread(self._files.save_cameras, (configs | {config.camera_id: config}).values())
            await self._cameras.put(config)
            await self._keeping.camera_put(config.camera_id)
            if known != config:
                kind = EventKind.CAMERA_ADDED if known is None else EventKind.CAMERA_CHANGED
                self._events.note(kind, config.camera_id, name=config.name, enabled=config.enabled)
        return self._cameras.status(config.camera_id)

    async def remove_camera(self, camera_id: str) -> None:
        """Stop recording a camera and forget its configuration; its footage stays and goes by its rules.

        Raises:
            RequestError: `UNKNOWN_CAMERA`.
        """
        async with self._changing:
            configs = self._cameras.configs()
            name = self._cameras.status(camera_id).name
            await self._keeping.camera_removed(camera_id, configs[camera_id].retention)
            await self._tell(camera_id=camera_id, enabled=False)
            del configs[camera_id]
            await asyncio.to_thread(self._files.save_cameras, configs.values())
            await self._cameras.remove(camera_id)
            self._events.note(EventKind.CAMERA_REMOVED, camera_id, name=name)

    async def _tell(self, **body: object) -> None:
        """Have the ledger tell that what decides how footage is kept is changed."""
        await self._index.ask(Index.append_to_ledger, LedgerKind.SETTINGS, self._clock.now_us(), body)
