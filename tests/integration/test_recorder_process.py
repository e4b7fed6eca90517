"""The local recorder's process in the cases that are rare: other versions, races, and one that does not want to end."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import recorder_core
from custom_components.library_surveillance import recorder_process, runtime_copy, socket_path as sockets
from custom_components.library_surveillance.recorder_process import LocalRecorder, Patience, RecorderStartError
from custom_components.library_surveillance.socket_path import socket_path
from recorder_core import __version__
from recorder_core.api.client import RecorderClient
from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.storage.lock import StoreLock

from .library import PATIENCE_S, lives, mode_of
from .standing_recorder import StandingRecorder, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from homeassistant.core import HomeAssistant

    from recorder_core.models import RecorderStatus

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
        """Return what it says of itself, of another version, as long as it lives."""
        pid, supervisor_pid = self.pids
        if not lives(pid):
            raise RecorderError(ErrorCode.RECORDER_UNREACHABLE, "Nobody is there.")
        return replace(super().status(), version=OTHER_VERSION, pid=pid, supervisor_pid=supervisor_pid)

    def request_shutdown(self) -> None:
        """Do nothing."""


async def test_a_recorder_of_another_version_is_replaced(
    hass: HomeAssistant, place: Path, client: RecorderClient
) -> None:
    """Both sides always have one version; the old processes are gone before the new ones start."""
    old_code = place / "old"
    # Other tests compile meanwhile, in files that come and go.
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(recorder_core.__path__[0], old_code / "recorder_core", ignore=ignored)
    (old_code / "recorder_core" / "version.py").write_text(f'__version__ = "{OTHER_VERSION}"\n')
    recorder = LocalRecorder(hass, place, client)
    with _running(sys.executable, "-m", "recorder_core", "serve", "--data", place, cwd=old_code) as old:
        reaped = asyncio.ensure_future(hass.async_add_executor_job(old.wait))
        try:
            before = await _async_first_status(client)
            assert before.version == OTHER_VERSION

            after = await recorder.async_ensure_running()

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
    waiting = (sys.executable, "-c", "import signal; signal.pause()")
    with _running(*waiting) as worker, _running(*waiting) as supervisor:
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


async def test_a_start_that_is_given_up_leaves_nothing_behind(
    hass: HomeAssistant, place: Path, client: RecorderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start cannot be called back once it is under way; the next stop finds what it started and ends it."""
    install, under_way, go_on = runtime_copy.install, threading.Event(), threading.Event()

    def install_slowly(root: Path) -> Path:
        under_way.set()
        go_on.wait()
        return install(root)

    monkeypatch.setattr(runtime_copy, "install", install_slowly)
    start = hass.async_create_task(LocalRecorder(hass, place, client).async_ensure_running())
    await hass.async_add_executor_job(under_way.wait)
    start.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await start
    (child,) = (child for folder, child in recorder_process._children if folder == place)

    await LocalRecorder(hass, place, client).async_stop()

    assert child.poll() == 0
    StoreLock(place).release()


async def test_two_that_were_started_at_once_both_end(hass: HomeAssistant, place: Path, client: RecorderClient) -> None:
    """The second one waits in the wings until the first has given the lock up; it is not forgotten there."""
    recorder = LocalRecorder(hass, place, client)
    first = await recorder.async_ensure_running()
    second, _ = await hass.async_add_executor_job(recorder._start)

    await recorder.async_stop()

    assert not lives(first.pid)
    assert second.poll() is not None
    assert await _async_nothing_runs(client)


async def test_one_that_met_a_lock_is_started_again(hass: HomeAssistant, place: Path, client: RecorderClient) -> None:
    """The last recorder may need a moment to close its files."""
    recorder = LocalRecorder(hass, place, client, replace(HASTE, start_s=60.0))
    with StoreLock(place):
        start = hass.async_create_task(recorder.async_ensure_running())
        while not any(child.poll() for folder, child in recorder_process._children if folder == place):  # noqa: ASYNC110 - processes tell nobody
            await asyncio.sleep(0.01)

    assert (await start).version == __version__
    await recorder.async_stop()


async def test_a_long_path_has_its_socket_elsewhere(
    hass: HomeAssistant, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recorder makes its socket in a folder that was made private for it."""
    monkeypatch.setattr(sockets, "_RUN", place)
    index = place / ("x" * 120)
    socket = socket_path(index)
    async with RecorderClient(socket=socket) as client:
        recorder = LocalRecorder(hass, index, client)
        await recorder.async_ensure_running()
        assert mode_of(socket) == 0o600
        assert mode_of(socket.parent) == 0o700
        await recorder.async_stop()


class Broken(StandingRecorder):
    """It cannot even say how it is."""

    def status(self) -> RecorderStatus:
        """Fail."""
        raise RecorderError(ErrorCode.INDEX_DAMAGED, "The index cannot be read.")


async def test_one_that_answers_with_an_error_is_left_alone(
    hass: HomeAssistant, place: Path, client: RecorderClient
) -> None:
    """It may still record; its error is what people need to know."""
    async with serving(Broken(), socket=socket_path(place)):
        with pytest.raises(RecorderError) as raised:
            await LocalRecorder(hass, place, client).async_ensure_running()
    assert raised.value.code is ErrorCode.INDEX_DAMAGED


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


async def _async_first_status(client: RecorderClient) -> RecorderStatus:
    """Wait for a recorder that comes up by itself."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await client.status()
            except RecorderError:
                await asyncio.sleep(0.05)  # a process that is no child of Home Assistant tells it nothing


@contextmanager
def _running(*command: str | Path, cwd: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program; whatever the test finds, it is gone afterwards. A worker follows its supervisor by itself."""
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()
