"""What stands under Repairs about room, holds and the recorder's clock, and the dialog that confirms the clock."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from homeassistant.components.repairs import repairs_flow_manager
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.translation import async_get_translations
from homeassistant.setup import async_setup_component

from custom_components.library_surveillance.const import DOMAIN
from custom_components.library_surveillance.issues import Issue, issues_of
from custom_components.library_surveillance.picture import Picture
from recorder_core.errors import ErrorCode, RequestError
from recorder_core.models import CameraState, CameraStatus, Duty, FeedItem, Retention, SweepHalt, VolumeState

from .library import FRONT, Library, shown_issues
from .standing_recorder import GB, VOLUME, StandingRecorder

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

CAMERA = CameraStatus(
    camera_id=FRONT,
    name="Front entrance",
    enabled=True,
    state=CameraState.RECORDING,
    since_us=0,
    retention=Retention(minimum_days=30),
    achieved_days=20.04,
)


def told(
    camera: CameraStatus,
    *,
    days: float | None = None,
    state: VolumeState = VolumeState.OK,
    only_held: bool = False,
    being_read: bool = False,
    holds_leave_little: bool = False,
) -> dict[str, object]:
    """Return the issues of a recorder with one camera and 1000 GB for footage."""
    volume = replace(VOLUME, state=state, only_held=only_held, being_read=being_read)
    recorder = StandingRecorder(
        volumes=[volume], cameras={FRONT: camera}, days_until_full=days, holds_leave_little=holds_leave_little
    )
    return {issue.key: dict(issue.placeholders) for issue in issues_of(Picture.of(recorder.status()))}


@pytest.mark.parametrize(
    ("minimum", "days", "is_told"),
    [(30, 6.9, True), (30, 7.0, False), (26, 6.0, False), (None, 1.0, False), (30, None, False)],
)
def test_storage_that_fills_before_the_minimum_is_reached(minimum: float, days: float | None, *, is_told: bool) -> None:
    """A disk that is used up is no trouble by itself: then the oldest goes."""
    camera = replace(CAMERA, retention=Retention(minimum_days=minimum))
    assert told(camera, days=days) == ({"storage_nearly_full": {"days": "6.9"}} if is_told else {})


def test_storage_that_is_full_is_not_said_to_be_nearly_full_too() -> None:
    """Nor is a last hour called no time at all."""
    camera = replace(CAMERA, retention=Retention(minimum_days=30))
    assert told(camera, days=0.0) == {"storage_nearly_full": {"days": "0.1"}}
    assert set(told(camera, days=0.0, state=VolumeState.FULL)) == {"storage_full"}


def test_a_camera_below_its_minimum() -> None:
    """It has lost footage already, so nobody is told that it might."""
    assert told(replace(CAMERA, below_minimum=True), days=0) == {
        "below_minimum": {"camera": "Front entrance", "minimum_days": "30", "days": "20.0"}
    }


def test_holds_that_leave_little() -> None:
    """What is little is for the recorder to say, which stops for it."""
    some = replace(CAMERA, held_bytes=801 * GB)
    assert told(some) == {}
    assert told(some, holds_leave_little=True) == {"holds_leave_little": {"held_gb": "801.0", "gb": "1000.0"}}


def test_only_held_footage_is_left() -> None:
    """The recorder tells it apart from a disk that something else has filled, and from one that exports keep."""
    some = replace(CAMERA, held_bytes=4 * GB)
    assert told(some, state=VolumeState.FULL) == {"storage_full": {"path": VOLUME.path}}
    assert told(some, state=VolumeState.FULL, only_held=True) == {
        "storage_held": {"path": VOLUME.path, "held_gb": "150.0"}
    }
    assert told(some, state=VolumeState.FULL, being_read=True) == {"storage_being_read": {"path": VOLUME.path}}


def test_holds_that_were_not_read_back() -> None:
    """Nothing is deleted then, so somebody has to see to it before the storage is full; no dialog settles it."""
    recorder = StandingRecorder(sweep_halt=SweepHalt.HOLDS)
    assert list(issues_of(Picture.of(recorder.status()))) == [Issue("holds_unread", warning=True)]


async def test_what_the_recorder_fails_at_is_told_until_it_is_done_again(
    hass: HomeAssistant, visited: Library, standing: StandingRecorder
) -> None:
    """A status that is pushed brings the issue and takes it away."""
    standing.sweep_halt = None
    await visited.async_set_up()
    assert shown_issues(hass) == {}
    standing.failing, standing.holds_to_review = [Duty.SWEEP], 1
    standing.feed.publish(FeedItem(status=standing.status()))
    await visited.async_wait_for("sensor.riverside_library_holds_to_review", lambda state: state.state == "1")
    assert set(shown_issues(hass)) == {"holds_to_review", "nothing_deleted"}

    standing.failing, standing.holds_to_review = [], 0
    standing.feed.publish(FeedItem(status=standing.status()))
    await visited.async_wait_for("sensor.riverside_library_holds_to_review", lambda state: state.state == "0")
    assert shown_issues(hass) == {}


async def test_holds_to_review(hass: HomeAssistant, visited: Library, standing: StandingRecorder) -> None:
    """The issue counts them and is a warning."""
    standing.sweep_halt = None
    standing.holds_to_review = 3
    await visited.async_set_up()
    assert shown_issues(hass) == {"holds_to_review": {"library": "Riverside Library", "holds": "3"}}
    [issue] = ir.async_get(hass).issues.values()
    assert (issue.severity, issue.is_fixable) == (ir.IssueSeverity.WARNING, False)


class Doubting(StandingRecorder):
    """Doubts its clock until somebody confirms it."""

    refuses = False

    @property
    def keeping(self) -> Doubting:
        """Let it answer for its clock itself."""
        return self

    async def confirm_clock(self) -> None:
        """Believe it."""
        if self.refuses:
            raise RequestError(ErrorCode.INTERNAL, "It cannot be kept.")
        self.sweep_halt = None


@pytest.fixture
def standing() -> StandingRecorder:
    """A recorder whose clock went forward."""
    return Doubting(sweep_halt=SweepHalt.CLOCK)


async def _async_open(hass: HomeAssistant) -> dict[str, Any]:  # Any: a flow's result
    """Open the dialog of the one issue there is, and hold it against the translations."""
    assert await async_setup_component(hass, "repairs", {})
    manager = repairs_flow_manager(hass)
    assert manager is not None
    [issue] = [issue for issue in ir.async_get(hass).issues.values() if issue.domain == DOMAIN]
    assert issue.is_fixable
    result: dict[str, Any] = {**await manager.async_init(DOMAIN, data={"issue_id": issue.issue_id})}  # Any: as above
    if result["type"] is FlowResultType.FORM:
        sentences = await async_get_translations(hass, "en", "issues", {DOMAIN})
        step = f"component.{DOMAIN}.issues.{issue.translation_key}.fix_flow.step.{result['step_id']}"
        assert sentences[f"{step}.title"]
        assert "20" in sentences[f"{step}.description"].format(**result["description_placeholders"])
    return result


async def _async_confirm(hass: HomeAssistant, flow: dict[str, Any]) -> dict[str, Any]:  # Any: a flow's result
    manager = repairs_flow_manager(hass)
    assert manager is not None
    result = dict(await manager.async_configure(flow["flow_id"], {}))
    await hass.async_block_till_done()
    return result


async def test_confirming_the_clock_ends_the_issue(
    hass: HomeAssistant, visited: Library, standing: StandingRecorder
) -> None:
    """The dialog says the time; after the answer footage goes by age again."""
    await visited.async_set_up()
    assert shown_issues(hass) == {"deletion_halted": {"library": "Riverside Library"}}

    result = await _async_confirm(hass, await _async_open(hass))

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert standing.sweep_halt is None
    assert shown_issues(hass) == {}


async def test_a_clock_that_cannot_be_confirmed(
    hass: HomeAssistant, visited: Library, standing: StandingRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    """The recorder refuses, or is not there; the issue stays, and the log says why."""
    assert isinstance(standing, Doubting)
    standing.refuses = True
    await visited.async_set_up()
    assert (await _async_confirm(hass, await _async_open(hass)))["reason"] == "recorder_failed"
    assert list(shown_issues(hass)) == ["deletion_halted"]
    assert "Riverside Library could not be told that its clock is right: It cannot be kept." in caplog.text

    await hass.config_entries.async_unload(visited.entry.entry_id)
    assert (await _async_open(hass))["reason"] == "entry_not_loaded"
    sentences = await async_get_translations(hass, "en", "issues", {DOMAIN})
    for reason in ("entry_not_loaded", "recorder_failed"):
        assert sentences[f"component.{DOMAIN}.issues.deletion_halted.fix_flow.abort.{reason}"]
