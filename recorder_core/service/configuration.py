"""What the recorder was told to do: settings and cameras, changed one at a time.

A change is in the ledger, if it decides how footage is kept, and on the disk, before anything follows from it and
before it is answered (invariant 8): one that the index refuses to tell of is not made. Where it fails behind that, or a
crash comes between, ledger and files are brought back to what is in force, at once, later, or at the next start.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from recorder_core.storage.index import Index
from recorder_core.storage.records import GapReason

from .delivery_folders import DeliveryFolders
from .events import EventKind

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from recorder_core.models import CameraConfig, CameraStatus, Retention, Settings, VolumeConfig

    from .cameras import Cameras
    from .events import EventLog
    from .index_thread import IndexThread
    from .keeping import Keeping
    from .settings import SettingsFiles
    from .volumes import Volumes

_LOGGER = logging.getLogger(__name__)

_ALL = ""
"""The subject of what the ledger tells of the settings; each camera's is its id, which is never empty."""


class Configuration:
    """Settings and cameras of one recorder, on the running event loop."""

    def __init__(
        self,
        settings: Settings,
        files: SettingsFiles,
        index: IndexThread,
        events: EventLog,
        *,
        volumes: Volumes,
        cameras: Cameras,
        keeping: Keeping,
        on_doubt: Callable[[], None],
    ) -> None:
        """Begin with `settings`, which lie in `files`; the others do what follows from a change.

        `on_doubt` is called when `settle` has something to do.
        """
        self.settings = settings
        self._files = files
        self._index = index
        self._events = events
        self._volumes = volumes
        self._cameras = cameras
        self._keeping = keeping
        self.folders = DeliveryFolders(index, files.folder)
        self._on_doubt = on_doubt
        self._changing = asyncio.Lock()
        self._in_doubt = False
        cameras.zone = ZoneInfo(settings.time_zone)

    async def start(self, volumes: Sequence[VolumeConfig], configs: Mapping[str, CameraConfig]) -> None:
        """Take the volumes that this recorder was started with, unless the settings name some, and correct the ledger.

        It may tell of rules that the files do not have: of a change that a crash kept from them, or from before they
        were changed by hand or the index was put back. `configs` are the cameras as they lie in the files.

        Raises:
            RequestError: see `apply_settings`.
            StorageError: what speaks against one of the volumes, or against telling.
        """
        known = self.settings.volumes
        if not known and volumes:
            settings = replace(self.settings, volumes=list(volumes))
            await self._volumes.check_new(settings.volumes)
            await self._tell(_ALL, _of_settings(settings))
            await asyncio.to_thread(self._files.save_settings, settings)
            self.settings = settings
        elif not {volume.path for volume in volumes} <= {volume.path for volume in known}:
            _LOGGER.warning("The settings name the volumes; those that this recorder was started with are not used")
        await self._correct(configs)

    async def apply_settings(self, settings: Settings) -> None:
        """Replace the settings; another set of volumes interrupts the recording for a moment.

        Raises:
            RequestError: `BAD_REQUEST` for two volumes in one place, or see `DeliveryFolders.check_change`.
            StorageError: what speaks against a new volume or delivery folder, or kept the change from the ledger or the
                disk; nothing was changed then.
        """
        async with self._changing:
            await self._volumes.check_new(settings.volumes)
            before = self.settings
            await self.folders.check_change(before, settings)
            async with self._change():
                if before != settings:
                    await self._tell(_ALL, _of_settings(settings))
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
        """Add a camera or replace its configuration.

        Raises:
            StorageError: what kept the change from the ledger or the disk; nothing was changed then.
        """
        async with self._changing:
            configs = self._cameras.configs()
            known = configs.get(config.camera_id)
            await self._index.ask(Index.put_camera, config.camera_id, config.name)
            async with self._change():
                if known is None or _of_camera(known) != _of_camera(config):
                    await self._tell(config.camera_id, _of_camera(config))
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
            StorageError: what kept the change from the ledger or the disk; nothing was changed then.
        """
        async with self._changing:
            name = self._cameras.status(camera_id).name
            configs = self._cameras.configs()
            retention = configs.pop(camera_id).retention
            async with self._change():
                await self._keeping.camera_removed(camera_id, retention)
                await self._tell(camera_id, _of_former(camera_id, retention))
                await asyncio.to_thread(self._files.save_cameras, configs.values())
                await self._cameras.remove(camera_id)
            self._events.note(EventKind.CAMERA_REMOVED, camera_id, name=name)

    async def settle(self) -> None:
        """Bring files and ledger to what is in force, if a change that failed may have left them otherwise.

        Raises:
            StorageError: they still cannot be written.
        """
        async with self._changing:
            if self._in_doubt:
                configs = self._cameras.configs()
                await asyncio.to_thread(self._files.save_settings, self.settings)
                await asyncio.to_thread(self._files.save_cameras, configs.values())
                await self._correct(configs)
                self._in_doubt = False

    @asynccontextmanager
    async def _change(self) -> AsyncGenerator[None]:
        """Have a change settled that is not made as a whole, whatever it breaks off for."""
        whole = False
        try:
            yield
            whole = True
        finally:
            if not whole:
                self._in_doubt = True
                self._on_doubt()

    async def _tell(self, subject: str, rules: Mapping[str, object]) -> None:
        """Have the ledger tell that what decides how footage is kept is changed."""
        await self._index.ask(Index.tell_rules, subject, rules)

    async def _correct(self, configs: Mapping[str, CameraConfig]) -> None:
        """Have the ledger tell of what is in force and it did not tell of."""
        rules = {one: _of_former(one, retention) for one, retention in self._keeping.former.items()}
        rules |= {one: _of_camera(config) for one, config in configs.items()}
        rules[_ALL] = _of_settings(self.settings)
        await self._index.ask(Index.correct_rules, rules)


def _of_settings(settings: Settings) -> dict[str, object]:
    return {"settings": settings.to_dict()}


def _of_camera(config: CameraConfig) -> dict[str, object]:
    return {"camera_id": config.camera_id, "enabled": config.enabled, "retention": config.retention.to_dict()}


def _of_former(camera_id: str, retention: Retention) -> dict[str, object]:
    return {"camera_id": camera_id, "enabled": False, "removed": True, "retention": retention.to_dict()}
