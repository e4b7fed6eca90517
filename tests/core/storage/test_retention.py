"""The oldest footage goes, file and all, at a cost that follows what goes (invariants 2 and 3)."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete, insert

from recorder_core.errors import ErrorCode, RequestError, StorageError
from recorder_core.models import Certificate, DeletionRule, HoldRequest, RecordClass
from recorder_core.storage.certificate_rows import Destroyed, Reason, certify
from recorder_core.storage.fragments import encode_fragments
from recorder_core.storage.garbage import collect_garbage
from recorder_core.storage.records import Volume
from recorder_core.storage.retention_rows import WITHIN, WITHIN_ON
from recorder_core.storage.schema import CERTIFICATE, HOLD, HOLD_CAMERA, SEGMENT

from .plans import plan, steps
from .store import T0, S, Store, row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MINUTE = 60 * S


def _by_age(store: Store, before_us: int, camera_id: str = "entrance", limit: int = 500) -> Certificate | None:
    return store.index.condemn_oldest(
        camera_id,
        before_us=before_us,
        max_bytes=None,
        rule=DeletionRule.AGE,
        policy_version="policy-1",
        now_us=T0 + 90 * _MINUTE,
        limit=limit,
    )


def _by_space(store: Store, wanted_bytes: int, limit: int = 500) -> list[Certificate]:
    return store.index.condemn_oldest_on(
        store.volume_id, wanted_bytes, policy_version="policy-1", now_us=T0 + 90 * _MINUTE, limit=limit
    )


def _hold(store: Store, start_us: int, end_us: int | None, hold_id: str = "hold-1") -> None:
    request = HoldRequest(camera_ids=["entrance"], start_us=start_us, end_us=end_us)
    store.index.place_hold(request, hold_id=hold_id, now_us=T0)


def _record(store: Store, minutes: Sequence[int], camera_id: str = "entrance", volume: int = 1, run: int = 1) -> None:
    """Rows of segments of a minute each, in one transaction; ids sort by time and then by camera."""
    values = [
        {
            "segment_id": (T0 + minute * _MINUTE) * 8 + run,
            "camera_key": run,
            "run_key": run,
            "volume_key": volume,
            "start_us": T0 + minute * _MINUTE,
            "wall_duration_us": _MINUTE,
            "media_duration": 60 * 90_000,
            "size": 1000,
            "root": sha256(b"%d %d" % (run, minute)).digest(),
            "fragments": encode_fragments(()),
            "samples": 0,
            "packets_lost": 0,
            "salvaged": 0,
        }
        for minute in minutes
    ]
    with store.index._writing() as connection:
        connection.execute(insert(SEGMENT), values)
    assert store.index.cameras().keys() >= {camera_id}


def test_a_file_goes_with_its_certificate(store: Store) -> None:
    """The row is garbage at once; the file goes with the garbage; the certificate says what it was and why."""
    run = store.run()
    segments = [store.record(run, T0 + number * 3 * S) for number in range(3)]
    certificate = store.index.condemn_oldest(
        "entrance",
        before_us=T0 + 6 * S,
        max_bytes=None,
        rule=DeletionRule.LAW,
        policy_version="policy-1",
        now_us=T0 + _MINUTE,
        actor="clerk-3",
    )
    gone = segments[:2]
    assert certificate == Certificate(
        certificate_id=1,
        camera_id="entrance",
        record_class=RecordClass.VIDEO,
        start_us=T0,
        end_us=T0 + 6 * S,
        records=2,
        size=sum(segment.size for segment in gone),
        digest=sha256(gone[0].root + gone[1].root).hexdigest(),
        rule=DeletionRule.LAW,
        policy_version="policy-1",
        at_us=T0 + _MINUTE,
        actor="clerk-3",
    )
    assert store.index.pending_bytes(store.volume_id) == certificate.size
    assert {file.reason for file in store.index.garbage(store.volume_id)} == {"law"}
    assert collect_garbage(store.index, store.handle.volume) == certificate.size
    assert [store.path(segment).exists() for segment in segments] == [False, False, True]


def test_a_file_that_is_written_stays(store: Store) -> None:
    """However old it is, and whatever is asked for."""
    run = store.run()
    store.record(run, T0)
    file = store.file(run, T0 + 3 * S)
    written, _ = store.write(file, 2)
    assert _by_age(store, T0 + 90 * _MINUTE) is not None
    assert _by_age(store, T0 + 90 * _MINUTE) is None
    assert _by_space(store, 1 << 40) == []
    assert store.index.open_files() == [file]
    collect_garbage(store.index, store.handle.volume)
    assert store.path(file).exists()
    written.release()


@pytest.mark.parametrize(
    ("start_us", "end_us", "held"),
    [
        (T0 + _MINUTE, None, [1, 2]),
        (T0 + _MINUTE - 1, T0 + _MINUTE, [0]),
        (T0 + _MINUTE, T0 + _MINUTE + 1, [1]),
        (T0 + 2 * _MINUTE - 1, T0 + 2 * _MINUTE + 1, [1, 2]),
        (T0 + 3 * _MINUTE, None, []),
        (T0 - 1, T0, []),
    ],
)
def test_one_microsecond_holds_a_segment(store: Store, start_us: int, end_us: int | None, held: list[int]) -> None:
    """And a hold that only touches it does not."""
    run = store.run()
    ids = [row(store, run, T0 + minute * _MINUTE, _MINUTE).segment_id for minute in range(3)]
    _hold(store, start_us, end_us)
    while _by_age(store, T0 + 90 * _MINUTE) is not None:
        pass
    left = [segment.segment_id for segment in store.index.all_segments(store.volume_id)]
    assert left == [ids[number] for number in held]
    assert store.index.held_bytes("entrance") == 1000 * len(held)


def test_a_start_forgets_what_was_read(store: Store) -> None:
    """An export that was killed keeps nothing for ever."""
    row(store, store.run(), T0, _MINUTE)
    store.index.begin_reading("entrance", T0 + 5, T0 + 6)
    assert (_by_age(store, T0 + 90 * _MINUTE), store.index.oldest_on(store.volume_id)) == (None, None)
    store.index.forget_readings()
    assert _by_age(store, T0 + 90 * _MINUTE) is not None


def test_what_is_read_is_kept_for_a_moment_and_not_held(store: Store) -> None:
    run = store.run()
    oldest, newest = (row(store, run, T0 + minute * _MINUTE, _MINUTE) for minute in range(2))
    store.index.begin_reading("entrance", T0, newest.end_us)
    _hold(store, newest.start_us, None)
    unheld = store.index.oldest_unheld("entrance")
    assert unheld is not None
    assert (unheld.start_us, store.index.oldest_on(store.volume_id)) == (T0, None)
    assert not store.index.all_held(store.volume_id)
    _hold(store, oldest.start_us, None, hold_id="another")
    assert store.index.oldest_unheld("entrance") is None
    assert store.index.all_held(store.volume_id)


def test_a_certificate_spans_nothing_that_stays(store: Store) -> None:
    """Neither what is held nor what lies on another volume; a stretch without footage does not part it."""
    store.run()
    store.index.put_volume(Volume("other", store.root / "other"))
    _record(store, [0, 1, 3, 4, 6, 7, 8])
    _record(store, [9], volume=2)
    _record(store, [10, 11])
    _hold(store, T0 + 4 * _MINUTE, T0 + 5 * _MINUTE)
    spans = [((one.start_us - T0) // _MINUTE, (one.end_us - T0) // _MINUTE) for one in _by_space(store, 1 << 40)]
    assert spans == [(0, 4), (6, 9), (10, 12)]
    certificate = _by_age(store, T0 + 90 * _MINUTE)
    assert certificate is not None
    assert certificate.records == 1
    assert [one.start_us for one in store.index.segments("entrance", T0, T0 + 90 * _MINUTE)] == [T0 + 4 * _MINUTE]


def test_a_volume_loses_the_oldest_of_all_its_cameras(store: Store) -> None:
    """In the order of time, up to the bytes that are wanted; a camera that is held makes way for none."""
    for number, camera_id in enumerate(("entrance", "lobby", "attic"), 1):
        store.run(camera_id, run_id=f"run-{number}")
    store.index.put_volume(Volume("other", store.root / "other"))
    _record(store, [0, 1, 2])
    _record(store, [1, 2, 3, 4], "lobby", run=2)
    _record(store, [0], "lobby", volume=2, run=2)
    _record(store, [3, 4, 5], "attic", run=3)
    _hold(store, T0, T0 + 2 * _MINUTE)
    certificates = _by_space(store, 3500)
    assert [(one.camera_id, one.start_us, one.records) for one in certificates] == [
        ("entrance", T0 + 2 * _MINUTE, 1),
        ("lobby", T0 + _MINUTE, 3),
    ]
    assert [(one.camera_id, one.records) for one in _by_space(store, 1 << 40, limit=2)] == [("lobby", 1), ("attic", 1)]
    assert [(one.camera_id, one.records) for one in _by_space(store, 1 << 40)] == [("attic", 2)]
    assert _by_space(store, 1 << 40) == []
    assert store.index.bytes_on_volume(store.volume_id) == 2000 == store.index.held_bytes("entrance")


def test_certificates_are_found_by_camera_and_by_time(store: Store) -> None:
    """All of them, some at a time, or those of an interval."""
    for number, camera_id in enumerate(("entrance", "lobby"), 1):
        store.run(camera_id, run_id=f"run-{number}")
        _record(store, range(4), camera_id, run=number)
    made = [
        _by_age(store, T0 + 90 * _MINUTE, camera_id, limit=1) for _ in range(3) for camera_id in ("lobby", "entrance")
    ]
    assert store.index.certificates(None, 0, 100) == made
    assert store.index.certificates(None, 2, 2) == made[2:4]
    assert store.index.certificates("entrance", 2, 100) == made[3::2]
    assert store.index.destroyed("entrance", T0 + _MINUTE, T0 + 2 * _MINUTE) == [made[3]]
    assert store.index.destroyed("lobby", T0 + 2 * _MINUTE - 1, T0 + 99 * _MINUTE) == [made[2], made[4]]


def test_an_export_that_was_removed_is_no_footage_that_was_deleted(store: Store) -> None:
    """Its certificate has the same camera and times, and the same rule."""
    row(store, store.run(), T0, _MINUTE)
    export = Destroyed("entrance", RecordClass.EXPORT, T0, T0 + _MINUTE, 9, (bytes(32),))
    with store.index._writing() as connection:
        certify(connection, export, Reason(DeletionRule.QUOTA, "policy-1", T0 + 90 * _MINUTE))
    assert store.index.destroyed("entrance", T0, T0 + _MINUTE) == []
    footage = _by_age(store, T0 + 90 * _MINUTE)
    assert store.index.destroyed("entrance", T0, T0 + _MINUTE) == [footage]
    assert len(store.index.certificates("entrance", 0, 10)) == 2


def test_a_certificate_cannot_be_changed(store: Store) -> None:
    """Not by the recorder either."""
    row(store, store.run(), T0, _MINUTE)
    certificate = _by_age(store, T0 + 90 * _MINUTE)

    def forget() -> None:
        with store.index._writing() as connection:
            connection.execute(delete(CERTIFICATE))

    with pytest.raises(StorageError):
        forget()
    assert store.index.certificates(None, 0, 10) == [certificate]


def test_nothing_is_deleted_without_a_reason(store: Store) -> None:
    """A limit that is not set is no limit (invariant 6), and one of no bytes asks for none."""
    row(store, store.run(), T0, _MINUTE)
    with pytest.raises(ValueError, match="how much"):
        store.index.condemn_oldest(
            "entrance", before_us=None, max_bytes=None, rule=DeletionRule.AGE, policy_version="", now_us=T0
        )
    assert _by_space(store, 0) == []
    assert store.index.footage("entrance").segments == 1


def test_what_is_not_known_is_refused(store: Store) -> None:
    """A camera, and a volume."""
    calls: list[Callable[[], object]] = [
        lambda: _by_age(store, T0, "cellar"),
        lambda: store.index.oldest_unheld("cellar"),
        lambda: store.index.begin_reading("cellar", T0, T0 + 1),
        lambda: store.index.held("cellar", T0, T0 + 1),
        lambda: store.index.held_bytes("cellar"),
        lambda: store.index.footage_in("cellar", T0, T0 + 1),
        lambda: store.index.certificates("cellar", 0, 1),
        lambda: store.index.destroyed("cellar", T0, T0 + 1),
    ]
    for call in calls:
        with pytest.raises(RequestError) as caught:
            call()
        assert caught.value.code is ErrorCode.UNKNOWN_CAMERA
    with pytest.raises(StorageError) as missing:
        store.index.condemn_oldest_on("nowhere", 1, policy_version="", now_us=T0)
    assert missing.value.code is ErrorCode.VOLUME_MISSING


def test_the_oldest_are_found_by_an_index(store: Store) -> None:
    """No table is scanned and nothing is sorted, also where a camera has footage on several volumes."""
    values = {"camera": 1, "volume": 1, "from": T0, "until": T0 + S}
    assert plan(store, WITHIN, values).startswith(
        "SEARCH segment USING INDEX segment_by_time (camera_key=? AND start_us>? AND start_us<?)"
    )
    assert plan(store, WITHIN_ON, values).startswith(
        "SEARCH segment USING INDEX segment_by_volume (volume_key=? AND camera_key=? AND start_us>? AND start_us<?)"
    )
    for query in (WITHIN, WITHIN_ON):
        assert "SCAN" not in plan(store, query, values)
        assert "B-TREE" not in plan(store, query, values)


def _forget_segments(store: Store) -> None:
    """Let the next camera be alone on its volume."""
    with store.index._writing() as connection:
        connection.execute(delete(SEGMENT))


_SPREAD = 1.2
"""A little, for deeper trees."""


def test_what_is_held_in_front_costs_nothing(store: Store) -> None:
    """Ten segments go with as many of SQLite's steps behind four days of held ones as behind ten minutes of them."""

    def cost(held: int) -> tuple[int, int]:
        store.run(f"camera-{held}", run_id=f"run-{held}")
        number = len(store.index.cameras())
        _record(store, range(held + 40), f"camera-{held}", run=number)
        request = HoldRequest(camera_ids=[f"camera-{held}"], start_us=T0, end_us=T0 + held * _MINUTE)
        store.index.place_hold(request, hold_id=f"hold-{held}", now_us=T0)
        by_age = steps(store, lambda: _by_age(store, T0 + (held + 10) * _MINUTE, f"camera-{held}"))
        by_space = steps(store, lambda: _by_space(store, 10_000))
        _forget_segments(store)
        return by_age, by_space

    few, many = cost(10), cost(6000)
    assert [one.records for one in store.index.certificates(None, 0, 10)] == [10, 10, 10, 10]
    assert many[0] < few[0] * _SPREAD
    assert many[1] < few[1] * _SPREAD


