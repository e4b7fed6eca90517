"""The review of a hold, on a real recorder: what is told and counted of it, and what is left of it on the volumes."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from recorder_core.models import HoldRelease, HoldRequest, HoldReview, LedgerKind
from recorder_core.service.startup import INDEX
from recorder_core.storage.hold_files import HOLDS_FOLDER, read_holds, write_hold
from recorder_core.storage.index_backup import back_up, backup_path

from .clocks import SteppedClock
from .shelves import DAY_S, DAY_US, library
from .watching import watching

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from recorder_core.models import Hold
    from recorder_core.storage.records import Volume

    from .shelves import Library


async def _due(one: Library, key: str | None = None) -> Hold:
    """Place a hold whose review is due tomorrow."""
    now_us = one.clock.now_us()
    request = HoldRequest(camera_ids=["lobby"], start_us=now_us - DAY_US, review_us=now_us + DAY_US, key=key)
    return (await one.client.place_hold(request)).hold


def _lose_index(data: Path) -> None:
    for path in data.glob(f"{INDEX}*"):
        path.unlink()


async def _counts(one: Library) -> tuple[int, int]:
    status = await one.client.status()
    return status.holds, status.holds_to_review


async def test_a_hold_that_stays_is_due_again_when_its_review_says(data: Path) -> None:
    """The status counts it no more from that very moment, and nobody is reminded before the next one."""
    clock = SteppedClock()
    async with library(data, clock) as one:
        await one.use(data / "a", data / "b")
        await one.camera()
        hold, _ = await _due(one), await _due(one)
        clock.pass_by(1.5 * DAY_S)
        await one.sweep()
        assert await _counts(one) == (2, 2)
        review = HoldReview(review_us=clock.now_us() + 7 * DAY_US, actor="u2")
        seen = await one.client.review_hold(hold.hold_id, review)
        assert await _counts(one) == (2, 1)
        assert (seen.review_us, seen.reviewed_us, seen.reviewed_by) == (review.review_us, clock.now_us(), "u2")
        assert await one.client.hold(hold.hold_id) == seen
        for number in range(2):
            assert read_holds(one.volume(number)).holds[hold.hold_id] == seen
        assert await one.client.review_hold(hold.hold_id, review) == seen
        [event] = await one.events("hold_reviewed")
        assert (event.camera_id, event.data["hold_id"], event.data["actor"]) == ("lobby", hold.hold_id, "u2")
        assert event.data["review_us"] == review.review_us
        told = [entry for entry in (await one.client.ledger()).entries if entry.kind is LedgerKind.HOLD_REVIEWED]
        assert [json.loads(entry.body)["reviewed_by"] for entry in told] == ["u2"]
        await one.sweep()
        assert await _counts(one) == (2, 1)
    clock.pass_by(6 * DAY_S)
    async with library(data, clock) as one:
        await one.sweep()
        assert await one.client.hold(hold.hold_id) == seen
        assert len(await one.events("hold_review_due")) == 2
        clock.pass_by(1.5 * DAY_S)
        await one.sweep()
        await one.sweep()
        assert await _counts(one) == (2, 2)
        [*_, last] = reminders = await one.events("hold_review_due")
        assert (len(reminders), last.data["hold_id"]) == (3, hold.hold_id)
        await one.client.review_hold(hold.hold_id, HoldReview(review_us=None))
        assert await _counts(one) == (2, 1)
        clock.pass_by(400 * DAY_S)
        await one.sweep()
        assert await _counts(one) == (2, 1)


async def test_a_review_that_falls_due_between_two_looks_is_reminded_of_too(data: Path) -> None:
    """The machine was asleep: at no look in between was nothing due."""
    async with library(data) as one:
        await one.camera()
        hold = await _due(one)
        one.clock.pass_by(1.5 * DAY_S)
        for _ in range(2):  # the one that the recorder begins by itself is between them
            await one.sweep()
        await one.client.review_hold(hold.hold_id, HoldReview(review_us=one.clock.now_us() + DAY_US))
        one.clock.pass_by(1.5 * DAY_S)
        await one.sweep()
        assert len(await one.events("hold_review_due")) == 2


async def test_whoever_follows_is_told_at_once_that_nothing_is_due_any_more(data: Path) -> None:
    """The next sweep is not waited for: it may have much to delete."""
    async with library(data) as one:
        await one.camera()
        stays, goes = await _due(one), await _due(one)
        one.clock.pass_by(1.5 * DAY_S)
        await one.sweep()
        assert await _counts(one) == (2, 2)
        async with one.recorder.keeping._sweeper._turn, watching(one.client) as watcher:

            def shown() -> tuple[int, int] | None:
                return next(((one.holds, one.holds_to_review) for one in reversed(watcher.statuses())), None)

            await one.client.review_hold(stays.hold_id, HoldReview(review_us=None))
            await watcher.sees(lambda: shown() == (2, 1))
            await one.client.release_hold(goes.hold_id, HoldRelease())
            await watcher.sees(lambda: shown() == (1, 0))


async def test_nobody_is_reminded_of_what_was_reviewed_a_moment_ago(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ending another hold takes a while on slow volumes; the review comes meanwhile."""
    clock = SteppedClock()
    now_us = clock.now_us()
    async with library(data, clock) as one:
        await one.use(data / "a")
        await one.camera()
        over = HoldRequest(camera_ids=["lobby"], start_us=now_us, expires_us=now_us + DAY_US)
        ends = (await one.client.place_hold(over)).hold
        hold = await _due(one)
        review = HoldReview(review_us=now_us + 30 * DAY_US)

        def meanwhile(volume: Volume, written: Hold) -> None:
            if written.hold_id == ends.hold_id:
                one.index.review_hold(hold.hold_id, review, now_us=clock.now_us())
            write_hold(volume, written)

        monkeypatch.setattr("recorder_core.service.holds.write_hold", meanwhile)
        clock.pass_by(2 * DAY_S)
        await one.sweep()
        assert await _counts(one) == (1, 0)
        assert await one.events("hold_review_due") == []


