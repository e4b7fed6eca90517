"""The local recorder's process in the cases that are rare: other versions, races, and one that does not want to end."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import recorder_core
from custom_components.library_surveillance import recorder_process
from custom_components.library_surveillance.recorder_process import LocalRecorder, Patience, RecorderStartError
from custom_components.library_surveillance.socket_path import socket_path
from recorder_core import __version__
from recorder_core.api.client import RecorderClient
from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.storage.lock import StoreLock

from .library import lives
from .standing_recorder import StandingRecorder, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from homeassistant.core import HomeAssistant

    from recorder_core.api.models import RecorderStatus

HASTE = Patience(start_s=2.0, stop_s=0.3, locked_s=0.2, look_s=0.02)
OTHER_VERSION = "0.0.1"


@pytest.fixture
async def client(place: Path) -> AsyncIterator[RecorderClient]:
    """A client of the recorder whose data folder is `place`."""
    async with RecorderClient(socket=socket_path(place)) as client:
        yield client


class Stubborn(StandingRecorder):
    """It says which processes it is, and ignores the wish that it end."""

    pids: tuple[int, int] = (1, 1)

    def status(self) -> RecorderStatus:
        """Return what it says of itself, of another version."""
        pid, supervisor_pid = self.pids
        return replace(super().status(), version=OTHER_VERSION, pid=pid, supervisor_pid=supervisor_pid)

    def request_shutdown(self) -> None:
        """Do nothing."""


async def test_a_recorder_of_another_version_is_replaced(
    hass: HomeAssistant, place: Path, client: RecorderClient
) -> None:
    """Both sides always have one version; the old processes are gone before the new ones start."""
    old_code = place / "old"
    shutil.copytree(recorder_core.__path__[0], old_code / "recorder_core")
    (old_code / "recorder_core" / "version.py").write_text(f'__version__ = "{OTHER_VERSION}"\n')
    old = _run(sys.executable, "-m", "recorder_core", "serve", "--data", place, cwd=old_code)
    reaped = asyncio.ensure_future(hass.async_add_executor_job(old.wait))
    recorder = LocalRecorder(hass, place, client)
    while True:
        try:
            before = await client.status()
        except RecorderError:
            await asyncio.sleep(0.05)
        else:
            break
    assert before.version == OTHER_VERSION

    after = await recorder.async_ensure_running()

    try:
        assert after.version == __version__
        assert not lives(before.pid)
        assert await reaped == 0
    finally:
        await recorder.async_stop()


async def test_a_recorder_that_ignores_the_wish_is_killed(
    hass: HomeAssistant, place: Path, client: RecorderClient
) -> None:
    """What it costs is at most the last fragment; what it would cost to let it record is more."""
    recorder = Stubborn()
    worker, supervisor = (_run(sys.executable, "-c", "import signal; signal.pause()") for _ in range(2))
    recorder.pids = (worker.pid, supervisor.pid)
    reaped = [asyncio.ensure_future(hass.async_add_executor_job(child.wait)) for child in (worker, supervisor)]

    async with serving(recorder, socket=socket_path(place)):
        await LocalRecorder(hass, place, client, HASTE).async_stop()

    assert await asyncio.gather(*reaped) == [-signal.SIGKILL] * 2


async def test_one_that_ignores_the_wish_and_names_no_process_is_reported(
    hass: HomeAssistant, place: Path, client: RecorderClient
) -> None:
    """Process 1 is never a recorder's; nothing is killed on a guess."""
    async with serving(Stubborn(), socket=socket_path(place)):
        with pytest.raises(RecorderStartError, match="does not end"):
            await LocalRecorder(hass, place, client, HASTE).async_stop()


async def test_one_that_is_coming_up_is_waited_for_and_ended(
    hass: HomeAssistant, place: Path, client: RecorderClient
) -> None:
    """Giving up a start does not leave a recorder behind that nobody knows of."""
    recorder = LocalRecorder(hass, place, client)
    start = hass.async_create_task(recorder.async_ensure_running())
    while not any(folder == place for folder, _ in recorder_process._children):  # noqa: ASYNC110 - a thread starts it
        await asyncio.sleep(0.01)
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    (child,) = (child for folder, child in recorder_process._children if folder == place)

    await LocalRecorder(hass, place, client).async_stop()

    assert child.poll() == 0
    StoreLock(place).release()


async def test_a_lock_that_nobody_answers_for_is_no_success(
    hass: HomeAssistant, place: Path, client: RecorderClient
) -> None:
    """Neither starting nor stopping claims to have worked while something unknown holds the data folder."""
    with StoreLock(place):
        with pytest.raises(RecorderStartError, match="neither answers nor ends"):
            await LocalRecorder(hass, place, client, HASTE).async_stop()
        with pytest.raises(RecorderStartError, match="does not answer"):
            await LocalRecorder(hass, place, client, HASTE).async_ensure_running()

    await LocalRecorder(hass, place, client).async_stop()
    assert await _async_nothing_runs(client)


async def test_a_data_folder_that_cannot_be_used_is_named(hass: HomeAssistant, place: Path) -> None:
    """The recorder's exit code tells that trying again would not help."""
    place.joinpath("settings.json").write_text("{")
    async with RecorderClient(socket=socket_path(place)) as client:
        with pytest.raises(RecorderStartError, match="ended with code 4"):
            await LocalRecorder(hass, place, client).async_ensure_running()


async def test_a_data_folder_that_cannot_be_made_is_named(hass: HomeAssistant, place: Path) -> None:
    """A disk that is not mounted is not replaced by a folder where it should be."""
    missing = place / "not-mounted" / "index"
    async with RecorderClient(socket=socket_path(missing)) as client:
        with pytest.raises(RecorderStartError, match="FileNotFoundError: No such file or directory"):
            await LocalRecorder(hass, missing, client).async_ensure_running()
    assert not missing.parent.exists()


async def test_stopping_where_nothing_runs_does_nothing(
    hass: HomeAssistant, place: Path, client: RecorderClient
) -> None:
    """A disabled library may be removed."""
    await LocalRecorder(hass, place, client, HASTE).async_stop()

    assert await _async_nothing_runs(client)


async def _async_nothing_runs(client: RecorderClient) -> bool:
    with pytest.raises(RecorderError) as raised:
        await client.status()
    return raised.value.code is ErrorCode.RECORDER_UNREACHABLE


def _run(*command: str | Path, cwd: Path | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