def test_what_is_kept_behind_costs_nothing(store: Store) -> None:
    """Nor what a camera has on another volume in front."""
    store.index.put_volume(Volume("other", store.root / "other"))

    def cost(number: int, kept: int) -> int:
        store.run(f"camera-{number}", run_id=f"run-{number}")
        _record(store, range(-kept, 0), f"camera-{number}", volume=2, run=number)
        _record(store, range(10 + kept), f"camera-{number}", run=number)
        taken = steps(store, lambda: _by_space(store, 10_000))
        assert store.index.certificates(f"camera-{number}", 0, 1)[0].records == 10
        _forget_segments(store)
        return taken

    few, many = cost(1, 10), cost(2, 3000)
    assert many < few * _SPREAD


def test_each_hold_costs_little(store: Store) -> None:
    """Between many short holds a walk looks once; nothing is read row by row."""
    store.run()
    _record(store, range(2000))
    with store.index._writing() as connection:
        holds = [
            {
                "hold_key": number,
                "hold_id": f"hold-{number}",
                "kind": "other",
                "start_us": T0 + number * 4 * _MINUTE + 1,
                "end_us": T0 + (number * 4 + 4) * _MINUTE - 1,
                "placed_us": T0,
                "placed_by": "",
                "state": "active",
            }
            for number in range(499)
        ]
        connection.execute(insert(HOLD), holds)
        connection.execute(insert(HOLD_CAMERA), [{"camera_key": 1, "hold_key": one["hold_key"]} for one in holds])
    taken = steps(store, lambda: _by_age(store, T0 + 1996 * _MINUTE))
    assert store.index.certificates(None, 0, 1) == []
    assert taken < 499 * 60
