"""Exports are refused early, made a few at a time, kept in the index, begun anew, and leave nothing when they fail."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import sys
import threading
import zipfile
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from recorder_core.decoder.limits import EXIT_NO_ENCODER
from recorder_core.errors import ErrorCode, RecorderError, StorageError
from recorder_core.export import making, workshop as workshop_module, write_clip
from recorder_core.export.folders import FOLDER, RECORD
from recorder_core.export.package import write_package
from recorder_core.export.requests import LONGEST_US, Scope, check_scope, stem_of
from recorder_core.models import ExportKind, ExportState, LedgerKind, PackageRequest, StartMode, StillRequest
from recorder_core.storage.ids import segment_path
from recorder_core.storage.index import Index
from tests.core.export.library import START_US, record
from tests.core.export.shelf import GAP, REQUEST, Desk, Shelf
from tests.core.mp4.footage import H264

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from recorder_core.models import ExportJob

PACKAGE = PackageRequest(
    camera_ids=["lobby", "yard"], start_us=REQUEST.start_us, end_us=REQUEST.end_us, request_id="R7", expires_us=1 << 52
)


@pytest.fixture
def shelf(data: Path) -> Shelf:
    """Give an archive with footage."""
    return Shelf(data)


@pytest.fixture
async def desk(data: Path, shelf: Shelf) -> AsyncGenerator[Desk]:
    """Give export jobs that are closed after the test."""
    desk = Desk(data, shelf)
    yield desk
    await desk.close()


def _left(root: Path) -> list[str]:
    return sorted(path.name for path in (root / FOLDER).iterdir()) if (root / FOLDER).exists() else []


def _code(job: ExportJob) -> str | None:
    return None if job.problem is None else job.problem.code


class _Gate:
    """Stops clips and packages before they are written until the test lets them go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, share: float = 0.5) -> None:
        self.reached, self.go_on = threading.Semaphore(0), threading.Event()
        self._share = share
        monkeypatch.setattr(workshop_module, "write_clip", partial(self._slow, write_clip))
        monkeypatch.setattr(workshop_module, "write_package", partial(self._slow, write_package))

    async def passed_by(self, jobs: int) -> None:
        for _ in range(jobs):
            assert await asyncio.to_thread(self.reached.acquire, timeout=60)

    def _slow(
        self, write: Callable[..., object], *args: object, progress: Callable[[int, int], None], **more: object
    ) -> object:
        progress(int(self._share * 100), 100)
        self.reached.release()
        assert self.go_on.wait(60)
        return write(*args, progress=progress, **more)


async def test_a_job_is_done_told_of_and_kept(desk: Desk, shelf: Shelf, data: Path) -> None:
    queued = await desk.jobs.submit(REQUEST)
    assert (queued.state, queued.files, queued.gaps) == (ExportState.QUEUED, [], [GAP])
    assert shelf.readings
    done = await desk.jobs.job(queued.export_id, wait_s=60)
    assert (done.state, done.progress, len(done.files)) == (ExportState.DONE, 1.0, 1)
    assert (done.kind, done.camera_ids, done.actor) == (ExportKind.CLIP, ["lobby"], "u1")
    assert done.duration_us == done.files[0].duration_us
    states = [job.state for job in desk.told]
    assert (states[0], states[-1], set(states[1:-1])) == (
        ExportState.QUEUED,
        ExportState.DONE,
        {ExportState.RUNNING},
    )
    assert desk.told[-1] == done
    folder = data / FOLDER / done.export_id
    stem = stem_of("lobby", REQUEST.start_us)
    assert sorted(path.name for path in folder.iterdir()) == [RECORD, f"{stem}.mp4"]
    assert b'"label":"case 2026-7"' in (folder / RECORD).read_bytes()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.iterdir())
    assert await desk.jobs.job(done.export_id) == done
    assert await desk.jobs.jobs(5) == [done]
    assert shelf.readings == set()
    entry = desk.index.ledger(0, 10).entries[-1]
    body = json.loads(entry.body)
    assert (entry.kind, body["export_id"]) == (LedgerKind.EXPORTED, done.export_id)
    assert body["files"] == [{"name": f"{stem}.mp4", "sha256": done.files[0].sha256, "size": done.files[0].size}]
    assert "case 2026-7" not in entry.body


