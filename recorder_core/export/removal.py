"""Removes exports: by hand, when their time is over, beyond their quota; and what a crash left of their folders.

The index decides in one transaction and keeps certificate and ledger (invariants 2, 3 and 10), then the folder goes. A
folder that could not be removed then, because of a crash or a volume that is away or hangs, goes with the next look.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode, RequestError
from recorder_core.models import DeletionRule, ExportState
from recorder_core.storage.certificate_rows import Reason
from recorder_core.storage.export_rows import StoredExport
from recorder_core.storage.index import Index

from .drafts import remove_draft
from .expiry import excess_bytes, too_old
from .folders import Fate, fate, found_folders, is_gone, is_whole, read_record, remove_folder, root_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder_core.clock import Clock
    from recorder_core.models import ExportJob

    from .archive import Archive, IndexCaller
    from .jobs import ExportJobs

_LOGGER = logging.getLogger(__name__)


class ExportRemoval:
    """Looks after the exports that were made, on the running event loop."""

    def __init__(
        self,
        index: IndexCaller,
        archive: Archive,
        jobs: ExportJobs,
        clock: Clock,
        *,
        on_changed: Callable[[ExportJob], None],
    ) -> None:
        """Remove what `index` says, leave alone what `jobs` is making, and tell of every change of an export."""
        self._index = index
        self._archive = archive
        self._jobs = jobs
        self._clock = clock
        self._on_changed = on_changed

    async def remove(self, export_id: str, actor: str) -> ExportJob:
        """Cancel an export that is not done, remove the files of one that is, and return it as it is then.

        One that failed, was cancelled or was removed before stays as it is.

        Raises:
            RequestError: `UNKNOWN_EXPORT`, `HELD` while a hold covers what it shows, or may as not all were read back.
        """
        job = await self._jobs.cancel(export_id)
        if job.state is not ExportState.DONE:
            return job
        if not self._archive.may_delete():
            sentence = "Not all holds were read back yet from the volumes; until then nothing is removed."
            raise RequestError(ErrorCode.HELD, sentence, export_id=export_id)
        try:
            return await self._remove(export_id, DeletionRule.PERSON, actor)
        except RequestError as error:
            if error.code is not ErrorCode.UNKNOWN_EXPORT:
                raise
            return await self._jobs.job(export_id)  # somebody was quicker

    async def look(self) -> None:
        """Do once what is due."""
        await self.tidy()
        await self.expire()

    async def tidy(self) -> None:
        """Settle what becomes of every folder of an export that lies on a volume."""
        for root in self._archive.roots():
            try:
                for export_id in await self._archive.on_disk(root, found_folders, root):
                    await self._settle(root, export_id)
            except OSError as error:  # the next look tries again
                _LOGGER.warning("The exports on %s cannot be looked after: %s", root, error.strerror)
        await self._say_erased()

    async def expire(self) -> None:
        """Remove what is too old and what goes beyond the quota, the oldest first; what is held stays."""
        if not self._archive.may_delete():
            return
        rules = self._archive.settings().exports
        kept = await self._index.ask(Index.kept_exports)
        if (now_us := self._archive.trusted_us()) is not None:
            for export_id, rule in too_old(kept, rules, now_us):
                await self._remove_unless_held(export_id, rule)
            kept = await self._index.ask(Index.kept_exports)
        excess = excess_bytes(kept, rules)
        for one in kept:
            if excess <= 0:
                return
            if await self._remove_unless_held(one.export_id, DeletionRule.QUOTA):
                excess -= one.size

    async def _remove_unless_held(self, export_id: str, rule: DeletionRule) -> bool:
        try:
            await self._remove(export_id, rule, None)
        except RequestError as error:
            if error.code is ErrorCode.HELD:
                return False
            if error.code is not ErrorCode.UNKNOWN_EXPORT:  # else somebody was quicker
                raise
        return True

    async def _remove(self, export_id: str, rule: DeletionRule, actor: str | None) -> ExportJob:
        reason = Reason(rule, self._archive.settings().policy_version, self._clock.now_us(), actor)
        job = await self._index.ask(Index.remove_export, export_id, reason)
        for root in self._archive.roots():
            try:
                await self._archive.on_disk(root, remove_folder, root, export_id)
            except OSError as error:  # the next look tries again
                _LOGGER.warning("The folder of export %s stays for now: %s", export_id, error.strerror)
        await self._say_erased()
        self._on_changed(job)
        return job

    async def _say_erased(self) -> None:
        """Have the certificates of exports say that their files lie nowhere any more, as soon as that is so."""
        roots = self._archive.roots()
        for export_id, folder in await self._index.ask(Index.unerased_folders):
            root = root_of(Path(folder))
            with suppress(TimeoutError):  # the next look asks again
                if await self._archive.on_disk(root, is_gone, Path(folder), roots):
                    await self._index.ask(Index.export_erased, export_id, folder, self._clock.now_us())

    async def _settle(self, root: Path, export_id: str) -> None:
        if self._jobs.is_live(export_id):
            return
        known = await self._index.ask(Index.export, export_id)
        job = None if known is None else known.job
        whole = await self._archive.on_disk(root, is_whole, root, export_id, job)
        decided = fate(None if job is None else job.state, whole=whole)
        match decided:
            case Fate.FINISH | Fate.ADOPT:
                record = await self._archive.on_disk(root, read_record, root, export_id)
                if record is None:
                    _LOGGER.warning("The record of export %s on %s cannot be read; it is left alone", export_id, root)
                    return
                request, made = record
                await self._index.ask(Index.adopt_export, StoredExport(made, request))
                await self._index.ask(Index.finish_export, made, self._clock.now_us())
                if decided is Fate.FINISH:
                    self._on_changed(made)
            case Fate.REMOVE:
                _LOGGER.info("What is left of export %s on %s is removed", export_id, root)
                if job is None or job.state is ExportState.REMOVED:  # not known what it was, or certified already
                    await self._archive.on_disk(root, remove_folder, root, export_id)
                else:
                    await remove_draft(self._index, self._archive, root, job, self._clock.now_us())
            case Fate.KEEP:
                pass
