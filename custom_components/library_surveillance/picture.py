"""What the integration knows of its recorder at one moment, and how a line of the feed changes it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from recorder_core.models import ExportState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recorder_core.models import CameraStatus, ExportJob, FeedItem, RecorderStatus, VolumeStatus


@dataclass(frozen=True, slots=True)
class Picture:
    """The recorder, its cameras by id, its volumes by path, and how far each export is that is being made."""

    recorder: RecorderStatus
    cameras: Mapping[str, CameraStatus]
    volumes: Mapping[str, VolumeStatus]
    exports: Mapping[str, float] = field(default_factory=dict)

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
            return replace(Picture.of(item.status), exports=self.exports)
        if item.camera is not None:
            return replace(self, cameras={**self.cameras, item.camera.camera_id: item.camera})
        if item.volume is not None:
            return replace(self, volumes={**self.volumes, item.volume.path: item.volume})
        if item.export is not None:
            return self._after_export(item.export)
        if item.removed_camera is not None:
            return replace(self, cameras={key: it for key, it in self.cameras.items() if key != item.removed_camera})
        return self

    def _after_export(self, job: ExportJob) -> Picture:
        """Return the picture after word of an export; one that has ended is in it no longer."""
        others = {key: it for key, it in self.exports.items() if key != job.export_id}
        if job.state in (ExportState.QUEUED, ExportState.RUNNING):
            return replace(self, exports={**others, job.export_id: job.progress})
        return replace(self, exports=others)
