"""A recorder with simulated cameras: what is recorded, what is not and why, and what comes out again."""

from __future__ import annotations

import asyncio
import base64
import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from PIL import Image

from recorder_core.clock import SystemClock
from recorder_core.errors import ErrorCode, RecorderError, StorageError
from recorder_core.models import (
    CameraConfig,
    CameraState,
    ExportRequest,
    ExportState,
    ProbeRequest,
    Settings,
    SourceKind,
    StartMode,
    VolumeConfig,
    VolumeState,
)
from recorder_core.service.cameras import REFRESH_S
from recorder_core.service.events import EventKind
from recorder_core.simulator import Quirk, Simulator, read_code
from recorder_core.storage.index import Index
from recorder_core.storage.late_rows import AWAY
from recorder_core.storage.volumes import MARKER

from .rig import (
    PASSWORD,
    camera,
    config_of,
    feed_until,
    followed,
    holes,
    served,
    state_reached,
    stored,
    use_volume,
    volume_reached,
)

if TYPE_CHECKING:
    from recorder_core.models import Coverage
    from recorder_core.service.figures import Figures


NOWHERE = CameraConfig(camera_id="lobby", name="Lobby", url="rtsp://127.0.0.1:9/camera")
"""The discard port: nothing listens there."""


def _reasons(coverage: Coverage) -> list[str]:
    return [gap.reason for gap in coverage.gaps]


async def test_a_probe_shows_what_a_camera_offers(data: Path) -> None:
    async with Simulator([camera()]) as simulator, served(data) as (_, client):
        url = simulator.url("lobby")
        result = await client.probe(ProbeRequest(url=url, username="viewer", password=PASSWORD))
        blind = await client.probe(ProbeRequest(url=url, username="viewer", password=PASSWORD, still=False))
        for user, word, code in (
            ("viewer", "wrong", ErrorCode.AUTH_FAILED),
            (None, None, ErrorCode.AUTH_REQUIRED),
        ):
            with pytest.raises(RecorderError) as caught:
                await client.probe(ProbeRequest(url=url, username=user, password=word))
            assert caught.value.code is code
    assert (result.source, result.codec, result.width, result.height) == (SourceKind.RTSP, "h264", 320, 180)
    assert result.audio_offered
    assert result.fps == pytest.approx(10, abs=1)
    assert result.bitrate is not None
    assert result.still_jpeg is not None
    with Image.open(io.BytesIO(base64.b64decode(result.still_jpeg))) as picture:
        assert picture.size == (320, 180)
    assert blind.still_jpeg is None


async def test_what_a_camera_sends_is_recorded_and_comes_out_as_a_clip(data: Path) -> None:
    async with Simulator([camera()]) as simulator, served(data) as (_, client):
        await use_volume(client, data / "footage")
        await client.put_camera(config_of(simulator))
        await state_reached(client, CameraState.RECORDING)
        coverage = await stored(client, seconds=3.5)
        still = await client.still("lobby")
        start_us = coverage.segments[-1].start_us + 1_550_000
        request = ExportRequest(camera_id="lobby", start_us=start_us, end_us=start_us + 1_000_000, label="case 7")
        job = await client.export_job((await client.export(request)).export_id, wait_s=60)
        with pytest.raises(RecorderError) as caught:
            await client.export(ExportRequest(camera_id="lobby", start_us=1, end_us=2))
        status = (await client.status()).cameras[0]
    assert caught.value.code is ErrorCode.NO_FOOTAGE
    with Image.open(io.BytesIO(still)) as picture:
        assert picture.size == (320, 180)
    assert (status.audio_offered, status.width, status.codec) == (True, 320, "h264")
    assert (job.state, job.progress, job.gaps, job.problem) == (ExportState.DONE, 1.0, [], None)
    [file] = job.files
    assert Path(file.path).is_relative_to(data / "footage" / "exports" / job.export_id)
    assert abs(file.start_us - start_us) <= 100_000
    assert file.lead_in_us > 0
    with av.open(file.path) as clip:
        assert [stream.type for stream in clip.streams] == ["video"]
        codes = [read_code(np.asarray(frame.to_ndarray(format="gray"), np.uint8)) for frame in clip.decode(video=0)]
    assert None not in codes
    assert len(codes) >= file.frames
    async with served(data) as (_, client):  # a job answers after a restart, too
        assert await client.export_job(job.export_id) == job


