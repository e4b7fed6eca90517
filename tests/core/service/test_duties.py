"""What the recorder does by itself goes on after a failure, which is recorded, and shown until it is done again."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from recorder_core.models import Duty, ExportRequest, ExportState, Retention, Settings, VolumeConfig
from recorder_core.service.startup import INDEX

from .shelves import DAY_S, HOUR_S, library
from .watching import watching

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .shelves import Library


def _refusing(change: str) -> tuple[Callable[[Library, Path], None], Callable[[Library, Path], None]]:
    """Have the index refuse a change, and take it again."""
    statement = f"CREATE TRIGGER refuse BEFORE {change} BEGIN SELECT RAISE(ABORT, 'no'); END"
    return lambda one, _: one.execute(statement), lambda one, _: one.execute("DROP TRIGGER refuse")


_DRAFT = f"{INDEX}.backup-new"


@pytest.mark.parametrize(
    ("duty", "fault"),
    [
        (Duty.SWEEP, _refusing("INSERT ON certificate")),
        (Duty.LEDGER, _refusing("INSERT ON leaves")),
        (Duty.INDEX, _refusing("UPDATE ON meta")),
        (
            Duty.INDEX_BACKUP,
            (lambda _, data: (data / _DRAFT).mkdir(), lambda _, data: (data / _DRAFT).rmdir()),
        ),
    ],
)
async def test_a_duty_that_fails_is_shown_until_it_is_done_again(
    data: Path, duty: Duty, fault: tuple[Callable[[Library, Path], None], Callable[[Library, Path], None]]
) -> None:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(library(data))
        await one.use(data / "footage")
        # What a sweep may take, the ledger might never see.
        await one.camera(retention_days=1 if duty is Duty.SWEEP else 30)
        watcher = await stack.enter_async_context(watching(one.client))
        fault[0](one, data)
        one.lay(ago_s=2 * DAY_S)
        await one.clock.pass_until(lambda: one.recorder.status().failing == [duty], HOUR_S)
        fault[1](one, data)
        one.lay()
        await one.clock.pass_until(lambda: one.recorder.status().failing == [], HOUR_S)
        [failed] = await one.events("duty_failed")
        [resumed] = await one.events("duty_resumed")
        await watcher.sees(lambda: [status.failing for status in watcher.statuses()][-1:] == [[]])
    assert (failed.data["duty"], resumed.data) == (duty, {"duty": duty})
    assert [duty] in [status.failing for status in watcher.statuses()]


async def test_exports_that_cannot_be_looked_after_are_shown_too(data: Path) -> None:
    refuse, take_again = _refusing("INSERT ON certificate")
    async with library(data) as one:
        volumes = [VolumeConfig(path=str(data / "footage"))]
        await one.client.apply_settings(Settings(volumes=volumes, exports=Retention(retention_days=2)))
        await one.camera()
        [laid] = one.lay(ago_s=HOUR_S, fragments=4)
        request = ExportRequest(camera_id="lobby", start_us=laid.start_us, end_us=laid.end_us)
        export_id = (await one.client.export(request)).export_id
        assert (await one.client.export_job(export_id, wait_s=60)).state is ExportState.DONE
        refuse(one, data)
        await one.clock.pass_until(lambda: one.recorder.status().failing == [Duty.EXPORTS], DAY_S)
        take_again(one, data)
        await one.clock.pass_until(lambda: one.recorder.status().failing == [], HOUR_S)
        assert (await one.client.export_job(export_id)).state is ExportState.REMOVED
