"""`certificates`: what was deleted, when, why and by whose rule."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from recorder_core.models import CertificateList

from . import remote
from .exit_codes import OK
from .words import interval, shown, size

if TYPE_CHECKING:
    import argparse

    from recorder_core.models import Certificate

_PAGE = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `certificates`."""
    remote.add_arguments(parser)
    parser.add_argument("--camera", metavar="ID", help="only this camera")
    parser.add_argument("--after", type=int, default=0, metavar="NUMBER", help="only those with a higher number")


def main(args: argparse.Namespace) -> int:
    """Print a line for each certificate, or all of them as JSON."""
    found = asyncio.run(_ask(args))
    if args.json:
        print(CertificateList(certificates=found).to_json())
        return OK
    for one in found:
        who = f" by {one.actor}" if one.actor else ""
        erased = "files not erased yet" if one.erased_us is None else f"files erased {shown(one.erased_us)}"
        print(
            f"{one.certificate_id} {one.camera_id} {one.record_class} {interval(one.start_us, one.end_us)}: "
            f"{one.records} records, {size(one.size)}, given up {shown(one.at_us)} ({one.rule}){who}, {erased}, "
            f"digest {one.digest}"
        )
    if not found:
        print("There are no such certificates.", file=sys.stderr)
    return OK


async def _ask(args: argparse.Namespace) -> list[Certificate]:
    found: list[Certificate] = []
    async with remote.client(args) as client:
        while page := await client.certificates(args.camera, found[-1].certificate_id if found else args.after, _PAGE):
            found += page
    return found
