"""The recorder's life beside Home Assistant's: what starts it, what leaves it alone, and what ends it."""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.loader import DATA_CUSTOM_COMPONENTS
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_test_home_assistant

from custom_components.library_surveillance.stop import async_stop_recording
from recorder_core import __version__
from recorder_core.errors import ErrorCode, RecorderError

from .library import BACK, FRONT, PASSWORD, camera, lives, working_folder

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

    from .library import Library

SWITCH = "switch.front_entrance_recording"
RECORDER = "binary_sensor.riverside_library_recorder"


async def test_setting_up_starts_a_recorder_and_tells_it_everything(library: Library) -> None:
    """The recorder runs, knows both cameras, and stands in a session of its own."""
    status = await library.async_set_up()

    assert status.version == __version__
    assert {camera.camera_id: camera.name for camera in status.cameras} == {
        FRONT: "Front entrance",
        BACK: "Book drop",
    }
    assert status.supervisor_pid is not None
    assert os.getsid(status.supervisor_pid) != os.getsid(0)
    assert library.state(SWITCH).state == STATE_ON
    assert library.state(RECORDER).state == STATE_ON


async def test_the_recorder_gets_a_scrubbed_environment_and_no_secret(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of Home Assistant's environment reaches the recorder, and no password stands in its command line."""
    monkeypatch.setenv("SUPERVISOR_TOKEN", "top-secret")
    status = await library.async_set_up()

    for pid in (status.pid, status.supervisor_pid):
        process = Path(f"/proc/{pid}")
        names = {line.split("=")[0] for line in process.joinpath("environ").read_text().split("\0") if line}
        assert "PATH" in names
        assert "SUPERVISOR_TOKEN" not in names
        assert PASSWORD not in process.joinpath("cmdline").read_text()


async def test_the_recorder_runs_from_its_own_copy(library: Library) -> None:
    """An update of the integration does not change the code under a running recorder."""
    status = await library.async_set_up()

    folder = working_folder(status.pid)
    assert folder.parent == library.index_path / "runtime"
    assert folder.name.startswith(f"{__version__}-")
    assert (folder / "recorder_core" / "__main__.py").is_file()
    assert [path for path in folder.parent.iterdir() if path != folder] == []


async def test_reloading_leaves_the_recorder_alone(hass: HomeAssistant, library: Library) -> None:
    """A reload finds the same processes again, and a camera that is not changed goes on with its run."""
    before = await library.async_set_up()

    assert await hass.config_entries.async_reload(library.entry.entry_id)

    after = await library.async_status()
    assert (after.pid, after.supervisor_pid) == (before.pid, before.supervisor_pid)
    assert library.state(SWITCH).state == STATE_ON


async def test_home_assistant_restarts_beside_a_recorder_that_goes_on(library: Library) -> None:
    """The next Home Assistant finds the same processes through the socket; the last one let go of them."""
    async with async_test_home_assistant() as last:
        last.data.pop(DATA_CUSTOM_COMPONENTS)
        entry = MockConfigEntry(
            domain=library.entry.domain,
            entry_id=library.entry.entry_id,
            data=library.entry.data,
            subentries_data=[camera(FRONT, "Front entrance"), camera(BACK, "Book drop")],
        )
        entry.add_to_hass(last)
        assert await last.config_entries.async_setup(entry.entry_id)
        client = entry.runtime_data.client
        before = await client.status()
        await last.async_stop(force=True)
        assert client._session is None

    after = await library.async_set_up()
    assert (after.pid, after.supervisor_pid) == (before.pid, before.supervisor_pid)
    assert library.state(SWITCH).state == STATE_ON


async def test_unloading_leaves_the_recorder_alone(
    hass: HomeAssistant, library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    """An unloaded entry's cameras are still recorded, and letting go is no error."""
    before = await library.async_set_up()

    assert await hass.config_entries.async_unload(library.entry.entry_id)

    assert library.entry.state is ConfigEntryState.NOT_LOADED
    assert library.state(SWITCH).state == STATE_UNAVAILABLE
    after = await library.async_status()
    assert after.pid == before.pid
    assert [camera.enabled for camera in after.cameras] == [True, True]
    assert _log(caplog) == []


async def test_disabling_ends_the_recorder_and_enabling_starts_it(hass: HomeAssistant, library: Library) -> None:
    """A disabled library records nothing."""
    before = await library.async_set_up()

    await hass.config_entries.async_set_disabled_by(library.entry.entry_id, ConfigEntryDisabler.USER)
    await hass.async_block_till_done()

    with pytest.raises(RecorderError) as raised:
        await library.async_status()
    assert raised.value.code is ErrorCode.RECORDER_UNREACHABLE
    assert not lives(before.supervisor_pid)

    await hass.config_entries.async_set_disabled_by(library.entry.entry_id, None)
    await hass.async_block_till_done()
    after = await library.async_status()
    assert after.pid != before.pid
    assert library.state(SWITCH).state == STATE_ON


async def test_an_entry_that_was_enabled_again_meanwhile_is_not_stopped(hass: HomeAssistant, library: Library) -> None:
    """Who disables and changes his mind at once goes on recording."""
    before = await library.async_set_up()

    await async_stop_recording(hass, library.entry)

    assert (await library.async_status()).pid == before.pid


async def test_removing_ends_the_recorder_and_keeps_what_it_stored(hass: HomeAssistant, library: Library) -> None:
    """Removal forgets the library, not its footage."""
    before = await library.async_set_up()
    footage = library.footage_path / "kept"
    footage.write_bytes(b"footage")

    await hass.config_entries.async_remove(library.entry.entry_id)

    assert not lives(before.supervisor_pid)
    assert not lives(before.pid)
    assert footage.read_bytes() == b"footage"
    assert library.index_path.is_dir()


async def test_a_killed_worker_comes_back(library: Library, caplog: pytest.LogCaptureFixture) -> None:
    """The entities are unavailable with one line in the log, and recover when a new worker answers.

    It is the supervisor's, unless the integration has started another recorder meanwhile and that took the lock first.
    """
    before = await library.async_set_up()

    os.kill(before.pid, signal.SIGKILL)
    await library.async_wait_for(SWITCH, lambda state: state.state == STATE_UNAVAILABLE)
    assert library.state(RECORDER).state == STATE_OFF
    await library.async_wait_for(SWITCH, lambda state: state.state == STATE_ON)

    after = await library.async_status()
    assert after.pid != before.pid
    assert library.state(RECORDER).state == STATE_ON
    assert _log(caplog) == ["ERROR", "INFO"]


async def test_a_killed_supervisor_is_replaced(library: Library) -> None:
    """When nothing of the recorder is left, the integration starts a new one."""
    before = await library.async_set_up()
    assert before.supervisor_pid is not None

    os.kill(before.supervisor_pid, signal.SIGKILL)
    await library.async_wait_for(SWITCH, lambda state: state.state == STATE_UNAVAILABLE)
    await library.async_wait_for(SWITCH, lambda state: state.state == STATE_ON)

    after = await library.async_status()
    assert after.supervisor_pid != before.supervisor_pid
    assert {camera.camera_id for camera in after.cameras} == {FRONT, BACK}


def _log(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the levels of what the integration logged, above the level for debugging."""
    return [
        record.levelname
        for record in caplog.records
        if record.name.startswith("custom_components.library_surveillance") and record.levelno > logging.DEBUG
    ]
