"""When the recorder is away, is another one or refuses: entities, issues, one line in the log."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryDisabler, ConfigEntryState
from homeassistant.const import CONF_TOKEN, CONF_URL, STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.exceptions import HomeAssistantError

from custom_components.library_surveillance.connection import connection_for
from custom_components.library_surveillance.const import CONF_PROFILE, CONF_RECORDER, RecorderKind
from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import CameraConfig, CameraState, CameraStatus, FeedItem, Settings

from .conftest_flow import tls  # noqa: F401 - a fixture
from .library import BACK, FRONT, Library, shown_issues
from .standing_recorder import StandingRecorder, serving

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from homeassistant.core import HomeAssistant

    from recorder_core.api.client import RecorderClient
    from recorder_core.models import RecorderStatus

SWITCH = "switch.front_entrance_recording"
RECORDER = "binary_sensor.riverside_library_recorder"


async def test_a_recorder_that_goes_and_comes_back(
    hass: HomeAssistant, place: Path, standing: StandingRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    """Everything is unavailable but the sensor that says so; the log has one line for each way."""
    socket = place / "standing.sock"
    library = Library(hass, place, socket=socket)
    async with serving(standing, socket=socket):
        await library.async_set_up()
    await library.async_wait_for(SWITCH, lambda state: state.state == STATE_UNAVAILABLE)
    assert library.state(RECORDER).state == STATE_OFF
    assert library.state("camera.front_entrance").state == STATE_UNAVAILABLE
    with pytest.raises(HomeAssistantError, match="does not answer"):
        await library.entry.runtime_data.coordinator.async_set_recording(FRONT, enabled=False)

    standing = StandingRecorder()
    async with serving(standing, socket=socket):
        await library.async_wait_for(SWITCH, lambda state: state.state == STATE_ON)
        assert library.state(RECORDER).state == STATE_ON
        assert set(standing.configs) == {FRONT, BACK}
        assert caplog.text.count("Error requesting Riverside Library data") == 1
        assert caplog.text.count("Fetching Riverside Library data recovered") == 1
        await library.async_remove()


async def test_a_recorder_that_cannot_be_reached_is_tried_again_later(hass: HomeAssistant, place: Path) -> None:
    """Nothing is set up half."""
    library = Library(hass, place, socket=place / "nobody.sock")

    await hass.config_entries.async_setup(library.entry.entry_id)

    assert library.entry.state is ConfigEntryState.SETUP_RETRY
    assert library.entry.reason == "The recorder does not answer"
    assert hass.states.get(SWITCH) is None
    await library.async_remove()


async def test_a_recorder_that_speaks_another_version(
    hass: HomeAssistant, visited: Library, standing: StandingRecorder
) -> None:
    """A person is told; once it is mended the issue goes."""
    standing.api_version += 1
    await hass.config_entries.async_setup(visited.entry.entry_id)
    assert visited.entry.state is ConfigEntryState.SETUP_RETRY
    assert shown_issues(hass) == {"version_mismatch": {"library": "Riverside Library"}}

    standing.api_version -= 1
    await hass.config_entries.async_reload(visited.entry.entry_id)

    assert visited.loaded
    assert shown_issues(hass) == {}


async def test_a_token_that_is_not_accepted_is_asked_for_again(
    hass: HomeAssistant,
    place: Path,
    standing: StandingRecorder,
    tls: ssl.SSLContext,  # noqa: F811 - the fixture
) -> None:
    """Trying again would not help, neither at first nor when the token changed meanwhile."""
    library = Library(hass, place)
    async with serving(standing, tls=tls, token="t" * 40) as port:
        data = {CONF_RECORDER: RecorderKind.URL.value, CONF_URL: f"https://127.0.0.1:{port}", CONF_PROFILE: "missoula"}
        hass.config_entries.async_update_entry(library.entry, data={**data, CONF_TOKEN: "u" * 40})

        await hass.config_entries.async_setup(library.entry.entry_id)
        await hass.async_block_till_done()

        assert library.entry.state is ConfigEntryState.SETUP_ERROR
        assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == [SOURCE_REAUTH]

        hass.config_entries.async_update_entry(library.entry, data={**data, CONF_TOKEN: "t" * 40})
        assert await hass.config_entries.async_reload(library.entry.entry_id)
        assert set(standing.configs) == {FRONT, BACK}
        await library.async_remove()


async def test_a_socket_that_asks_for_a_token_is_none_of_ours(
    hass: HomeAssistant, place: Path, standing: StandingRecorder
) -> None:
    """There is no token to ask for again."""
    socket = place / "standing.sock"
    library = Library(hass, place, socket=socket)
    async with serving(standing, socket=socket, token="t" * 40):
        await hass.config_entries.async_setup(library.entry.entry_id)

    assert library.entry.state is ConfigEntryState.SETUP_RETRY
    assert library.entry.reason == "The recorder does not accept the token"
    await library.async_remove()


async def test_a_local_recorder_that_cannot_start_is_an_issue(hass: HomeAssistant, library: Library) -> None:
    """It says why, and goes when the entry is disabled."""
    library.index_path.mkdir()
    (library.index_path / "settings.json").write_text("{")

    await hass.config_entries.async_setup(library.entry.entry_id)

    assert library.entry.state is ConfigEntryState.SETUP_RETRY
    reason = "It ended with code 4."
    assert shown_issues(hass) == {"recorder_not_running": {"library": "Riverside Library", "reason": reason}}
    assert library.entry.reason == f"The recorder could not be started. {reason}"

    await hass.config_entries.async_set_disabled_by(library.entry.entry_id, ConfigEntryDisabler.USER)
    await hass.async_block_till_done()
    assert shown_issues(hass) == {}


class Going(StandingRecorder):
    """It answers, and is gone when it is told of a camera."""

    async def put_camera(self, config: CameraConfig) -> CameraStatus:
        """Answer as a connection that breaks looks to the one who asked."""
        raise RecorderError(ErrorCode.RECORDER_UNREACHABLE, f"It has gone before it took {config.camera_id}.")


async def test_a_recorder_that_goes_during_set_up_is_tried_again_later(hass: HomeAssistant, place: Path) -> None:
    """That is not a camera's fault."""
    socket = place / "standing.sock"
    library = Library(hass, place, socket=socket)
    async with serving(Going(), socket=socket):
        await hass.config_entries.async_setup(library.entry.entry_id)

    assert library.entry.state is ConfigEntryState.SETUP_RETRY
    assert shown_issues(hass) == {}
    await library.async_remove()


