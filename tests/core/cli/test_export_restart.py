"""An export that a kill interrupts leaves no half file, and is begun anew by the next worker."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from recorder_core.api.client import RecorderClient
from recorder_core.export.folders import FOLDER, RECORD
from recorder_core.models import CameraState, ExportRequest, ExportState, LedgerKind
from recorder_core.simulator import Simulator
from tests.core.service.rig import camera, config_of, followed, state_reached, stored, use_volume

from .processes import READY, serve, started

if TYPE_CHECKING:
    from pathlib import Path

    from recorder_core.models import FeedItem

STOPS_HALFWAY = """
import sys
import time
from pathlib import Path
from recorder_core.__main__ import main
from recorder_core.export import workshop

whole = workshop.write_clip
marker = Path(sys.argv[0]).with_name("halfway")

def half(plan, folder, stem, *, progress, cancelled):
    if not marker.exists():
        (folder / f"{stem}.mp4").write_bytes(b"half of a clip")
        marker.touch()
        while True:  # until it is killed
            progress(1, 2)
            time.sleep(0.1)
    return whole(plan, folder, stem, progress=progress, cancelled=cancelled)

workshop.write_clip = half
sys.exit(main())
"""


def _halfway(item: FeedItem) -> bool:
    return item.export is not None and item.export.progress == 0.5


async def test_a_killed_export_is_begun_anew_and_leaves_no_half(data: Path) -> None:
    program = data / "program.py"
    program.write_text(STOPS_HALFWAY)
    async with (
        Simulator([camera()]) as simulator,
        started(program, *serve(data)[2:]) as supervisor,
        RecorderClient(socket=data / "s") as client,
    ):
        await supervisor.says(READY)
        await use_volume(client, data / "footage")
        await client.put_camera(config_of(simulator))
        await state_reached(client, CameraState.RECORDING)
        segment = (await stored(client, seconds=2.5)).segments[-1]
        request = ExportRequest(
            camera_id="lobby", start_us=segment.start_us + 500_000, end_us=segment.start_us + 1_500_000
        )
        async with followed(client, _halfway):
            job = await client.export(request)
        folder = data / "footage" / FOLDER / job.export_id
        [half] = folder.iterdir()
        os.kill((await client.status()).pid, signal.SIGKILL)
        await supervisor.says(READY)
        done = await client.export_job(job.export_id, wait_s=60)
        assert (done.state, done.created_us) == (ExportState.DONE, job.created_us)
        [file] = done.files
        assert file.path == str(half)
        assert sorted(path.name for path in folder.iterdir()) == sorted([half.name, RECORD])
        assert half.stat().st_size == file.size
        assert [one.export_id for one in await client.exports()] == [job.export_id]
        entries = (await client.ledger()).entries
    assert [entry.kind for entry in entries].count(LedgerKind.EXPORTED) == 1
