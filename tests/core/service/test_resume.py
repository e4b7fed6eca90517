"""What a start goes on with is kept from what it deletes (invariant 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recorder_core.models import ExportJob, ExportKind, ExportRequest, ExportState
from recorder_core.service.sweeper import Sweeper
from recorder_core.storage.export_rows import StoredExport
from recorder_core.storage.index import Index

from .shelves import library

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def test_an_export_that_waits_keeps_its_footage_over_a_restart(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is deleted for the first time, though all of it is too much; when the export is done, it goes."""
    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera(quota_bytes=1)
        laid = one.lay(ago_s=60, times=3)
        start_us, end_us = laid[0].start_us, laid[-1].end_us
        job = ExportJob(
            export_id="e" * 32,
            camera_id="lobby",
            state=ExportState.QUEUED,
            kind=ExportKind.CLIP,
            camera_ids=["lobby"],
            created_us=one.clock.now_us(),
            start_us=start_us,
            end_us=end_us,
        )
        request = ExportRequest(camera_id="lobby", start_us=start_us, end_us=end_us)
        await one.recorder._index.ask(Index.add_export, StoredExport(job, request.to_json()))
        await one.recorder._index.ask(Index.begin_reading, "lobby", start_us, end_us)
    real = Sweeper.start
    oldest: list[object] = []

    async def start(self: Sweeper) -> None:
        oldest.append(await self._index.ask(Index.oldest_on, self._volumes.usable()[0].volume_id))
        await real(self)

    monkeypatch.setattr(Sweeper, "start", start)
    async with library(data, one.clock) as again:
        assert oldest == [None]
        done = await again.client.export_job(job.export_id, wait_s=60)
        assert (done.state, done.problem) == (ExportState.DONE, None)
        await again.sweep()
        assert again.stored() == []