async def test_the_files_alone_tell_of_the_last_review(data: Path) -> None:
    """Also where another volume was away when it came, and its older file is read first."""
    clock = SteppedClock()
    async with library(data, clock) as one:
        await one.camera()
        await one.use(data / "a", data / "b")
        hold = await _due(one)
        path = data / "a" / HOLDS_FOLDER / f"{hold.hold_id}.json"
        stale = path.read_bytes()
        seen = await one.client.review_hold(hold.hold_id, HoldReview(review_us=None, actor="u2"))
    for older in (path, data / "b" / HOLDS_FOLDER / path.name):
        newer = older.read_bytes()
        older.write_bytes(stale)
        _lose_index(data)
        async with library(data, clock) as one:
            await one.sweep()
            assert await one.client.holds() == [seen]
        assert older.read_bytes() == newer


async def test_a_review_is_finished_whatever_a_crash_left(data: Path) -> None:
    """The index has it first, and the next start gives it to the volumes; a newer file gives it to the index."""
    clock = SteppedClock()
    async with library(data, clock) as one:
        await one.camera()
        await one.use(data / "a")
        hold = await _due(one)
        path = data / "a" / HOLDS_FOLDER / f"{hold.hold_id}.json"
        stale = path.read_bytes()
    back_up(data / INDEX)
    os.utime(backup_path(data / INDEX, 1), ns=(clock.now_us() * 1000, clock.now_us() * 1000))
    async with library(data, clock) as one:
        seen = await one.client.review_hold(hold.hold_id, HoldReview(review_us=clock.now_us() + 9 * DAY_US))
    newer = path.read_bytes()
    path.write_bytes(stale)
    async with library(data, clock) as one:
        assert await one.client.holds() == [seen]
    assert path.read_bytes() == newer
    (data / INDEX).unlink()
    async with library(data, clock) as one:
        assert await one.client.holds() == [seen]
        [*_, told] = [entry for entry in (await one.client.ledger()).entries if entry.kind is LedgerKind.HOLD_REVIEWED]
        assert json.loads(told.body) == {**seen.to_dict(), "restored": True}


async def test_a_volume_that_cannot_be_written_gets_the_review_later(data: Path) -> None:
    """The review counts at once."""
    async with library(data) as one:
        await one.camera()
        await one.use(data / "a")
        hold = await _due(one)
        folder = data / "a" / HOLDS_FOLDER
        folder.rename(data / "aside")
        folder.touch()
        seen = await one.client.review_hold(hold.hold_id, HoldReview(review_us=None))
        folder.unlink()
        (data / "aside").rename(folder)
        assert read_holds(one.volume()).holds == {hold.hold_id: hold}
        await one.sweep()
        assert read_holds(one.volume()).holds == {hold.hold_id: seen}
