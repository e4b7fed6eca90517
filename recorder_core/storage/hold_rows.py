"""Rows of holds: what may not be deleted, whatever else is asked for (invariant 3).

A hold protects every segment that it overlaps by a microsecond or more, those that are recorded after it was placed as
well. Its life goes one way, from active to released or expired, and nothing but its own end frees what it covers: a
second request with its key may widen it, never narrow it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import exists, insert, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from recorder_core.errors import ErrorCode, RequestError
from recorder_core.models import Hold, HoldKind, HoldState, LedgerKind

from .camera_rows import CameraRows, camera_key
from .hold_scope import covered, kind_of_change, merged, reviewed, united
from .ids import check_camera_id
from .intervals import EVER_US
from .ledger_rows import append_ledger
from .schema import CAMERA, HOLD, HOLD_CAMERA

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection, Row, Select

    from recorder_core.models import HoldRequest, HoldReview

    from .intervals import Interval


class HoldRows(CameraRows):
    """Placing, ending and finding holds."""

    def place_hold(self, request: HoldRequest, *, hold_id: str, now_us: int) -> tuple[Hold, bool]:
        """Place a hold and return it, and whether the index has changed; one that was made now has the given id.

        A request with a key that is known makes no second hold. It returns the one that has the key, active or over,
        and what it asks for beyond that is added to it: an automation that fires twice says "now" at two moments.

        Raises:
            RequestError: `UNKNOWN_CAMERA`, `INTERVAL_INVERTED` where it would cover nothing, `BAD_REQUEST` without any
                camera, with a pre-roll or post-roll that is no length, or with an expiry that has passed, `KEY_TAKEN`
                where the hold that has the key is for something else.
        """
        start_us, end_us = covered(request)
        hold = Hold(
            hold_id=hold_id,
            camera_ids=sorted(set(request.camera_ids)),
            start_us=start_us,
            end_us=end_us,
            kind=request.kind,
            case_id=request.case_id,
            placed_us=now_us,
            placed_by=request.actor,
            review_us=request.review_us,
            expires_us=request.expires_us,
            key=request.key,
        )
        with self._writing() as connection:
            if (known := _by_key(connection, request.key)) is not None:
                wider = merged(known, hold)
                if wider != known:
                    _change(connection, known, wider)
                    body = {**wider.to_dict(), "actor": request.actor}
                    append_ledger(connection, LedgerKind.HOLD_WIDENED, now_us, body)
                return wider, wider != known
            if request.expires_us is not None and request.expires_us < now_us:
                raise RequestError(ErrorCode.BAD_REQUEST, "expires_us has passed.", field="expires_us")
            _insert(connection, hold)
            append_ledger(connection, LedgerKind.HOLD_PLACED, now_us, hold.to_dict())
            return hold, True

    def restore_hold(self, hold: Hold) -> bool:
        """Take in a hold that was read from its file, and return whether the index did not know it.

        What the index knows of it stays, and what its file adds to that as well, for an index that was restored may
        know it as it was before it was widened or reviewed. Its cameras are added where they are new. Its key is left
        out where another hold took it in the meantime: both protect what they cover.

        Raises:
            RequestError: `BAD_REQUEST` if one of its cameras cannot name a folder.
        """
        cameras = [
            {"camera_id": check_camera_id(camera_id), "name": camera_id, "first_seen_us": hold.placed_us}
            for camera_id in hold.camera_ids
        ]
        with self._writing() as connection:
            connection.execute(upsert(CAMERA).on_conflict_do_nothing(index_elements=["camera_id"]), cameras)
            if (known := _by_id(connection, hold.hold_id)) is not None:
                wider = united(known, hold)
                if known.state is HoldState.ACTIVE and wider != known:
                    _change(connection, known, wider)
                    body = {**wider.to_dict(), "restored": True}
                    append_ledger(connection, kind_of_change(known, wider), self.clock.now_us(), body)
                return False
            if _by_key(connection, hold.key) is not None:
                hold = replace(hold, key=None)
            _insert(connection, hold)
            body = {**hold.to_dict(), "restored": True}
            append_ledger(connection, LedgerKind.HOLD_PLACED, self.clock.now_us(), body)
            return True

    def review_hold(self, hold_id: str, review: HoldReview, *, now_us: int) -> tuple[Hold, bool]:
        """Note that a hold was looked at and stays; return it, and whether the index has changed.

        Raises:
            RequestError: `UNKNOWN_HOLD`, `HOLD_OVER`, or `BAD_REQUEST` where the next review would be due already.
        """
        with self._writing() as connection:
            known = _one(connection, hold_id)
            seen = reviewed(known, review, now_us)
            if seen != known:
                _change(connection, known, seen)
                told = {"review_us": seen.review_us, "reviewed_us": seen.reviewed_us, "reviewed_by": seen.reviewed_by}
                append_ledger(connection, LedgerKind.HOLD_REVIEWED, now_us, {"hold_id": hold_id, **told})
            return seen, seen != known

    def end_hold(self, hold_id: str, *, state: HoldState, actor: str, now_us: int) -> Hold:
        """End a hold as `RELEASED` or `EXPIRED` and return it; what another hold covers stays held.

        Raises:
            RequestError: `UNKNOWN_HOLD`, or `HOLD_OVER` for one that has ended already.
            ValueError: `state` is no end.
        """
        if state is HoldState.ACTIVE:
            raise ValueError("a hold does not end by staying active")
        with self._writing() as connection:
            if _one(connection, hold_id).state is not HoldState.ACTIVE:
                raise RequestError(ErrorCode.HOLD_OVER, "The hold has ended already.", hold_id=hold_id)
            return _end(connection, hold_id, state, actor, now_us)

    def expire_hold(self, hold_id: str, *, by_us: int, now_us: int) -> Hold | None:
        """End a hold whose time is over by `by_us`, and return it; None for one that is over already, or goes on.

        It was seen to be due a moment ago: since then its key may have been used again, or somebody released it.

        Raises:
            RequestError: `UNKNOWN_HOLD`.
        """
        with self._writing() as connection:
            known = _one(connection, hold_id)
            if known.state is not HoldState.ACTIVE or known.expires_us is None or known.expires_us > by_us:
                return None
            return _end(connection, hold_id, HoldState.EXPIRED, "", now_us)

    def hold(self, hold_id: str) -> Hold:
        """Return a hold by its id. Raises RequestError `UNKNOWN_HOLD`."""
        with self._reading() as connection:
            return _one(connection, hold_id)

    def holds(self, *, active: bool = True, limit: int = 1000) -> list[Hold]:
        """Return up to `limit` holds, the newest first: only active ones, or those that are over as well."""
        query = select(HOLD).order_by(HOLD.c.placed_us.desc(), HOLD.c.hold_key.desc()).limit(limit)
        with self._reading() as connection:
            return _all(connection, query.where(HOLD.c.ended_us.is_(None)) if active else query)

    def holds_to_expire(self, now_us: int) -> list[Hold]:
        """Return the active holds that are to expire by `now_us`."""
        with self._reading() as connection:
            return _all(connection, due_query(HOLD.c.expires_us, now_us))

    def holds_to_review(self, now_us: int) -> list[Hold]:
        """Return the active holds that are to be reviewed by `now_us`."""
        with self._reading() as connection:
            return _all(connection, due_query(HOLD.c.review_us, now_us))

    def held(self, camera_id: str, start_us: int, end_us: int) -> bool:
        """Whether an active hold covers some of `[start_us, end_us)` of a camera. Raises `UNKNOWN_CAMERA`."""
        with self._reading() as connection:
            return bool(held_intervals(connection, camera_key(connection, camera_id), start_us, end_us))


def held_intervals(connection: Connection, key: int, start_us: int = -EVER_US, end_us: int = EVER_US) -> list[Interval]:
    """Return the intervals of the active holds on a camera that overlap `[start_us, end_us)`, in no order."""
    rows = connection.execute(held_query(key, start_us, end_us))
    return [(row.start_us, EVER_US if row.end_us is None else row.end_us) for row in rows]


def holding(connection: Connection, key: int, start_us: int, end_us: int) -> list[str]:
    """Return the ids of the active holds on a camera that overlap `[start_us, end_us)`, the oldest first."""
    query = held_query(key, start_us, end_us).with_only_columns(HOLD.c.hold_id).order_by(HOLD.c.hold_key)
    return [row.hold_id for row in connection.execute(query)]


def due_query(when: Column[int], now_us: int) -> Select[tuple[object, ...]]:
    """Ask for the active holds of which a time has come, in the order in which they begin: a walk over the active."""
    due = (HOLD.c.ended_us.is_(None), when <= now_us)
    return select(HOLD).where(*due).order_by(HOLD.c.start_us, HOLD.c.end_us, HOLD.c.hold_key)


def held_query(key: int, start_us: int, end_us: int) -> Select[tuple[int, int | None]]:
    """Ask for the active holds on a camera: a walk over those that are active, never over all that ever were."""
    of_camera = exists().where(HOLD_CAMERA.c.camera_key == key, HOLD_CAMERA.c.hold_key == HOLD.c.hold_key)
    return select(HOLD.c.start_us, HOLD.c.end_us).where(
        HOLD.c.ended_us.is_(None),
        HOLD.c.start_us < end_us,
        or_(HOLD.c.end_us.is_(None), HOLD.c.end_us > start_us),
        of_camera,
    )


def _end(connection: Connection, hold_id: str, state: HoldState, actor: str, now_us: int) -> Hold:
    ended = {"state": state.value, "ended_us": now_us, "ended_by": actor}
    connection.execute(update(HOLD).where(HOLD.c.hold_id == hold_id).values(ended))
    append_ledger(connection, LedgerKind.HOLD_ENDED, now_us, {"hold_id": hold_id, **ended})
    return _one(connection, hold_id)


def _change(connection: Connection, known: Hold, wanted: Hold) -> None:
    statement = update(HOLD).where(HOLD.c.hold_id == known.hold_id).values(_changing(wanted)).returning(HOLD.c.hold_key)
    key = connection.execute(statement).scalar_one()
    _insert_cameras(connection, key, sorted({*wanted.camera_ids} - {*known.camera_ids}))


def _insert(connection: Connection, hold: Hold) -> None:
    values = {
        "hold_id": hold.hold_id,
        "idempotency_key": hold.key,
        "kind": hold.kind.value,
        "case_id": hold.case_id,
        "placed_us": hold.placed_us,
        "placed_by": hold.placed_by,
        "state": hold.state.value,
        "ended_us": hold.ended_us,
        "ended_by": hold.ended_by,
        **_changing(hold),
    }
    key = connection.execute(insert(HOLD).values(values).returning(HOLD.c.hold_key)).scalar_one()
    _insert_cameras(connection, key, hold.camera_ids)


def _changing(hold: Hold) -> dict[str, int | str | None]:
    """Return what of a hold's row may change as long as it is active."""
    return {
        "start_us": hold.start_us,
        "end_us": hold.end_us,
        "review_us": hold.review_us,
        "reviewed_us": hold.reviewed_us,
        "reviewed_by": hold.reviewed_by,
        "expires_us": hold.expires_us,
    }


