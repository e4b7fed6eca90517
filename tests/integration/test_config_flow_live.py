"""The camera dialog with nothing replaced: a recorder process of its own tries simulated cameras over RTSP."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from homeassistant.components.camera.const import CameraState
from homeassistant.config_entries import ConfigEntryState
from PIL import Image

from custom_components.library_surveillance.cameras import camera_subentries
from custom_components.library_surveillance.const import DOMAIN
from recorder_core.models import VolumeState
from recorder_core.simulator import Challenge, Quirk, SimulatedCamera, Simulator, VideoSettings, read_code

from .conftest_flow import tls  # noqa: F401 - a fixture
from .dialog import Dialog

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator
    from pathlib import Path

    from homeassistant.core import HomeAssistant

    from .library import Library

USERNAME = "ada"
PASSWORD = "s@fe/1 #2"  # noqa: S105 - of a simulated camera
OPEN, GUARDED, ENCRYPTED = "side_door", "book_drop", "garage"
ADVANCED = {"source": "auto", "verify_ssl": True}
FORM = {"name": "Side door", "expose_video": False, "retention": {}, "advanced": ADVANCED}
VIDEO = VideoSettings(width=640, height=360, fps=10, gop=10)


@pytest.fixture
async def side(tls: ssl.SSLContext) -> AsyncIterator[Simulator]:  # noqa: F811
    """Three cameras: one open, one with a password, one behind a certificate that nobody signed."""
    cameras = (
        SimulatedCamera(OPEN, number=7, video=VIDEO, clock_error_us=1_000_000_000, report_interval_s=0.2),
        SimulatedCamera(
            GUARDED,
            number=8,
            video=VIDEO,
            username=USERNAME,
            password=PASSWORD,
            challenges=(Challenge.DIGEST_SHA256, Challenge.BASIC),
        ),
        SimulatedCamera(ENCRYPTED, number=9, video=VIDEO, tls=True),
    )
    async with Simulator(cameras, tls=tls) as simulator:
        yield simulator


def picture_of(dialog: Dialog) -> int:
    """Return the number of the camera that the shown picture was taken by."""
    data = dialog.values["picture"].removeprefix("![](data:image/jpeg;base64,").removesuffix(")")
    with Image.open(io.BytesIO(base64.b64decode(data, validate=True))) as picture:
        assert picture.size == (640, 360)
        code = read_code(np.asarray(picture.convert("L")))
    assert code is not None
    return code.camera


async def test_the_picture_is_the_camera_s_own(hass: HomeAssistant, library: Library, side: Simulator) -> None:
    """What the dialog shows was just sent by this camera; its sound was never asked for; saving records it."""
    await library.async_set_up()
    dialog = await Dialog.add_camera(hass, library.entry)
    await dialog.submit(**FORM, url=side.url(OPEN))
    assert (dialog.step, picture_of(dialog)) == ("trial", 7)
    values = dialog.values
    assert (values["codec"], values["resolution"], values["source"]) == ("h264", "640 × 360", "rtsp")  # noqa: RUF001 - the sign between two lengths
    assert float(values["fps"]) == pytest.approx(10, rel=0.2)
    assert 0 < float(values["bitrate"]) < 10
    assert float(values["clock_offset"]) == pytest.approx(1000, abs=60)  # a busy machine hears of it late
    assert values["audio"] == "The camera offers sound. Sound is never recorded."
    assert float(values["days"]) > 1
    await side.wait_for_no_client(OPEN)

    await dialog.choose("save")
    assert dialog.created
    await hass.async_block_till_done()
    await library.async_wait_for("camera.side_door", lambda state: state.state == CameraState.RECORDING)
    assert side.counters(OPEN).audio_setups == 0
    await library.async_status()


async def test_a_library_begins_to_work(hass: HomeAssistant, place: Path) -> None:
    """What the dialog creates starts a recorder that knows its folder and its limits, and can be removed again."""
    dialog = await Dialog.add_library(hass, "local")
    await dialog.submit(footage_path=str(place / "footage"), min_free_gb=2, max_gb=5, advanced={})
    await dialog.submit(profile="missoula")
    await dialog.submit(name="Missoula Public Library", cameras=11, mbit_s=4)
    assert dialog.values["usable_gb"] == "5.0"
    await dialog.choose("create")
    await hass.async_block_till_done()

    [entry] = hass.config_entries.async_entries(DOMAIN)
    assert entry.state is ConfigEntryState.LOADED
    [volume] = (await entry.runtime_data.client.status()).volumes
    assert (volume.path, volume.state) == (str(place / "footage"), VolumeState.OK)
    assert (volume.min_free_bytes, volume.max_bytes) == (2 * 10**9, 5 * 10**9)
    await hass.config_entries.async_remove(entry.entry_id)


async def test_every_fault_of_a_camera_has_its_words(hass: HomeAssistant, library: Library, side: Simulator) -> None:
    """One dialog, one fault after another; nothing is saved by any of them, and in the end the camera is."""
    await library.async_set_up()
    before = [dict(camera.data) for camera in camera_subentries(library.entry)]
    dialog = await Dialog.add_camera(hass, library.entry)
    natively = ADVANCED | {"source": "rtsp"}  # else another reader may be tried, and tell less of what went wrong
    for quirk, errors in (
        (Quirk.REFUSE, {"url": "connection_refused"}),
        (Quirk.NOT_FOUND, {"url": "stream_not_found"}),
        (Quirk.UNAVAILABLE, {"base": "camera_rejected"}),
        (Quirk.NO_VIDEO, {"url": "no_video"}),
        (Quirk.UNKNOWN_CODEC, {"url": "unsupported_codec"}),
        (Quirk.CLOSE_AT_ONCE, {"base": "connection_lost"}),
    ):
        await side.apply(OPEN, quirk)
        await dialog.submit(**(FORM | {"advanced": natively}), url=side.url(OPEN))
        assert (quirk, dialog.step, dialog.errors) == (quirk, "user", errors)
        await side.clear(OPEN)

    await dialog.submit(**FORM, url=side.url(GUARDED))
    assert dialog.errors == {"username": "auth_required"}
    await dialog.submit(**FORM, url=side.url(GUARDED), username=USERNAME, password="wrong")  # noqa: S106 - of nobody
    assert dialog.errors == {"password": "auth_failed"}
    await dialog.submit(**FORM, url=side.url(GUARDED).replace("rtsp://", "rtsp://ada:s%40fe%2F1%20%232@"))
    assert (dialog.step, picture_of(dialog)) == ("trial", 8)
    await dialog.choose("user")

    await dialog.submit(**FORM, url=side.url(ENCRYPTED))
    assert dialog.errors == {"url": "tls_failed"}
    advanced = ADVANCED | {"verify_ssl": False}
    await dialog.submit(**(FORM | {"advanced": advanced}), url=side.url(ENCRYPTED))
    assert (dialog.step, picture_of(dialog)) == ("trial", 9)
    assert [dict(camera.data) for camera in camera_subentries(library.entry)] == before

    await dialog.choose("save")
    await hass.async_block_till_done()
    await library.async_wait_for("camera.side_door", lambda state: state.state == CameraState.RECORDING)
    assert PASSWORD not in hass.states.get("camera.side_door").as_dict_json.decode()  # type: ignore[union-attr]  # just awaited
    await library.async_status()


async def test_new_credentials_for_a_real_camera(hass: HomeAssistant, library: Library, side: Simulator) -> None:
    """The dialog of a refused camera takes what the camera takes, and the recorder records with it."""
    await library.async_set_up()
    dialog = await Dialog.add_camera(hass, library.entry)
    await dialog.submit(**FORM, url=side.url(GUARDED), username=USERNAME, password=PASSWORD)
    await dialog.choose("save")
    await hass.async_block_till_done()
    [camera] = [camera for camera in camera_subentries(library.entry) if camera.title == "Side door"]
    hass.config_entries.async_update_subentry(library.entry, camera, data={**camera.data, "password": "old"})
    await hass.async_block_till_done()

    dialog = await Dialog.reauth(hass, library.entry, {"subentry_id": camera.subentry_id})
    await dialog.submit(username=USERNAME, password="older")  # noqa: S106 - of nobody
    assert dialog.errors == {"password": "auth_failed"}
    await dialog.submit(username=USERNAME, password=PASSWORD)
    assert dialog.abort_reason == "reauth_successful"
    await hass.async_block_till_done()
    await library.async_wait_for("camera.side_door", lambda state: state.state == CameraState.RECORDING)
    await library.async_status()
