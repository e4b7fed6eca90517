"""What exports take from the recorder: footage and gaps, kept from deletion while they are read, room, and proofs."""

from __future__ import annotations

import asyncio
import errno
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.export.archive import Material
from recorder_core.export.package import SigningKey, key_mark
from recorder_core.models import SweepHalt
from recorder_core.storage.index import Index

from .disk_calls import DiskCalls
from .footage import gap_view
from .ledger import tell_of_camera

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from recorder_core.clock import Clock
    from recorder_core.models import GapView, Settings
    from recorder_core.storage.records import Segment
    from recorder_core.storage.root_rows import RootProof

    from .footage import Footage
    from .index_thread import IndexThread
    from .volumes import Volumes

_LOGGER = logging.getLogger(__name__)

_LEAD_US = 100_000
"""How much earlier than the clip a file may end that helps to decode the clip's first pictures."""

_PATIENCE_US = 3_000_000
"""How long to wait for what is just being recorded: a fragment lasts a second, and pictures come out of order."""

_LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Store:
    """What holds for the whole recorder: its data folder and that folder's id, and what may change meanwhile."""

    folder: Path
    store_id: str
    settings: Callable[[], Settings]
    halt: Callable[[], SweepHalt | None]
    trusted_us: Callable[[], int | None]


class ServiceArchive:
    """Implements `Archive` over the recorder's parts."""

    def __init__(self, index: IndexThread, footage: Footage, volumes: Volumes, clock: Clock, store: Store) -> None:
        """Look into these."""
        self._index = index
        self._footage = footage
        self._volumes = volumes
        self._clock = clock
        self._store = store
        self._disks: dict[Path, DiskCalls] = {}

    async def material(self, camera_id: str, start_us: int, end_us: int) -> Material:
        """Return what is stored of the interval, waiting for what is just being written."""
        await self._written(camera_id, end_us)
        window = await self._footage.window(camera_id, start_us - _LEAD_US, end_us)
        names = await self._index.ask(Index.cameras)
        inside = any(segment.end_us > start_us for segment in window.segments)
        clipped = (_clipped(gap_view(gap), start_us, end_us) for gap in window.gaps)
        return Material(
            camera_id=camera_id,
            camera_name=names[camera_id],
            segments=tuple(window.segments) if inside else (),
            sources=tuple(self._footage.sources(window)) if inside else (),
            gaps=tuple(gap for gap in clipped if gap is not None),
            destroyed=tuple(await self._index.ask(Index.destroyed, camera_id, start_us, end_us)),
        )

    async def begin_reading(self, camera_id: str, start_us: int, end_us: int) -> int:
        """Keep all that `material` may return from being deleted until `end_reading`."""
        return await self._index.ask(Index.begin_reading, camera_id, start_us - _LEAD_US, end_us)

    async def end_reading(self, reading_id: int) -> None:
        """Let it go."""
        await self._index.ask(Index.end_reading, reading_id)

    async def proofs(self, segments: Sequence[Segment]) -> Mapping[int, RootProof]:
        """Return proofs for those of the segments that are complete; the ledger is told of them first."""
        complete = [segment for segment in segments if segment.root]
        for camera_id in {segment.camera_id for segment in complete}:
            await tell_of_camera(self._index, camera_id, self._clock.now_us())
        return await self._index.ask(Index.root_proofs, [segment.segment_id for segment in complete])

    def signing_key(self) -> SigningKey:
        """Return the key in the data folder, made if there is none; the ledger tells of one that is new. Blocks."""
        key = SigningKey.of(self._store.folder)
        mark = key_mark(self._store.folder) or ""
        if self._index.wait(Index.note_signing_key, key.fingerprint, mark, self._clock.now_us()):
            _LOGGER.warning("Packages are signed with the key %s from now on", key.fingerprint)
        return key

    async def look_at_key(self) -> None:
        """See whether the key is the one that it was; none is made, and one that cannot be used keeps nobody waiting.

        Only a file that is not the one of the last look is read: what reads it takes much memory.
        """
        mark = await asyncio.to_thread(key_mark, self._store.folder)
        if mark is not None and mark != await self._index.ask(Index.signing_key_mark):
            try:
                await asyncio.to_thread(self.signing_key)
            except StorageError as error:
                _LOGGER.error("No package can be signed: %s", error.message)  # noqa: TRY400  # it says all there is to say

    def store_id(self) -> str:
        """Return the id of the data folder."""
        return self._store.store_id

    def settings(self) -> Settings:
        """Return the settings that are in force."""
        return self._store.settings()

    def roots(self) -> list[Path]:
        """Return the folders of all volumes that can be used, the one with most room first."""
        return self._volumes.roots()

    async def on_disk[**P, T](self, root: Path, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `call(...)` returns, apart from the looks at the volume: a large export may take its time.

        Raises:
            TimeoutError: It takes longer than a disk may, and goes on by itself; else whatever `call` raises.
        """
        try:
            return await self._disks.setdefault(root, DiskCalls(str(root))).do(call, *args, **kwargs)
        except StorageError as error:
            if error.code is ErrorCode.STORAGE_STALLED:
                raise TimeoutError(errno.ETIMEDOUT, error.message) from error
            raise

    def check_room(self, size: int) -> None:
        """Make sure that so many bytes fit on the first volume."""
        self._volumes.check_room(size)

    def trusted_us(self) -> int | None:
        """Return when the clock was last looked at and believed; what it shows now it may have been set to since."""
        return self._store.trusted_us()

    def may_delete(self) -> bool:
        """Whether all holds are known, so that anything may be deleted at all."""
        return self._store.halt() is not SweepHalt.HOLDS

    async def _written(self, camera_id: str, end_us: int) -> None:
        limit_us = self._clock.monotonic_us() + _PATIENCE_US
        while self._clock.monotonic_us() < limit_us:
            until_us = self._footage.recorded_until(camera_id)
            if until_us is None or until_us >= end_us:
                return
            await self._clock.sleep(_LOOK_S)


def _clipped(gap: GapView, start_us: int, end_us: int) -> GapView | None:
    """Return the part of a gap that lies in the interval; one that lasts reaches its end."""
    begin = max(gap.start_us, start_us)
    end = end_us if gap.end_us is None else min(gap.end_us, end_us)
    return replace(gap, start_us=begin, end_us=end) if begin < end else None
