"""The simulator's load mode as a process for the benchmarks: `load_cameras CAMERAS`.

Prints the cameras' addresses and what they loop as one line of JSON, and goes on until its standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict

from recorder_core.simulator import Simulator
from recorder_core.simulator.loop import encode_loop
from recorder_core.simulator.presets import LOAD_VIDEO, load_cameras

from .material import Material


async def main(count: int) -> None:
    """Serve until standard input ends."""
    loop = encode_loop(LOAD_VIDEO)
    material = Material(
        fps=loop.video.fps,
        codec_data="",
        sizes=[sum(4 + len(unit) for unit in one.frame.units) for one in loop.frames],
        sha256=[one.digest for one in loop.frames],
    )
    async with Simulator(load_cameras(count), loops=[loop]) as simulator:
        urls = [simulator.url(camera.name) for camera in simulator.cameras]
        print(json.dumps({"urls": urls, "material": asdict(material)}), flush=True)
        await asyncio.to_thread(sys.stdin.buffer.read)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
