"""A hold that somebody has looked at: when it is due again, and which of two copies of it is the newer."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from recorder_core.errors import ErrorCode, RequestError
from recorder_core.models import Hold, HoldKind, HoldRequest, HoldReview, HoldState, LedgerKind
from recorder_core.storage.hold_scope import reviewed, united

from .store import T0, S, Store

if TYPE_CHECKING:
    from recorder_core.models import LedgerEntry

HOLD = Hold(
    hold_id="hold-1",
    camera_ids=["entrance"],
    start_us=T0,
    end_us=None,
    kind=HoldKind.LEGAL,
    case_id=None,
    placed_us=T0,
    placed_by="",
    review_us=T0 + 5 * S,
)
REQUEST = HoldRequest(camera_ids=["entrance"], start_us=T0, end_us=T0 + S, review_us=T0 + 5 * S, key="k")


@pytest.fixture
def held(store: Store) -> Store:
    """A store with a hold that is to be reviewed."""
    for camera_id in ("entrance", "lobby"):
        store.index.put_camera(camera_id, camera_id.title())
    store.index.place_hold(REQUEST, hold_id="hold-1", now_us=T0)
    return store


def _ledger(store: Store) -> list[LedgerEntry]:
    """Without that it began, and that the hold was placed."""
    return store.index.ledger(2, 100).entries


def test_a_review_says_when_the_next_one_is(held: Store) -> None:
    """Who looked at it, and when, is kept with the hold and told by the ledger; nothing else changes."""
    placed = held.index.hold("hold-1")
    review = HoldReview(review_us=T0 + 60 * S, actor="clerk-3")
    seen, changed = held.index.review_hold("hold-1", review, now_us=T0 + 6 * S)
    assert changed
    assert seen == replace(placed, review_us=T0 + 60 * S, reviewed_us=T0 + 6 * S, reviewed_by="clerk-3")
    assert held.index.hold("hold-1") == seen
    assert held.index.holds_to_review(T0 + 60 * S - 1) == []
    assert held.index.holds_to_review(T0 + 60 * S) == [seen]
    [entry] = _ledger(held)
    body = {"hold_id": "hold-1", "review_us": T0 + 60 * S, "reviewed_us": T0 + 6 * S, "reviewed_by": "clerk-3"}
    assert (entry.kind, entry.at_us, json.loads(entry.body)) == (LedgerKind.HOLD_REVIEWED, T0 + 6 * S, body)


def test_the_last_review_says_that_there_is_none_any_more(held: Store) -> None:
    """And the hold stays for all that."""
    held.index.review_hold("hold-1", HoldReview(review_us=None), now_us=T0)
    assert held.index.hold("hold-1").review_us is None
    assert held.index.holds_to_review(1 << 60) == []
    assert held.index.held("entrance", T0, T0 + S)


def test_what_was_just_said_is_not_said_twice(held: Store) -> None:
    """By the same person, whose request may come again; what another one says is a review of its own."""
    review = HoldReview(review_us=None, actor="u2")
    first = held.index.review_hold("hold-1", review, now_us=T0 + S)
    assert held.index.review_hold("hold-1", review, now_us=T0 + 2 * S) == (first[0], False)
    another = held.index.review_hold("hold-1", replace(review, actor="u3"), now_us=T0 + 3 * S)
    assert another == (replace(first[0], reviewed_us=T0 + 3 * S, reviewed_by="u3"), True)
    assert [json.loads(entry.body)["reviewed_by"] for entry in _ledger(held)] == ["u2", "u3"]


def test_the_date_that_a_hold_was_placed_with_is_no_review(held: Store) -> None:
    """Whoever looks at it and leaves the date as it is has looked at it."""
    seen, changed = held.index.review_hold("hold-1", HoldReview(review_us=T0 + 5 * S), now_us=T0 + S)
    assert (changed, seen.review_us, seen.reviewed_us) == (True, T0 + 5 * S, T0 + S)


def test_only_a_hold_that_goes_on_is_reviewed_and_only_for_later(held: Store) -> None:
    """Everything else is refused, and leaves no trace."""

    def refusal(hold_id: str, review_us: int | None) -> ErrorCode:
        with pytest.raises(RequestError) as caught:
            held.index.review_hold(hold_id, HoldReview(review_us=review_us), now_us=T0)
        return caught.value.code

    before = held.index.hold("hold-1")
    assert refusal("hold-9", None) is ErrorCode.UNKNOWN_HOLD
    assert refusal("hold-1", T0) is ErrorCode.BAD_REQUEST
    assert held.index.hold("hold-1") == before
    assert _ledger(held) == []
    over = held.index.end_hold("hold-1", state=HoldState.RELEASED, actor="", now_us=T0)
    assert refusal("hold-1", T0 + S) is ErrorCode.HOLD_OVER
    assert held.index.hold("hold-1") == over


def test_an_automation_that_fires_once_more_does_not_undo_a_review(held: Store) -> None:
    """It says when the first review was to be; the hold is widened all the same."""
    seen, _ = held.index.review_hold("hold-1", HoldReview(review_us=T0 + 60 * S, actor="u2"), now_us=T0 + 6 * S)
    assert held.index.place_hold(REQUEST, hold_id="hold-2", now_us=T0 + 7 * S) == (seen, False)
    longer = replace(REQUEST, camera_ids=["lobby"], end_us=T0 + 9 * S)
    wider = replace(seen, camera_ids=["entrance", "lobby"], end_us=T0 + 9 * S)
    assert held.index.place_hold(longer, hold_id="hold-2", now_us=T0 + 7 * S) == (wider, True)


def test_a_file_may_know_of_a_later_review_but_undoes_none(held: Store) -> None:
    """The index may be a copy from before it; a volume may have been away since before it."""
    before = held.index.hold("hold-1")
    seen = replace(before, review_us=None, reviewed_us=T0 + 6 * S, reviewed_by="u2")
    assert not held.index.restore_hold(seen)
    assert held.index.hold("hold-1") == seen
    assert not held.index.restore_hold(before)
    assert held.index.hold("hold-1") == seen
    longer = replace(seen, end_us=None, review_us=T0 + 99 * S, reviewed_us=T0 + 7 * S)
    assert not held.index.restore_hold(longer)
    assert held.index.hold("hold-1") == longer
    kinds = [(entry.kind, json.loads(entry.body)) for entry in _ledger(held)]
    assert kinds == [
        (LedgerKind.HOLD_REVIEWED, {**seen.to_dict(), "restored": True}),
        (LedgerKind.HOLD_WIDENED, {**longer.to_dict(), "restored": True}),
    ]


@given(
    steps=st.lists(
        st.tuples(
            st.integers(-3, 3), st.one_of(st.none(), st.integers(1, 4)), st.sampled_from(["", "u2"]), st.booleans()
        ),
        min_size=1,
    )
)
def test_no_older_copy_undoes_the_last_review(steps: list[tuple[int, int | None, str, bool]]) -> None:
    """Whichever of two is read first, also where the clock was put back between reviews."""
    now_us = T0
    forms = [HOLD]
    for step, ahead, actor, wider in steps:
        now_us += step
        review = HoldReview(review_us=None if ahead is None else now_us + ahead, actor=actor)
        seen = reviewed(forms[-1], review, now_us)
        assert seen.review_us == review.review_us
        forms.append(replace(seen, start_us=seen.start_us - 1) if wider else seen)
    for form in forms:
        assert united(forms[-1], form) == united(form, forms[-1]) == forms[-1]
