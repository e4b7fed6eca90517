"""The ledger hears of footage every full hour, at an end, and after a start of what an end left out."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from sqlalchemy import text

from recorder_core.errors import RecorderError
from recorder_core.models import CameraState, LedgerKind, Settings
from recorder_core.service.duties import Duties
from recorder_core.service.events import EventLog
from recorder_core.service.index_thread import IndexThread
from recorder_core.service.ledger import HOUR_US, LedgerKeeper
from recorder_core.service.startup import INDEX, open_index
from recorder_core.simulator import Simulator
from tests.core.storage.store import T0, ManualClock, S, Store, row

from .rig import camera, config_of, served, state_reached, stored, use_volume

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from recorder_core.service.feed import Feed
    from recorder_core.storage.index import Index


class _Hours(ManualClock):
    """A clock whose sleepers wait until a test lets the time pass for which they asked."""

    def __init__(self) -> None:
        super().__init__(T0)
        self.asked: asyncio.Queue[float] = asyncio.Queue()
        self.passed = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Wait for the test."""
        self.asked.put_nowait(seconds)
        await self.passed.wait()
        self.passed.clear()
        self.wall_us += int(seconds * S)


@asynccontextmanager
async def _kept(folder: Path, clock: _Hours) -> AsyncGenerator[tuple[Store, LedgerKeeper]]:
    """A keeper that has told of all there was, and waits for the hour."""
    store = Store(folder, clock)
    index = IndexThread(store.index)
    events = EventLog(index, cast("Feed", SimpleNamespace(publish=lambda _: None)), clock)
    keeper = LedgerKeeper(index, clock, Duties(events, lambda: None))
    await keeper.start(_nothing)
    try:
        yield store, keeper
    finally:
        await keeper.close()
        await index.close()


async def _nothing() -> None:
    """Find no rules to correct."""


def _told(store: Store) -> list[tuple[int, str, int]]:
    """Time, camera and number of segments of each entry."""
    entries = [entry for entry in store.index.ledger(0, 100).entries if entry.kind is LedgerKind.ROOTS]
    bodies = [json.loads(entry.body) for entry in entries]
    return [(entry.at_us, body["camera_id"], body["segments"]) for entry, body in zip(entries, bodies, strict=True)]


async def test_every_full_hour_and_at_the_end(tmp_path: Path) -> None:
    """From a start in the middle of an hour; a camera that recorded nothing is not told of."""
    clock = _Hours()
    full = T0 - T0 % HOUR_US
    async with _kept(tmp_path, clock) as (store, _):
        assert await clock.asked.get() * S == full + HOUR_US - T0
        door, hall = store.run("door"), store.run("hall", run_id="run-2")
        for run in (door, door, hall):
            row(store, run, T0, 60 * S)
        clock.passed.set()
        assert await clock.asked.get() == 3600
        assert _told(store) == [(full + HOUR_US, "door", 2), (full + HOUR_US, "hall", 1)]
        row(store, door, T0 + HOUR_US, 60 * S)
        clock.passed.set()
        assert await clock.asked.get() == 3600
        row(store, hall, T0 + 2 * HOUR_US, 60 * S)
    store.open_index()
    assert _told(store)[2:] == [(full + 2 * HOUR_US, "door", 1), (full + 2 * HOUR_US, "hall", 1)]
    store.index.close()


async def test_a_start_tells_of_what_an_end_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much it is, in entries of a limited size."""
    monkeypatch.setattr("recorder_core.storage.root_rows.MOST_LEAVES", 2)
    monkeypatch.setattr("recorder_core.service.ledger.MOST_LEAVES", 2)
    store = Store(tmp_path)
    run = store.run()
    for minute in range(4):
        row(store, run, T0 + minute * 60 * S, 60 * S)
    store.index.close()
    clock = _Hours()
    async with _kept(tmp_path, clock) as (again, _):
        await clock.asked.get()
        assert _told(again) == [(T0, "entrance", 2), (T0, "entrance", 2)]
        assert [entry.kind for entry in again.index.ledger(0, 1).entries] == [LedgerKind.BEGUN]


async def test_an_index_that_refuses_is_asked_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With what was to be told the hour before."""
    clock = _Hours()
    async with _kept(tmp_path, clock) as (store, _):
        await clock.asked.get()
        row(store, store.run(), T0, 60 * S)
        _execute(store.index, "CREATE TRIGGER refuse BEFORE INSERT ON leaves BEGIN SELECT RAISE(ABORT, 'no'); END")
        clock.passed.set()
        await clock.asked.get()
        assert "ledger: The index failed" in caplog.text
        assert _told(store) == []
        _execute(store.index, "DROP TRIGGER refuse")
        clock.passed.set()
        await clock.asked.get()
        assert [segments for _, _, segments in _told(store)] == [1]


def _execute(index: Index, statement: str) -> None:
    with index._writing() as connection:
        connection.execute(text(statement))


def test_an_index_that_was_built_anew_says_so(data: Path) -> None:
    """Its ledger is another one, or an earlier copy of it, and that is told in it."""
    (data / INDEX).write_bytes(b"no database" * 100)
    with open_index(data, ManualClock()) as index:
        begun, rebuilt = index.ledger(0, 10).entries
        assert (begun.kind, rebuilt.kind) == (LedgerKind.BEGUN, LedgerKind.REBUILT)
        told = {"loss": "damage", "set_aside": f"{INDEX}.damaged-{T0}", "copy": None, "known_us": None}
        assert json.loads(rebuilt.body) == told


async def test_a_recorder_that_stops_has_told_of_all_it_stored(data: Path, tmp_path: Path) -> None:
    """And its API shows the ledger, page by page."""
    async with Simulator([camera()]) as simulator:
        async with served(data) as (_, client):
            await use_volume(client, tmp_path)
            await client.put_camera(config_of(simulator))
            await state_reached(client, CameraState.RECORDING)
            await stored(client)
        async with served(data) as (_, client):
            page = await client.ledger()
            kinds = [LedgerKind.BEGUN, *[LedgerKind.SETTINGS] * 3, LedgerKind.ROOTS]
            assert [entry.kind for entry in page.entries] == kinds
            assert json.loads(page.entries[1].body) == {"settings": Settings().to_dict(), "found": True}
            assert json.loads(page.entries[2].body)["settings"]["volumes"][0]["path"] == str(tmp_path)
            changed = json.loads(page.entries[3].body)
            assert (changed["camera_id"], changed["enabled"], set(changed)) == (
                "lobby",
                True,
                {"camera_id", "enabled", "retention"},
            )
            body = json.loads(page.entries[4].body)
            coverage = await client.coverage("lobby", body["start_us"], body["end_us"])
            assert body["segments"] == len([one for one in coverage.segments if not one.open])
            rest = await client.ledger(after=4, limit=1)
            assert (rest.entries, rest.head_seq, rest.head_hash) == (page.entries[4:], 5, page.entries[4].hash)
            with pytest.raises(RecorderError, match="limit must lie between 1 and 1000"):
                await client.ledger(limit=0)
