"""An index that is damaged, empty, gone or without its log comes back, with all holds (invariants 3 and 7)."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, NoReturn

import pytest

from recorder_core.errors import ErrorCode, StorageError
from recorder_core.models import DeletionRule, HoldRequest, LedgerKind, SweepHalt
from recorder_core.service import startup
from recorder_core.service.ledger_file import append_copy, read_copy
from recorder_core.service.read_in import BEHIND, unread_note
from recorder_core.service.startup import INDEX, UNREAD_HOLDS, open_index
from recorder_core.service.verify_ledger import LedgerFlaw, verify_ledger
from recorder_core.storage.database import set_aside
from recorder_core.storage.garbage import collect_garbage
from recorder_core.storage.index import Index
from recorder_core.storage.index_backup import back_up, backup_path, newest_copy
from recorder_core.storage.index_loss import Loss, find_loss
from tests.core.storage.store import T0, ManualClock, S, Store, make_unlike_its_table, row

from .clocks import SteppedClock
from .shelves import library

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from recorder_core.models import Hold, LedgerEntry

    from .shelves import Library


def _gone(index: Path) -> None:
    index.unlink()


def _empty(index: Path) -> None:
    index.write_bytes(b"")


def _garbage_header(index: Path) -> None:
    with index.open("r+b") as file:
        file.write(b"\x5a" * 100)


def _no_version(index: Path) -> None:
    with closing(sqlite3.connect(index)) as connection:
        connection.execute("PRAGMA user_version = 0")


def _cut(size: int) -> Callable[[Path], None]:
    def cut(index: Path) -> None:
        with index.open("r+b") as file:
            file.truncate(size)

    return cut


_HARMS = [
    pytest.param(_gone, Loss.FILE, id="gone"),
    pytest.param(_empty, Loss.FILE, id="empty"),
    pytest.param(_garbage_header, Loss.DAMAGE, id="header"),
    pytest.param(_no_version, Loss.DAMAGE, id="version"),
    pytest.param(_cut(7), Loss.DAMAGE, id="7 bytes"),
    pytest.param(_cut(100), Loss.DAMAGE, id="100 bytes"),
    pytest.param(_cut(4096), Loss.DAMAGE, id="a page"),
    pytest.param(_cut(10 * 4096), Loss.DAMAGE, id="some pages"),
]


async def _hold(one: Library, camera_id: str) -> Hold:
    request = HoldRequest(camera_ids=[camera_id], start_us=one.clock.now_us() - 3600 * S)
    return (await one.client.place_hold(request)).hold


def _back_up(index: Path, now_us: int) -> int:
    """Make a copy that is as new as the clock says, so that the recorder makes none; return its ledger's last entry."""
    back_up(index)
    copy = backup_path(index, 1)
    os.utime(copy, ns=(now_us * 1000, now_us * 1000))
    with closing(sqlite3.connect(copy)) as connection:
        [head] = connection.execute("SELECT max(seq) FROM ledger").fetchone()
    return int(head)


def _names(folder: Path, pattern: str) -> list[str]:
    return [path.name for path in folder.glob(pattern)]


async def _entries(one: Library) -> list[LedgerEntry]:
    return (await one.client.ledger()).entries