async def test_a_still_is_made_and_told_where_it_is_from(desk: Desk) -> None:
    at_us = START_US + 333_333
    queued = await desk.jobs.submit(StillRequest(camera_id="lobby", at_us=at_us))
    done = await desk.jobs.job(queued.export_id, wait_s=60)
    assert done.problem is None
    picture, beside = done.files
    with Image.open(picture.path) as image:
        assert (image.format, image.size) == ("PNG", (256, 144))
    with open(beside.path, "rb") as file:  # noqa: ASYNC230, PTH123  a few bytes
        record = json.load(file)
    assert record["shown_us"] <= at_us < record["replaced_us"]
    assert (record["sha256"], record["source"]["segment_id"]) == (picture.sha256, 1)


async def test_a_package_holds_what_there_is_of_its_cameras(desk: Desk) -> None:
    queued = await desk.jobs.submit(PACKAGE)
    assert (queued.kind, queued.camera_ids, queued.expires_us) == (ExportKind.PACKAGE, ["lobby", "yard"], 1 << 52)
    done = await desk.jobs.job(queued.export_id, wait_s=60)
    assert done.problem is None
    with zipfile.ZipFile(done.files[0].path) as archive:
        assert archive.testzip() is None
        assert any(name.endswith(".mp4") for name in archive.namelist())
    with pytest.raises(RecorderError) as caught:
        await desk.jobs.submit(replace(PACKAGE, camera_ids=["yard"]))
    assert caught.value.code is ErrorCode.NO_FOOTAGE


async def test_a_package_of_footage_that_is_not_of_that_time_fails(desk: Desk, data: Path) -> None:
    later = replace(PACKAGE, start_us=START_US + 60_000_000, end_us=START_US + 61_000_000)
    failed = await desk.jobs.job((await desk.jobs.submit(later)).export_id, wait_s=60)
    assert (failed.state, _code(failed), _left(data)) == (ExportState.FAILED, ErrorCode.NO_FOOTAGE, [])


