"""Holds are placed once, end once, and come back from their files (invariant 3)."""

from __future__ import annotations

import json
import math
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from recorder_core.errors import ErrorCode, RequestError
from recorder_core.models import HoldKind, HoldRequest, HoldState, LedgerKind
from recorder_core.storage.hold_rows import held_query
from recorder_core.storage.index import Index
from recorder_core.storage.intervals import EVER_US

from .plans import plan, steps
from .store import T0, S, Store, row

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder_core.models import Hold


@pytest.fixture
def cameras(store: Store) -> Store:
    """A store with two cameras."""
    for camera_id in ("entrance", "lobby"):
        store.index.put_camera(camera_id, camera_id.title())
    return store


def _request(*camera_ids: str, start_us: int = T0, end_us: int | None = T0 + 60 * S) -> HoldRequest:
    return HoldRequest(camera_ids=list(camera_ids or ("entrance",)), start_us=start_us, end_us=end_us)


def _place(store: Store, request: HoldRequest, hold_id: str = "hold-1", now_us: int = T0) -> Hold:
    return store.index.place_hold(request, hold_id=hold_id, now_us=now_us)[0]


def _ledger(store: Store) -> list[tuple[LedgerKind, dict[str, object]]]:
    """Without the first entry, which every ledger has."""
    return [(entry.kind, json.loads(entry.body)) for entry in store.index.ledger(1, 100).entries]


def test_a_hold_is_kept_as_it_was_asked_for(cameras: Store) -> None:
    """With pre-roll and post-roll rounded outwards, its cameras once each, and an entry in the ledger."""
    request = HoldRequest(
        camera_ids=["lobby", "entrance", "lobby"],
        start_us=T0,
        end_us=T0 + 10 * S,
        pre_roll_s=1.5000001,
        post_roll_s=0.0000001,
        kind=HoldKind.REQUEST,
        case_id="case-7",
        review_us=T0 + 20 * S,
        expires_us=T0 + 30 * S,
        key="door-1",
        actor="clerk-3",
    )
    hold, created = cameras.index.place_hold(request, hold_id="hold-1", now_us=T0 + S)
    assert created
    assert hold == cameras.index.hold("hold-1")
    assert (hold.camera_ids, hold.start_us, hold.end_us) == (["entrance", "lobby"], T0 - 1_500_001, T0 + 10 * S + 1)
    assert (hold.kind, hold.case_id, hold.key, hold.placed_us, hold.placed_by) == (
        HoldKind.REQUEST,
        "case-7",
        "door-1",
        T0 + S,
        "clerk-3",
    )
    assert (hold.review_us, hold.expires_us, hold.state) == (T0 + 20 * S, T0 + 30 * S, HoldState.ACTIVE)
    assert _ledger(cameras) == [(LedgerKind.HOLD_PLACED, hold.to_dict())]


def test_a_moment_can_be_held_with_what_is_around_it(cameras: Store) -> None:
    """An incident has a time, not an interval."""
    hold = _place(cameras, replace(_request(end_us=T0), pre_roll_s=30, post_roll_s=60))
    assert (hold.start_us, hold.end_us) == (T0 - 30 * S, T0 + 60 * S)


def test_a_hold_as_long_as_can_be_is_cut_to_what_the_index_keeps(cameras: Store) -> None:
    """Instead of failing for a number that is too large."""
    hold = _place(cameras, replace(_request(end_us=EVER_US), pre_roll_s=1e300, post_roll_s=1e300))
    assert (hold.start_us, hold.end_us) == (-EVER_US, EVER_US)
    assert cameras.index.held("entrance", T0, T0 + 1)
    assert cameras.index.held_bytes("entrance") == 0


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (_request("cellar"), ErrorCode.UNKNOWN_CAMERA),
        (_request("entrance", "cellar"), ErrorCode.UNKNOWN_CAMERA),
        (_request(end_us=T0), ErrorCode.INTERVAL_INVERTED),
        (replace(_request(end_us=T0 - 1), post_roll_s=60), ErrorCode.INTERVAL_INVERTED),
        (replace(_request(), camera_ids=[]), ErrorCode.BAD_REQUEST),
        (replace(_request(), pre_roll_s=-1), ErrorCode.BAD_REQUEST),
        (replace(_request(), post_roll_s=math.inf), ErrorCode.BAD_REQUEST),
        (replace(_request(), post_roll_s=math.nan), ErrorCode.BAD_REQUEST),
    ],
)
def test_a_hold_that_covers_nothing_is_refused(cameras: Store, request_: HoldRequest, code: ErrorCode) -> None:
    """And leaves no trace."""
    with pytest.raises(RequestError) as caught:
        _place(cameras, request_)
    assert caught.value.code is code
    assert cameras.index.holds(active=False) == []
    assert _ledger(cameras) == []


