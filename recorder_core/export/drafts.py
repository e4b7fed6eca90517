"""Removes what an export had made of its files when it came to no end: a copy of footage, and so certified.

Keeps invariant 10. No hold keeps such a copy, for it is half of a file at best; what it was made from is held.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recorder_core.models import DeletionRule
from recorder_core.storage.certificate_rows import Reason
from recorder_core.storage.index import Index

from .folders import FOLDER, is_gone, remove_folder, sizes_of

if TYPE_CHECKING:
    from recorder_core.models import ExportJob

    from .archive import Archive, IndexCaller


async def remove_draft(index: IndexCaller, archive: Archive, root: Path, job: ExportJob, now_us: int) -> None:
    """Certify and remove the half-made folder of an export on a volume; harmless to repeat after a crash.

    Raises StorageError where the index fails, and OSError where the volume does.
    """
    folder = str(root / FOLDER / job.export_id)
    sizes = await archive.on_disk(root, sizes_of, root, job.export_id)
    reason = Reason(DeletionRule.UNFINISHED, archive.settings().policy_version, now_us)
    await index.ask(Index.give_up_draft, job, folder, sizes, reason)
    await archive.on_disk(root, remove_folder, root, job.export_id)
    if await archive.on_disk(root, is_gone, Path(folder), [root]):
        await index.ask(Index.export_erased, job.export_id, folder, now_us)
