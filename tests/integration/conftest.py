"""What the integration's tests share: a library on real folders, whose recorder is ended when a test is over."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
import pytest_socket
from homeassistant.components.camera.const import CameraState

from recorder_core.simulator import Challenge, SimulatedCamera, Simulator, VideoCodec, VideoSettings

from .library import BACK, FRONT, PASSWORD, USERNAME, Library, camera, processes_on
from .standing_recorder import StandingRecorder, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from homeassistant.core import HomeAssistant


@pytest.fixture(autouse=True)
def custom_integrations(enable_custom_integrations: None) -> None:
    """Let Home Assistant see this repository's integration."""


@pytest.fixture(autouse=True)
def unix_sockets(real_sockets: None) -> None:  # noqa: ARG001 - it comes first
    """Let tests connect to Unix sockets as well: that is how the recorder is reached."""
    pytest_socket.socket_allow_hosts(["127.0.0.1"], allow_unix_socket=True)


@pytest.fixture
def enable_event_loop_debug() -> None:
    """Leave asyncio's debug mode off: simulated cameras run on the same loop."""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder whose path is short enough for a socket in it; no recorder may be left in it."""
    with TemporaryDirectory(prefix="ls-") as folder:
        yield Path(folder)
        left = processes_on(folder)
        for pid in left:
            with suppress(ProcessLookupError):  # a worker whose supervisor is ended ends as well
                os.kill(pid, signal.SIGKILL)
        assert left == {}


@pytest.fixture
async def cameras() -> AsyncIterator[Simulator]:
    """Two simulated cameras: one with a password, H.264 and B-frames, one with H.265."""
    video = VideoSettings(width=320, height=240, fps=10, gop=10, b_frames=2)
    front = SimulatedCamera(
        FRONT, number=1, video=video, username=USERNAME, password=PASSWORD, challenges=(Challenge.DIGEST_SHA256,)
    )
    back = SimulatedCamera(BACK, number=2, video=replace(video, codec=VideoCodec.H265, b_frames=0))
    async with Simulator((front, back)) as simulator:
        yield simulator


@pytest.fixture
async def recording(hass: HomeAssistant, place: Path, cameras: Simulator) -> AsyncIterator[Library]:
    """A library whose two simulated cameras are being recorded."""
    front = camera(FRONT, "Front entrance", cameras.url(FRONT))
    back = camera(BACK, "Book drop", cameras.url(BACK))
    async with Library(hass, place, front, back) as library:
        await library.async_set_up()
        for name in (FRONT, BACK):
            await library.async_wait_for(f"camera.{name}", lambda state: state.state == CameraState.RECORDING)
        yield library


@pytest.fixture
def standing() -> StandingRecorder:
    """A recorder that says what a test wants it to say; `visited` is the library that asks it."""
    return StandingRecorder()


@pytest.fixture
async def visited(hass: HomeAssistant, place: Path, standing: StandingRecorder) -> AsyncIterator[Library]:
    """A library whose recorder is the standing one, run by somebody else, not set up yet."""
    socket = place / "standing.sock"
    async with serving(standing, socket=socket), Library(hass, place, socket=socket) as library:
        yield library


@pytest.fixture
async def library(hass: HomeAssistant, place: Path) -> AsyncIterator[Library]:
    """A library with two cameras that nobody answers for, not set up yet; its recorder ends with the test."""
    async with Library(hass, place) as library:
        yield library
