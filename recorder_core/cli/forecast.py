"""`forecast`: when footage of an interval will go, if nothing changes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from . import remote
from .exit_codes import OK

if TYPE_CHECKING:
    import argparse

    from recorder_core.models import Forecast


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `forecast`."""
    remote.add_arguments(parser)
    parser.add_argument("camera", metavar="CAMERA", help="the camera's id")
    parser.add_argument("start", type=remote.moment, metavar="START", help="ISO 8601 with an offset, or @SECONDS")
    parser.add_argument("end", type=remote.moment, metavar="END", help="may lie in the future")


def main(args: argparse.Namespace) -> int:
    """Print when the first and the last of it go."""
    found = asyncio.run(_ask(args))
    if args.json:
        print(found.to_json())
        return OK
    print(f"{found.stored_bytes >> 20} MiB stored{', some of it held' if found.held else ''}")
    rule = f" ({found.rule})" if found.rule is not None else ""
    for part, at_us in (("first", found.first_us), ("last", found.last_us)):
        print(f"the {part} of it goes: {'never' if at_us is None else remote.shown(at_us)}{rule}")
        rule = ""
    return OK


async def _ask(args: argparse.Namespace) -> Forecast:
    async with remote.client(args) as client:
        return await client.forecast(args.camera, args.start, args.end)
