"""Keeps the recorder's settings, its cameras and its id as small files in the data folder.

They are the only place where a camera's password lies: mode 0600, replaced atomically and synced, so that a power cut
leaves the old file or the new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.json_data import JsonData
from recorder_core.models import CameraConfig, Retention, Settings
from recorder_core.storage.files import storage_error, write_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cameras(JsonData):
    """The content of `cameras.json`."""

    cameras: list[CameraConfig]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Former(JsonData):
    """The content of `former_cameras.json`."""

    retentions: dict[str, Retention]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Store(JsonData):
    """The content of `store.json`."""

    store_id: str


class SettingsFiles:
    """Reads and writes `settings.json`, `cameras.json`, `former_cameras.json` and `store.json`; calls block."""

    STORE: ClassVar = "store.json"
    SETTINGS: ClassVar = "settings.json"
    CAMERAS: ClassVar = "cameras.json"
    FORMER: ClassVar = "former_cameras.json"

    def __init__(self, folder: Path) -> None:
        """Use the files in `folder`, which exists."""
        self.folder = folder

    def store_id(self, fresh: str) -> str:
        """Return the id of this data folder: the one that was given to it first, even if its index was lost since."""
        known = self._load(self.STORE, _Store)
        if known is None:
            known = _Store(store_id=fresh)
            self._save(self.STORE, known)
        return known.store_id

    def settings(self) -> Settings:
        """Return the settings; the defaults as long as none were saved.

        Raises:
            StorageError: `SETTINGS_DAMAGED` when the file cannot be read.
        """
        return self._load(self.SETTINGS, Settings) or Settings()

    def cameras(self) -> dict[str, CameraConfig]:
        """Return the cameras by their ids, in the order in which they were added.

        Raises:
            StorageError: `SETTINGS_DAMAGED` when the file cannot be read.
        """
        loaded = self._load(self.CAMERAS, _Cameras)
        return {camera.camera_id: camera for camera in loaded.cameras} if loaded else {}

    def former(self) -> dict[str, Retention]:
        """Return the rules of cameras that were removed: their footage is still to go when it is old enough.

        Raises:
            StorageError: `SETTINGS_DAMAGED` when the file cannot be read.
        """
        loaded = self._load(self.FORMER, _Former)
        return dict(loaded.retentions) if loaded else {}

    def save_former(self, retentions: Mapping[str, Retention]) -> None:
        """Replace the rules of removed cameras. Raises StorageError."""
        self._save(self.FORMER, _Former(retentions=dict(retentions)))

    def save_settings(self, settings: Settings) -> None:
        """Replace the settings. Raises StorageError."""
        self._save(self.SETTINGS, settings)

    def save_cameras(self, cameras: Iterable[CameraConfig]) -> None:
        """Replace all cameras. Raises StorageError."""
        self._save(self.CAMERAS, _Cameras(cameras=list(cameras)))

    def _save(self, name: str, content: JsonData) -> None:
        try:
            write_private(self.folder / name, content.to_jsonb())
        except OSError as error:
            raise storage_error(error, f"Saving {name}") from error

    def _load[T: JsonData](self, name: str, model: type[T]) -> T | None:
        path = self.folder / name
        try:
            return model.from_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError, ValueError, TypeError, LookupError:  # the cause may quote a password: it is not kept
            raise StorageError(
                ErrorCode.SETTINGS_DAMAGED, f"{name} in the data folder cannot be read.", file=name
            ) from None
