"""`deliveries`: shows and removes the copies of exports in the delivery folders of a running recorder.

`export deliver`, which makes one, is declared and done here as well.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from recorder_core.models import DeliveryList, DeliveryRemoval, DeliveryRequest, DeliveryState

from . import remote
from .exit_codes import OK
from .words import MOMENT_HELP, moment, shown, size

if TYPE_CHECKING:
    import argparse

    from recorder_core.models import Delivery


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `deliveries`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="show the copies that lie in a delivery folder")
    remote.add_arguments(listing)
    listing.add_argument("--all", action="store_true", help="also those that went or failed")
    removing = actions.add_parser("remove", help="remove a copy before its time")
    remote.add_arguments(removing)
    removing.add_argument("delivery_id", metavar="COPY", help="the copy's id")
    removing.add_argument(
        "--actor", default="", metavar="ID", help="the id of who does it, which the certificate keeps"
    )


def main(args: argparse.Namespace) -> int:
    """Do it; print a line for each copy, or the answer as JSON."""
    return asyncio.run(_remove(args) if args.action == "remove" else _list(args))


def add_deliver(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `export deliver`."""
    remote.add_arguments(parser)
    parser.add_argument("export_id", metavar="EXPORT", help="the export's id")
    parser.add_argument("folder", metavar="FOLDER", help="the delivery folder's name")
    parser.add_argument(
        "--until", type=moment, metavar="TIME", help=f"when the copy is to go, if not as usual: {MOMENT_HELP}"
    )
    parser.add_argument("--actor", default="", metavar="ID", help="the id of who asks for it")


async def deliver(args: argparse.Namespace) -> int:
    """Do `export deliver`, and say where the copy lies and until when."""
    request = DeliveryRequest(folder=args.folder, expires_us=args.until, actor=args.actor)
    async with remote.client(args) as client:
        delivery = await client.deliver_export(args.export_id, request)
    print(delivery.to_json() if args.json else line(delivery))
    return OK


async def _list(args: argparse.Namespace) -> int:
    async with remote.client(args) as client:
        found = await client.deliveries(active=not args.all)
    if args.json:
        print(DeliveryList(deliveries=found).to_json())
        return OK
    for delivery in found:
        print(line(delivery))
    if not found:
        print("There are no copies." if args.all else "No copy lies in a delivery folder.", file=sys.stderr)
    return OK


async def _remove(args: argparse.Namespace) -> int:
    async with remote.client(args) as client:
        delivery = await client.remove_delivery(args.delivery_id, DeliveryRemoval(actor=args.actor))
    print(delivery.to_json() if args.json else line(delivery))
    return OK


def line(delivery: Delivery) -> str:
    """Say of which export a copy is, where it lies and until when, or what became of it."""
    what = (
        f"{delivery.delivery_id} {delivery.state}: {delivery.path}, {size(sum(file.size for file in delivery.files))}"
    )
    said = f"{what}, of export {delivery.export_id}"
    if delivery.removed_us is not None:
        by = f" by {delivery.removed_by}" if delivery.removed_by else ""
        return f"{said}, given up {shown(delivery.removed_us)}{by}"
    if delivery.state is DeliveryState.FAILED and delivery.problem is not None:
        return f"{said}: {delivery.problem.message}"
    return f"{said}, goes {shown(delivery.expires_us)}"
