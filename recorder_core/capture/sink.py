"""What capture needs from the rest of the recorder: a place for files, and an account of runs and gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from recorder_core.errors import StorageError
    from recorder_core.storage.records import GapReason, Run
    from recorder_core.storage.writer import VolumeWriter


class CaptureSink(Protocol):
    """Called on the event loop; nothing here waits."""

    def obstacle(self) -> StorageError | None:
        """Return what keeps every segment from being written for now; None while there is somewhere to write to."""
        ...

    def writer(self, camera_id: str) -> VolumeWriter:
        """Return the writer for the camera's next segment.

        Raises:
            StorageError: `VOLUME_FULL`, `VOLUME_MISSING` … while there is nowhere to write to.
        """
        ...

    def run_started(self, run: Run) -> None:
        """Keep a run that has begun; called before its first segment is opened."""
        ...

    def run_ended(self, run_id: str, end_us: int, reason: str) -> None:
        """Keep the end of a run."""
        ...

    def gap_opened(self, camera_id: str, start_us: int, reason: GapReason, detail: str) -> None:
        """Begin a gap. If one is open it ends where this one starts."""
        ...

    def gap_closed(self, camera_id: str, end_us: int) -> None:
        """End the open gap of a camera, if there is one."""
        ...

    def gap(self, camera_id: str, start_us: int, end_us: int, reason: GapReason, detail: str) -> None:
        """Keep a gap that is over already."""
        ...

    def changed(self, camera_id: str) -> None:
        """Note that the camera's status is another than before."""
        ...
