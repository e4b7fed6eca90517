"""Deletes what a sweep has decided on: one transaction after the other, and behind each the files (invariant 2).

What may go is the index's to say, in the transaction that takes it (invariant 3). Each disk is worked on by itself, so
that one that hangs keeps neither the others nor the index, and what comes back late has its files forgotten next time.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, RequestError, StorageError
from recorder_core.storage.files import storage_error
from recorder_core.storage.garbage import next_garbage, unlink_files
from recorder_core.storage.index import Index

from .waiting import side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder_core.clock import Clock
    from recorder_core.models import Certificate, DeletionRule
    from recorder_core.storage.records import Volume

    from .index_thread import IndexThread
    from .volumes import Volumes

_LOGGER = logging.getLogger(__name__)

_AWAY = frozenset({ErrorCode.VOLUME_MISSING, ErrorCode.VOLUME_FOREIGN, ErrorCode.STORAGE_STALLED})

_AT_ONCE_US = 1_000_000
"""For so long files are unlinked before others may ask the disk: a day of footage must not look like one that hangs."""


class Deletion:
    """Takes footage from the index and from the volumes."""

    def __init__(
        self,
        index: IndexThread,
        volumes: Volumes,
        clock: Clock,
        *,
        policy_version: Callable[[], str],
        on_deleted: Callable[[Certificate], None],
    ) -> None:
        """Have every certificate told of by `on_deleted`; `policy_version` is what each is to say of the policy."""
        self._index = index
        self._volumes = volumes
        self._clock = clock
        self._policy_version = policy_version
        self._on_deleted = on_deleted
        self.stopping = False
        """Whether the recorder stops: what is not unlinked by then goes at the next start."""
        self.refused: StorageError | None = None
        """What kept the last `collect` from unlinking all on the volumes that are there."""

    async def oldest_of(
        self, camera_id: str, rule: DeletionRule, *, before_us: int | None = None, max_bytes: int | None = None
    ) -> Certificate | None:
        """Delete the oldest stretch of a camera's footage that may go; None where none may."""
        try:
            certificate = await self._index.ask(
                Index.condemn_oldest,
                camera_id,
                before_us=before_us,
                max_bytes=max_bytes,
                rule=rule,
                policy_version=self._policy_version(),
                now_us=self._clock.now_us(),
            )
        except RequestError:  # it has rules and never recorded anything here
            return None
        if certificate is not None:
            self._on_deleted(certificate)
            await self.collect()
        return certificate

    async def oldest_on(self, volume: Volume, wanted_bytes: int) -> int:
        """Delete the oldest footage on a volume that may go, as much as one transaction takes; return its bytes."""
        certificates = await self._index.ask(
            Index.condemn_oldest_on,
            volume.volume_id,
            wanted_bytes,
            policy_version=self._policy_version(),
            now_us=self._clock.now_us(),
        )
        for certificate in certificates:
            self._on_deleted(certificate)
        if certificates:
            await self.collect()
            self._volumes.look_soon()
        return sum(certificate.size for certificate in certificates)

    async def collect(self) -> None:
        """Unlink what was given up, on every volume that is there; what is away goes when it is back.

        Where one refuses, or hangs, the others go on, and `refused` says why.
        """
        self.refused = None
        await side_by_side(self._collect(volume) for volume in self._volumes.usable())

    async def _collect(self, volume: Volume) -> None:
        try:
            await self._empty(volume)
        except (OSError, StorageError) as cause:
            doing = f"Deleting from volume {volume.path}"
            error = cause if isinstance(cause, StorageError) else storage_error(cause, doing)
            _LOGGER.error("Volume %s keeps what was given up: %s", volume.path, error.message)  # noqa: TRY400  # it says all
            if error.code not in _AWAY:  # of those, the next look at the volumes tells
                self.refused = error

    async def _empty(self, volume: Volume) -> None:
        """Unlink a volume's garbage, little by little. Raises StorageError, and OSError after all others were tried."""
        refused: dict[int, OSError] = {}
        while folders := await self._index.beside(next_garbage, volume, refused.keys()):
            for files in folders:
                if self.stopping:
                    return
                until_us = self._clock.monotonic_us() + _AT_ONCE_US
                is_over = partial(self._is_over, until_us)
                gone = await self._volumes.on_disk(volume, unlink_files, volume, files, refused, is_over)
                if gone:
                    await self._index.beside(Index.garbage_removed, [file.segment_id for file in gone])
        if refused:
            raise next(iter(refused.values()))

    def _is_over(self, until_us: int) -> bool:
        return self.stopping or self._clock.monotonic_us() >= until_us
