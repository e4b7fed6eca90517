"""The recorders that the capture benchmark compares; each is started for all cameras and stores below one folder."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from recorder_core.api.client import RecorderClient
from recorder_core.errors import RecorderError
from recorder_core.models import CameraConfig, RecorderStatus, Settings, VolumeConfig

from .processes import stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    type Side = Callable[[list[str], Path], contextlib.AbstractContextManager[list[int]]]
    """Takes the cameras' addresses and a folder, gives the process ids to measure while it records."""


@contextlib.contextmanager
def ours(urls: list[str], folder: Path) -> Iterator[list[int]]:
    """The recorder as it is delivered: supervisor and worker, index and volume, cameras put through its API."""
    data, footage = folder / "data", folder / "footage"
    footage.mkdir(mode=0o700)
    command = [sys.executable, "-m", "recorder_core", "serve", "--data", str(data)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # it keeps its own log
    try:
        asyncio.run(_put_cameras(data / "recorder.sock", footage.absolute(), urls))
        yield [process.pid]
        asyncio.run(_shut_down(data / "recorder.sock"))
        process.wait(60)
    except RecorderError as error:
        log = (data / "logs" / "recorder.log").read_text().splitlines()[-5:]
        raise RuntimeError("\n".join((f"our recorder: {error}", *log))) from error
    finally:
        stop([process])


async def _put_cameras(socket: Path, footage: Path, urls: list[str]) -> None:
    async with RecorderClient(socket=socket) as client:
        await until_answering(client)
        await client.apply_settings(Settings(volumes=[VolumeConfig(path=str(footage))]))
        for number, url in enumerate(urls):
            await client.put_camera(CameraConfig(camera_id=f"cam{number}", name=f"Camera {number}", url=url))


async def _shut_down(socket: Path) -> None:
    async with RecorderClient(socket=socket) as client:
        await client.shutdown()


async def until_answering(client: RecorderClient, limit_s: float = 30) -> RecorderStatus:
    """Return the status of a recorder that has just been started."""
    async with asyncio.timeout(limit_s):
        while True:
            with contextlib.suppress(RecorderError):  # its socket is not there yet
                return await client.status()
            await asyncio.sleep(0.1)


@contextlib.contextmanager
def ffmpeg(urls: list[str], folder: Path) -> Iterator[list[int]]:
    """A process of ffmpeg for each camera, copying the video into MP4 files of a minute."""
    processes = [
        subprocess.Popen(
            [
                *("ffmpeg", "-nostdin", "-loglevel", "error", "-rtsp_transport", "tcp", "-i", url),
                *("-an", "-c", "copy", "-f", "segment", "-segment_time", "60", "-segment_format", "mp4"),
                folder / f"cam{number}-%03d.mp4",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for number, url in enumerate(urls)
    ]
    try:
        yield [process.pid for process in processes]
    finally:
        stop(processes)


@contextlib.contextmanager
def pyav(urls: list[str], folder: Path) -> Iterator[list[int]]:
    """One process with PyAV, a thread for each camera."""
    process = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("pyav_recorder.py"), folder, *urls], stderr=subprocess.DEVNULL
    )
    try:
        yield [process.pid]
    finally:
        stop([process])
