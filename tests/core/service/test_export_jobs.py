"""Exports are refused early, cut a few at a time, remembered, and leave nothing when they fail."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from recorder_core.clock import SystemClock
from recorder_core.errors import ErrorCode, RecorderError, StorageError
from recorder_core.export import jobs as jobs_module, write_clip
from recorder_core.export.jobs import (
    FOLDER,
    LONGEST_US,
    RECORD,
    ExportJobs,
    Material,
    check_interval,
    clip_stem,
    remove_unfinished,
)
from recorder_core.models import ExportJob, ExportRequest, ExportState, GapView
from tests.core.export.library import START_US, record
from tests.core.mp4.footage import H264

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recorder_core.export import ClipSource

REQUEST = ExportRequest(
    camera_id="lobby", start_us=START_US + 200_000, end_us=START_US + 1_200_000, label="case 2026-7"
)


class Shelf:
    """An archive of one recording."""

    def __init__(self, root: Path) -> None:
        """Record three seconds below `root`."""
        self.root: Path | None = root
        self.sources: list[ClipSource] = record(root / "recorded", H264, 30)
        self.obstacle: RecorderError | None = None

    async def material(self, request: ExportRequest) -> Material:
        """Return all of it, with one gap."""
        return Material(self.sources, [GapView(start_us=request.start_us, end_us=request.end_us, reason="stalled")])

    def roots(self) -> list[Path]:
        """Return the one volume, if it is there."""
        return [] if self.root is None else [self.root]

    def check_room(self, size: int) -> None:
        """Refuse if that was asked for."""
        assert size > 0
        if self.obstacle is not None:
            raise self.obstacle


@pytest.fixture
def shelf(data: Path) -> Shelf:
    """Give an archive with footage."""
    return Shelf(data)


def _jobs(shelf: Shelf, on_finished: Callable[[ExportJob], None] = lambda _: None) -> ExportJobs:
    return ExportJobs(shelf, SystemClock(), on_finished=on_finished)


def _left(root: Path) -> list[str]:
    return sorted(path.name for path in (root / FOLDER).iterdir()) if (root / FOLDER).exists() else []


async def test_a_job_is_done_told_of_and_kept(shelf: Shelf, data: Path) -> None:
    told: list[ExportJob] = []
    jobs = _jobs(shelf, told.append)
    queued = await jobs.submit(REQUEST)
    assert (queued.state, queued.files) == (ExportState.QUEUED, [])
    done = await jobs.job(queued.export_id, wait_s=30)
    assert (done.state, done.progress, len(done.files)) == (ExportState.DONE, 1.0, 1)
    assert done.duration_us == done.files[0].duration_us
    assert done.gaps == queued.gaps
    assert told == [done]
    folder = data / FOLDER / done.export_id
    assert sorted(path.name for path in folder.iterdir()) == [RECORD, f"{clip_stem(REQUEST)}.mp4"]
    assert b'"label":"case 2026-7"' in (folder / RECORD).read_bytes()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.iterdir())
    assert await _jobs(shelf).job(done.export_id) == done


async def test_progress_can_be_watched(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    halfway, go_on = threading.Event(), threading.Event()

    def slow(*args: object, progress: Callable[[int, int], None], **more: object) -> object:
        progress(1, 2)
        halfway.set()
        assert go_on.wait(30)
        return write_clip(*args, progress=progress, **more)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(jobs_module, "write_clip", slow)
    jobs = _jobs(shelf)
    job = await jobs.submit(REQUEST)
    assert await asyncio.to_thread(halfway.wait, 30)
    running = await jobs.job(job.export_id, wait_s=0.001)
    assert (running.state, running.progress) == (ExportState.RUNNING, 0.5)
    go_on.set()
    assert (await jobs.job(job.export_id, wait_s=30)).state is ExportState.DONE


async def test_few_are_cut_at_once(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    both = threading.Barrier(3)

    def slow(*args: object, **more: object) -> object:
        if not go_on.is_set():
            both.wait(30)
        assert go_on.wait(30)
        return write_clip(*args, **more)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(jobs_module, "write_clip", slow)
    jobs = _jobs(shelf)
    submitted = [await jobs.submit(REQUEST) for _ in range(4)]
    await asyncio.to_thread(both.wait, 30)
    states = [(await jobs.job(job.export_id)).state for job in submitted]
    assert states == [ExportState.RUNNING] * 2 + [ExportState.QUEUED] * 2
    go_on.set()
    assert {(await jobs.job(job.export_id, wait_s=30)).state for job in submitted} == {ExportState.DONE}


async def test_a_job_that_fails_says_why_and_leaves_nothing(
    shelf: Shelf, data: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = _jobs(shelf)
    shelf.obstacle = StorageError(ErrorCode.VOLUME_FULL, "Full.")
    failed = await jobs.job((await jobs.submit(REQUEST)).export_id, wait_s=30)
    assert failed.problem is not None
    assert (failed.state, failed.problem.code) == (ExportState.FAILED, ErrorCode.VOLUME_FULL)
    shelf.obstacle = None
    monkeypatch.setattr(jobs_module, "write_private", lambda *_: 1 // 0)
    failed = await jobs.job((await jobs.submit(REQUEST)).export_id, wait_s=30)
    assert failed.problem is not None
    assert failed.problem.code is ErrorCode.EXPORT_FAILED
    assert "ZeroDivisionError" in caplog.text
    assert "division" not in failed.problem.message
    shelf.root = None
    failed = await jobs.job((await jobs.submit(REQUEST)).export_id, wait_s=30)
    assert failed.problem is not None
    assert failed.problem.code is ErrorCode.VOLUME_MISSING
    assert _left(data) == []


async def test_what_runs_is_stopped_with_the_recorder(shelf: Shelf, data: Path) -> None:
    jobs = _jobs(shelf)
    job = await jobs.submit(REQUEST)
    await jobs.close()
    stopped = await jobs.job(job.export_id)
    assert stopped.problem is not None
    assert (stopped.state, stopped.problem.code) == (ExportState.FAILED, ErrorCode.EXPORT_FAILED)
    assert _left(data) == []


async def test_many_finished_jobs_are_answered_from_the_disk(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "_REMEMBERED", 0)
    jobs = _jobs(shelf)
    first = await jobs.job((await jobs.submit(REQUEST)).export_id, wait_s=30)
    await jobs.job((await jobs.submit(REQUEST)).export_id, wait_s=30)
    assert first.export_id not in jobs._jobs
    assert await jobs.job(first.export_id) == first


async def test_where_nothing_is_stored_nothing_is_queued(shelf: Shelf) -> None:
    shelf.sources = []
    jobs = _jobs(shelf)
    with pytest.raises(RecorderError) as caught:
        await jobs.submit(REQUEST)
    assert caught.value.code is ErrorCode.NO_FOOTAGE


@pytest.mark.parametrize("export_id", ["", "..", "../../etc", "F" * 32, "0" * 31, "0" * 32])
async def test_an_id_that_is_none_is_unknown(shelf: Shelf, data: Path, export_id: str) -> None:
    (data / FOLDER).mkdir()
    (data / RECORD).write_text("{}")
    with pytest.raises(RecorderError) as caught:
        await _jobs(shelf).job(export_id)
    assert caught.value.code is ErrorCode.UNKNOWN_EXPORT


@pytest.mark.parametrize(
    ("start_us", "end_us", "code"),
    [
        (5, 5, ErrorCode.INTERVAL_INVERTED),
        (6, 5, ErrorCode.INTERVAL_INVERTED),
        (-1, 5, ErrorCode.NO_FOOTAGE),
        (5, LONGEST_US + 101, ErrorCode.INTERVAL_FUTURE),
        (0, LONGEST_US + 1, ErrorCode.INTERVAL_TOO_LONG),
    ],
)
def test_an_interval_that_cannot_be_is_refused(start_us: int, end_us: int, code: ErrorCode) -> None:
    with pytest.raises(RecorderError) as caught:
        check_interval(start_us, end_us, now_us=LONGEST_US + 100)
    assert caught.value.code is code


def test_the_longest_interval_is_allowed() -> None:
    check_interval(100, LONGEST_US + 100, now_us=LONGEST_US + 100)


def test_only_what_was_cut_short_is_removed(data: Path) -> None:
    assert remove_unfinished(data) == 0
    for name in ("0" * 32, "1" * 32, "someone else's"):
        (data / FOLDER / name).mkdir(parents=True)
    (data / FOLDER / ("1" * 32) / RECORD).touch()
    assert remove_unfinished(data) == 1
    assert _left(data) == ["1" * 32, "someone else's"]
    assert remove_unfinished(data) == 0