async def test_progress_can_be_watched(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = _Gate(monkeypatch)
    job = await desk.jobs.submit(REQUEST)
    await gate.passed_by(1)
    running = await desk.jobs.job(job.export_id, wait_s=0.001)
    assert (running.state, running.progress) == (ExportState.RUNNING, 0.5)
    assert desk.told[-1] == running
    assert await desk.jobs.jobs(5) == [running]
    gate.go_on.set()
    assert (await desk.jobs.job(job.export_id, wait_s=60)).state is ExportState.DONE


async def test_few_are_made_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = _Gate(monkeypatch)
    submitted = [await desk.jobs.submit(REQUEST) for _ in range(4)]
    await gate.passed_by(2)
    states = [(await desk.jobs.job(job.export_id)).state for job in submitted]
    assert states == [ExportState.RUNNING] * 2 + [ExportState.QUEUED] * 2
    gate.go_on.set()
    assert {(await desk.jobs.job(job.export_id, wait_s=60)).state for job in submitted} == {ExportState.DONE}


async def test_what_runs_takes_its_room_from_what_comes(
    desk: Desk, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.jobs.job((await desk.jobs.submit(REQUEST)).export_id, wait_s=60)
    shelf.room = shelf.asked[0] * 3 // 2
    gate = _Gate(monkeypatch)
    first = await desk.jobs.submit(REQUEST)
    await gate.passed_by(1)
    second = await desk.jobs.job((await desk.jobs.submit(REQUEST)).export_id, wait_s=60)
    assert _code(second) == ErrorCode.VOLUME_FULL
    gate.go_on.set()
    assert (await desk.jobs.job(first.export_id, wait_s=60)).state is ExportState.DONE


async def test_two_that_ask_at_once_are_not_promised_the_same_room(
    desk: Desk, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one asks while the first one's answer is under way: it waits for it, or it would get the same."""
    await desk.jobs.job((await desk.jobs.submit(REQUEST)).export_id, wait_s=60)
    shelf.room = shelf.asked[0] * 3 // 2
    asking, answer = threading.Semaphore(0), threading.Event()
    check = shelf.check_room

    def slowly(size: int) -> None:
        asking.release()
        assert answer.wait(60)
        check(size)

    monkeypatch.setattr(shelf, "check_room", slowly)
    gate = _Gate(monkeypatch)
    jobs = [await desk.jobs.submit(REQUEST) for _ in range(2)]
    assert await asyncio.to_thread(asking.acquire, timeout=60)
    assert not await asyncio.to_thread(asking.acquire, timeout=0.1)
    answer.set()
    await gate.passed_by(1)
    gate.go_on.set()
    ended = [await desk.jobs.job(job.export_id, wait_s=60) for job in jobs]
    assert sorted(job.state for job in ended) == [ExportState.DONE, ExportState.FAILED]
    assert {_code(job) for job in ended} == {None, ErrorCode.VOLUME_FULL}


async def test_a_job_that_fails_says_why_and_leaves_nothing(
    desk: Desk, shelf: Shelf, data: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.obstacle = StorageError(ErrorCode.VOLUME_FULL, "Full.")
    failed = await desk.jobs.job((await desk.jobs.submit(REQUEST)).export_id, wait_s=60)
    assert (failed.state, _code(failed)) == (ExportState.FAILED, ErrorCode.VOLUME_FULL)
    shelf.obstacle = None
    with monkeypatch.context() as patch:
        patch.setattr(workshop_module, "write_clip", lambda *_, **__: 1 // 0)
        failed = await desk.jobs.job((await desk.jobs.submit(REQUEST)).export_id, wait_s=60)
    assert _code(failed) == ErrorCode.EXPORT_FAILED
    assert "ZeroDivisionError" in caplog.text
    assert failed.problem is not None
    assert "division" not in failed.problem.message
    shelf.root = None
    failed = await desk.jobs.job((await desk.jobs.submit(REQUEST)).export_id, wait_s=60)
    assert _code(failed) == ErrorCode.VOLUME_MISSING
    assert (_left(data), shelf.readings) == ([], set())
    assert (await desk.jobs.job(failed.export_id)) == failed


async def test_what_stands_in_the_folders_place_is_named(desk: Desk, data: Path) -> None:
    """In the words of storage, not as a fault of the program."""
    (data / FOLDER).write_bytes(b"a file")
    failed = await desk.jobs.job((await desk.jobs.submit(REQUEST)).export_id, wait_s=60)
    assert failed.problem is not None
    assert failed.problem.code == ErrorCode.STORAGE_FAILED
    assert failed.problem.message == "Making the export's folder failed: Not a directory."


async def test_why_a_job_failed_is_told_though_its_folder_cannot_go(
    desk: Desk, shelf: Shelf, data: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The next look removes what is left."""

    async def vanished(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    shelf.obstacle = StorageError(ErrorCode.VOLUME_FULL, "Full.")
    with monkeypatch.context() as patch:
        patch.setattr(making, "remove_draft", vanished)
        failed = await desk.jobs.job((await desk.jobs.submit(REQUEST)).export_id, wait_s=60)
    assert _code(failed) == ErrorCode.VOLUME_FULL
    assert f"What is left of export {failed.export_id} stays for now" in caplog.text
    assert _left(data) == [failed.export_id]
    await desk.removal.tidy()
    assert _left(data) == []


async def test_a_job_ends_though_the_damage_that_it_met_cannot_be_noted(
    desk: Desk, shelf: Shelf, data: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody waits for it for ever, and nothing keeps its footage."""

    def locked(_index: Index, _segment_id: int) -> None:
        raise StorageError(ErrorCode.STORAGE_FAILED, "Locked.")

    path = data / segment_path("lobby", START_US, 1)
    path.parent.mkdir(parents=True)
    content = bytearray(shelf.recorded[0].path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    shelf.recorded[0] = replace(shelf.recorded[0], path=path)
    monkeypatch.setattr(Index, "segment", locked)
    whole = replace(REQUEST, end_us=START_US + 3_000_000)
    failed = await desk.jobs.job((await desk.jobs.submit(whole)).export_id, wait_s=60)
    assert _code(failed) == ErrorCode.FOOTAGE_DAMAGED
    assert failed.problem is not None
    assert START_US + 2_000_000 < float(failed.problem.placeholders["at_us"]) < START_US + 3_000_000
    assert "cannot be noted: Locked." in caplog.text
    assert (_left(data), shelf.readings) == ([], set())


async def test_what_was_not_done_when_the_recorder_stopped_is_begun_anew(
    shelf: Shelf, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(data, shelf)
    with monkeypatch.context() as patch:
        gate = _Gate(patch)
        jobs = [await desk.jobs.submit(request) for request in (REQUEST, PACKAGE, REQUEST)]
        await gate.passed_by(2)
        closing = asyncio.create_task(desk.jobs.close())
        await asyncio.sleep(0)
        gate.go_on.set()
        await closing
    assert {(await desk.jobs.job(job.export_id, wait_s=5)).state for job in jobs} == {ExportState.QUEUED}
    await desk.close()
    assert _left(data) == []
    again = Desk(data, shelf)
    await again.removal.tidy()
    await again.jobs.resume()
    done = [await again.jobs.job(job.export_id, wait_s=60) for job in jobs]
    assert [(job.state, job.kind, job.created_us) for job in done] == [
        (ExportState.DONE, job.kind, job.created_us) for job in jobs
    ]
    assert len(_left(data)) == 3
    await again.close()


async def test_a_job_whose_camera_is_unknown_after_a_restart_fails(desk: Desk, shelf: Shelf) -> None:
    """The index was lost and made anew without it; the others go on."""
    done = await desk.jobs.job((await desk.jobs.submit(REQUEST)).export_id, wait_s=60)
    stored = desk.index.export(done.export_id)
    assert stored is not None
    for export_id, cameras in (("1" * 32, ["roof"]), ("2" * 32, ["lobby", "roof"]), ("3" * 32, ["lobby"])):
        job = replace(stored.job, export_id=export_id, camera_ids=cameras, state=ExportState.RUNNING, files=[])
        desk.index.add_export(replace(stored, job=job))
    await desk.jobs.resume()
    ended = [await desk.jobs.job(number * 32, wait_s=60) for number in "123"]
    assert [_code(job) for job in ended] == [ErrorCode.UNKNOWN_CAMERA, ErrorCode.UNKNOWN_CAMERA, None]
    assert shelf.readings == set()


async def test_who_waits_is_told_of_an_end_that_cannot_be_kept(
    desk: Desk, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The next start begins it anew."""
    put = Index.put_export

    def full(index: Index, job: ExportJob) -> None:
        if job.state is ExportState.FAILED:
            raise StorageError(ErrorCode.VOLUME_FULL, "No room for the index.")
        put(index, job)

    shelf.obstacle = StorageError(ErrorCode.VOLUME_FULL, "Full.")
    monkeypatch.setattr(Index, "put_export", full)
    job = await desk.jobs.submit(REQUEST)
    await desk.jobs.job(job.export_id, wait_s=60)
    assert desk.told[-1].state is ExportState.FAILED
    assert f"The end of export {job.export_id} cannot be kept: No room for the index." in caplog.text
    assert [one.job.export_id for one in desk.index.unfinished_exports()] == [job.export_id]


async def test_a_job_is_cancelled_queued_or_running(desk: Desk, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = _Gate(monkeypatch)
    jobs = [await desk.jobs.submit(REQUEST) for _ in range(3)]
    await gate.passed_by(2)
    queued = await desk.removal.remove(jobs[2].export_id, "u2")
    assert (queued.state, _code(queued)) == (ExportState.CANCELLED, ErrorCode.EXPORT_CANCELLED)
    running = asyncio.create_task(desk.removal.remove(jobs[0].export_id, "u2"))
    await asyncio.sleep(0)
    gate.go_on.set()
    cancelled = await running
    assert (cancelled.state, _code(cancelled)) == (ExportState.CANCELLED, ErrorCode.EXPORT_CANCELLED)
    assert (await desk.jobs.job(jobs[1].export_id, wait_s=60)).state is ExportState.DONE
    assert _left(data) == [jobs[1].export_id]
    assert await desk.removal.remove(jobs[0].export_id, "u2") == cancelled
    assert await desk.jobs.job(jobs[2].export_id) == queued


async def test_where_nothing_is_stored_nothing_is_queued(desk: Desk, shelf: Shelf) -> None:
    for camera_id, code in (("yard", ErrorCode.NO_FOOTAGE), ("roof", ErrorCode.UNKNOWN_CAMERA)):
        with pytest.raises(RecorderError) as caught:
            await desk.jobs.submit(replace(REQUEST, camera_id=camera_id))
        assert caught.value.code is code
    assert (desk.told, await desk.jobs.jobs(5), shelf.readings) == ([], [], set())


@pytest.mark.parametrize("export_id", ["", "..", "../../etc", "F" * 32, "0" * 32])
async def test_an_id_that_is_none_is_unknown(desk: Desk, export_id: str) -> None:
    for asked in (desk.jobs.job(export_id), desk.removal.remove(export_id, "")):
        with pytest.raises(RecorderError) as caught:
            await asked
        assert caught.value.code is ErrorCode.UNKNOWN_EXPORT


@pytest.mark.parametrize(
    ("start_us", "end_us", "cameras", "code"),
    [
        (5, 5, 1, ErrorCode.INTERVAL_INVERTED),
        (6, 5, 1, ErrorCode.INTERVAL_INVERTED),
        (-1, 5, 1, ErrorCode.NO_FOOTAGE),
        (5, LONGEST_US + 101, 1, ErrorCode.INTERVAL_FUTURE),
        (0, LONGEST_US + 1, 1, ErrorCode.INTERVAL_TOO_LONG),
        (0, LONGEST_US // 2 + 1, 2, ErrorCode.INTERVAL_TOO_LONG),
    ],
)
def test_an_interval_that_cannot_be_is_refused(start_us: int, end_us: int, cameras: int, code: ErrorCode) -> None:
    with pytest.raises(RecorderError) as caught:
        check_scope(Scope(ExportKind.CLIP, ("a",) * cameras, start_us, end_us), now_us=LONGEST_US + 100)
    assert caught.value.code is code


def test_the_longest_interval_is_allowed() -> None:
    check_scope(Scope(ExportKind.CLIP, ("a",), 100, LONGEST_US + 100), now_us=LONGEST_US + 100)
    check_scope(Scope(ExportKind.PACKAGE, ("a", "b"), 0, LONGEST_US // 2), now_us=LONGEST_US + 100)


ANEW = replace(REQUEST, start_mode=StartMode.REENCODE_FIRST_GOP)


async def test_re_encoded_pictures_lie_beside_the_clip(desk: Desk, shelf: Shelf, data: Path) -> None:
    """One export of two files, of which one is marked; room is asked for when it is known how large that one is."""
    queued = await desk.jobs.submit(ANEW)
    done = await desk.jobs.job(queued.export_id, wait_s=60)
    assert done.problem is None
    clip, beside = done.files
    stem = stem_of("lobby", REQUEST.start_us)
    folder = data / FOLDER / done.export_id
    assert sorted(path.name for path in folder.iterdir()) == [RECORD, f"{stem}.mp4", f"{stem}_reencoded.mp4"]
    assert (clip.path, beside.path) == (str(folder / f"{stem}.mp4"), str(folder / f"{stem}_reencoded.mp4"))
    assert (clip.derived, beside.derived) == (False, True)
    assert (beside.start_us, beside.end_us) == (REQUEST.start_us, clip.start_us)
    assert done.duration_us == clip.duration_us + beside.duration_us
    assert shelf.asked[-1] - shelf.asked[0] == beside.size
    progress = [job.progress for job in desk.told if job.state is ExportState.RUNNING]
    assert progress == sorted(progress)
    [lack] = done.not_shown
    assert (lack.camera_id, lack.start_us, lack.end_us, lack.reason) == (
        *("lobby", REQUEST.start_us, clip.start_us, "reencoded"),
    )
    record = json.loads((folder / RECORD).read_bytes())
    assert [file["derived"] for file in record["job"]["files"]] == [False, True]


async def test_a_clip_tells_what_it_leaves_out(desk: Desk) -> None:
    """The pictures before the first sync sample, where they are not asked for; with a lead-in there is nothing."""
    for mode, reasons in ((StartMode.NEXT_SYNC, ["left_out"]), (StartMode.LEAD_IN, [])):
        queued = await desk.jobs.submit(replace(REQUEST, start_mode=mode))
        done = await desk.jobs.job(queued.export_id, wait_s=60)
        assert [lack.reason for lack in done.not_shown] == reasons


async def test_two_of_them_are_told_apart(desk: Desk, shelf: Shelf, data: Path) -> None:
    """Where the wall clock stepped back, two runs were between two sync samples when the clip is to begin."""
    later = record(data / "recorded", H264, 75, start_us=START_US + 80_000, run_id="run-2", first_segment_id=500)
    shelf.recorded += later
    queued = await desk.jobs.submit(ANEW)
    done = await desk.jobs.job(queued.export_id, wait_s=60)
    stem = stem_of("lobby", REQUEST.start_us)
    names = [path.rpartition("/")[2] for path in (file.path for file in done.files)]
    assert names == [f"{stem}-1.mp4", f"{stem}-2.mp4", f"{stem}_reencoded-1.mp4", f"{stem}_reencoded-2.mp4"]


async def test_a_package_tells_what_is_re_encoded(desk: Desk) -> None:
    """And may have nothing else, where there is no sync sample in the interval."""
    wanted = replace(PACKAGE, start_mode=StartMode.REENCODE_FIRST_GOP)
    only = replace(wanted, end_us=wanted.start_us + 80_000)
    for request, kinds in ((wanted, ["video", "derivative"]), (only, ["derivative"])):
        queued = await desk.jobs.submit(request)
        done = await desk.jobs.job(queued.export_id, wait_s=60)
        assert done.problem is None
        with zipfile.ZipFile(done.files[0].path) as archive:
            files = json.loads(archive.read("manifest.json"))["files"]
        assert [file["kind"] for file in files if file["kind"] in ("video", "derivative")] == kinds


async def test_encoding_is_cancelled_at_once_and_leaves_nothing(
    desk: Desk, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process is gone when the job has ended."""
    said, program = data / "said", data / "program"
    os.mkfifo(said)
    program.write_text(f"#!/bin/sh\necho $$ > {said}\nexec sleep 600\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    queued = await desk.jobs.submit(ANEW)
    pid = int(await asyncio.to_thread(said.read_text))
    job = await desk.jobs.cancel(queued.export_id)
    assert (job.state, _code(job)) == (ExportState.CANCELLED, ErrorCode.EXPORT_CANCELLED)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert _left(data) == []


async def test_pictures_that_cannot_be_encoded_fail_the_export(
    desk: Desk, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is a clip left that lacks what was asked for."""
    program = data / "program"
    program.write_text(f"#!/bin/sh\ncat >/dev/null\nexit {EXIT_NO_ENCODER}\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    queued = await desk.jobs.submit(ANEW)
    done = await desk.jobs.job(queued.export_id, wait_s=60)
    assert (done.state, _code(done)) == (ExportState.FAILED, ErrorCode.DECODER_FAILED)
    assert done.problem is not None
    assert "no encoder for H.264" in done.problem.message
    assert _left(data) == []


async def test_re_encoded_pictures_without_room_leave_nothing(desk: Desk, shelf: Shelf, data: Path) -> None:
    """There was room for the clip alone."""
    queued = await desk.jobs.submit(ANEW)
    await desk.jobs.job(queued.export_id, wait_s=60)
    shelf.room = shelf.asked[0]
    again = await desk.jobs.submit(ANEW)
    failed = await desk.jobs.job(again.export_id, wait_s=60)
    assert _code(failed) == ErrorCode.VOLUME_FULL
    assert _left(data) == [queued.export_id]
