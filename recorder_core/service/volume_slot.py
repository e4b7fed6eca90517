"""One configured volume and what has become of it, and when it has too little room (invariants 4 and 6)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.models import VolumeConfig, VolumeState, VolumeStatus
from recorder_core.storage.volumes import Room, Shortage, VolumeHandle, shortage

from .problems import problem_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from recorder_core.storage.records import Segment
    from recorder_core.storage.writer import VolumeWriter

    from .read_in import ReadIn

_RESERVE_BYTES = 64 << 20
"""Kept free at least, without any limit set: the segments that are being written grow on until they close."""

_GROWING_US = 120_000_000
"""How long it may be until they have: a file's first minute and a half, a late sync sample, the wait for a look."""

_STEADY_US = 10_000_000
"""A file that is younger says little of its rate, for it begins with its largest picture."""

_RESUME_BYTES = 256 << 20
"""How much more than that must be free before a full volume takes footage again, so that it does not flicker."""

STATES = {
    ErrorCode.VOLUME_FULL: VolumeState.FULL,
    ErrorCode.VOLUME_FOREIGN: VolumeState.FOREIGN,
    ErrorCode.VOLUME_READ_ONLY: VolumeState.READ_ONLY,
}
"""What an error makes of a volume; every other one counts as missing."""

PRESENT = frozenset({VolumeState.OK, VolumeState.FULL})
"""The states of a volume that is there and can be written to."""


def usable_bytes(room: Room) -> int:
    """Return how large a volume is for the recorder: its limit or its disk."""
    return room.total_bytes if room.max_bytes is None else min(room.max_bytes, room.total_bytes)


def spare_bytes(room: Room) -> int:
    """Return how much more footage fits, below zero where there is too much."""
    left = room.free_bytes + room.pending_bytes - (room.min_free_bytes or 0)
    return left if room.max_bytes is None else min(left, room.max_bytes - room.used_bytes)


def growing_bytes(files: Iterable[Segment]) -> int:
    """Return how much open files, and those that follow on them before the next look, may take at their own rates."""
    return sum(file.size * _GROWING_US // max(file.wall_duration_us, _STEADY_US) for file in files)


def regrowing_bytes(newest: Collection[Segment]) -> int:
    """Return how much the files may take that follow on those that were written last, of each camera its newest."""
    last_us = max((file.start_us for file in newest), default=0)
    return growing_bytes(file for file in newest if last_us - file.start_us <= _GROWING_US)


def reserve_bytes(room: Room) -> int:
    """Return how much is to stay free for the open files, so that none ends because the volume does."""
    return min(max(_RESERVE_BYTES, room.growing_bytes), _tenth(room))


def resume_bytes(room: Room) -> int:
    """Return how much room a volume that was full must have to take footage again."""
    return reserve_bytes(room) + min(_RESUME_BYTES, _tenth(room))


def _tenth(room: Room) -> int:
    """Return the most that a margin takes: a volume may be smaller than those that suit a large one."""
    return usable_bytes(room) // 10


def find_shortage(room: Room, before: VolumeState) -> Shortage | None:
    """Say why a volume that was in the state `before` may not take more footage; None if it may."""
    if before is VolumeState.FULL:
        return shortage(room, resume_bytes(room))
    return shortage(room, reserve_bytes(room))


@dataclass(slots=True, eq=False)
class Slot:
    """One configured volume and what has become of it."""

    config: VolumeConfig
    handle: VolumeHandle | None = None
    writer: VolumeWriter | None = None
    room: Room | None = None
    state: VolumeState = VolumeState.MISSING
    error: StorageError | None = None
    reading: ReadIn | None = None
    growing_bytes: int = 0
    """What its open files may still take; of a full volume, and after a start, what those might that were the last."""
    unsettled: bool = False
    """Whether a file may have been left open although the volume is there."""
    tight: bool = False
    """Whether its room soon ends, so that cameras go where there is more."""
    only_held: bool = False
    """Whether it is full of footage that is held."""
    being_read: bool = False
    """Whether it is full, and what holds do not keep on it is read just now."""
    look_soon: asyncio.Event = field(default_factory=asyncio.Event)
    """Set where the next look is not to wait for its time."""
    watching: asyncio.Task[None] | None = None
    dropped: bool = False
    """Whether it is in use no more, and not to be looked at again."""

    async def close(self) -> None:
        """Look no more, read no more, write what is queued."""
        self.dropped = True
        self.look_soon.set()
        if self.watching is not None:  # no look may start a writer on a volume that goes, or have it read in
            await asyncio.wait({self.watching})
        if self.reading is not None:
            await self.reading.close()
        if self.writer is not None:
            await self.writer.stop()

    def being_written(self) -> set[int]:
        """Return the ids of the segments that are open; may be called from any thread."""
        return set() if self.writer is None else {segment.file.segment_id for segment in self.writer.open_segments()}

    def status(self) -> VolumeStatus:
        """Return what the volume is like, as of the last look."""
        room = self.room or Room(0, 0, 0, 0, None, None)
        return VolumeStatus(
            volume_id=None if self.handle is None else self.handle.volume.volume_id,
            path=self.config.path,
            state=self.state,
            total_bytes=room.total_bytes,
            free_bytes=room.free_bytes + room.pending_bytes,
            used_bytes=room.used_bytes,
            min_free_bytes=self.config.min_free_bytes,
            max_bytes=self.config.max_bytes,
            problem=None if self.error is None else problem_of(self.error),
            unread=self.reading is not None and not self.reading.is_over,
            only_held=self.only_held,
            being_read=self.being_read,
        )


_SHORTAGES = {
    Shortage.DISK: "The disk is full; recording has stopped.",
    Shortage.MIN_FREE: "The space that is to stay free has been reached; recording has stopped.",
    Shortage.MAX_BYTES: "The recorder's share of the disk is used up; recording has stopped.",
}


def full(short: Shortage) -> StorageError:
    """Return the error that tells of a shortage."""
    return StorageError(ErrorCode.VOLUME_FULL, _SHORTAGES[short], shortage=short)
