"""`confirm-clock`: somebody has seen that the recorder's clock is right, so footage may be deleted by age again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from recorder_core.models import SweepHalt

from . import remote
from .exit_codes import OK

if TYPE_CHECKING:
    import argparse

    from recorder_core.models import RecorderStatus


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `confirm-clock`."""
    remote.add_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Confirm it, and say whether anything else keeps footage from being deleted."""
    status = asyncio.run(_confirm(args))
    if args.json:
        print(status.to_json())
    elif status.sweep_halt is SweepHalt.HOLDS:
        print("The clock counts as right. Still nothing is deleted: holds may lie on a volume that was not read yet.")
    else:
        print("The clock counts as right. Footage is deleted by age.")
    return OK


async def _confirm(args: argparse.Namespace) -> RecorderStatus:
    async with remote.client(args) as client:
        return await client.confirm_clock()