@pytest.mark.parametrize(("harm", "loss"), _HARMS)
async def test_what_the_copy_does_not_know_comes_from_the_files(
    data: Path, harm: Callable[[Path], None], loss: Loss
) -> None:
    """Footage and holds of after the copy are there again; what was deleted since is told of as given up."""
    clock = SteppedClock()
    async with library(data, clock) as one:
        await one.use(data / "a")
        for camera_id in ("lobby", "hall"):
            await one.camera(camera_id)
        first = one.lay(ago_s=600)
        gone = one.lay("hall", ago_s=600)
        held = await _hold(one, "lobby")
    known = _back_up(data / INDEX, clock.now_us())
    async with library(data, clock) as one:
        second = one.lay(ago_s=60)
        later = await _hold(one, "lobby")
        one.index.condemn_oldest(
            "hall", before_us=clock.now_us(), max_bytes=None, rule=DeletionRule.AGE, policy_version="", now_us=T0
        )
        collect_garbage(one.index, one.volume())
        before = await _entries(one)
        lost = before[known:]
        assert [entry.kind for entry in lost][:2] == [LedgerKind.HOLD_PLACED, LedgerKind.DELETED]

    harm(data / INDEX)
    async with library(data, clock) as one:
        entries = await _entries(one)
        assert (await one.client.status()).sweep_halt in (None, SweepHalt.HOLDS)
        reading = one.recorder._volumes._slots[0].reading
        assert reading is not None
        await reading._task
        assert [segment.segment_id for segment in one.stored()] == [one.segment_id for one in (*first, *second)]
        assert one.stored("hall") == []
        assert {hold.hold_id for hold in await one.client.holds()} == {held.hold_id, later.hold_id}
        told = await _entries(one)
        assert list(verify_ledger(one.index, before[:known])) == []
        [finding] = verify_ledger(one.index, before)
    assert (finding.seq, finding.flaw) == (known + 1, LedgerFlaw.LOST)
    assert f"index.sqlite.backup-1 was put in its place: only this copy has entries {known + 1} to" in finding.detail
    [rebuilt] = [entry for entry in told if entry.kind is LedgerKind.REBUILT]
    assert (rebuilt.seq, rebuilt in entries) == (known + 1, True)
    assert not set(lost) & set(told)
    body = json.loads(rebuilt.body)
    asides = _names(data, f"{INDEX}.damaged-*[0-9]")
    assert (body["loss"], body["copy"]) == (loss, f"{INDEX}.backup-1")
    assert body["set_aside"] == (asides[0] if asides else None)
    assert bool(asides) == (harm is not _gone)
    assert body["known_us"] <= clock.now_us()
    given_up = [json.loads(entry.body)["segment_id"] for entry in told if entry.kind is LedgerKind.GIVEN_UP]
    assert given_up == [gone[0].segment_id]
    assert _names(data, startup._BEHIND) == []


@pytest.mark.parametrize(
    ("loss", "sentence"),
    [
        (Loss.FILE, "the index was gone or empty, and it was built anew: only this copy has entries 1 to 3 of before"),
        (Loss.DAMAGE, "the index was damaged, and it was built anew: only this copy has entries 1 to 3 of before"),
        (
            Loss.LOG,
            "the index was without its log, and it went on from its last checkpoint: only this copy has entry 3",
        ),
    ],
)
def test_a_copy_from_before_shows_what_the_ledger_lost(tmp_path: Path, loss: Loss, sentence: str) -> None:
    """It is named, and the copy is never added to; one that is exported anew is whole."""
    old, new = tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    with open_index(tmp_path, ManualClock()) as index:
        index.append_to_ledger(LedgerKind.SETTINGS, T0, {"n": 2})
        back_up(index.path)
        checkpoint = backup_path(index.path, 1).rename(tmp_path / "checkpoint")
        with closing(sqlite3.connect(checkpoint)) as file:
            file.execute("INSERT INTO meta VALUES ('in_use_since_boot', 'some boot')")
            file.commit()
        index.append_to_ledger(LedgerKind.SETTINGS, T0, {"n": 3})
        assert append_copy(old, partial(_ledger_after, index)) == (3, 3)
    (tmp_path / "store.json").write_bytes(b"{}")  # which a recorder makes
    match loss:
        case Loss.FILE:
            (tmp_path / INDEX).unlink()
        case Loss.DAMAGE:
            (tmp_path / INDEX).write_bytes(b"no database" * 100)
        case Loss.LOG:
            (tmp_path / "checkpoint").rename(tmp_path / INDEX)
    whole = old.read_bytes()
    with open_index(tmp_path, ManualClock(T0 + S)) as index:
        for _ in range(3):
            index.append_to_ledger(LedgerKind.SETTINGS, T0, {"n": 9})
        [finding] = verify_ledger(index, read_copy(old))
        assert (finding.flaw, finding.detail.startswith(sentence)) == (LedgerFlaw.LOST, True)
        with pytest.raises(StorageError, match=r"The index was put back since \(entry [23]\)"):
            append_copy(old, partial(_ledger_after, index))
        assert old.read_bytes() == whole
        append_copy(new, partial(_ledger_after, index))
        assert list(verify_ledger(index, read_copy(new))) == []


def _ledger_after(index: Index, seq: int) -> Iterator[LedgerEntry]:
    return iter(index.ledger(seq, 1000).entries)


