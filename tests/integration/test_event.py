"""The event entity of a camera: which events it shows and with which attributes; how exports are coming on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from homeassistant.components.event import ATTR_EVENT_TYPE
from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE
from pytest_homeassistant_custom_component.common import async_capture_events

from recorder_core.errors import ErrorCode, RecorderError, RequestError
from recorder_core.models import EventView, ExportJob, ExportState, FeedItem, Hold, HoldKind
from recorder_core.service.feed import Feed
from recorder_core.storage.records import Event

from .library import BACK, BACK_EVENTS, FRONT, FRONT_EVENTS, Library
from .standing_recorder import StandingRecorder

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

ROOM_EVENTS = "event.riverside_library_room_for_footage"
PROGRESS = "sensor.riverside_library_export_progress"
CASE = "CASE-2026-0117"

type Value = str | int | float | bool | None


class Keeping(StandingRecorder):
    """Knows of one hold on both cameras; is gone as many times as `gone` says when it is asked for it."""

    def __init__(self) -> None:
        """Have stored events as well."""
        super().__init__()
        self.gone = 0
        self.stored: list[Event] = []

        async def after(seq: int, _limit: int) -> list[Event]:
            return [event for event in self.stored if event.seq > seq]

        async def last() -> int:
            return len(self.stored)

        self.feed = Feed(after, last, self.status)

    @property
    def keeping(self) -> Keeping:
        """Let it answer for holds itself."""
        return self

    @property
    def exporting(self) -> Keeping:
        """Let it answer for exports itself."""
        return self

    async def job(self, export_id: str, _wait_s: float) -> ExportJob:
        """Return a package of both cameras."""
        return ExportJob(
            export_id=export_id,
            camera_id=FRONT,
            camera_ids=[FRONT, BACK],
            start_us=0,
            end_us=1,
            state=ExportState.CANCELLED,
        )

    async def hold(self, hold_id: str) -> Hold:
        """Return the hold."""
        if self.gone:
            self.gone -= 1
            raise RecorderError(ErrorCode.RECORDER_UNREACHABLE, "It has just gone.")
        if hold_id != "hold-1":
            raise RequestError(ErrorCode.UNKNOWN_HOLD, "There is no such hold.")
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
    standing.feed.publish(FeedItem(status=standing.status()))
    for entity_id in (FRONT_EVENTS, BACK_EVENTS):
        shown = await visited.async_wait_for(entity_id, lambda state: state.state != "unknown")
        assert (shown.attributes[ATTR_EVENT_TYPE], shown.attributes["hold_id"]) == ("hold_review_due", "hold-1")
    await visited.async_wait_for("sensor.riverside_library_holds_to_review", lambda state: state.state == "1")
    assert CASE not in str([state.as_dict() for state in hass.states.async_all()])


async def test_an_export_of_several_cameras_is_told_at_each(visited: Library, standing: StandingRecorder) -> None:
    """Also that it was cancelled: whoever waits for it has to hear of it."""
    await visited.async_set_up()
    standing.feed.publish(happened("export_cancelled", 1, FRONT, export_id="export-1", files=0))
    for entity_id in (FRONT_EVENTS, BACK_EVENTS):
        shown = await visited.async_wait_for(entity_id, lambda state: state.state != "unknown")
        assert (shown.attributes[ATTR_EVENT_TYPE], shown.attributes["export_id"]) == ("export_cancelled", "export-1")


async def test_an_event_of_a_hold_that_nobody_knows_ends_no_feed(
    visited: Library, standing: StandingRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told to no camera, and what follows it is."""
    await visited.async_set_up()
    standing.feed.publish(happened("hold_released", 1, None, hold_id="hold-2"))
    standing.feed.publish(happened("footage_deleted", 2, FRONT, records=3))
    await visited.async_wait_for(FRONT_EVENTS, lambda state: state.attributes.get("records") == 3)
    assert visited.state(BACK_EVENTS).state == "unknown"
    assert "does not say whose hold_released it was" in caplog.text
    assert "Error requesting" not in caplog.text


async def test_an_event_is_not_lost_when_the_recorder_goes_while_it_is_asked(
    visited: Library, standing: StandingRecorder
) -> None:
    """The feed brings it again, also where it was the first one."""
    assert isinstance(standing, Keeping)
    await visited.async_set_up()
    standing.gone = 1
    released = happened("hold_released", 1, None, hold_id="hold-1").event
    assert released is not None
    standing.stored.append(Event(seq=1, at_us=1_000_000, kind=released.kind, camera_id=None, data=released.data))
    standing.feed.publish(FeedItem(event=released))
    for entity_id in (FRONT_EVENTS, BACK_EVENTS):
        await visited.async_wait_for(entity_id, lambda state: state.attributes.get(ATTR_EVENT_TYPE) == "hold_released")
    assert standing.gone == 0


async def test_an_event_is_not_lost_while_the_library_is_loaded_anew(
    hass: HomeAssistant, visited: Library, standing: StandingRecorder
) -> None:
    """An export may be done just when somebody saves a camera; what was told before is not told again."""
    assert isinstance(standing, Keeping)
    await visited.async_set_up()
    standing.stored += [
        Event(seq=seq, at_us=1_000_000, kind="footage_deleted", camera_id=FRONT, data={"records": seq})
        for seq in (1, 2)
    ]
    standing.feed.publish(happened("footage_deleted", 1, FRONT, records=1))
    await visited.async_told(FRONT_EVENTS, "footage_deleted", records=1)
    await hass.config_entries.async_unload(visited.entry.entry_id)
    states = async_capture_events(hass, EVENT_STATE_CHANGED)
    await visited.async_set_up()
    await visited.async_told(FRONT_EVENTS, "footage_deleted", records=2)
    happenings = [event.data["new_state"] for event in states if event.data["entity_id"] == FRONT_EVENTS]
    assert [one.attributes.get("records") for one in happenings if one.state != STATE_UNAVAILABLE] == [1, 2]


async def test_what_happens_to_room_is_told_for_the_library(visited: Library, standing: StandingRecorder) -> None:
    """That recording stopped for holds is an event that automations can wait for; no camera's is touched."""
    await visited.async_set_up()
    standing.feed.publish(happened("storage_held", 1, None, path="/srv/footage", held_bytes=9))
    shown = await visited.async_wait_for(ROOM_EVENTS, lambda state: state.state != "unknown")
    told = {key: shown.attributes.get(key) for key in (ATTR_EVENT_TYPE, "at", "held_bytes", "path")}
    assert told == {
        ATTR_EVENT_TYPE: "only_held_left",
        "at": "1970-01-01T00:00:01+00:00",
        "held_bytes": 9,
        "path": None,
    }
    standing.feed.publish(happened("sweep_halted", 2, None, reason="clock"))
    await visited.async_wait_for(ROOM_EVENTS, lambda state: state.attributes["event_type"] == "deletion_halted")
    assert visited.state(FRONT_EVENTS).state == "unknown"


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
    standing.feed.publish(FeedItem(status=standing.status()))
    tell("one", ExportState.DONE, 1.0)
    await visited.async_wait_for(PROGRESS, lambda state: state.state == "0")
    tell("two", ExportState.CANCELLED, 0.0)
    await visited.async_wait_for(PROGRESS, lambda state: state.state == "unknown")
