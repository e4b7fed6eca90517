"""What a sweep has to tell: each thing once until it is over, as an event and in the log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from recorder_core.models import RecordClass

from .events import EventKind

if TYPE_CHECKING:
    from recorder_core.models import Certificate, SweepHalt
    from recorder_core.storage.records import Volume

    from .events import EventLog

_LOGGER = logging.getLogger(__name__)


class SweepNews:
    """Remembers what was told."""

    def __init__(self, events: EventLog) -> None:
        """Tell by `events`; nothing was told yet."""
        self._events = events
        self._halt: SweepHalt | None = None
        self.scarce = False
        """Whether holds leave little to other footage."""
        self._only_held: set[str] = set()
        self._being_read: set[str] = set()
        self._below: set[str] = set()

    def deleted(self, certificate: Certificate) -> None:
        """Footage was given up."""
        self._events.note(
            EventKind.FOOTAGE_DELETED,
            certificate.camera_id,
            certificate_id=certificate.certificate_id,
            record_class=RecordClass.VIDEO,
            rule=certificate.rule,
            records=certificate.records,
            size=certificate.size,
            start_us=certificate.start_us,
            end_us=certificate.end_us,
        )

    def halt(self, halt: SweepHalt | None) -> None:
        """Nothing is deleted for now, or it is again."""
        before, self._halt = self._halt, halt
        if halt is before:
            return
        if halt is not None:
            _LOGGER.warning("No footage is deleted for now: %s", halt)
            self._events.note(EventKind.SWEEP_HALTED, reason=halt)
        else:
            _LOGGER.warning("Footage is deleted again")
            self._events.note(EventKind.SWEEP_RESUMED)

    def minimum(self, camera_id: str, *, below: bool, first: bool) -> None:
        """Room took footage too early, or not; a start (`first`) does not tell again."""
        if below and camera_id not in self._below:
            self._below.add(camera_id)
            if not first:
                self._events.note(EventKind.MINIMUM_NOT_KEPT, camera_id)
        elif not below:
            self._below.discard(camera_id)

    def scarcity(self, *, scarce: bool, held_bytes: int) -> None:
        """Holds leave little to other footage, or not."""
        if scarce and not self.scarce:
            _LOGGER.warning("Holds leave little room to record: they keep %d bytes", held_bytes)
            self._events.note(EventKind.STORAGE_NEARLY_FULL, held_bytes=held_bytes)
        self.scarce = scarce

    def only_held(self, full: dict[Volume, int]) -> None:
        """Say which volumes are full of footage that is held, with its bytes: recording to them has stopped."""
        for volume, held_bytes in full.items():
            if volume.volume_id not in self._only_held:
                _LOGGER.error("Volume %s is full of footage that is held; recording to it has stopped", volume.path)
                self._events.note(EventKind.STORAGE_HELD, path=str(volume.path), held_bytes=held_bytes)
        self._only_held = {volume.volume_id for volume in full}

    def being_read(self, full: dict[Volume, int]) -> None:
        """Say which volumes are full although no hold keeps all that is on them: the rest is read just now."""
        for volume, size in full.items():
            if volume.volume_id not in self._being_read:
                _LOGGER.error("Volume %s is full, and what could go is being read; recording waits", volume.path)
                self._events.note(EventKind.STORAGE_BEING_READ, path=str(volume.path), size=size)
        self._being_read = {volume.volume_id for volume in full}
