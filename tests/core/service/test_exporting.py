"""Exports of a real recorder, by its API: stills and packages, holds on them, footage that was damaged, the feed."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import threading
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from PIL import Image

from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.export import workshop, write_clip
from recorder_core.export.package.verify import verify_package
from recorder_core.models import (
    CameraState,
    DeletionRule,
    ExportRequest,
    ExportState,
    FeedItem,
    HoldRelease,
    HoldRequest,
    PackageRequest,
    RecordClass,
    StillFormat,
    StillRequest,
)
from recorder_core.service.events import EventKind
from recorder_core.simulator import ChangeVideo, Disconnect, Simulator, VideoSettings
from recorder_core.simulator.frame_code import read_code
from recorder_core.storage.certificate_rows import Destroyed, Reason, certify
from recorder_core.storage.index import Index
from recorder_core.storage.records import GapReason

from .rig import camera, config_of, followed, served, state_reached, stored, use_volume
from .shelves import DAY_S, HOUR_S, S, library

if TYPE_CHECKING:
    from recorder_core.api.client import RecorderClient
    from recorder_core.models import SegmentView


async def _recorded(client: RecorderClient, data: Path, simulator: Simulator) -> SegmentView:
    """Record for a moment, and stop; return the one segment."""
    await use_volume(client, data / "footage")
    await client.put_camera(config_of(simulator))
    await state_reached(client, CameraState.RECORDING)
    await stored(client, seconds=2.5)
    await client.put_camera(config_of(simulator, enabled=False))
    await state_reached(client, CameraState.DISABLED)
    now_us = (await client.status()).started_us
    async with asyncio.timeout(60):
        while True:
            segment = (await client.coverage("lobby", now_us - 60_000_000, now_us + 60_000_000)).segments[-1]
            if not segment.open:  # closing a file goes on after the camera has stopped
                return segment


def _ended(item: FeedItem) -> bool:
    return item.event is not None and item.event.kind == EventKind.EXPORT_REMOVED


async def test_stills_and_packages_are_made_held_and_removed(data: Path) -> None:
    async with Simulator([camera()]) as simulator, served(data) as (_, client):
        segment = await _recorded(client, data, simulator)
        at_us = segment.start_us + 1_234_567
        async with followed(client, _ended, after=0) as following:
            still = await client.still_export(StillRequest(camera_id="lobby", at_us=at_us, format=StillFormat.JPEG))
            package = await client.package(
                PackageRequest(camera_ids=["lobby"], start_us=segment.start_us, end_us=segment.start_us + 2_000_000)
            )
            still = await client.export_job(still.export_id, wait_s=60)
            package = await client.export_job(package.export_id, wait_s=60)
            assert (still.problem, package.problem) == (None, None)
            assert await client.exports(limit=5) == [package, still]
            held = await client.place_hold(HoldRequest(camera_ids=["lobby"], start_us=at_us, end_us=at_us + 1))
            with pytest.raises(RecorderError) as caught:
                await client.remove_export(still.export_id, "u1")
            assert caught.value.code is ErrorCode.HELD
            await client.release_hold(held.hold.hold_id, HoldRelease(actor="u1"))
            picture = await asyncio.to_thread(Path(still.files[0].path).read_bytes)
            record = json.loads(await asyncio.to_thread(Path(still.files[1].path).read_bytes))
            report = await asyncio.to_thread(verify_package, Path(package.files[0].path))
            assert report.findings == []
            assert (report.proved, report.recordings) == (1, 1)  # the ledger was told before its hour was full
            removed = await client.remove_export(still.export_id, "u1")
        items = following.result()
        certificates = await client.certificates("lobby")
    assert removed.state is ExportState.REMOVED
    assert not Path(still.files[0].path).parent.exists()
    assert [(one.record_class, one.actor) for one in certificates] == [(RecordClass.EXPORT, "u1")]
    with Image.open(io.BytesIO(picture)) as image:
        assert read_code(np.asarray(image.convert("L"), np.uint8)) is not None
    assert record["shown_us"] <= at_us < record["replaced_us"]
    assert (record["source"]["segment_id"], record["source"]["root"]) == (segment.segment_id, segment.root)
    told = [item.export.state for item in items if item.export is not None and item.export.kind == still.kind]
    assert told[-1] is ExportState.REMOVED
    kinds = [item.event.kind for item in items if item.event is not None]
    assert (kinds.count(EventKind.EXPORT_QUEUED), kinds.count(EventKind.EXPORT_DONE)) == (2, 2)


async def test_a_package_tells_what_was_deleted_and_names_no_address(data: Path) -> None:
    """What was there before, why nothing was recorded meanwhile; the camera's address is for nobody outside."""
    async with Simulator([camera()]) as simulator, served(data) as (recorder, client):
        segment = await _recorded(client, data, simulator)
        before_us = segment.start_us - 60 * S
        detail = "192.0.2.7 refuses connections at port 554."
        gone = Destroyed("lobby", RecordClass.VIDEO, before_us - 60 * S, before_us, 1, (bytes(32),))

        def delete(index: Index) -> None:
            index.add_gap("lobby", before_us, before_us + 10 * S, GapReason.CONNECT_FAILED, detail)
            with index._writing() as connection:
                certify(connection, gone, Reason(DeletionRule.QUOTA, "", before_us))

        await recorder._index.ask(delete)
        job = await client.package(
            PackageRequest(camera_ids=["lobby"], start_us=before_us - 30 * S, end_us=segment.start_us + S)
        )
        job = await client.export_job(job.export_id, wait_s=60)
        report = await asyncio.to_thread(verify_package, Path(job.files[0].path))
        packed = await asyncio.to_thread(Path(job.files[0].path).read_bytes)
    assert report.findings == []
    assert [one.reason for one in report.not_shown[:3]] == ["deleted", "connect_failed", "not_recorded"]
    assert report.not_shown[0].start_us == before_us - 30 * S
    assert report.not_shown[0].detail.endswith("as the camera had more than its share of the disk: certificate 1.")
    assert report.not_shown[1].detail == ""
    assert b"192.0.2.7" not in packed


