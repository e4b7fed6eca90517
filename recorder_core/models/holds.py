"""Holds on footage, as they travel over the API. They carry opaque ids, never words about people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from recorder_core.json_data import JsonData


class HoldKind(StrEnum):
    """What a hold is placed for."""

    INCIDENT = "incident"
    REQUEST = "request"
    LEGAL = "legal"
    OTHER = "other"


class HoldState(StrEnum):
    """The life of a hold."""

    ACTIVE = "active"
    RELEASED = "released"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRequest(JsonData):
    """A hold to place on `[start_us - pre_roll_s, end_us + post_roll_s)` of these cameras.

    The interval may reach into the future; an `end_us` of None leaves it open. `key` makes the request repeatable: one
    with a key that is known makes no second hold, it widens the one that is there if it asks for more. `review_us` is
    when somebody is to look at it again, `expires_us` when it ends by itself. `actor` is the opaque id of who places
    it, empty for an automation.
    """

    camera_ids: list[str]
    start_us: int
    end_us: int | None = None
    pre_roll_s: float = 0.0
    post_roll_s: float = 0.0
    kind: HoldKind = HoldKind.INCIDENT
    case_id: str | None = None
    review_us: int | None = None
    expires_us: int | None = None
    key: str | None = None
    actor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRelease(JsonData):
    """Who releases a hold. What another hold covers stays held."""

    actor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldReview(JsonData):
    """Who has looked at a hold that stays, and when somebody is to look at it again; None for never."""

    review_us: int | None
    actor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(JsonData):
    """A hold as it is kept; `start_us` and `end_us` include pre-roll and post-roll.

    `review_us` is when it is to be reviewed next, `reviewed_us` when and `reviewed_by` by whom it last was.
    """

    hold_id: str
    camera_ids: list[str]
    start_us: int
    end_us: int | None
    kind: HoldKind
    case_id: str | None
    placed_us: int
    placed_by: str
    state: HoldState = HoldState.ACTIVE
    review_us: int | None = None
    reviewed_us: int | None = None
    reviewed_by: str | None = None
    expires_us: int | None = None
    ended_us: int | None = None
    ended_by: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedHold(JsonData):
    """The answer to a hold request.

    `created` is false where the key was known. `held_bytes` is what of it is stored now, and `missing_us` how much of
    the part of the interval that has passed is not, added up over the cameras.
    """

    hold: Hold
    created: bool
    held_bytes: int
    missing_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldList(JsonData):
    """Holds, the newest first."""

    holds: list[Hold]
