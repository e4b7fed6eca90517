"""The cameras of the fault suite as a process of their own: `cameras COUNT LOG [changing]`.

Those that are changing can send larger pictures, too; to encode these takes a while.

Prints the cameras' addresses by name, as one line of JSON. Then it reads commands, `NAME FAULT` or `NAME clear`,
answers each with a line, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recorder_core.simulator import SimulatedCamera, Simulator, VideoSettings
from recorder_core.simulator.faults import (
    ChangeSsrc,
    ChangeVideo,
    Disconnect,
    Fault,
    JumpSequence,
    JumpTimestamp,
    Quirk,
)
from recorder_core.simulator.loop import encode_loop

if TYPE_CHECKING:
    from collections.abc import Mapping

VIDEO: Final = VideoSettings(width=320, height=180, fps=25, gop=25, bitrate=1_000_000)
LARGER: Final = replace(VIDEO, width=480, height=270)
GOPS: Final = 20

FAULTS: Final[Mapping[str, Fault]] = {
    "refuse": Quirk.REFUSE,
    "close_at_once": Quirk.CLOSE_AT_ONCE,
    "never_answer": Quirk.NEVER_ANSWER,
    "stall": Quirk.STALL,
    "larger": ChangeVideo(LARGER),
    "disconnect": Disconnect(),
    "change_ssrc": ChangeSsrc(),
    "skip_packets": JumpSequence(by=5),
    "jump_timestamp": JumpTimestamp(by=90_000 * 60),
}


async def main(count: int, log: Path, *, changing: bool) -> None:
    """Serve until standard input ends."""
    loops = [encode_loop(video, gops=GOPS) for video in ((VIDEO, LARGER) if changing else (VIDEO,))]
    cameras = [SimulatedCamera(f"cam{number}", number=number, video=VIDEO) for number in range(count)]
    async with Simulator(cameras, log_path=log, loops=loops) as simulator:
        urls = {camera.name: simulator.url(camera.name) for camera in cameras}
        print(json.dumps({"urls": urls}), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            name, word = line.split()
            if word == "clear":
                await simulator.clear(name)
            else:
                await simulator.apply(name, FAULTS[word])
            print(line.strip(), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), changing="changing" in sys.argv))
