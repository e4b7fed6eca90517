"""The command that runs simulated cameras until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .loop import encode_loop
from .presets import LIBRARIES, LOAD_VIDEO, OLD_CAMERAS, load_cameras
from .simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .camera import SimulatedCamera
    from .loop import FrameLoop


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1000:
        raise argparse.ArgumentTypeError("between 1 and 1000 cameras")
    return number


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number < 1 << 16:
        raise argparse.ArgumentTypeError("between 0 and 65535")
    return number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--library", choices=sorted(LIBRARIES), default="missoula", help="whose cameras to simulate")
    which.add_argument(
        "--load", type=_count, metavar="N", help="N cameras of 1080p that replay one loop, for load tests"
    )
    which.add_argument("--old", action="store_true", help="cameras that send Motion JPEG, over RTSP and over HTTP")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=_port, default=8554, help="the first camera's port, 0 for any (default: 8554)")
    parser.add_argument("--log", type=Path, metavar="FILE", help="write every frame sent to FILE, a line of JSON each")
    parser.add_argument("--passwords", action="store_true", help="print the simulated cameras' credentials too")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _describe(simulator: Simulator, camera: SimulatedCamera, *, passwords: bool) -> str:
    line = f"{simulator.url(camera.name)}  {camera.title}"
    if passwords and camera.challenges:
        line += f"  (user {camera.username}, password {camera.password})"
    return line


async def run(args: argparse.Namespace) -> None:
    """Serve until SIGINT or SIGTERM. Raises OSError if a port or the log file cannot be had."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    cameras: Sequence[SimulatedCamera] = LIBRARIES[args.library].cameras
    loops: list[FrameLoop] = []
    if args.old:
        cameras = OLD_CAMERAS
    if args.load is not None:
        _say("Encoding the loop …")
        cameras, loops = load_cameras(args.load), [encode_loop(LOAD_VIDEO)]
    async with Simulator(cameras, host=args.host, port=args.port, log_path=args.log, loops=loops) as simulator:
        for camera in cameras:
            _say(_describe(simulator, camera, passwords=args.passwords))
        _say(f"{len(cameras)} cameras are running. Ctrl-C stops them.")
        await stop.wait()


def main(args: argparse.Namespace) -> int:
    """Run the command; its exit code. Raises OSError if a port or the log file cannot be had."""
    asyncio.run(run(args))
    return 0
