"""What decides how footage is kept is changed only if the ledger tells of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import RecorderError
from recorder_core.models import CameraConfig, LedgerKind, Retention, Settings, VolumeConfig

from .shelves import library

if TYPE_CHECKING:
    from pathlib import Path


CAMERA = CameraConfig(
    camera_id="lobby", name="Lobby", url="rtsp://127.0.0.1:9/", enabled=False, retention=Retention(retention_days=30)
)


async def test_a_change_of_rules_that_the_ledger_cannot_tell_of_is_not_made(data: Path) -> None:
    volumes = [VolumeConfig(path=str(data / "footage"))]
    async with library(data) as one:
        await one.client.apply_settings(Settings(volumes=volumes))
        await one.client.put_camera(CAMERA)
        told = len((await one.client.ledger()).entries)
        one.execute("CREATE TRIGGER refuse BEFORE INSERT ON ledger BEGIN SELECT RAISE(ABORT, 'no'); END")
        for change in (
            one.client.apply_settings(Settings(volumes=volumes, exports=Retention(retention_days=1))),
            one.client.put_camera(replace(CAMERA, retention=Retention(retention_days=1))),
            one.client.remove_camera("lobby"),
        ):
            with pytest.raises(RecorderError):
                await change
        assert one.recorder.configuration.settings == Settings(volumes=volumes)
        assert one.recorder.keeping.retentions() == {"lobby": CAMERA.retention}
        one.execute("DROP TRIGGER refuse")
        assert len((await one.client.ledger()).entries) == told
    async with library(data) as one:
        assert one.recorder.configuration.settings == Settings(volumes=volumes)
        [camera] = (await one.client.status()).cameras
        assert camera.retention == CAMERA.retention
        await one.client.put_camera(replace(CAMERA, retention=Retention(retention_days=1)))
        entry = (await one.client.ledger()).entries[-1]
        assert (entry.kind, json.loads(entry.body)["retention"]["retention_days"]) == (LedgerKind.SETTINGS, 1)
