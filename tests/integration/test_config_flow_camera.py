"""Adding a camera: tried first, looked at, then saved; and everything that is refused on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import CameraError, ErrorCode
from recorder_core.models import CameraState, CameraStatus, SourceKind

from .camera_form import ADVANCED, FORM, PASSWORD, URL, add, cameras
from .conftest_flow import standing  # noqa: F401 - a fixture
from .dialog import Dialog
from .standing_recorder import GB, PROBED

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

    from .camera_form import Standing


async def test_a_camera_is_seen_before_it_is_saved(hass: HomeAssistant, standing: Standing) -> None:  # noqa: F811
    """The recorder is asked to try exactly this camera; what it found is shown; saving takes it to the recorder."""
    recorder, entry = standing
    dialog = await Dialog.add_camera(hass, entry)
    assert (dialog.step, dialog.errors) == ("user", {})
    assert dialog.shown() == {"name": "", "url": "", "username": "", "expose_video": False, **ADVANCED}

    advanced = {"source": "rtsp", "verify_ssl": False}
    await dialog.submit(
        name=" Book drop north ",
        url=f" {URL} ",
        username=" ada ",
        password=PASSWORD,
        expose_video=True,
        advanced=advanced,
    )

    assert dialog.step == "trial"
    assert dialog.options == ["save", "user"]
    assert dialog.values == {
        "picture": "![](data:image/jpeg;base64,AAAA)",
        "codec": "h264",
        "resolution": "1920 × 1080",  # noqa: RUF001 - the sign between two lengths
        "fps": "25.0",
        "bitrate": "4.00",
        "audio": "The camera offers sound. Sound is never recorded.",
        "clock_offset": "-1.25",
        "source": "rtsp",
        "gb_per_day": "43.2",
        "days": "23",
        "kept": "It stays until room is needed for newer footage.",
    }
    [request] = recorder.probes
    assert (request.url, request.username, request.password) == (URL, "ada", PASSWORD)
    assert (request.source, request.verify_tls, request.still) == (SourceKind.RTSP, False, True)
    assert cameras(entry) == []
    assert recorder.configs == {}
    assert (await dialog.look_again()).step == "trial"

    await dialog.choose("save")
    assert dialog.created
    await hass.async_block_till_done()
    [subentry] = cameras(entry)
    assert subentry.title == "Book drop north"
    assert subentry.data == {
        "url": URL,
        "username": "ada",
        "password": PASSWORD,
        "source": "rtsp",
        "verify_ssl": False,
        "expose_video": True,
    }
    config = recorder.configs[subentry.subentry_id]
    assert (config.name, config.url, config.username, config.password) == ("Book drop north", URL, "ada", PASSWORD)
    assert (config.source, config.verify_tls, config.enabled) == (SourceKind.RTSP, False, True)


async def test_a_camera_can_be_changed_before_it_is_saved(hass: HomeAssistant, standing: Standing) -> None:  # noqa: F811
    """The form shows all that was typed but the password, which is kept when its field is left empty."""
    recorder, entry = standing
    dialog = await Dialog.add_camera(hass, entry)
    await dialog.submit(**FORM, username="ada", password=PASSWORD)
    await dialog.choose("user")
    assert dialog.step == "user"
    assert dialog.shown() == {
        "name": "Book drop north",
        "url": URL,
        "username": "ada",
        "expose_video": False,
        **ADVANCED,
    }
    await dialog.submit(**(FORM | {"name": "Book drop south"}), username="ada", password="")
    assert recorder.probes[-1].password == PASSWORD
    await dialog.choose("save")
    assert [(camera.title, camera.data["password"]) for camera in cameras(entry)] == [("Book drop south", PASSWORD)]


async def test_no_user_no_password(hass: HomeAssistant, standing: Standing) -> None:  # noqa: F811
    """Taking the user away takes the password away."""
    recorder, entry = standing
    dialog = await Dialog.add_camera(hass, entry)
    await dialog.submit(**FORM, username="ada", password=PASSWORD)
    await dialog.choose("user")
    await dialog.submit(**FORM)
    assert (recorder.probes[-1].username, recorder.probes[-1].password) == (None, None)
    await dialog.choose("save")
    [camera] = cameras(entry)
    assert camera.data == {"url": URL, "source": "auto", "verify_ssl": True, "expose_video": False}


async def test_credentials_in_the_address(hass: HomeAssistant, standing: Standing) -> None:  # noqa: F811
    """They move to their fields, win over what stands there, and the stored address is free of them."""
    recorder, entry = standing
    recorder.probed = CameraError(ErrorCode.AUTH_FAILED, "The camera refused the credentials.")
    dialog = await Dialog.add_camera(hass, entry)
    pasted = "rtsp://ada:s%40fe%2F1@192.168.1.20/stream1"
    await dialog.submit(**(FORM | {"url": pasted}), username="bob", password="old")  # noqa: S106 - of nobody
    assert (recorder.probes[-1].url, recorder.probes[-1].username) == (URL, "ada")
    assert recorder.probes[-1].password == "s@fe/1"  # noqa: S105 - of nobody
    assert (dialog.shown()["url"], dialog.shown()["username"]) == (URL, "ada")

    recorder.probed = PROBED
    await dialog.submit(**FORM, username="ada")
    await dialog.choose("save")
    [camera] = cameras(entry)
    assert (camera.data["url"], camera.data["password"]) == (URL, "s@fe/1")


async def test_what_a_camera_does_not_tell(hass: HomeAssistant, standing: Standing) -> None:  # noqa: F811
    """It is called unknown; a camera without a picture is said to have none and can be saved all the same."""
    recorder, entry = standing
    recorder.probed = replace(
        PROBED,
        fps=None,
        bitrate=None,
        clock_offset_us=None,
        still_jpeg=None,
        audio_offered=False,
        source=SourceKind.PYAV,
    )
    dialog = await Dialog.add_camera(hass, entry)
    await dialog.submit(**FORM)
    values = dialog.values
    assert {key for key, value in values.items() if value == "unknown"} == {
        "fps",
        "bitrate",
        "clock_offset",
        "gb_per_day",
        "days",
        "kept",
    }
    assert values["picture"] == "No picture could be made of the video; the camera can be saved all the same."
    assert values["audio"] == "The camera offers no sound."
    assert values["source"] == "pyav"
    await dialog.choose("save")
    assert dialog.created


async def test_the_days_count_the_other_cameras(hass: HomeAssistant, standing: Standing) -> None:  # noqa: F811
    """One whose rate is not known yet is taken for one like this; the camera that is changed is not counted twice."""
    recorder, entry = standing
    first = await add(hass, entry)
    second = await add(hass, entry, url="rtsp://192.168.1.21/")
    recorder.cameras[first.subentry_id] = CameraStatus(
        camera_id=first.subentry_id,
        name=first.title,
        enabled=True,
        state=CameraState.RECORDING,
        since_us=0,
        bytes_per_day=round(56.8 * GB),
    )
    dialog = await Dialog.add_camera(hass, entry)
    await dialog.submit(**(FORM | {"url": "rtsp://192.168.1.22/"}))
    assert dialog.values["days"] == f"{1000 / (43.2 + 56.8 + 43.2):.1f}"

    dialog = await Dialog.change_camera(hass, entry, second.subentry_id)
    await dialog.submit(**(FORM | {"url": "rtsp://192.168.1.21/"}))
    assert dialog.values["days"] == "10"


@pytest.mark.parametrize(
    ("code", "field", "key"),
    [
        ("bad_url", "url", "bad_url"),
        ("unreachable", "url", "unreachable"),
        ("connection_refused", "url", "connection_refused"),
        ("timeout", "url", "timeout"),
        ("tls_failed", "url", "tls_failed"),
        ("stream_not_found", "url", "stream_not_found"),
        ("no_video", "url", "no_video"),
        ("unsupported_codec", "url", "unsupported_codec"),
        ("auth_failed", "password", "auth_failed"),
        ("auth_required", "username", "auth_required"),
        ("protocol_error", "base", "protocol_error"),
        ("camera_rejected", "base", "camera_rejected"),
        ("connection_lost", "base", "connection_lost"),
        ("stalled", "base", "stalled"),
        ("decoder_failed", "base", "decoder_failed"),
        ("recorder_unreachable", "base", "recorder_unreachable"),
        ("unauthorized", "base", "unauthorized"),
        ("version_mismatch", "base", "version_mismatch"),
        ("bad_request", "base", "recorder_failed"),
    ],
)
async def test_every_refusal_has_its_words(
    hass: HomeAssistant,
    standing: Standing,  # noqa: F811
    code: str,
    field: str,
    key: str,
) -> None:
    """It stands at its field, changes nothing, keeps the form, and the dialog goes on once the camera answers."""
    recorder, entry = standing
    recorder.probed = CameraError(ErrorCode(code), "What the recorder says.")
    dialog = await Dialog.add_camera(hass, entry)
    await dialog.submit(**FORM, username="ada", password=PASSWORD)
    assert (dialog.step, dialog.errors) == ("user", {field: key})
    assert dialog.values == {"detail": "What the recorder says."}
    assert PASSWORD not in str(dialog.result)
    assert dialog.shown() == {
        "name": "Book drop north",
        "url": URL,
        "username": "ada",
        "expose_video": False,
        **ADVANCED,
    }
    assert cameras(entry) == []
    assert recorder.configs == {}

    recorder.probed = PROBED
    await dialog.submit(**FORM, username="ada")
    assert recorder.probes[-1].password == PASSWORD
    await dialog.choose("save")
    assert len(cameras(entry)) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "192.168.1.20",
        "ftp://192.168.1.20/",
        "rtsp://",
        "rtsp://192.168.1.20:99999/",
        "rtsp://[192.168.1.20/",
        "rtsp://192.168.1.20/a b",
        "rtsp://ada:12/34@192.168.1.20/",
        "rtsp://ada:12#34@192.168.1.20/",
    ],
)
async def test_what_is_no_address(hass: HomeAssistant, standing: Standing, url: str) -> None:  # noqa: F811
    """It is refused before anybody is asked, also where a part of a password would stay in the address."""
    recorder, entry = standing
    dialog = await Dialog.add_camera(hass, entry)
    await dialog.submit(**(FORM | {"url": url}))
    assert dialog.errors == {"url": "bad_url"}
    assert dialog.shown()["url"] == url
    assert recorder.probes == []
    await dialog.submit(**FORM)
    assert dialog.step == "trial"


async def test_a_camera_has_a_name(hass: HomeAssistant, standing: Standing) -> None:  # noqa: F811
    """Blanks are none, and the recorder would not take a very long one or one of several lines."""
    recorder, entry = standing
    dialog = await Dialog.add_camera(hass, entry)
    for name, error in (("  ", "name_required"), ("x" * 257, "name_unusable"), ("a\nb", "name_unusable")):
        await dialog.submit(**(FORM | {"name": name}))
        assert dialog.errors == {"name": error}
    assert recorder.probes == []
    await dialog.submit(**FORM)
    assert dialog.step == "trial"
