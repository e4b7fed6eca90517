"""What decides how footage is kept is changed only if the ledger tells of it, and the ledger tells what is in force."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import CameraConfig, Duty, LedgerKind, Retention, Settings, VolumeConfig
from recorder_core.service.settings import SettingsFiles
from recorder_core.service.startup import INDEX

from .rules import in_force, told
from .shelves import HOUR_S, library

if TYPE_CHECKING:
    from collections.abc import Awaitable
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


@pytest.mark.parametrize("file", [SettingsFiles.SETTINGS, SettingsFiles.CAMERAS, SettingsFiles.FORMER])
async def test_of_a_change_that_the_disk_refuses_the_ledger_tells_that_it_was_not_made(data: Path, file: str) -> None:
    volumes = [VolumeConfig(path=str(data / "footage"))]
    async with library(data) as one:
        await one.client.apply_settings(Settings(volumes=volumes))
        await one.client.put_camera(CAMERA)
        before = in_force(data)
        assert await told(one) == before
        refusing = data / f"{file}.new"
        refusing.mkdir()
        match file:
            case SettingsFiles.SETTINGS:
                change: Awaitable[object] = one.client.apply_settings(Settings(volumes=volumes, policy_version="2"))
            case SettingsFiles.CAMERAS:
                change = one.client.put_camera(replace(CAMERA, retention=Retention()))
            case _:
                change = one.client.remove_camera("lobby")
        with pytest.raises(RecorderError) as caught:
            await change
        assert (caught.value.code, caught.value.message) == (
            ErrorCode.STORAGE_FAILED,
            f"Saving {file} failed: Is a directory.",
        )
        if file != SettingsFiles.FORMER:  # nothing was told yet
            await one.clock.pass_until(lambda: one.recorder.status().failing == [Duty.LEDGER], 0)
            assert await told(one) != before
        refusing.rmdir()
        await one.clock.pass_until(lambda: one.recorder.status().failing == [], HOUR_S)
        assert in_force(data) == await told(one) == before
    async with library(data) as one:
        assert in_force(data) == await told(one) == before


async def test_a_change_that_the_index_refuses_behind_the_file_is_taken_back(data: Path) -> None:
    async with library(data) as one:
        await one.client.put_camera(CAMERA)
        before = in_force(data)
        one.execute("ALTER TABLE tally RENAME TO lost")  # its figures cannot be read
        with pytest.raises(RecorderError):
            await one.client.put_camera(replace(CAMERA, url="rtsp://127.0.0.1:9/b", retention=Retention()))
        one.execute("ALTER TABLE lost RENAME TO tally")
        await one.clock.pass_until(lambda: not one.recorder.configuration._in_doubt, HOUR_S)
        assert in_force(data) == await told(one) == before
        refused, found = [json.loads(entry.body) for entry in (await one.client.ledger()).entries[-2:]]
    assert refused["retention"] == Retention().to_dict()
    assert (found["retention"], found["found"]) == (CAMERA.retention.to_dict(), True)


async def test_rules_that_were_changed_in_the_files_are_told_of_with_the_next_start(data: Path) -> None:
    files = SettingsFiles(data)
    unchanged = replace(CAMERA, camera_id="attic")
    async with library(data) as one:
        await one.client.put_camera(CAMERA)
        await one.client.put_camera(unchanged)
        await one.client.put_camera(replace(CAMERA, camera_id="hall"))
        await one.client.remove_camera("lobby")
    files.save_settings(Settings(exports=Retention(retention_days=1)))
    files.save_cameras([unchanged, replace(CAMERA, camera_id="yard")])
    files.save_former({"lobby": Retention(retention_days=1)})
    async with library(data) as one:
        entries = (await one.client.ledger()).entries
        assert await told(one) == in_force(data) | {"hall": {"enabled": False, "removed": True}}
    found = [json.loads(entry.body) for entry in entries if '"found":true' in entry.body]
    assert [body.get("camera_id") for body in found] == [None, None, "hall", "lobby", "yard"]
    async with library(data) as one:
        assert (await one.client.ledger()).entries == entries


async def test_a_ledger_that_begins_anew_tells_of_what_is_in_force(data: Path) -> None:
    async with library(data) as one:
        await one.client.put_camera(CAMERA)
    (data / INDEX).unlink()
    async with library(data) as one:
        assert await told(one) == in_force(data)