def test_the_same_key_gives_the_same_hold(cameras: Store) -> None:
    """Also when it is over; a request without a key is always a new one."""
    request = replace(_request(), key="door-1")
    first = _place(cameras, request)
    assert cameras.index.place_hold(_request(), hold_id="hold-2", now_us=T0)[1]
    later = replace(request, start_us=T0 + S)
    assert cameras.index.place_hold(later, hold_id="hold-3", now_us=T0 + S) == (first, False)
    over = cameras.index.end_hold("hold-1", state=HoldState.RELEASED, actor="", now_us=T0)
    assert cameras.index.place_hold(request, hold_id="hold-4", now_us=T0) == (over, False)
    assert len(_ledger(cameras)) == 3


def test_what_a_second_request_with_a_key_asks_for_beyond_the_first_is_held_too(cameras: Store) -> None:
    """There is one hold all the same, which is never narrowed; the ledger tells of it."""
    request = replace(_request(), key="door-1", review_us=T0 + 9, expires_us=T0 + 90 * S)
    first = _place(cameras, request)
    more = replace(
        request,
        camera_ids=["lobby"],
        start_us=T0 + 50 * S,
        end_us=T0 + 70 * S,
        review_us=T0 + 10,
        expires_us=None,
        actor="u2",
    )
    wider = replace(first, camera_ids=["entrance", "lobby"], end_us=T0 + 70 * S, expires_us=None)
    assert cameras.index.place_hold(more, hold_id="hold-2", now_us=T0 + S) == (wider, True)
    assert cameras.index.holds(active=False) == [wider]
    assert cameras.index.held("lobby", T0, T0 + 1)
    assert cameras.index.held("entrance", T0 + 69 * S, T0 + 70 * S)
    assert _ledger(cameras)[1:] == [(LedgerKind.HOLD_WIDENED, {**wider.to_dict(), "actor": "u2"})]
    open_end = replace(request, start_us=T0 - S, end_us=None)
    assert cameras.index.place_hold(open_end, hold_id="hold-3", now_us=T0)[0] == replace(
        wider, start_us=T0 - S, end_us=None
    )
    assert cameras.index.place_hold(request, hold_id="hold-4", now_us=T0)[1] is False


@pytest.mark.parametrize(
    "change",
    [
        {"kind": HoldKind.LEGAL},
        {"case_id": "another"},
        {"start_us": T0 + 61 * S, "end_us": T0 + 62 * S},
        {"start_us": T0 - 2 * S, "end_us": T0 - S},
    ],
)
def test_a_key_of_something_else_is_refused(cameras: Store, change: dict[str, Any]) -> None:  # Any: fields of any type
    """Else the answer would say that something is held which is not; nor is all the time between held."""
    first = _place(cameras, replace(_request(), key="door-1"))
    with pytest.raises(RequestError) as caught:
        _place(cameras, replace(_request(), key="door-1", **change), "hold-2")
    assert (caught.value.code, caught.value.placeholders) == (ErrorCode.KEY_TAKEN, {"hold_id": "hold-1"})
    assert cameras.index.holds(active=False) == [first]
    assert len(_ledger(cameras)) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, None),
        ({"expires_us": None}, None),
        ({"end_us": T0 + 61 * S}, ErrorCode.KEY_TAKEN),
        ({"camera_ids": ["lobby"]}, ErrorCode.KEY_TAKEN),
    ],
)
def test_a_hold_that_is_over_answers_only_for_what_it_covered(
    cameras: Store,
    change: dict[str, Any],  # Any: fields of any type
    code: ErrorCode | None,
) -> None:
    """A request that is repeated late brings nothing back; one that asks for more is not told that it is held."""
    request = replace(_request(), key="door-1", expires_us=T0 + S)
    _place(cameras, request)
    over = cameras.index.end_hold("hold-1", state=HoldState.EXPIRED, actor="", now_us=T0 + S)
    again = replace(request, **change)
    if code is None:
        assert cameras.index.place_hold(again, hold_id="hold-2", now_us=T0 + 9 * S) == (over, False)
    else:
        with pytest.raises(RequestError) as caught:
            _place(cameras, again, "hold-2", T0 + 9 * S)
        assert caught.value.code is code
    assert cameras.index.holds(active=False) == [over]


