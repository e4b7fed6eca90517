"""The actions on holds: place one, review one, release one, list them.

Anybody may place a hold, an automation too: it only keeps what would go. Releasing lets footage go and is for people;
so is a review, for it says that somebody looked.
A call that targets several libraries places a hold in each. Where some of a target cannot be held the rest is, and the
call fails all the same: footage that was to be kept goes neither for a mistake beside it nor unnoticed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from homeassistant.core import SupportsResponse
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util

from custom_components.library_surveillance.access import async_actor, async_require_administrator
from custom_components.library_surveillance.errors import translated
from custom_components.library_surveillance.times import iso_of, iso_or_none, us_of, us_or_none
from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import Hold, HoldKind, HoldRelease, HoldRequest, HoldReview, PlacedHold

from .action import ATTR_END, ATTR_EXPIRES, ATTR_START, Action, failed, invalid, opaque_id
from .cameras import async_targeted, entity_ids_of
from .libraries import async_ask_all, async_ask_who_knows, client_of
from .repeat import key_of

if TYPE_CHECKING:
    from datetime import datetime

    import probatio as vol  # the engine that answers to the name below, and that Home Assistant's annotations name
    from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse
    from homeassistant.exceptions import HomeAssistantError
    from homeassistant.util.json import JsonObjectType

    from recorder_core.api.client import RecorderClient
else:
    import voluptuous as vol

ATTR_DURATION: Final = "duration"
ATTR_PRE_ROLL: Final = "pre_roll"
ATTR_POST_ROLL: Final = "post_roll"
ATTR_KIND: Final = "kind"
ATTR_CASE_ID: Final = "case_id"
ATTR_REVIEW: Final = "review"
ATTR_NO_FURTHER_REVIEW: Final = "no_further_review"
ATTR_KEY: Final = "key"
ATTR_HOLD_ID: Final = "hold_id"
ATTR_ACTIVE: Final = "active"

_NONE: Final = timedelta()
_LONGEST_ROLL: Final = timedelta(days=1)


async def _async_place_hold(call: ServiceCall) -> ServiceResponse:
    """Place a hold on the targeted cameras; a call that comes again is answered with the hold that is there."""
    actor = await async_actor(call)
    data = call.data
    start, end = _interval(data.get(ATTR_START), data.get(ATTR_END), data.get(ATTR_DURATION))
    expires_us = us_or_none(data.get(ATTR_EXPIRES))
    if expires_us is not None and expires_us <= us_of(dt_util.utcnow()):
        raise invalid("expired_already")
    target = await async_targeted(call)
    faults: list[HomeAssistantError] = [*target.faults]
    placed: list[PlacedHold] = []
    for cameras in target.libraries:
        request = HoldRequest(
            camera_ids=cameras.camera_ids,
            start_us=us_of(start),
            end_us=us_or_none(end),
            pre_roll_s=data[ATTR_PRE_ROLL].total_seconds(),
            post_roll_s=data[ATTR_POST_ROLL].total_seconds(),
            kind=HoldKind(data[ATTR_KIND]),
            case_id=data.get(ATTR_CASE_ID),
            review_us=us_or_none(data.get(ATTR_REVIEW)),
            expires_us=expires_us,
            key=data.get(ATTR_KEY),
            actor=actor,
        )
        async with client_of(call.hass, cameras.entry) as client:
            placed += await _async_place(call, client, request, faults)
    if not faults:
        return {"holds": [_placed_response(call.hass, one) for one in placed]}
    if not placed:
        raise faults[0]
    holds = ", ".join(one.hold.hold_id for one in placed)
    raise failed("held_in_part", holds=holds, fault=str(faults[0])) from faults[0]


async def _async_place(
    call: ServiceCall, client: RecorderClient, request: HoldRequest, faults: list[HomeAssistantError]
) -> list[PlacedHold]:
    """Place the hold of one library, also without cameras that its recorder does not know; add what went wrong."""
    while True:
        try:
            return [await _async_place_once(call, client, request)]
        except RecorderError as err:
            faults.append(translated(err))
            others = [one for one in request.camera_ids if one != err.placeholders.get("camera_id")]
            if err.code is not ErrorCode.UNKNOWN_CAMERA or not 0 < len(others) < len(request.camera_ids):
                return []
            request = replace(request, camera_ids=others)


async def _async_place_once(call: ServiceCall, client: RecorderClient, request: HoldRequest) -> PlacedHold:
    """Place a hold, or return the one that has the call's key, widened if need be. Raises `RecorderError`."""
    try:
        return await client.place_hold(replace(request, key=request.key or key_of(call.context, request)))
    except RecorderError as err:
        if request.key is not None or err.code is not ErrorCode.KEY_TAKEN:
            raise
    return await client.place_hold(request)  # the same cause once more, for footage of another time


