"""Reviews of holds from Home Assistant, on a real recorder: who may say that one stays, and what is seen of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from homeassistant.util import dt as dt_util

from recorder_core.models import LedgerKind

from .library import BACK_EVENTS, FRONT_CAMERA, FRONT_EVENTS, Library, async_act, async_refusal, shown_issues

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockUser

TO_REVIEW = "sensor.riverside_library_holds_to_review"


async def test_a_hold_that_stays_is_due_no_more(
    hass: HomeAssistant, hass_admin_user: MockUser, library: Library
) -> None:
    """The issue goes with the last that is due; each camera's event, the recorder and its ledger tell of the review."""
    await library.async_set_up()
    past = {"review": dt_util.utcnow() - timedelta(hours=1)}
    [one] = (await async_act(hass, "place_hold", None, entity_id="all", **past))["holds"]
    [other] = (await async_act(hass, "place_hold", None, entity_id=FRONT_CAMERA, **past))["holds"]
    await library.async_wait_for(TO_REVIEW, lambda state: state.state == "2")
    following = dt_util.utcnow() + timedelta(days=30)

    seen = await async_act(hass, "review_hold", hass_admin_user, hold_id=one["hold_id"], review=following)

    assert (seen["hold_id"], seen["state"], seen["end"]) == (one["hold_id"], "active", None)
    assert (one["reviewed"], datetime.fromisoformat(seen["review"])) == (None, following)
    assert datetime.fromisoformat(seen["reviewed"]) <= dt_util.utcnow()
    await library.async_wait_for(TO_REVIEW, lambda state: state.state == "1")
    assert shown_issues(hass)["holds_to_review"] == {"library": "Riverside Library", "holds": "1"}
    for entity_id in (FRONT_EVENTS, BACK_EVENTS):
        shown = await library.async_told(entity_id, "hold_reviewed")
        assert (shown.attributes["hold_id"], shown.attributes["review"]) == (one["hold_id"], seen["review"])

    seen = await async_act(hass, "review_hold", hass_admin_user, hold_id=other["hold_id"], no_further_review=True)
    assert seen["review"] is None
    await library.async_wait_for(TO_REVIEW, lambda state: state.state == "0")
    assert "holds_to_review" not in shown_issues(hass)
    listed = {hold["hold_id"]: hold["review"] for hold in (await async_act(hass, "list_holds"))["holds"]}
    assert listed == {one["hold_id"]: following.isoformat(), other["hold_id"]: None}
    async with library.client() as client:
        assert [hold.reviewed_by for hold in await client.holds()] == [hass_admin_user.id] * 2
        kinds = [entry.kind for entry in (await client.ledger()).entries]
    assert kinds.count(LedgerKind.HOLD_REVIEWED) == 2


async def test_only_a_person_who_may_release_a_hold_reviews_it(
    hass: HomeAssistant, hass_admin_user: MockUser, hass_read_only_user: MockUser, library: Library
) -> None:
    """It is one's judgement, with one's name to it; and each refusal says what is wrong."""
    await library.async_set_up()
    [hold] = (await async_act(hass, "place_hold", None, entity_id=FRONT_CAMERA))["holds"]
    stays = {"hold_id": hold["hold_id"], "no_further_review": True}
    later = dt_util.utcnow() + timedelta(days=1)

    assert await async_refusal(hass, "review_hold", None, **stays) == "user_required"
    assert await async_refusal(hass, "review_hold", hass_read_only_user, **stays) == "administrator_required"
    for change, key in (
        ({"no_further_review": False}, "review_or_none"),
        ({"review": later}, "review_or_none"),
        ({"no_further_review": False, "review": dt_util.utcnow()}, "review_due_already"),
        ({"no_further_review": False, "review": "2501-01-01 00:00:00"}, "bad_request"),
        ({"hold_id": "hold-0"}, "unknown_hold"),
        ({"hold_id": "Ada Lovelace"}, "not_opaque"),
    ):
        assert await async_refusal(hass, "review_hold", hass_admin_user, **stays | change) == key, change
    assert (await async_act(hass, "list_holds"))["holds"][0]["reviewed"] is None
    await async_act(hass, "release_hold", hass_admin_user, hold_id=hold["hold_id"])
    assert await async_refusal(hass, "review_hold", hass_admin_user, **stays) == "hold_over"