@pytest.fixture
def killed(tmp_path: Path) -> tuple[Path, Store]:
    """A data folder with the index of a recorder that was killed, and the store it was taken from."""
    (tmp_path / "source").mkdir()
    (tmp_path / "data").mkdir()
    store = Store(tmp_path / "source")
    row(store, store.run(), T0, 60 * S)
    for suffix in ("", "-wal"):
        path = store.index.path
        shutil.copyfile(path.with_name(path.name + suffix), tmp_path / "data" / (INDEX + suffix))
    store.index.close()
    return tmp_path / "data", store


@pytest.mark.parametrize("how", ["gone", "empty"])
def test_an_index_without_its_log_is_older_than_the_files(killed: tuple[Path, Store], how: str) -> None:
    """However short the recorder ran; all of it is checked, and read again."""
    folder, store = killed
    assert find_loss(folder / INDEX) is None
    log = folder / f"{INDEX}-wal"
    log.unlink() if how == "gone" else log.write_bytes(b"")
    assert find_loss(folder / INDEX) is Loss.LOG
    with open_index(folder, ManualClock()) as index:
        assert index.cameras() == {}  # else the log would not have been needed
        entries = index.ledger(0, 10).entries
    assert json.loads(entries[-1].body) == {"loss": "log", "set_aside": None, "copy": None, "known_us": None}
    assert (folder / UNREAD_HOLDS).exists()
    assert find_loss(folder / INDEX) is None
    assert store.volume_id not in {path.name for path in folder.iterdir()}


def test_a_kill_or_an_end_loses_nothing(killed: tuple[Path, Store]) -> None:
    """The log of one is there, and the other needs none."""
    folder, store = killed
    for _ in range(2):
        with open_index(folder, ManualClock()) as index:
            assert index.cameras() == {"entrance": "Entrance"}
            assert [volume.volume_id for volume in index.volumes()] == [store.volume_id]
            assert LedgerKind.REBUILT not in {entry.kind for entry in index.ledger(0, 10).entries}
    assert sorted(path.name for path in folder.iterdir()) == [INDEX]


def test_a_first_start_that_was_interrupted_is_one(tmp_path: Path) -> None:
    """An empty file where nothing ever was: no index was lost, though volumes may bring holds."""
    (tmp_path / INDEX).touch()
    with open_index(tmp_path, ManualClock()) as index:
        index.begin_ledger(T0)
        assert [entry.kind for entry in index.ledger(0, 10).entries] == [LedgerKind.BEGUN]
    assert sorted(path.name for path in tmp_path.iterdir()) == [INDEX, UNREAD_HOLDS]


def test_an_index_of_a_newer_recorder_is_left_as_it_is(tmp_path: Path) -> None:
    """Also where its log is gone, and where there are copies that could take its place."""
    Index.open(tmp_path / INDEX, ManualClock()).close()
    back_up(tmp_path / INDEX)
    with closing(sqlite3.connect(tmp_path / INDEX)) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.execute("INSERT INTO meta VALUES ('in_use_since_boot', 'another')")
        connection.commit()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(StorageError) as caught:
        open_index(tmp_path, ManualClock())
    assert caught.value.code is ErrorCode.VERSION_MISMATCH
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert after.pop(f"{INDEX}-wal") == b""
    assert after.keys() - before.keys() == {f"{INDEX}-shm"}
    assert before.items() <= after.items()