async def test_damaged_footage_is_not_handed_out_and_is_marked(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with Simulator([camera()]) as simulator, served(data) as (recorder, client):
        segment = await _recorded(client, data, simulator)
        [path] = (data / "footage" / "cameras").rglob("*.mp4")
        content = bytearray(path.read_bytes())
        content[-500] ^= 1
        path.write_bytes(content)
        request = ExportRequest(camera_id="lobby", start_us=segment.start_us, end_us=segment.end_us)
        job = await client.export_job((await client.export(request)).export_id, wait_s=60)
        findings = await recorder._index.ask(Index.findings)
    assert job.problem is not None
    assert (job.state, job.problem.code) == (ExportState.FAILED, ErrorCode.FOOTAGE_DAMAGED)
    assert path.name in caplog.text
    assert findings == {segment.segment_id: "damaged"}
    assert list((data / "footage" / "exports").iterdir()) == []


async def test_each_unbroken_stretch_is_a_file_of_its_own(data: Path) -> None:
    """The camera changes its picture, and then hangs up and begins anew."""
    async with Simulator([camera()]) as simulator, served(data) as (_, client):
        await use_volume(client, data / "footage")
        await client.put_camera(config_of(simulator))
        await state_reached(client, CameraState.RECORDING)
        first = (await stored(client, seconds=1.5)).segments[0]
        for fault in (ChangeVideo(VideoSettings(width=480, height=270, fps=10, gop=10)), Disconnect()):
            run_id = (await client.status()).cameras[0].run_id
            await simulator.apply("lobby", fault)
            async with asyncio.timeout(60):
                while (await client.status()).cameras[0].run_id == run_id:
                    pass  # each turn waits for the recorder's answer
            last = (await stored(client, seconds=1.5)).segments[-1]
        request = ExportRequest(camera_id="lobby", start_us=first.start_us, end_us=last.end_us)
        job = await client.export_job((await client.export(request)).export_id, wait_s=60)
    assert job.problem is None
    sizes = []
    for file in job.files:
        with av.open(file.path) as container:
            pictures = list(container.decode(video=0))
        assert len(pictures) == file.frames
        sizes.append((pictures[0].width, pictures[0].height))
    assert sizes == [(320, 180), (480, 270), (480, 270)]
    times = [(file.start_us, file.end_us) for file in job.files]
    assert times == sorted(times)
    # A change of the picture may lose nothing, and each run guesses its clock anew: two files may overlap a little.
    between = [(one[1], two[0]) for one, two in pairwise(times) if one[1] < two[0]]
    gaps = [(max(gap.start_us, first.start_us), gap.end_us) for gap in job.gaps]
    assert [(start_us, end_us) for start_us, end_us in gaps if end_us is None or start_us < end_us] == between


async def test_footage_that_an_export_needs_outlives_its_time_until_that_ended(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also a fragment in front of it that may help to decode it; then the sweep takes all of it."""
    reached, go_on = threading.Event(), threading.Event()

    def waits(*args: object, **more: object) -> object:
        reached.set()
        assert go_on.wait(60)
        return write_clip(*args, **more)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(workshop, "write_clip", waits)
    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera(retention_days=7)
        before, wanted, after = one.lay(ago_s=7 * DAY_S - 60, times=3)
        request = ExportRequest(camera_id="lobby", start_us=wanted.start_us + S, end_us=wanted.end_us)
        asked = await one.client.export(request)
        assert await asyncio.to_thread(reached.wait, 60)
        one.clock.pass_by(HOUR_S * 2)
        await one.sweep()
        assert [segment.segment_id for segment in one.stored()] == [wanted.segment_id]
        go_on.set()
        job = await one.client.export_job(asked.export_id, wait_s=60)
        assert (job.problem, job.state) == (None, ExportState.DONE)
        one.clock.pass_by(HOUR_S * 2)
        await one.sweep()
        assert one.stored() == []
        assert [(each.start_us, each.end_us) for each in await one.certificates()] == [
            (segment.start_us, segment.end_us) for segment in (before, after, wanted)
        ]
    assert job.files[0].start_us <= request.start_us


async def test_two_who_ask_for_the_same_get_an_export_each(data: Path) -> None:
    """At the same moment; one's removal leaves the other's file alone."""
    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera()
        [segment] = one.lay(ago_s=60)
        request = ExportRequest(camera_id="lobby", start_us=segment.start_us, end_us=segment.end_us)
        asked = await asyncio.gather(*[one.client.export(request) for _ in range(2)])
        first, second = [await one.client.export_job(job.export_id, wait_s=60) for job in asked]
        assert first.export_id != second.export_id
        assert [file.sha256 for file in first.files] == [file.sha256 for file in second.files]
        await one.client.remove_export(first.export_id, "u1")
        verified = await asyncio.to_thread(Path(second.files[0].path).read_bytes)
    assert hashlib.sha256(verified).hexdigest() == second.files[0].sha256
    assert [path.name for path in (data / "footage" / "exports").iterdir()] == [second.export_id]
