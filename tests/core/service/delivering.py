"""A recorder with an export that is done and a folder that takes copies, for tests of deliveries."""

from __future__ import annotations

import json
import shutil
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from recorder_core.errors import RecorderError
from recorder_core.export.delivery_folders import MARKER
from recorder_core.export.folders import make_folder, write_record
from recorder_core.models import (
    DeliveryFolder,
    DeliveryRequest,
    Duty,
    ExportFile,
    ExportJob,
    ExportRequest,
    ExportState,
    Settings,
    VolumeConfig,
)
from recorder_core.storage.export_rows import StoredExport

from .shelves import HOUR_S, S, library

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from recorder_core.models import Delivery, LedgerKind

    from .clocks import SteppedClock
    from .shelves import Library

FILES = {"lobby_1.mp4": b"pictures" * 1000, "lobby_2.mp4": b"more" * 500_000}
DESK = "Front desk"
REQUEST = DeliveryRequest(folder=DESK, actor="u7")


def desk_of(data: Path) -> Path:
    """Return the folder that takes copies."""
    return data / "desk"


def settings_of(data: Path, *more: DeliveryFolder) -> Settings:
    """Return settings with that folder, and more."""
    folders = [DeliveryFolder(name=DESK, path=str(desk_of(data))), *more]
    volumes = [VolumeConfig(path=str(data / "footage"))]
    return Settings(volumes=volumes, policy_version="2026-1", delivery_folders=folders)


@asynccontextmanager
async def delivering(data: Path, clock: SteppedClock | None = None) -> AsyncGenerator[Library]:
    """Run a recorder on `data`, at first with an empty folder that takes copies."""
    if not desk_of(data).exists():
        desk_of(data).mkdir(0o750)
    (data / "store").mkdir(exist_ok=True)
    async with library(data / "store", clock) as one:
        if not one.recorder.configuration.settings.delivery_folders:
            await one.client.apply_settings(settings_of(data))
            await one.camera()
        yield one


def exported(one: Library, *camera_ids: str, expires_us: int | None = None) -> ExportJob:
    """Lay an export that is done on the volume and into the index."""
    export_id = uuid4().hex
    now_us = one.clock.now_us()
    folder = make_folder(one.volume().path, export_id)
    files = []
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
        files.append(
            ExportFile(
                path=str(folder / name),
                sha256=sha256(content).hexdigest(),
                size=len(content),
                start_us=now_us - HOUR_S * S,
                end_us=now_us,
                duration_us=HOUR_S * S,
                frames=25,
                lead_in_us=0,
            )
        )
    cameras = list(camera_ids) or ["lobby"]
    request = ExportRequest(camera_id=cameras[0], start_us=now_us - HOUR_S * S, end_us=now_us, actor="u1").to_json()
    job = ExportJob(
        export_id=export_id,
        camera_id=cameras[0],
        camera_ids=cameras,
        start_us=now_us - HOUR_S * S,
        end_us=now_us,
        state=ExportState.RUNNING,
        created_us=now_us,
        expires_us=expires_us,
    )
    done = replace(job, state=ExportState.DONE, files=files)
    one.index.add_export(StoredExport(job, request))
    write_record(folder, request, done)
    one.index.finish_export(done, now_us)
    return done


def lies_at(path: str | Path) -> dict[str, bytes]:
    """Return what lies in a folder."""
    return {file.name: file.read_bytes() for file in Path(path).iterdir()}


async def looked(one: Library) -> None:
    """Do what is due, as the recorder does it by itself every minute."""
    deliveries = one.recorder.exporting.deliveries
    with deliveries._duties.turn(Duty.DELIVERIES):
        await deliveries._care.look()


async def delivered(one: Library, job: ExportJob, expires_us: int | None = None) -> Delivery:
    """Have an export copied."""
    return await one.client.deliver_export(job.export_id, replace(REQUEST, expires_us=expires_us))


async def refusal(one: Library, export_id: str, request: DeliveryRequest = REQUEST) -> RecorderError:
    """Return what keeps an export from being copied."""
    with pytest.raises(RecorderError) as caught:
        await one.client.deliver_export(export_id, request)
    return caught.value


async def ledger_of(one: Library, *kinds: LedgerKind) -> list[dict[str, object]]:
    """Return the bodies of the ledger's entries of these kinds."""
    return [json.loads(entry.body) for entry in (await one.client.ledger()).entries if entry.kind in kinds]


def lay(path: str, content: bytes) -> None:
    """Put a file, and the folder that it lies in, in the place of what is there."""
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_bytes(content)


def leave_of(copy: Path, step: str) -> None:
    """Leave of a copy what a crash at that step does."""
    if step == "renamed":
        return
    place = copy.rename(copy.with_name(f".{copy.name}"))
    (place / "lobby_2.mp4").unlink()
    if step in ("row", "unlinked"):
        (place / "lobby_1.mp4").unlink()
    if step == "unlinked":
        shutil.rmtree(place)


def left(data: Path) -> list[str]:
    """Return what lies in the folder that takes copies."""
    return sorted(one.name for one in desk_of(data).iterdir() if one.name != MARKER)