async def _async_review_hold(call: ServiceCall) -> ServiceResponse:
    """Say that a hold was looked at and stays, and when it is to be looked at again, whichever library has it."""
    user = await async_require_administrator(call)
    review_us = us_or_none(call.data.get(ATTR_REVIEW))
    if (review_us is None) is not call.data[ATTR_NO_FURTHER_REVIEW]:
        raise invalid("review_or_none")
    if review_us is not None and review_us <= us_of(dt_util.utcnow()):
        raise invalid("review_due_already")
    hold = await async_ask_who_knows(
        call.hass,
        lambda client: client.review_hold(call.data[ATTR_HOLD_ID], HoldReview(review_us=review_us, actor=user.id)),
        ErrorCode.UNKNOWN_HOLD,
    )
    return _response(call.hass, hold)


async def _async_release_hold(call: ServiceCall) -> ServiceResponse:
    """Release a hold, whichever library has it. What another hold covers stays held."""
    user = await async_require_administrator(call)
    hold = await async_ask_who_knows(
        call.hass,
        lambda client: client.release_hold(call.data[ATTR_HOLD_ID], HoldRelease(actor=user.id)),
        ErrorCode.UNKNOWN_HOLD,
    )
    return _response(call.hass, hold)


async def _async_list_holds(call: ServiceCall) -> ServiceResponse:
    """Return the holds of all libraries, the newest first, and which libraries could not be asked."""
    answers = await async_ask_all(call.hass, lambda client: client.holds(active=call.data[ATTR_ACTIVE]))
    holds = sorted((hold for holds in answers.given for hold in holds), key=lambda hold: hold.placed_us, reverse=True)
    return {"holds": [_response(call.hass, hold) for hold in holds], "away": [*answers.away]}


def _roll(value: object) -> timedelta:
    """Return how much is kept before or after as well. Raises `ServiceValidationError`, which is translated."""
    roll: timedelta = cv.positive_time_period(value)
    if roll > _LONGEST_ROLL:
        raise invalid("roll_too_long")
    return roll


def _interval(
    start: datetime | None, end: datetime | None, duration: timedelta | None
) -> tuple[datetime, datetime | None]:
    """Return the interval that a call means: from now on if it names no start, without an end if it names none."""
    if end is not None and duration is not None:
        raise invalid("end_or_duration")
    start = start or dt_util.utcnow()
    if duration is None:
        return start, end
    aware = start if start.tzinfo else start.replace(tzinfo=dt_util.get_default_time_zone())
    try:
        return start, dt_util.as_utc(aware) + duration  # in UTC: local days do not all have 24 hours
    except OverflowError:
        raise invalid("duration_too_long") from None


def _response(hass: HomeAssistant, hold: Hold) -> JsonObjectType:
    """Return a hold as responses carry it: ids and times only."""
    return {
        "hold_id": hold.hold_id,
        "state": hold.state.value,
        "kind": hold.kind.value,
        "case_id": hold.case_id,
        "camera_ids": [*hold.camera_ids],
        "entity_ids": [*entity_ids_of(hass, hold.camera_ids)],
        "start": iso_of(hold.start_us),
        "end": iso_or_none(hold.end_us),
        "placed": iso_of(hold.placed_us),
        "review": iso_or_none(hold.review_us),
        "reviewed": iso_or_none(hold.reviewed_us),
        "expires": iso_or_none(hold.expires_us),
        "ended": iso_or_none(hold.ended_us),
    }


def _placed_response(hass: HomeAssistant, placed: PlacedHold) -> JsonObjectType:
    """Return a placed hold with what there is of it now; sizes in bytes, `missing` in seconds over all cameras."""
    return {
        **_response(hass, placed.hold),
        "created": placed.created,
        "held_bytes": placed.held_bytes,
        "missing": placed.missing_us / 1_000_000,
    }


HOLD_ACTIONS: Final = (
    Action(
        name="place_hold",
        targets=True,
        fields={
            vol.Optional(ATTR_START): cv.datetime,
            vol.Optional(ATTR_END): cv.datetime,
            vol.Optional(ATTR_DURATION): cv.positive_time_period,
            vol.Optional(ATTR_PRE_ROLL, default=_NONE): _roll,
            vol.Optional(ATTR_POST_ROLL, default=_NONE): _roll,
            vol.Optional(ATTR_KIND, default=HoldKind.INCIDENT.value): vol.In([kind.value for kind in HoldKind]),
            vol.Optional(ATTR_CASE_ID): opaque_id(ATTR_CASE_ID),
            vol.Optional(ATTR_REVIEW): cv.datetime,
            vol.Optional(ATTR_EXPIRES): cv.datetime,
            vol.Optional(ATTR_KEY): opaque_id(ATTR_KEY),
        },
        handler=_async_place_hold,
    ),
    Action(
        name="review_hold",
        fields={
            vol.Required(ATTR_HOLD_ID): opaque_id(ATTR_HOLD_ID),
            vol.Optional(ATTR_REVIEW): cv.datetime,
            vol.Optional(ATTR_NO_FURTHER_REVIEW, default=False): cv.boolean,
        },
        handler=_async_review_hold,
    ),
    Action(
        name="release_hold", fields={vol.Required(ATTR_HOLD_ID): opaque_id(ATTR_HOLD_ID)}, handler=_async_release_hold
    ),
    Action(
        name="list_holds",
        fields={vol.Optional(ATTR_ACTIVE, default=True): cv.boolean},
        handler=_async_list_holds,
        responds=SupportsResponse.ONLY,
    ),
)
