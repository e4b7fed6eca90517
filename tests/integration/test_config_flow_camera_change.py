"""Cameras that a library has: one for each address; changed as they were added; removed; tried by a recorder only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.config_entries import ConfigEntryDisabler

from recorder_core.errors import CameraError, ErrorCode

from .camera_form import ADVANCED, FORM, PASSWORD, URL, add, cameras
from .conftest_flow import standing  # noqa: F401 - a fixture
from .dialog import Dialog
from .standing_recorder import PROBED

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

    from .camera_form import Standing


async def test_one_address_one_camera(hass: HomeAssistant, standing: Standing) -> None:  # noqa: F811
    """Every spelling of an address that belongs to the library already is refused; its own address is no obstacle."""
    recorder, entry = standing
    first = await add(hass, entry)
    second = await add(hass, entry, url="rtsp://192.168.1.20/stream2")
    probes = len(recorder.probes)
    dialog = await Dialog.add_camera(hass, entry)
    for url in (URL, "RTSP://192.168.1.20:554/stream1", "rtsp://ada:x@192.168.1.20/stream1"):
        await dialog.submit(**(FORM | {"url": url}))
        assert dialog.errors == {"url": "duplicate_url"}
    dialog = await Dialog.change_camera(hass, entry, second.subentry_id)
    await dialog.submit(**FORM)
    assert dialog.errors == {"url": "duplicate_url"}
    assert len(recorder.probes) == probes
    dialog = await Dialog.change_camera(hass, entry, first.subentry_id)
    await dialog.submit(**FORM)
    assert dialog.step == "trial"
    assert len(cameras(entry)) == 2


async def test_two_dialogs_for_one_camera(hass: HomeAssistant, standing: Standing) -> None:  # noqa: F811
    """The one that saves second is refused."""
    _, entry = standing
    first, second = await Dialog.add_camera(hass, entry), await Dialog.add_camera(hass, entry)
    await first.submit(**FORM)
    await second.submit(**FORM)
    await first.choose("save")
    await second.choose("save")
    assert (first.created, second.abort_reason) == (True, "already_configured")
    assert len(cameras(entry)) == 1


async def test_changing_a_camera(hass: HomeAssistant, standing: Standing) -> None:  # noqa: F811
    """Like adding one: tried first. An empty password keeps the saved one; the camera keeps its id and its footage."""
    recorder, entry = standing
    camera = await add(hass, entry, username="ada", password=PASSWORD)
    dialog = await Dialog.change_camera(hass, entry, camera.subentry_id)
    assert dialog.step == "reconfigure"
    assert dialog.shown() == {
        "name": "Book drop north",
        "url": URL,
        "username": "ada",
        "expose_video": False,
        **ADVANCED,
    }
    recorder.probed = CameraError(ErrorCode.TIMEOUT, "The camera did not answer.")
    changed = {"name": "Book drop", "url": "rtsp://192.168.1.30/", "username": "ada", "expose_video": True}
    await dialog.submit(**changed, advanced=ADVANCED)
    assert (dialog.step, dialog.errors) == ("reconfigure", {"url": "timeout"})
    assert cameras(entry) == [camera]

    recorder.probed = PROBED
    await dialog.submit(**changed, advanced=ADVANCED)
    assert dialog.options == ["save", "reconfigure"]
    await dialog.choose("reconfigure")
    assert dialog.shown() == {**changed, **ADVANCED}
    await dialog.submit(**changed, advanced=ADVANCED)
    await dialog.choose("save")
    assert dialog.abort_reason == "reconfigure_successful"
    await hass.async_block_till_done()

    [after] = cameras(entry)
    assert (after.subentry_id, after.title) == (camera.subentry_id, "Book drop")
    expected = {key: value for key, value in changed.items() if key != "name"}
    assert after.data == {**expected, "password": PASSWORD, **ADVANCED}
    assert after.unique_id != camera.unique_id
    config = recorder.configs[camera.subentry_id]
    assert (config.name, config.url, config.password) == ("Book drop", "rtsp://192.168.1.30/", PASSWORD)
    assert list(recorder.configs) == [camera.subentry_id]


async def test_removing_a_camera_reaches_the_recorder(hass: HomeAssistant, standing: Standing) -> None:  # noqa: F811
    """It records no camera that the library does not have."""
    recorder, entry = standing
    camera = await add(hass, entry)
    assert list(recorder.configs) == [camera.subentry_id]
    assert hass.config_entries.async_remove_subentry(entry, camera.subentry_id)
    await hass.async_block_till_done()
    assert recorder.configs == {}


async def test_without_a_recorder_no_camera_can_be_tried(hass: HomeAssistant, standing: Standing) -> None:  # noqa: F811
    """The dialog says so instead of asking for what it cannot use."""
    _, entry = standing
    camera = await add(hass, entry)
    open_dialog = await Dialog.add_camera(hass, entry)
    await hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
    assert (await Dialog.add_camera(hass, entry)).abort_reason == "entry_not_loaded"
    assert (await Dialog.change_camera(hass, entry, camera.subentry_id)).abort_reason == "entry_not_loaded"
    await open_dialog.submit(**(FORM | {"url": "rtsp://192.168.1.99/"}))
    assert open_dialog.abort_reason == "entry_not_loaded"
    assert cameras(entry) == [camera]