async def test_a_refused_camera_stops_no_other(
    hass: HomeAssistant, place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is unavailable, an issue, and a line in the log; the other one is recorded. The issue outlives pushes."""
    picky = StandingRecorder(refused={FRONT})
    socket = place / "standing.sock"
    library = Library(hass, place, socket=socket)
    async with serving(picky, socket=socket):
        await library.async_set_up()
        assert library.state("camera.front_entrance").state == STATE_UNAVAILABLE
        assert library.state("switch.book_drop_recording").state == STATE_ON
        assert "refused the camera Front entrance" in caplog.text
        expected = {
            "camera_refused": {
                "library": "Riverside Library",
                "camera": "Front entrance",
                "detail": "This camera will not do",
            }
        }
        assert shown_issues(hass) == expected

        picky.feed.publish(FeedItem(camera=replace(picky.cameras[BACK], state=CameraState.RECORDING)))
        await library.async_wait_for("camera.book_drop", lambda state: state.state == "recording")
        assert shown_issues(hass) == expected
        with pytest.raises(HomeAssistantError, match="This camera will not do"):
            await library.entry.runtime_data.coordinator.async_set_recording(FRONT, enabled=False)
        await library.async_remove()
    assert shown_issues(hass) == {}


async def test_cameras_that_the_entry_does_not_have_are_removed(visited: Library, standing: StandingRecorder) -> None:
    """A recorder that was used before records nothing that nobody sees."""
    await standing.put_camera(CameraConfig(camera_id="left-over", name="Left over", url="rtsp://camera/"))

    await visited.async_set_up()

    assert set(standing.cameras) == {FRONT, BACK}
    assert standing.settings == []


async def test_the_time_zone_is_handed_on(
    hass: HomeAssistant, library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    """The recorder's days begin when Home Assistant's do, also after that changed; so do the limits reach it."""
    told: list[Settings] = []
    hass.config_entries.async_update_entry(library.entry, data={**library.entry.data, "min_free_gb": 5, "max_gb": 0.5})
    await library.async_set_up()
    client: RecorderClient = library.entry.runtime_data.client
    apply_settings = client.apply_settings

    async def tell(settings: Settings) -> RecorderStatus:
        told.append(settings)
        if settings.time_zone == "Europe/Paris":
            raise RecorderError(ErrorCode.RECORDER_UNREACHABLE, "It has just gone.")
        return await apply_settings(settings)

    client.apply_settings = tell  # type: ignore[method-assign]  # what is told is listened to
    await hass.config.async_update(time_zone="America/Denver")
    await hass.async_block_till_done()

    (settings,) = told
    assert settings.time_zone == "America/Denver"
    (volume,) = settings.volumes
    assert (volume.path, volume.min_free_bytes, volume.max_bytes) == (
        str(library.footage_path),
        5_000_000_000,
        500_000_000,
    )

    await hass.config.async_update(time_zone="Europe/Paris")
    await hass.async_block_till_done()
    assert "could not be told the time zone" in caplog.text
    assert library.state(RECORDER).state == STATE_ON

    async with library.client() as other:
        await other.shutdown()
    await library.async_wait_for(RECORDER, lambda state: state.state == STATE_OFF)
    await hass.config.async_update(time_zone="Europe/Rome")
    assert [settings.time_zone for settings in told] == ["America/Denver", "Europe/Paris"]


async def test_an_address_with_a_token_is_reached_by_tls(hass: HomeAssistant) -> None:
    """Nothing but https is spoken on a network."""
    data = {CONF_RECORDER: RecorderKind.URL.value, "url": "https://127.0.0.1:1", "token": "t" * 40}
    connection = connection_for(hass, data)
    assert connection.local is None
    with pytest.raises(RecorderError) as raised:
        await connection.async_reach()
    await connection.client.close()
    assert raised.value.code is ErrorCode.RECORDER_UNREACHABLE
    with pytest.raises(RecorderError) as raised:
        connection_for(hass, {**data, "url": "http://127.0.0.1:1"})
    assert raised.value.code is ErrorCode.BAD_URL