def test_a_hold_that_has_expired_before_it_begins_is_refused(cameras: Store) -> None:
    """It would be gone with the next look, and with it what somebody thinks is held."""
    with pytest.raises(RequestError) as caught:
        _place(cameras, replace(_request(), expires_us=T0 - 1))
    assert (caught.value.code, caught.value.placeholders) == (ErrorCode.BAD_REQUEST, {"field": "expires_us"})
    assert cameras.index.holds() == []


def test_a_file_may_know_that_a_hold_was_widened(cameras: Store) -> None:
    """The index may be a copy from before that; a file from before it takes nothing away."""
    narrow = _place(cameras, _request())
    wide = replace(narrow, camera_ids=["attic", "entrance"], end_us=None)
    assert not cameras.index.restore_hold(wide)
    assert cameras.index.hold("hold-1") == wide
    assert not cameras.index.restore_hold(narrow)
    assert cameras.index.hold("hold-1") == wide
    assert [kind for kind, _ in _ledger(cameras)] == [LedgerKind.HOLD_PLACED, LedgerKind.HOLD_WIDENED]


def test_an_automation_that_fires_in_many_places_at_once_places_one_hold(cameras: Store) -> None:
    """Over two connections to the index, as two processes have, with two threads each."""
    request = replace(_request(), key="door-1")
    answers: list[tuple[str, bool]] = []
    start = threading.Barrier(4)

    def fire(index: Index, hold_id: str) -> None:
        start.wait()
        hold, created = index.place_hold(request, hold_id=hold_id, now_us=T0)
        answers.append((hold.hold_id, created))

    with Index.open(cameras.index.path, cameras.clock) as other:
        threads = [
            threading.Thread(target=fire, args=(index, f"hold-{number}"))
            for number, index in enumerate([cameras.index, cameras.index, other, other])
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(created for _, created in answers) == [False, False, False, True]
    assert len({hold_id for hold_id, _ in answers}) == 1
    assert len(cameras.index.holds()) == len(_ledger(cameras)) == 1


@pytest.mark.parametrize("state", [HoldState.RELEASED, HoldState.EXPIRED])
def test_a_hold_ends_once(cameras: Store, state: HoldState) -> None:
    """With who did it, when, and an entry in the ledger."""
    placed = _place(cameras, _request())
    ended = cameras.index.end_hold("hold-1", state=state, actor="clerk-3", now_us=T0 + S)
    assert ended == replace(placed, state=state, ended_us=T0 + S, ended_by="clerk-3") == cameras.index.hold("hold-1")
    body = {"hold_id": "hold-1", "state": state.value, "ended_us": T0 + S, "ended_by": "clerk-3"}
    assert _ledger(cameras)[1:] == [(LedgerKind.HOLD_ENDED, body)]
    with pytest.raises(RequestError) as caught:
        cameras.index.end_hold("hold-1", state=HoldState.RELEASED, actor="", now_us=T0 + 2 * S)
    assert caught.value.code is ErrorCode.HOLD_OVER
    assert len(_ledger(cameras)) == 2


def test_only_what_is_still_due_expires(cameras: Store) -> None:
    """Not what was prolonged or released since somebody saw that it is due."""
    for hold_id, more in (("due", 0), ("prolonged", 1), ("released", 0)):
        _place(cameras, replace(_request(), expires_us=T0 + 5, key=hold_id), hold_id)
        cameras.index.place_hold(replace(_request(), expires_us=T0 + 5 + more, key=hold_id), hold_id="again", now_us=T0)
    _place(cameras, _request(), "endless")
    released = cameras.index.end_hold("released", state=HoldState.RELEASED, actor="u", now_us=T0)
    before = len(_ledger(cameras))
    found = [
        cameras.index.expire_hold(one, by_us=T0 + 5, now_us=T0 + 6)
        for one in ("prolonged", "released", "endless", "due")
    ]
    assert found == [None, None, None, cameras.index.hold("due")]
    assert cameras.index.hold("released") == released
    assert {hold.hold_id for hold in cameras.index.holds()} == {"prolonged", "endless"}
    body = {"hold_id": "due", "state": "expired", "ended_us": T0 + 6, "ended_by": ""}
    assert _ledger(cameras)[before:] == [(LedgerKind.HOLD_ENDED, body)]


def test_only_an_end_ends_a_hold(cameras: Store) -> None:
    """And only a hold that is there."""
    _place(cameras, _request())
    with pytest.raises(ValueError, match="active"):
        cameras.index.end_hold("hold-1", state=HoldState.ACTIVE, actor="", now_us=T0)

    def end() -> Hold:
        return cameras.index.end_hold("hold-9", state=HoldState.RELEASED, actor="", now_us=T0)

    calls: list[Callable[[], Hold]] = [end, lambda: cameras.index.hold("hold-9")]
    for call in calls:
        with pytest.raises(RequestError) as caught:
            call()
        assert caught.value.code is ErrorCode.UNKNOWN_HOLD


def test_holds_are_listed_newest_first(cameras: Store) -> None:
    """Those that are over only where they are asked for."""
    for number in (1, 3, 2):
        _place(cameras, _request(), f"hold-{number}", T0 + number)
    cameras.index.end_hold("hold-3", state=HoldState.RELEASED, actor="", now_us=T0 + 9)
    assert [hold.hold_id for hold in cameras.index.holds()] == ["hold-2", "hold-1"]
    assert [hold.hold_id for hold in cameras.index.holds(active=False)] == ["hold-3", "hold-2", "hold-1"]
    assert [hold.hold_id for hold in cameras.index.holds(active=False, limit=2)] == ["hold-3", "hold-2"]


def test_holds_fall_due(cameras: Store) -> None:
    """At the very microsecond, as long as they are active."""
    _place(cameras, replace(_request(), expires_us=T0 + 5), "expires")
    _place(cameras, replace(_request(), review_us=T0 + 5), "review")
    _place(cameras, replace(_request(), review_us=T0, expires_us=T0), "over")
    cameras.index.end_hold("over", state=HoldState.RELEASED, actor="", now_us=T0)
    assert cameras.index.holds_to_expire(T0 + 4) == cameras.index.holds_to_review(T0 + 4) == []
    assert [hold.hold_id for hold in cameras.index.holds_to_expire(T0 + 5)] == ["expires"]
    assert [hold.hold_id for hold in cameras.index.holds_to_review(T0 + 5)] == ["review"]


def test_a_hold_that_was_restored_is_as_it_was(cameras: Store) -> None:
    """Into an index that knows nothing of it, not even its camera; twice is as once."""
    wanted = replace(
        _place(cameras, replace(_request("entrance", "lobby"), key="door-1")), camera_ids=["attic", "lobby"]
    )
    (cameras.root / "new").mkdir()
    new = Store(cameras.root / "new")
    new.index.put_camera("lobby", "The lobby")
    new.clock.wall_us = T0 + 100 * S
    assert [new.index.restore_hold(wanted), new.index.restore_hold(wanted)] == [True, False]
    assert new.index.hold("hold-1") == wanted
    assert new.index.cameras() == {"lobby": "The lobby", "attic": "attic"}
    assert new.index.held("attic", T0, T0 + 1)
    [entry] = new.index.ledger(1, 100).entries
    assert (entry.kind, entry.at_us) == (LedgerKind.HOLD_PLACED, T0 + 100 * S)
    assert json.loads(entry.body) == {**wanted.to_dict(), "restored": True}
    new.index.close()


def test_a_key_that_was_taken_in_the_meantime_does_not_keep_a_hold_from_coming_back(cameras: Store) -> None:
    """Both protect; the key stays with the one that has it."""
    _place(cameras, replace(_request(), key="door-1"), "new")
    old = replace(cameras.index.hold("new"), hold_id="old", start_us=T0 - 60 * S, end_us=T0)
    assert cameras.index.restore_hold(old)
    assert cameras.index.hold("old") == replace(old, key=None)
    assert cameras.index.hold("new").key == "door-1"
    assert cameras.index.held("entrance", T0 - 1, T0)


def test_what_the_index_knows_of_a_hold_stays(cameras: Store) -> None:
    """A file that was written before the hold ended does not bring it back."""
    placed = _place(cameras, _request())
    ended = cameras.index.end_hold("hold-1", state=HoldState.RELEASED, actor="", now_us=T0)
    assert not cameras.index.restore_hold(placed)
    assert cameras.index.hold("hold-1") == ended


def test_a_restored_hold_needs_cameras_that_can_be(cameras: Store) -> None:
    """A file may hold anything."""
    placed = _place(cameras, _request())
    with pytest.raises(RequestError) as caught:
        cameras.index.restore_hold(replace(placed, hold_id="hold-2", camera_ids=["../up"]))
    assert caught.value.code is ErrorCode.BAD_REQUEST
    assert [hold.hold_id for hold in cameras.index.holds()] == ["hold-1"]


@pytest.mark.parametrize(
    ("start", "end", "held"), [(-1, 0, False), (-1, 1, True), (59, 60, True), (60, 61, False), (0, 60, True)]
)
def test_what_a_hold_covers(cameras: Store, start: int, end: int, held: bool) -> None:  # noqa: FBT001  # what is expected
    """From its first microsecond to its last, of its cameras only."""
    _place(cameras, _request(end_us=T0 + 60))
    assert cameras.index.held("entrance", T0 + start, T0 + end) is held
    assert not cameras.index.held("lobby", T0 + start, T0 + end)


def test_what_is_held_counts_once(store: Store) -> None:
    """A segment that two holds touch, and one that reaches from one hold into another, whatever covers it."""
    run = store.run()
    for number in range(6):
        row(store, run, T0 + number * 10, 10, 1000 + number)
    for number, (start, end) in enumerate(
        [(0, 2), (4, 6), (9, 12), (11, 13), (19, 20), (22, 23), (39, 40), (59, 60), (70, None)]
    ):
        end_us = None if end is None else T0 + end
        _place(store, _request(start_us=T0 + start, end_us=end_us), f"hold-{number}")
    assert store.index.held_bytes("entrance") == 1000 + 1001 + 1002 + 1003 + 1005


def test_holds_that_are_over_cost_nothing(cameras: Store) -> None:
    """Whoever asks for what is held walks over the holds that are active."""
    question = plan(cameras, held_query(1, T0, T0 + S))
    assert "SEARCH hold USING INDEX hold_active" in question
    assert "SCAN" not in question
    _place(cameras, _request(), "active")
    steps(cameras, lambda: cameras.index.held("entrance", T0, T0 + S))  # reads the schema as well
    before = steps(cameras, lambda: cameras.index.held("entrance", T0, T0 + S))
    for number in range(20):
        _place(cameras, _request(), f"hold-{number}")
        cameras.index.end_hold(f"hold-{number}", state=HoldState.RELEASED, actor="", now_us=T0)
    assert steps(cameras, lambda: cameras.index.held("entrance", T0, T0 + S)) == before
