"""`holds`: shows, places and releases the holds of a running recorder."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from recorder_core.models import HoldKind, HoldList, HoldRelease, HoldRequest

from . import remote
from .exit_codes import OK

if TYPE_CHECKING:
    import argparse

    from mashumaro.mixins.orjson import DataClassORJSONMixin

    from recorder_core.api.client import RecorderClient
    from recorder_core.models import Hold


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `holds`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="show the active holds")
    listing.add_argument("--all", action="store_true", help="also those that were released or have expired")
    placing = actions.add_parser("place", help="keep footage from being deleted")
    placing.add_argument("cameras", nargs="+", metavar="CAMERA", help="the cameras' ids")
    placing.add_argument("--start", type=remote.moment, required=True, help="ISO 8601 with an offset, or @SECONDS")
    placing.add_argument("--end", type=remote.moment, help="may lie in the future; without it the hold stays open")
    placing.add_argument("--pre-roll", type=float, default=0.0, metavar="SECONDS", help="hold so much before as well")
    placing.add_argument("--post-roll", type=float, default=0.0, metavar="SECONDS", help="hold so much after as well")
    placing.add_argument("--kind", type=HoldKind, choices=list(HoldKind), default=HoldKind.INCIDENT)
    placing.add_argument("--case", metavar="ID", help="the case that it is for; no words about people")
    placing.add_argument("--review", type=remote.moment, metavar="TIME", help="when to be reminded of it")
    placing.add_argument("--expires", type=remote.moment, metavar="TIME", help="when it ends by itself")
    placing.add_argument("--key", help="a second call with this key changes nothing")
    releasing = actions.add_parser("release", help="end a hold; what another one covers stays held")
    releasing.add_argument("hold", metavar="HOLD", help="the hold's id")
    for action in (placing, releasing):
        action.add_argument("--actor", default="", metavar="ID", help="who does it")
    for action in (listing, placing, releasing):
        remote.add_arguments(action)


def main(args: argparse.Namespace) -> int:
    """Do it; print a line for each hold, or the answer as JSON."""
    answer, lines = asyncio.run(_do(args))
    if args.json:
        print(answer.to_json())
    else:
        for line in lines:
            print(line)
    return OK


async def _do(args: argparse.Namespace) -> tuple[DataClassORJSONMixin, list[str]]:
    async with remote.client(args) as client:
        match args.action:
            case "list":
                holds = await client.holds(active=not args.all)
                return HoldList(holds=holds), [_line(hold) for hold in holds]
            case "place":
                return await _place(client, args)
        hold = await client.release_hold(args.hold, HoldRelease(actor=args.actor))
        return hold, [_line(hold)]


async def _place(client: RecorderClient, args: argparse.Namespace) -> tuple[DataClassORJSONMixin, list[str]]:
    request = HoldRequest(
        camera_ids=args.cameras,
        start_us=args.start,
        end_us=args.end,
        pre_roll_s=args.pre_roll,
        post_roll_s=args.post_roll,
        kind=args.kind,
        case_id=args.case,
        review_us=args.review,
        expires_us=args.expires,
        key=args.key,
        actor=args.actor,
    )
    placed = await client.place_hold(request)
    lines = [_line(placed.hold), f"{placed.held_bytes >> 20} MiB held, {placed.missing_us / 1e6:.1f} s not stored"]
    return placed, lines


def _line(hold: Hold) -> str:
    end = "open" if hold.end_us is None else remote.shown(hold.end_us)
    case = f" case {hold.case_id}" if hold.case_id is not None else ""
    cameras = ",".join(hold.camera_ids)
    return f"{hold.hold_id} {hold.state} {hold.kind}{case} {cameras} {remote.shown(hold.start_us)} to {end}"
