"""When the recorder is away, is another one, refuses, or reports trouble: entities, issues, one line in the log."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryDisabler, ConfigEntryState
from homeassistant.const import CONF_TOKEN, CONF_URL, STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir

from custom_components.library_surveillance.connection import connection_for
from custom_components.library_surveillance.const import CONF_PROFILE, CONF_RECORDER, DOMAIN, RecorderKind
from recorder_core.api.models import CameraConfig, CameraState, CameraStatus, FeedItem, Problem, Settings, VolumeState
from recorder_core.errors import ErrorCode, RecorderError, RequestError

from .conftest_flow import tls  # noqa: F401 - a fixture
from .library import BACK, FRONT, Library
from .standing_recorder import VOLUME, StandingRecorder, serving

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from homeassistant.core import HomeAssistant

    from recorder_core.api.client import RecorderClient
    from recorder_core.api.models import RecorderStatus

SWITCH = "switch.front_entrance_recording"
RECORDER = "binary_sensor.riverside_library_recorder"


def _issues(hass: HomeAssistant) -> dict[str, dict[str, str] | None]:
    """Return the placeholders of all our issues by their translation."""
    return {
        issue.translation_key or "": issue.translation_placeholders
        for (domain, _), issue in ir.async_get(hass).issues.items()
        if domain == DOMAIN and issue.active
    }


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
    assert _issues(hass) == {"version_mismatch": {"library": "Riverside Library"}}

    standing.api_version -= 1
    await hass.config_entries.async_reload(visited.entry.entry_id)

    assert visited.loaded
    assert _issues(hass) == {}


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
    assert _issues(hass) == {"recorder_not_running": {"library": "Riverside Library", "reason": reason}}
    assert library.entry.reason == f"The recorder could not be started. {reason}"

    await hass.config_entries.async_set_disabled_by(library.entry.entry_id, ConfigEntryDisabler.USER)
    await hass.async_block_till_done()
    assert _issues(hass) == {}


@pytest.mark.parametrize(
    ("state", "key"),
    [
        (VolumeState.FULL, "storage_full"),
        (VolumeState.MISSING, "volume_missing"),
        (VolumeState.FOREIGN, "volume_foreign"),
        (VolumeState.READ_ONLY, "volume_read_only"),
    ],
)
async def test_a_volume_in_trouble_is_an_issue_until_it_is_well(
    hass: HomeAssistant, visited: Library, standing: StandingRecorder, state: VolumeState, key: str
) -> None:
    """The issue names the folder."""
    await visited.async_set_up()
    assert _issues(hass) == {}

    standing.feed.publish(FeedItem(volume=replace(VOLUME, state=state)))
    await visited.async_wait_for("sensor.riverside_library_storage", lambda shown: shown.state == state.value)
    assert _issues(hass) == {key: {"library": "Riverside Library", "path": VOLUME.path}}

    standing.feed.publish(FeedItem(volume=VOLUME))
    await visited.async_wait_for("sensor.riverside_library_storage", lambda shown: shown.state == "ok")
    assert _issues(hass) == {}


@pytest.mark.parametrize(
    ("code", "key"),
    [
        (ErrorCode.AUTH_FAILED, "camera_credentials"),
        (ErrorCode.AUTH_REQUIRED, "camera_credentials"),
        (ErrorCode.NO_VIDEO, "camera_no_video"),
        (ErrorCode.UNSUPPORTED_CODEC, "camera_unsupported"),
        (ErrorCode.BAD_URL, "camera_bad_url"),
        (ErrorCode.UNREACHABLE, None),
    ],
)
async def test_a_camera_that_needs_a_person_is_an_issue(
    hass: HomeAssistant, visited: Library, standing: StandingRecorder, code: ErrorCode, key: str | None
) -> None:
    """One that may come back by itself is none, nor one that is switched off."""
    broken = CameraStatus(
        camera_id=FRONT,
        name="Front entrance",
        enabled=True,
        state=CameraState.RETRYING,
        since_us=0,
        problem=Problem(code=code, message="It does not work."),
    )
    standing.cameras[FRONT] = broken
    await visited.async_set_up()
    assert list(_issues(hass)) == ([key] if key else [])

    standing.feed.publish(FeedItem(camera=replace(broken, enabled=False)))
    await visited.async_wait_for(SWITCH, lambda state: state.state == STATE_OFF)
    assert _issues(hass) == {}


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
    assert _issues(hass) == {}
    await library.async_remove()


class Picky(StandingRecorder):
    """It refuses one camera."""

    async def put_camera(self, config: CameraConfig) -> CameraStatus:
        """Refuse the camera at the front."""
        if config.camera_id == FRONT:
            raise RequestError(ErrorCode.BAD_REQUEST, "This camera will not do.")
        return await super().put_camera(config)


async def test_a_refused_camera_stops_no_other(
    hass: HomeAssistant, place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is unavailable, an issue, and a line in the log; the other one is recorded. The issue outlives pushes."""
    picky = Picky()
    socket = place / "standing.sock"
    library = Library(hass, place, socket=socket)
    async with serving(picky, socket=socket):
        await library.async_set_up()
        assert library.state("camera.front_entrance").state == STATE_UNAVAILABLE
        assert library.state("switch.book_drop_recording").state == STATE_ON
        assert "refused the camera Front entrance" in caplog.text
        expected = {"camera_refused": {"library": "Riverside Library", "camera": "Front entrance"}}
        assert _issues(hass) == expected

        picky.feed.publish(FeedItem(camera=replace(picky.cameras[BACK], state=CameraState.RECORDING)))
        await library.async_wait_for("camera.book_drop", lambda state: state.state == "recording")
        assert _issues(hass) == expected
        with pytest.raises(HomeAssistantError, match="did not understand"):
            await library.entry.runtime_data.coordinator.async_set_recording(FRONT, enabled=False)
        await library.async_remove()
    assert _issues(hass) == {}


