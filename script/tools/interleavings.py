"""Places and releases holds, deletes, records and reads over two connections to one index, statement by statement.

Which connection goes on after each statement is drawn by a seed, so thousands of orders are tried and each can be had
again. What may not be deleted is worked out here, with nothing of the recorder's: a segment that a hold or a reading
overlaps at the moment of the commit that deletes it.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from sqlalchemy import event

from recorder_core.errors import ErrorCode, RequestError, StorageError
from recorder_core.models import DeletionRule, HoldRequest, HoldState
from recorder_core.storage.ids import new_segment_id, segment_path
from recorder_core.storage.index import Index
from recorder_core.storage.records import FragmentSpan, Run, Segment, Volume

from .turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Engine

_T0 = 1_700_000_000_000_000
_SEGMENT_US = 10_000_000
_CAMERAS = ("entrance", "lobby")
_VOLUMES = ("north", "south")
_STOCK = 24
"""Segments of each camera that recording keeps up with."""

_MOST_HOLDS = 8


class Locking(StrEnum):
    """When a transaction that writes takes SQLite's write lock.

    `IMMEDIATE` is the recorder's way. The others show what it is for: `DRIVER` leaves transactions to Python's driver,
    which begins none at a SELECT; `DEFERRED` begins one there and takes the lock at the first change.
    """

    IMMEDIATE = "immediate"
    DRIVER = "driver"
    DEFERRED = "deferred"


@dataclass(slots=True)
class Interleaved:
    """What became of a number of interleavings.

    `refused` counts what SQLite refused although nobody held the write lock when it began: it had been overtaken.
    """

    interleavings: int = 0
    placed: int = 0
    released: int = 0
    read: int = 0
    recorded: int = 0
    deleted: int = 0
    held_bytes_deleted: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class _Stored:
    """A segment as this program knows it."""

    camera_id: str
    start_us: int
    end_us: int
    size: int


@dataclass(frozen=True, slots=True)
class _Protection:
    """What a hold or a reading keeps; an `end_us` of None is open."""

    camera_id: str
    start_us: int
    end_us: int | None

    def covers(self, stored: _Stored) -> bool:
        """Whether it overlaps a segment by a microsecond or more."""
        before_its_end = self.end_us is None or stored.start_us < self.end_us
        return self.camera_id == stored.camera_id and before_its_end and stored.end_us > self.start_us


def run_interleavings(
    seed: int, count: int, folder: Path, *, locking: Locking = Locking.IMMEDIATE, until_lost: bool = False
) -> Interleaved:
    """Run `count` interleavings in an index of its own in `folder`, which is empty, and judge each deletion.

    The same seed gives the same orders and the same result. With `until_lost` it ends with the first held byte deleted.
    """
    world = _World(seed, folder / "index.sqlite3", locking)
    try:
        for _ in range(count):
            world.interleave()
            if until_lost and world.result.held_bytes_deleted:
                break
    finally:
        world.close()
    return world.result


class _StillClock:
    """A clock that stands still; what time it is, each call is told."""

    def now_us(self) -> int:
        return _T0

    def monotonic_us(self) -> int:
        return 0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nothing waits here, {seconds} s")


class _World:
    """An index, two connections to it, and what is known of it from outside."""

    def __init__(self, seed: int, path: Path, locking: Locking) -> None:
        self.result = Interleaved()
        self._random = Random(seed)  # noqa: S311  # it decides an order and keeps no secret
        self._turns = Turns(self._random)
        self._stored: dict[int, _Stored] = {}
        self._protections: dict[str, _Protection] = {}
        self._head_us = _T0
        self._number = 0
        self._indexes = [Index(path, _StillClock(), boot_id="boot") for _ in range(2)]
        first = self._indexes[0]
        for volume_id in _VOLUMES:
            first.put_volume(Volume(volume_id, path.parent / volume_id))
        for camera_id in _CAMERAS:
            first.put_camera(camera_id, camera_id)
            first.begin_run(Run(f"run-{camera_id}", camera_id, _T0, "rtsp", "h264", 16, 16))
        for index in self._indexes:
            _hook(index._engine, locking, self._turns)  # noqa: SLF001  # statements are what the turns change at
        self._outside = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    def close(self) -> None:
        """Close all connections."""
        self._outside.close()
        for index in self._indexes:
            index.close()

    def interleave(self) -> None:
        """Let both connections do one or two things at once."""
        while len(self._stored) < _STOCK * len(_CAMERAS):
            self._record(self._indexes[0])()
        works = [_one_by_one([self._draw(index) for _ in range(self._random.randint(1, 2))]) for index in self._indexes]
        self._turns.run(works)
        self.result.interleavings += 1

    def _draw(self, index: Index) -> Callable[[], None]:
        """Decide what to do and with what, before the turns begin."""
        holds = len(self._holds())
        chances = (
            (self._sweep, 6),
            (self._place, 0 if holds >= _MOST_HOLDS else 4),
            (self._release, min(holds, 4)),
            (self._read, 2),
            (self._record, 1),
        )
        [make] = self._random.choices([make for make, _ in chances], [chance for _, chance in chances])
        return make(index)

    def _holds(self) -> list[str]:
        return [name for name in self._protections if name.startswith("hold")]

    def _record(self, index: Index) -> Callable[[], None]:
        segments = [self._segment(number, camera_id) for number, camera_id in enumerate(_CAMERAS)]
        self._head_us += _SEGMENT_US

        def record(segment: Segment) -> None:
            if self._insist(lambda: index.file_closed(segment)):
                stored = _Stored(segment.camera_id, segment.start_us, segment.end_us, segment.size)
                self._stored[segment.segment_id] = stored
                self.result.recorded += 1

        return _one_by_one([partial(record, segment) for segment in segments])

    def _segment(self, number: int, camera_id: str) -> Segment:
        segment_id = new_segment_id(self._head_us, lambda _: number)
        size = self._random.randint(900, 1100)
        return Segment(
            segment_id=segment_id,
            camera_id=camera_id,
            run_id=f"run-{camera_id}",
            volume_id=self._random.choice(_VOLUMES),
            path=segment_path(camera_id, self._head_us, segment_id),
            start_us=self._head_us,
            wall_duration_us=_SEGMENT_US,
            media_duration=900_000,
            size=size,
            root=segment_id.to_bytes(32),
            fragments=(FragmentSpan(800, size - 800, 900_000, sync=True),),
            samples=250,
        )

    def _interval(self) -> tuple[str, int, int]:
        """Draw an interval near the oldest footage, or one that ends or begins exactly where a segment does."""
        chosen = self._random.choice(sorted(self._stored)[: _STOCK // 2])
        stored = self._stored[chosen]
        jitter = self._random.choice((0, 1, -1, _SEGMENT_US // 2))
        length = self._random.choice((1, _SEGMENT_US, _SEGMENT_US - 1, 3 * _SEGMENT_US))
        return stored.camera_id, stored.start_us + jitter, stored.start_us + jitter + length

    def _place(self, index: Index) -> Callable[[], None]:
        camera_id, start_us, end_us = self._interval()
        last_us = None if self._random.random() < 0.05 else end_us
        request = HoldRequest(camera_ids=[camera_id], start_us=start_us, end_us=last_us)
        self._number += 1
        hold_id = f"hold-{self._number}"

        def act() -> None:
            if self._insist(lambda: index.place_hold(request, hold_id=hold_id, now_us=self._head_us)):
                self._protections[hold_id] = _Protection(camera_id, start_us, last_us)
                self.result.placed += 1

        return act

    def _release(self, index: Index) -> Callable[[], None]:
        hold_id = self._random.choice(self._holds())

        def act() -> None:
            try:
                done = self._insist(
                    lambda: index.end_hold(hold_id, state=HoldState.RELEASED, actor="", now_us=self._head_us)
                )
            except RequestError as error:
                if error.code is not ErrorCode.HOLD_OVER:  # both connections may release the same one
                    raise
                return
            if done:
                self._protections.pop(hold_id, None)  # without the lock, a hold can be ended twice
                self.result.released += 1

        return act

    def _sweep(self, index: Index) -> Callable[[], None]:
        camera_id, _, end_us = self._interval()
        volume_id, wanted = self._random.choice(_VOLUMES), self._random.randint(1, 2500)
        oldest = partial(index.condemn_oldest, camera_id, policy_version="1", now_us=self._head_us, limit=2)
        ways: tuple[Callable[[], object], ...] = (
            partial(oldest, before_us=end_us, max_bytes=None, rule=DeletionRule.AGE),
            partial(oldest, before_us=None, max_bytes=wanted, rule=DeletionRule.QUOTA),
            partial(index.condemn_oldest_on, volume_id, wanted, policy_version="1", now_us=self._head_us, limit=3),
        )
        way = self._random.choice(ways)

        def act() -> None:
            if self._insist(way):
                self._judge()

        return act

    def _read(self, index: Index) -> Callable[[], None]:
        camera_id, start_us, end_us = self._interval()
        self._number += 1
        name = f"reading-{self._number}"

        def act() -> None:
            begun: list[int] = []
            if not self._insist(lambda: begun.append(index.begin_reading(camera_id, start_us, end_us))):
                return
            self._protections[name] = _Protection(camera_id, start_us, end_us)
            planned = {segment.segment_id: segment.size for segment in index.segments(camera_id, start_us, end_us)}
            still_there = {segment.segment_id for segment in index.segments(camera_id, start_us, end_us)}
            self.result.held_bytes_deleted += sum(size for one, size in planned.items() if one not in still_there)
            while not self._insist(lambda: index.end_reading(begun[0])):
                pass
            del self._protections[name]
            self.result.read += 1

        return act

    def _judge(self) -> None:
        """See what is gone since the last look; between the commit and this, nobody else had a turn."""
        present = {segment_id for (segment_id,) in self._outside.execute("SELECT segment_id FROM segment")}
        for segment_id in self._stored.keys() - present:
            gone = self._stored.pop(segment_id)
            self.result.deleted += 1
            if any(protection.covers(gone) for protection in self._protections.values()):
                self.result.held_bytes_deleted += gone.size

    def _insist(self, call: Callable[[], object]) -> bool:
        """Do `call` as soon as the write lock is free. Returns whether it was done; not if it was overtaken."""
        while True:
            try:
                call()
            except StorageError as error:
                if error.placeholders["sqlite"] != "SQLITE_BUSY":
                    self.result.refused += 1
                    return False
            else:
                return True


def _one_by_one(calls: list[Callable[[], None]]) -> Callable[[], None]:
    def act() -> None:
        for call in calls:
            call()

    return act


def _hook(engine: Engine, locking: Locking, turns: Turns) -> None:
    """Change turns before each statement and commit, and wait nowhere but there."""

    @event.listens_for(engine, "checkout")
    def _checked_out(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("PRAGMA synchronous = OFF")
        if locking is Locking.DRIVER:
            connection.isolation_level = "DEFERRED"

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def _before(
        _connection: object, _cursor: object, statement: str, parameters: object, *_: object
    ) -> tuple[str, object]:
        turns.pause()
        return (_BEGINS[locking] if statement == "BEGIN IMMEDIATE" else statement), parameters

    @event.listens_for(engine, "commit")
    def _committing(_connection: object) -> None:
        turns.pause()


_BEGINS = {Locking.IMMEDIATE: "BEGIN IMMEDIATE", Locking.DEFERRED: "BEGIN DEFERRED", Locking.DRIVER: ""}
