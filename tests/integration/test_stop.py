"""Stopping what somebody else's recorder records: while the entry is disabled, and when it is removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.config_entries import ConfigEntryDisabler

from recorder_core.errors import ErrorCode, RequestError

from .library import Library
from .standing_recorder import StandingRecorder, serving

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from homeassistant.core import HomeAssistant


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