async def test_cameras_that_the_entry_does_not_have_are_removed(visited: Library, standing: StandingRecorder) -> None:
    """A recorder that was used before records nothing that nobody sees."""
    await standing.put_camera(CameraConfig(camera_id="left-over", name="Left over", url="rtsp://camera/"))

    await visited.async_set_up()

    assert set(standing.cameras) == {FRONT, BACK}
    assert standing.settings == []


async def test_others_recorders_go_on_without_the_librarys_cameras(
    hass: HomeAssistant, visited: Library, standing: StandingRecorder
) -> None:
    """Disabling switches its cameras off there, removing takes them away; the recorder itself is not ours to end."""
    await visited.async_set_up()

    await hass.config_entries.async_set_disabled_by(visited.entry.entry_id, ConfigEntryDisabler.USER)
    await hass.async_block_till_done()
    assert [config.enabled for config in standing.configs.values()] == [False, False]

    await hass.config_entries.async_set_disabled_by(visited.entry.entry_id, None)
    await hass.async_block_till_done()
    assert [config.enabled for config in standing.configs.values()] == [True, True]

    await hass.config_entries.async_remove(visited.entry.entry_id)
    assert standing.configs == {}


async def test_stopping_a_recorder_that_is_away_is_reported(
    hass: HomeAssistant, place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It may go on recording, so somebody has to know."""
    library = Library(hass, place, socket=place / "nobody.sock")

    await library.async_remove()

    assert "Front entrance could not be stopped and may go on being recorded" in caplog.text
    assert "Book drop could not be stopped" in caplog.text


class Forgetful(StandingRecorder):
    """It has lost its cameras."""

    async def remove_camera(self, camera_id: str) -> None:
        """Say so."""
        raise RequestError(ErrorCode.UNKNOWN_CAMERA, f"There is no camera {camera_id}.")


async def test_a_camera_that_the_recorder_has_lost_need_not_be_stopped(
    hass: HomeAssistant, place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Removing a library whose recorder was made anew is no trouble."""
    socket = place / "standing.sock"
    async with serving(Forgetful(), socket=socket), Library(hass, place, socket=socket) as library:
        await library.async_set_up()
        await library.async_remove()

    assert "could not be stopped" not in caplog.text


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