async def test_every_second_is_footage_or_a_gap_with_its_reason(data: Path) -> None:
    async with Simulator([camera()]) as simulator, served(data) as (_, client):
        await use_volume(client, data / "footage")
        await client.put_camera(config_of(simulator))
        await state_reached(client, CameraState.RECORDING)
        await stored(client)
        await simulator.apply("lobby", Quirk.REFUSE)
        await state_reached(client, CameraState.RETRYING)
        await simulator.clear("lobby")
        await state_reached(client, CameraState.RECORDING)
        await stored(client)
        await client.put_camera(config_of(simulator, enabled=False))
        await state_reached(client, CameraState.DISABLED)
        await client.put_camera(config_of(simulator, stall_timeout_s=7.0))
        await state_reached(client, CameraState.RECORDING)
        run = (await client.status()).cameras[0].run_id
        await client.put_camera(config_of(simulator, stall_timeout_s=7.0, name="Renamed"))
        assert (await client.status()).cameras[0].run_id == run
        coverage = await stored(client)
    assert {"connecting", "connection_lost", "disabled"} <= set(_reasons(coverage))
    assert holes(coverage) == []
    assert len({segment.run_id for segment in coverage.segments}) == 3


async def test_an_index_that_refuses_a_question_leaves_no_camera_stopped(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> Figures:
        raise StorageError(ErrorCode.STORE_LOCKED, "Another process keeps the index locked.")

    async with Simulator([camera()]) as simulator, served(data) as (_, client):
        await use_volume(client, data / "footage")
        await client.put_camera(config_of(simulator))
        await state_reached(client, CameraState.RECORDING)
        run = (await client.status()).cameras[0].run_id
        with monkeypatch.context() as patch:
            patch.setattr("recorder_core.service.cameras.read_figures", refused)
            with pytest.raises(RecorderError) as caught:
                await client.put_camera(config_of(simulator, stall_timeout_s=7.0))
        assert caught.value.code is ErrorCode.STORE_LOCKED
        await stored(client)
        [status] = (await client.status()).cameras
        assert (status.state, status.run_id) == (CameraState.RECORDING, run)


async def test_a_camera_that_stays_disabled_is_in_one_gap(data: Path) -> None:
    async with served(data) as (recorder, client):
        for name in ("Lobby", "Lobby", "Foyer"):
            await client.put_camera(replace(NOWHERE, name=name, enabled=False))
        events = await recorder._index.ask(Index.events, 0, 100)
    assert [event.kind for event in events].count(EventKind.GAP_OPENED) == 1


async def test_a_camera_without_a_volume_says_so_and_begins_when_there_is_one(data: Path) -> None:
    async with Simulator([camera()]) as simulator, served(data) as (_, client):
        await client.put_camera(config_of(simulator))
        item = await state_reached(client, CameraState.STORAGE_FAILED)
        status = item.camera or (item.status.cameras[0] if item.status else None)
        assert status is not None
        assert status.problem is not None
        assert status.problem.code is ErrorCode.VOLUME_MISSING
        await use_volume(client, data / "footage")
        await state_reached(client, CameraState.RECORDING)
        assert holes(await stored(client)) == []


async def test_a_full_volume_stops_the_recording_loudly(data: Path) -> None:
    async with Simulator([camera()]) as simulator, served(data) as (_, client):
        await use_volume(client, data / "footage", min_free_bytes=1 << 60)
        [volume] = (await client.status()).volumes
        assert volume.state is VolumeState.FULL
        assert volume.problem is not None
        assert volume.problem.code is ErrorCode.VOLUME_FULL
        await client.put_camera(config_of(simulator))
        await state_reached(client, CameraState.STORAGE_FULL)
        await use_volume(client, data / "footage")
        await state_reached(client, CameraState.RECORDING)
        coverage = await stored(client)
    assert "storage_full" in _reasons(coverage)
    assert holes(coverage) == []


async def test_a_refused_volume_changes_nothing(data: Path) -> None:
    async with served(data) as (_, client):
        await use_volume(client, data / "footage")
        before = await client.status()
        with pytest.raises(RecorderError) as caught:
            await use_volume(client, data / "no" / "such" / "place")
        assert caught.value.code is ErrorCode.VOLUME_MISSING
        after = await client.status()
    assert [volume.path for volume in after.volumes] == [volume.path for volume in before.volumes]
    assert b"such" not in (data / "settings.json").read_bytes()


async def test_a_disk_that_is_not_there_is_no_reason_not_to_start(data: Path) -> None:
    async with served(data) as (_, client):
        await use_volume(client, data / "footage")
    marker = (data / "footage" / MARKER).rename(data / "marker")
    async with served(data) as (recorder, client):
        [volume] = (await client.status()).volumes
        assert volume.state is VolumeState.MISSING
        assert volume.problem is not None
        assert volume.problem.code is ErrorCode.VOLUME_MISSING
        marker.rename(data / "footage" / MARKER)
        recorder._volumes.look_soon()
        await volume_reached(client, VolumeState.OK)
    assert not (data / "footage" / "cameras").exists()


async def test_what_was_being_written_to_a_disk_that_went_away_is_taken_in_when_it_is_back(data: Path) -> None:
    async with Simulator([camera()]) as simulator, served(data) as (recorder, client):
        await use_volume(client, data / "footage")
        await client.put_camera(config_of(simulator))
        await state_reached(client, CameraState.RECORDING)
        before = await stored(client)
        (data / "footage").rename(data / "away")
        recorder._volumes.look_soon()
        await volume_reached(client, VolumeState.MISSING)
        await client.put_camera(config_of(simulator, enabled=False))
        (data / "away").rename(data / "footage")
        recorder._volumes.look_soon()
        await feed_until(
            client, lambda item: item.event is not None and item.event.kind == EventKind.SEGMENT_CLOSED, after=0
        )
        coverage = await client.coverage("lobby", before.start_us, before.end_us)
    [segment] = coverage.segments
    assert (segment.segment_id, segment.open) == (before.segments[0].segment_id, False)
    assert segment.end_us >= before.segments[0].end_us
    assert holes(coverage) == []


async def test_a_disk_that_stays_away_leaves_no_second_unaccounted_for(data: Path) -> None:
    """While the recorder runs on, after it was started again without the disk, and when the disk is back at last."""
    footage = data / "footage"
    async with Simulator([camera()]) as simulator, served(data) as (recorder, client):
        await use_volume(client, footage)
        await client.put_camera(config_of(simulator))
        await state_reached(client, CameraState.RECORDING)
        before = await stored(client)
        footage.rename(data / "away")
        await client.put_camera(config_of(simulator, stall_timeout_s=9.0))  # the file cannot be closed
        recorder._volumes.look_soon()
        await feed_until(client, lambda item: item.event is not None and item.event.data.get("detail") == AWAY)
        coverage = await client.coverage("lobby", before.start_us, before.end_us)
        assert coverage.segments == []
        assert holes(coverage) == []
        await state_reached(client, CameraState.STORAGE_FAILED)
    async with served(data) as (recorder, client):
        await state_reached(client, CameraState.STORAGE_FAILED)
        coverage = await client.coverage("lobby", before.start_us, before.end_us)
        assert holes(coverage) == []
        (data / "away").rename(footage)
        recorder._volumes.look_soon()
        await feed_until(client, lambda item: item.event is not None and item.event.kind == EventKind.SEGMENT_CLOSED)
        coverage = await client.coverage("lobby", before.start_us, before.end_us)
    [segment] = [one for one in coverage.segments if not one.open]
    assert segment.segment_id == before.segments[0].segment_id
    assert holes(coverage) == []
    assert not any(
        gap.start_us < segment.end_us and (gap.end_us or gap.start_us + 1) > segment.start_us for gap in coverage.gaps
    )


async def test_another_disk_in_its_place_is_not_written_to(data: Path) -> None:
    async with served(data) as (_, client):
        await use_volume(client, data / "footage")
    (data / "footage" / MARKER).unlink()
    (data / "other").mkdir()
    async with served(data / "other") as (_, client):
        await use_volume(client, data / "footage")
    async with served(data) as (_, client):
        assert [volume.state for volume in (await client.status()).volumes] == [VolumeState.FOREIGN]


async def test_two_volumes_share_the_cameras(data: Path) -> None:
    paths = [data / "one", data / "two"]
    async with Simulator([camera()]) as simulator, served(data) as (_, client):
        volumes = [VolumeConfig(path=str(paths[0]), max_bytes=1), VolumeConfig(path=str(paths[1]))]
        await client.apply_settings(Settings(volumes=volumes))
        await client.put_camera(config_of(simulator))
        await state_reached(client, CameraState.RECORDING)
        await stored(client)
        assert [volume.state for volume in (await client.status()).volumes] == [VolumeState.OK] * 2


async def test_a_removed_camera_leaves_its_footage_and_no_open_gap(data: Path) -> None:
    async with Simulator([camera()]) as simulator, served(data) as (_, client):
        await use_volume(client, data / "footage")
        await client.put_camera(config_of(simulator))
        await state_reached(client, CameraState.RECORDING)
        before = await stored(client)
        await client.remove_camera("lobby")
        after = await client.coverage("lobby", before.start_us, before.end_us)
    assert len(after.segments) == 1
    assert all(gap.end_us is not None for gap in after.gaps)


async def test_figures_follow_when_a_segment_closes(data: Path) -> None:
    async with Simulator([camera()]) as simulator, served(data) as (_, client):
        await use_volume(client, data / "footage")
        await client.put_camera(config_of(simulator))
        await state_reached(client, CameraState.RECORDING)
        await stored(client)
        async with followed(client, lambda item: item.camera is not None and item.camera.stored_bytes > 0) as following:
            await client.put_camera(config_of(simulator, enabled=False))
    status = following.result()[-1].camera
    assert status is not None
    assert status.newest_us is not None
    assert status.oldest_us is not None
    assert status.newest_us > status.oldest_us
    assert status.bytes_per_day is not None


async def test_a_lost_index_is_filled_from_the_files_while_cameras_record(data: Path) -> None:
    async with Simulator([camera()]) as simulator:
        async with served(data) as (_, client):
            await use_volume(client, data / "footage")
            await client.put_camera(config_of(simulator))
            await state_reached(client, CameraState.RECORDING)
            before = await stored(client)
        for file in await asyncio.to_thread(lambda: list(data.glob("index.sqlite*"))):
            file.unlink()
        async with served(data) as (_, client):
            await feed_until(
                client, lambda item: item.event is not None and item.event.kind == EventKind.FOOTAGE_READ_IN
            )
            await state_reached(client, CameraState.RECORDING)
            whole = await stored(client)
            after = await client.coverage("lobby", before.start_us, before.segments[0].end_us)
    assert holes(whole) == []
    assert len({segment.run_id for segment in whole.segments}) == 2
    assert "recorder_down" in _reasons(whole)
    assert [(one.segment_id, one.run_id, one.start_us) for one in after.segments] == [
        (one.segment_id, one.run_id, one.start_us) for one in before.segments
    ]


async def test_a_job_that_is_cut_short_leaves_nothing(data: Path) -> None:
    unfinished = data / "footage" / "exports" / ("0" * 32)
    async with served(data) as (_, client):
        await use_volume(client, data / "footage")
        unfinished.mkdir(parents=True)
        (unfinished / "clip.mp4").touch()
    async with served(data) as (_, client):
        assert not unfinished.exists()
        with pytest.raises(RecorderError) as caught:
            await client.export_job("0" * 32)
    assert caught.value.code is ErrorCode.UNKNOWN_EXPORT


async def test_the_next_sync_sample_may_be_the_start(data: Path) -> None:
    async with Simulator([camera()]) as simulator, served(data) as (_, client):
        await use_volume(client, data / "footage")
        await client.put_camera(config_of(simulator))
        await state_reached(client, CameraState.RECORDING)
        start_us = (await stored(client, seconds=3.5)).segments[-1].start_us + 450_000
        request = ExportRequest(
            camera_id="lobby", start_us=start_us, end_us=start_us + 2_000_000, start_mode=StartMode.NEXT_SYNC
        )
        job = await client.export_job((await client.export(request)).export_id, wait_s=60)
    assert job.files[0].lead_in_us == 0
    assert job.files[0].start_us > start_us


async def test_a_camera_that_was_down_with_the_recorder_says_so_after_a_crash(data: Path) -> None:
    async with served(data) as (_, client):
        await use_volume(client, data / "footage")
        await client.put_camera(NOWHERE)
        await state_reached(client, CameraState.RETRYING)
    with Index.open(data / "index.sqlite", SystemClock()) as index:
        [gap] = index.open_gaps()
        assert gap.reason == "recorder_down"
    async with served(data) as (_, client):
        await state_reached(client, CameraState.RETRYING)
        now_us = (await client.status()).started_us
        coverage = await client.coverage("lobby", now_us - 10**9, now_us + 10**9)
    assert "recorder_down" in _reasons(coverage)
    assert holes(coverage) == []


async def test_a_still_is_taken_from_the_last_segment_when_nothing_is_recorded(data: Path) -> None:
    async with Simulator([camera()]) as simulator, served(data) as (_, client):
        await use_volume(client, data / "footage")
        await client.put_camera(config_of(simulator))
        await state_reached(client, CameraState.RECORDING)
        await stored(client)
        await client.put_camera(config_of(simulator, enabled=False))
        await state_reached(client, CameraState.DISABLED)
        with Image.open(io.BytesIO(await client.still("lobby"))) as picture:
            assert picture.size == (320, 180)


async def test_figures_that_cannot_be_read_stay_as_they_were(
    data: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(data) as (recorder, client):
        await client.put_camera(replace(NOWHERE, enabled=False))
        monkeypatch.setattr("recorder_core.service.cameras.read_figures", lambda *_: 1 // 0)
        recorder._cameras.refresh_all()
        while "Reading the figures" not in caplog.text:
            await recorder._last_event()
        monkeypatch.undo()
        assert (await client.status()).cameras[0].stored_bytes == 0


async def test_figures_grow_old_by_themselves(data: Path) -> None:
    class Hasty(SystemClock):
        async def sleep(self, seconds: float) -> None:
            await asyncio.sleep(seconds if seconds < REFRESH_S else 0.01)

    async with served(data, Hasty()) as (_, client):
        await client.put_camera(replace(NOWHERE, enabled=False))
        items = await feed_until(
            client, lambda item: item.camera is not None and item.camera.gap_s_today > 0.1, after=None
        )
    assert items[-1].camera is not None


async def test_an_index_on_a_network_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recorder_core.storage.folder_check.filesystem_of", lambda *_: "nfs4")
    with pytest.raises(RecorderError) as caught:
        async with served(data):
            pass
    assert caught.value.code is ErrorCode.VOLUME_NETWORK
    monkeypatch.undo()
    async with served(data) as (_, client):  # and the lock was given up
        assert (await client.status()).cameras == []
