"""The event entity of a camera: which events it shows and with which attributes; how exports are coming on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from homeassistant.components.event import ATTR_EVENT_TYPE

from recorder_core.models import EventView, ExportJob, ExportState, FeedItem, Hold, HoldKind

from .library import BACK, FRONT, Library
from .standing_recorder import StandingRecorder

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

FRONT_EVENTS = "event.front_entrance_footage"
BACK_EVENTS = "event.book_drop_footage"
PROGRESS = "sensor.riverside_library_export_progress"
CASE = "CASE-2026-0117"

type Value = str | int | float | bool | None


class Keeping(StandingRecorder):
    """Knows of one hold on both cameras."""

    @property
    def keeping(self) -> Keeping:
        """Let it answer for holds itself."""
        return self

    async def hold(self, hold_id: str) -> Hold:
        """Return the hold."""
        return Hold(
            hold_id=hold_id,
            camera_ids=[FRONT, BACK],
            start_us=0,
            end_us=None,
            kind=HoldKind.LEGAL,
            case_id=CASE,
            placed_us=0,
            placed_by="",
        )


@pytest.fixture
def standing() -> StandingRecorder:
    """A recorder with a hold."""
    return Keeping()


def happened(kind: str, seq: int, camera_id: str | None = FRONT, **data: Value) -> FeedItem:
    """Return an event as the feed brings it."""
    return FeedItem(event=EventView(seq=seq, at_us=1_000_000, kind=kind, camera_id=camera_id, data=data))


async def test_only_what_the_table_names_is_shown(visited: Library, standing: StandingRecorder) -> None:
    """Ids, times and counts of this camera's events; no words, no case, and nothing of the other camera."""
    await visited.async_set_up()
    data: dict[str, Value] = {
        "certificate_id": 7,
        "start_us": 0,
        "end_us": None,
        "rule": "age",
        "records": 3,
        "size": 9,
        "case_id": CASE,
    }
    standing.feed.publish(happened("segment_closed", 1))
    standing.feed.publish(happened("footage_deleted", 2, FRONT, **data))

    shown = await visited.async_wait_for(FRONT_EVENTS, lambda state: state.state != "unknown")

    attributes = {key: value for key, value in shown.attributes.items() if key not in ("event_types", "friendly_name")}
    assert attributes == {
        ATTR_EVENT_TYPE: "footage_deleted",
        "at": "1970-01-01T00:00:01+00:00",
        "certificate_id": 7,
        "start": "1970-01-01T00:00:00+00:00",
        "end": None,
        "rule": "age",
        "records": 3,
        "size": 9,
    }
    assert visited.state(BACK_EVENTS).state == "unknown"


async def test_a_hold_on_several_cameras_is_told_at_each(
    hass: HomeAssistant, visited: Library, standing: StandingRecorder
) -> None:
    """The recorder says whose it is; the library's figures follow at once."""
    await visited.async_set_up()
    standing.holds_to_review = 1
    standing.feed.publish(happened("hold_review_due", 1, None, hold_id="hold-1", case_id=CASE))
    for entity_id in (FRONT_EVENTS, BACK_EVENTS):
        shown = await visited.async_wait_for(entity_id, lambda state: state.state != "unknown")
        assert (shown.attributes[ATTR_EVENT_TYPE], shown.attributes["hold_id"]) == ("hold_review_due", "hold-1")
    await visited.async_wait_for("sensor.riverside_library_holds_to_review", lambda state: state.state == "1")
    assert CASE not in str([state.as_dict() for state in hass.states.async_all()])


async def test_progress_of_exports(visited: Library, standing: StandingRecorder) -> None:
    """All that are being made, together; nothing once they have ended."""
    await visited.async_set_up()
    assert visited.state(PROGRESS).state == "unknown"

    def tell(export_id: str, state: ExportState, progress: float) -> None:
        job = ExportJob(export_id=export_id, camera_id=FRONT, start_us=0, end_us=1, state=state, progress=progress)
        standing.feed.publish(FeedItem(export=job))

    tell("one", ExportState.RUNNING, 0.5)
    tell("two", ExportState.QUEUED, 0.0)
    await visited.async_wait_for(PROGRESS, lambda state: state.state == "25")
    tell("one", ExportState.DONE, 1.0)
    await visited.async_wait_for(PROGRESS, lambda state: state.state == "0")
    tell("two", ExportState.CANCELLED, 0.0)
    await visited.async_wait_for(PROGRESS, lambda state: state.state == "unknown")