@pytest.mark.parametrize("step", ["set_aside", "put_back", "_prepare", "_account", "append_to_ledger", "note"])
def test_a_crash_on_the_way_back_is_gone_on_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """At whichever step: the copy is put back, the ledger says of what, and the volume is noted."""
    store = Store(tmp_path)
    store.run()
    back_up(store.index.path)  # in use, as ever
    store.index.close()
    index = store.index.path.rename(tmp_path / INDEX)
    backup_path(store.index.path, 1).rename(backup_path(index, 1))
    index.write_bytes(b"no database" * 100)

    class _KilledError(Exception):
        """The process is gone."""

    def die(*_: object, **__: object) -> NoReturn:
        raise _KilledError

    with monkeypatch.context() as patch:
        match step:
            case "_prepare":  # behind the copy that was put back, which nobody has opened yet
                turns: Iterator[Callable[[Index], str]] = iter([Index._prepare, die])

                def prepare(one: Index) -> str:
                    return next(turns)(one)

                patch.setattr(Index, step, prepare)
            case "append_to_ledger":
                patch.setattr(Index, step, die)
            case "note":
                patch.setattr(startup, "unread_note", die)
            case _:
                patch.setattr(startup, step, die)
        with pytest.raises(_KilledError):
            open_index(tmp_path, ManualClock())
    with open_index(tmp_path, ManualClock(T0 + S)) as found:
        assert found.cameras() == {"entrance": "Entrance"}
        bodies = [json.loads(one.body) for one in found.ledger(0, 10).entries if one.kind is LedgerKind.REBUILT]
    [aside] = [path.name for path in tmp_path.glob(f"{INDEX}.damaged-*")]
    assert bodies[-1] == {"loss": "damage", "set_aside": aside, "copy": f"{INDEX}.backup-1", "known_us": None}
    assert len(bodies) == (2 if step == "note" else 1)
    assert unread_note(tmp_path, store.volume_id).read_bytes() == BEHIND
    assert (tmp_path / UNREAD_HOLDS).exists()


def test_a_note_that_cannot_be_read_keeps_no_recorder_from_starting(tmp_path: Path) -> None:
    """That something was lost is told all the same."""
    Index.open(tmp_path / INDEX, ManualClock()).close()
    (tmp_path / startup._BEHIND).write_bytes(b"?")
    with open_index(tmp_path, ManualClock()) as index:
        [_, rebuilt] = index.ledger(0, 10).entries
    assert json.loads(rebuilt.body)["loss"] == "damage"


def test_a_crash_before_a_new_index_is_one_loses_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty file lies there then; what was set aside is the one before it."""
    Index.open(tmp_path / INDEX, ManualClock()).close()
    (tmp_path / INDEX).write_bytes(b"no database" * 100)
    with monkeypatch.context() as patch:

        def make_empty(path: Path, aside: Path) -> None:
            set_aside(path, aside)
            path.touch()
            raise KeyboardInterrupt

        patch.setattr(startup, "set_aside", make_empty)
        with pytest.raises(KeyboardInterrupt):
            open_index(tmp_path, ManualClock())
    [aside] = [path.name for path in tmp_path.glob(f"{INDEX}.damaged-*")]
    with open_index(tmp_path, ManualClock(T0 + S)) as index:
        [rebuilt] = [one for one in index.ledger(0, 10).entries if one.kind is LedgerKind.REBUILT]
    assert json.loads(rebuilt.body)["set_aside"] == aside


def test_a_copy_with_the_flaw_of_the_index_is_none(tmp_path: Path) -> None:
    """What a query met is in the newer copy too; a quick check passes it, and the start would turn in a circle."""
    store = Store(tmp_path)
    back_up(store.index.path)
    store.index.close()
    make_unlike_its_table(store.index.path)
    back_up(store.index.path)
    assert newest_copy(store.index.path) == backup_path(store.index.path, 2)


def test_a_copy_that_is_empty_is_none(tmp_path: Path) -> None:
    """SQLite would say that all is well with it."""
    store = Store(tmp_path)
    store.run()
    store.index.close()
    index = store.index.path.rename(tmp_path / INDEX)
    for _ in range(2):
        back_up(index)
    backup_path(index, 1).write_bytes(b"")
    index.unlink()
    with open_index(tmp_path, ManualClock()) as found:
        assert found.cameras() == {"entrance": "Entrance"}


def test_a_disk_that_refuses_the_copy_says_so(tmp_path: Path) -> None:
    """In the recorder's words; the next start tries again."""
    Index.open(tmp_path / INDEX, ManualClock()).close()
    back_up(tmp_path / INDEX)
    (tmp_path / INDEX).write_bytes(b"no database" * 100)
    (tmp_path / f"{INDEX}.restored").mkdir()
    with pytest.raises(StorageError, match="Putting the index back"):
        open_index(tmp_path, ManualClock())
    (tmp_path / f"{INDEX}.restored").rmdir()
    with open_index(tmp_path, ManualClock(T0 + S)) as index:
        assert json.loads(index.ledger(0, 10).entries[-1].body)["set_aside"] == f"{INDEX}.damaged-{T0}"
