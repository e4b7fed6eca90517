"""What the integration knows of its recorder at one moment, and how a line of the feed changes it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recorder_core.models import CameraStatus, FeedItem, RecorderStatus, VolumeStatus


@dataclass(frozen=True, slots=True)
class Picture:
    """The recorder, its cameras by id and its volumes by path."""

    recorder: RecorderStatus
    cameras: Mapping[str, CameraStatus]
    volumes: Mapping[str, VolumeStatus]

    @classmethod
    def of(cls, status: RecorderStatus) -> Self:
        """Return the picture that a whole status draws."""
        return cls(
            status,
            {camera.camera_id: camera for camera in status.cameras},
            {volume.path: volume for volume in status.volumes},
        )

    def after(self, item: FeedItem) -> Picture:
        """Return the picture after a line of the feed; what it does not name stays the same object."""
        if item.status is not None:
            return Picture.of(item.status)
        if item.camera is not None:
            return replace(self, cameras={**self.cameras, item.camera.camera_id: item.camera})
        if item.volume is not None:
            return replace(self, volumes={**self.volumes, item.volume.path: item.volume})
        if item.removed_camera is not None:
            return replace(self, cameras={key: it for key, it in self.cameras.items() if key != item.removed_camera})
        return self
