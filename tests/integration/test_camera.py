"""What Home Assistant's own cards and apps get to see of a camera: a tile, or what the library exposed."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from homeassistant.components.camera import async_get_image, async_get_stream_source
from homeassistant.components.camera.const import CameraEntityFeature, CameraState
from homeassistant.exceptions import HomeAssistantError
from PIL import Image

from custom_components.library_surveillance.camera import address_with_credentials
from custom_components.library_surveillance.const import CONF_EXPOSE_VIDEO
from custom_components.library_surveillance.tile import HEIGHT, WIDTH
from recorder_core.simulator import read_code

from .frames import luma_of
from .library import BACK, FRONT, NOWHERE, PASSWORD, USERNAME, Library, camera

if TYPE_CHECKING:
    from pathlib import Path

    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.typing import WebSocketGenerator

    from recorder_core.simulator import Simulator

CAMERA = "camera.front_entrance"
SWITCH = "switch.front_entrance_recording"


async def test_a_camera_shows_a_tile_and_nothing_else(
    hass: HomeAssistant, recording: Library, hass_ws_client: WebSocketGenerator
) -> None:
    """No still, no stream and no WebRTC, on any of Home Assistant's paths."""
    image = await async_get_image(hass, CAMERA)

    tile = Image.open(BytesIO(image.content))
    assert (tile.format, tile.size) == ("JPEG", (WIDTH, HEIGHT))
    assert read_code(luma_of(image.content)) is None
    state = recording.state(CAMERA)
    assert state.state == CameraState.RECORDING
    assert state.attributes["supported_features"] == 0
    assert await async_get_stream_source(hass, CAMERA) is None
    client = await hass_ws_client(hass)
    for request in ({"type": "camera/stream"}, {"type": "camera/webrtc/offer", "offer": "v=0\r\n"}):
        await client.send_json_auto_id({**request, "entity_id": CAMERA})
        answer = await client.receive_json()
        assert not answer["success"], request


async def test_the_tile_says_what_the_camera_does(hass: HomeAssistant, library: Library) -> None:
    """A camera that is not recorded has another tile than one that is switched off."""
    await library.async_set_up()
    not_recording = (await async_get_image(hass, CAMERA)).content

    await hass.services.async_call("switch", "turn_off", {"entity_id": SWITCH}, blocking=True)

    off = (await async_get_image(hass, CAMERA)).content
    other = (await async_get_image(hass, "camera.book_drop")).content
    assert len({not_recording, off, other}) == 3


def test_a_camera_without_credentials_is_streamed_from_its_plain_address() -> None:
    """With them, they stand in the address, whatever characters they have."""
    plain = {"url": "rtsp://camera.example:8554/live?a=b"}
    assert address_with_credentials(plain) == plain["url"]
    assert (
        address_with_credentials({**plain, "username": "ann@desk"}) == "rtsp://ann%40desk:@camera.example:8554/live?a=b"
    )
    full = address_with_credentials({**plain, "username": "ann", "password": "a/b:c"})
    assert full == "rtsp://ann:a%2Fb%3Ac@camera.example:8554/live?a=b"


async def test_an_exposed_camera_shows_what_it_sees(
    hass: HomeAssistant, place: Path, cameras: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Stills come from the recorder, the stream from the camera; the password stays out of states and logs."""
    front = camera(FRONT, "Front entrance", cameras.url(FRONT), **{CONF_EXPOSE_VIDEO: True})
    back = camera(BACK, "Book drop", NOWHERE, **{CONF_EXPOSE_VIDEO: True})
    async with Library(hass, place, front, back) as library:
        await library.async_set_up()
        await library.async_wait_for(CAMERA, lambda state: state.state == CameraState.RECORDING)

        await cameras.wait_frames(FRONT, 30)
        still = await async_get_image(hass, CAMERA)
        code = read_code(luma_of(still.content))
        assert code is not None
        assert code.camera == 1
        with pytest.raises(HomeAssistantError, match="No footage"):
            await async_get_image(hass, "camera.book_drop")

        assert library.state(CAMERA).attributes["supported_features"] == CameraEntityFeature.STREAM
        address = await async_get_stream_source(hass, CAMERA)
        assert address is not None
        source = urlsplit(address)
        assert (source.username, source.password) == (USERNAME, PASSWORD)
        assert f"{source.scheme}://{source.hostname}:{source.port}{source.path}" == cameras.url(FRONT)
        await hass.services.async_call("switch", "turn_off", {"entity_id": SWITCH}, blocking=True)
        with pytest.raises(HomeAssistantError, match="off"):
            await async_get_image(hass, CAMERA)
        assert PASSWORD not in str([state.as_dict() for state in hass.states.async_all()])
        assert PASSWORD not in caplog.text
