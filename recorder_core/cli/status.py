"""`status`: what a running recorder does. Its exit code serves as a container's health check."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from . import remote
from .exit_codes import OK

if TYPE_CHECKING:
    import argparse

    from recorder_core.models import RecorderStatus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `status`."""
    remote.add_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Print what the recorder answers; an error, and so exit code 1, if it does not."""
    status = asyncio.run(_ask(args))
    if args.json:
        print(status.to_json())
        return OK
    print(f"recorder {status.version}, process {status.pid}")
    for volume in status.volumes:
        print(f"volume {volume.path}: {volume.state}, {volume.free_bytes >> 20} MiB free")
    for camera in status.cameras:
        note = f" ({camera.problem.message})" if camera.problem is not None else ""
        print(f"camera {camera.camera_id} {camera.name}: {camera.state}{note}")
    return OK


async def _ask(args: argparse.Namespace) -> RecorderStatus:
    async with remote.client(args) as client:
        return await client.status()
