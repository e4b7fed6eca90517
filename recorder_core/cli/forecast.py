"""`forecast`: when footage of an interval will go, if nothing changes, and how much of it has gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from recorder_core.clock import SystemClock

from . import remote
from .exit_codes import OK
from .words import MOMENT_HELP, moment, shown, size, span

if TYPE_CHECKING:
    import argparse

    from recorder_core.models import Forecast


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `forecast`."""
    remote.add_arguments(parser)
    parser.add_argument("camera", metavar="CAMERA", help="the camera's id")
    parser.add_argument("start", type=moment, metavar="START", help=MOMENT_HELP)
    parser.add_argument("end", type=moment, metavar="END", help="may lie in the future")


def main(args: argparse.Namespace) -> int:
    """Print what there is of it, and when the first and the last of it go."""
    found = asyncio.run(_ask(args))
    if args.json:
        print(found.to_json())
        return OK
    for line in lines(found, SystemClock().now_us()):
        print(line)
    return OK


def lines(found: Forecast, now_us: int) -> list[str]:
    """Say what a forecast says."""
    said = [f"stored: {size(found.stored_bytes) if found.stored_bytes else 'nothing'}"]
    if found.missing_us:
        said.append(f"not stored: {span(found.missing_us)}")
    if found.destroyed_us:
        said[-1] += f", of which {span(found.destroyed_us)} were deleted: certificates --camera {found.camera_id}"
    if found.hold_ids:
        said.append(f"held, some or all of it, by {', '.join(found.hold_ids)}")
    if found.first_us is None:
        if found.stored_bytes or found.end_us > now_us:
            said.append("goes: never, as things are")
        return said
    rule = "" if found.rule is None else f" ({found.rule})"
    said.append(f"the first of it goes: {shown(found.first_us)}{rule}")
    said.append(f"the last of it goes: {'never, as things are' if found.last_us is None else shown(found.last_us)}")
    return said


async def _ask(args: argparse.Namespace) -> Forecast:
    async with remote.client(args) as client:
        return await client.forecast(args.camera, args.start, args.end)