def _insert_cameras(connection: Connection, key: int, camera_ids: list[str]) -> None:
    for camera_id in camera_ids:
        connection.execute(insert(HOLD_CAMERA).values(camera_key=camera_key(connection, camera_id), hold_key=key))


def _one(connection: Connection, hold_id: str) -> Hold:
    if (found := _by_id(connection, hold_id)) is None:
        raise RequestError(ErrorCode.UNKNOWN_HOLD, "There is no such hold.", hold_id=hold_id[:64])
    return found


def _by_id(connection: Connection, hold_id: str) -> Hold | None:
    return next(iter(_all(connection, select(HOLD).where(HOLD.c.hold_id == hold_id))), None)


def _by_key(connection: Connection, key: str | None) -> Hold | None:
    if key is None:
        return None
    return next(iter(_all(connection, select(HOLD).where(HOLD.c.idempotency_key == key))), None)


def _all(connection: Connection, query: Select[tuple[object, ...]]) -> list[Hold]:
    rows = connection.execute(query).all()
    cameras: dict[int, list[str]] = {row.hold_key: [] for row in rows}
    named = (
        select(HOLD_CAMERA.c.hold_key, CAMERA.c.camera_id)
        .join_from(HOLD_CAMERA, CAMERA, HOLD_CAMERA.c.camera_key == CAMERA.c.camera_key)
        .where(HOLD_CAMERA.c.hold_key.in_(query.with_only_columns(HOLD.c.hold_key)))
        .order_by(CAMERA.c.camera_id)
    )
    for one in connection.execute(named):
        cameras[one.hold_key].append(one.camera_id)
    return [_hold(row, cameras[row.hold_key]) for row in rows]


def _hold(row: Row[tuple[object, ...]], camera_ids: list[str]) -> Hold:
    return Hold(
        hold_id=row.hold_id,
        camera_ids=camera_ids,
        start_us=row.start_us,
        end_us=row.end_us,
        kind=HoldKind(row.kind),
        case_id=row.case_id,
        placed_us=row.placed_us,
        placed_by=row.placed_by,
        state=HoldState(row.state),
        review_us=row.review_us,
        reviewed_us=row.reviewed_us,
        reviewed_by=row.reviewed_by,
        expires_us=row.expires_us,
        ended_us=row.ended_us,
        ended_by=row.ended_by,
        key=row.idempotency_key,
    )
