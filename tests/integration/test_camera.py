"""What Home Assistant's own cards and apps get to see of a camera: a tile, or what the library exposed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from homeassistant.components.camera import async_get_image, async_get_stream_source
from homeassistant.components.camera.const import CameraEntityFeature, CameraState
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.translation import async_get_translations
from homeassistant.setup import async_setup_component
from PIL import Image

from custom_components.library_surveillance.camera import address_with_credentials
from custom_components.library_surveillance.const import CONF_EXPOSE_VIDEO, DOMAIN
from custom_components.library_surveillance.tile import HEIGHT, WIDTH, Tile, render
from recorder_core.models import CameraState as Recorded, FeedItem
from recorder_core.simulator import read_code

from .frames import luma_of
from .library import BACK, FRONT, NOWHERE, PASSWORD, PATIENCE_S, USERNAME, Library, camera
from .standing_recorder import StandingRecorder, serving

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from aiohttp import ClientResponse
    from aiohttp.test_utils import TestClient
    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

    from recorder_core.simulator import Simulator

CAMERA = "camera.front_entrance"
DROP = "camera.book_drop"
SWITCH = "switch.front_entrance_recording"
EXPOSED = {CONF_EXPOSE_VIDEO: True}


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


async def test_the_tile_claims_nothing_that_nobody_knows(
    hass: HomeAssistant, place: Path, standing: StandingRecorder
) -> None:
    """While the recorder is away it is not known whether a camera is recorded; pictures are asked for all the same."""
    socket = place / "standing.sock"
    library = Library(hass, place, socket=socket)
    async with serving(standing, socket=socket):
        await library.async_set_up()
        standing.feed.publish(FeedItem(camera=replace(standing.cameras[FRONT], state=Recorded.RECORDING)))
        await library.async_wait_for(CAMERA, lambda state: state.state == CameraState.RECORDING)
        recorded = (await async_get_image(hass, CAMERA)).content
    await library.async_wait_for(CAMERA, lambda state: state.state == STATE_UNAVAILABLE)

    away = (await async_get_image(hass, CAMERA)).content

    words = await async_get_translations(hass, "en", "common", {DOMAIN})
    notice = words[f"component.{DOMAIN}.common.tile_notice"]
    assert recorded == render(Tile("Front entrance", "Recording", notice, recording=True))
    assert away == render(Tile("Front entrance", "Not known whether it is recorded", notice, recording=False))
    await library.async_remove()


@pytest.mark.parametrize(("exposed", "status"), [({}, HTTPStatus.OK), (EXPOSED, HTTPStatus.SERVICE_UNAVAILABLE)])
async def test_a_camera_that_the_recorder_refused_has_a_tile_or_no_picture(
    hass: HomeAssistant,
    place: Path,
    hass_client: ClientSessionGenerator,
    exposed: dict[str, bool],
    status: HTTPStatus,
) -> None:
    """Home Assistant asks entities for pictures that are unavailable, too."""
    recorder, socket = StandingRecorder(refused={FRONT}), place / "standing.sock"
    front = camera(FRONT, "Front entrance", NOWHERE, **exposed)
    async with serving(recorder, socket=socket), Library(hass, place, front, socket=socket) as library:
        await library.async_set_up()
        assert library.state(CAMERA).state == STATE_UNAVAILABLE
        assert (await (await hass_client()).get(f"/api/camera_proxy/{CAMERA}")).status == status


@pytest.mark.parametrize("way", ["private", "off"])
async def test_who_watches_sees_nothing_more_once_a_camera_is_not_shown(
    hass: HomeAssistant,
    place: Path,
    cameras: Simulator,
    hass_client_no_auth: ClientSessionGenerator,
    hass_ws_client: WebSocketGenerator,
    way: str,
) -> None:
    """The address of a stream that somebody still holds leads nowhere, nor is there another one."""
    back = camera(BACK, "Book drop", cameras.url(BACK), **EXPOSED)
    assert await async_setup_component(hass, "stream", {"stream": {"segment_duration": 2, "part_duration": 0.2}})
    async with Library(hass, place, back) as library:
        await library.async_set_up()
        await library.async_wait_for(DROP, lambda state: state.state == CameraState.RECORDING)
        websocket = await hass_ws_client(hass)
        await websocket.send_json_auto_id({"type": "camera/stream", "entity_id": DROP})
        address = (await websocket.receive_json())["result"]["url"]
        browser = await hass_client_no_auth()
        playlist = address.replace("master_playlist", "playlist")
        assert (await browser.get(playlist)).status == HTTPStatus.OK
        pictures = await _async_watch(browser, library, DROP)

        if way == "private":
            subentry = library.entry.subentries[BACK]
            data = {**subentry.data, CONF_EXPOSE_VIDEO: False}
            hass.config_entries.async_update_subentry(library.entry, subentry, data=data)
        else:
            await hass.services.async_call(
                "switch", "turn_off", {"entity_id": "switch.book_drop_recording"}, blocking=True
            )
        await hass.async_block_till_done()

        await _async_read_to_the_end(pictures)
        for url in (address, playlist):
            assert (await browser.get(url)).status == HTTPStatus.NOT_FOUND
        await websocket.send_json_auto_id({"type": "camera/stream", "entity_id": DROP})
        assert not (await websocket.receive_json())["success"]
        if way == "off":
            await cameras.wait_for_no_client(BACK)


async def test_a_tile_that_nobody_renews_is_not_shown_on(
    hass: HomeAssistant, visited: Library, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """Who watched it over a reload asks anew, and gets the tile of now."""
    await visited.async_set_up()
    browser = await hass_client_no_auth()
    tiles = await _async_watch(browser, visited, CAMERA)

    assert await hass.config_entries.async_reload(visited.entry.entry_id)

    await _async_read_to_the_end(tiles)
    (await _async_watch(browser, visited, CAMERA)).close()


async def _async_watch(browser: TestClient[Any, Any], library: Library, entity_id: str) -> ClientResponse:
    """Let Home Assistant hand out one picture after the other, and return when the first has come."""
    token = library.state(entity_id).attributes["access_token"]
    pictures = await browser.get(f"/api/camera_proxy_stream/{entity_id}", params={"token": token})
    assert pictures.status == HTTPStatus.OK
    assert await pictures.content.readline() == b"--frameboundary\r\n"
    return pictures


async def _async_read_to_the_end(pictures: ClientResponse) -> None:
    async with asyncio.timeout(PATIENCE_S):
        assert (await pictures.content.read()).endswith(b"\r\n")


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
