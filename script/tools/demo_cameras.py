"""The simulated cameras of a library, in a process of their own, so that drawing and encoding disturb nobody.

`simulated` is for the program that needs them; run as a module, this file is that process: it prints the cameras as
one line of JSON and goes on until its standard input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from recorder_core.simulator import Simulator, VideoCodec
from recorder_core.simulator.presets import LIBRARIES

from .processes import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recorder_core.simulator import SimulatedCamera


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCamera:
    """A running camera as whoever connects to it must know it. `number` is what its frame code says."""

    name: str
    title: str
    number: int
    area: str
    url: str
    username: str
    password: str = field(repr=False)
    codec: VideoCodec
    b_frames: int
    fps: int
    offers_audio: bool


@contextlib.contextmanager
def simulated(library: str) -> Iterator[list[DemoCamera]]:
    """Run a library's cameras. Raises `RuntimeError` where they do not start."""
    with serving([sys.executable, "-m", "script.tools.demo_cameras", library]) as (_, line):
        yield [DemoCamera(**(one | {"codec": VideoCodec(one["codec"])})) for one in json.loads(line)]


def _described(camera: SimulatedCamera, url: str) -> DemoCamera:
    return DemoCamera(
        name=camera.name,
        title=camera.title,
        number=camera.number,
        area=camera.area,
        url=url,
        username=camera.username,
        password=camera.password,
        codec=camera.video.codec,
        b_frames=camera.video.b_frames,
        fps=camera.video.fps,
        offers_audio=camera.audio is not None,
    )


async def _run(library: str) -> None:
    async with Simulator(LIBRARIES[library].cameras) as simulator:
        cameras = [asdict(_described(camera, simulator.url(camera.name))) for camera in simulator.cameras]
        print(json.dumps(cameras), flush=True)
        await asyncio.to_thread(sys.stdin.buffer.read)


if __name__ == "__main__":
    asyncio.run(_run(sys.argv[1]))
