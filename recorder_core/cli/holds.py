"""`holds`: shows, places, reviews and releases the holds of a running recorder."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from recorder_core.clock import SystemClock
from recorder_core.models import HoldKind, HoldList, HoldRelease, HoldRequest, HoldReview, HoldState

from . import remote
from .exit_codes import OK
from .words import MOMENT_HELP, interval, moment, shown, size, span

if TYPE_CHECKING:
    import argparse

    from recorder_core.api.client import RecorderClient
    from recorder_core.json_data import JsonData
    from recorder_core.models import Hold


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `holds`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="show the active holds")
    listing.add_argument("--all", action="store_true", help="also those that were released or have expired")
    placing = actions.add_parser("place", help="keep footage from being deleted")
    placing.add_argument("cameras", nargs="+", metavar="CAMERA", help="the cameras' ids")
    placing.add_argument("--start", type=moment, required=True, metavar="TIME", help=MOMENT_HELP)
    placing.add_argument(
        "--end", type=moment, metavar="TIME", help="may lie in the future; without it the hold stays open"
    )
    placing.add_argument("--pre-roll", type=float, default=0.0, metavar="SECONDS", help="hold so much before as well")
    placing.add_argument("--post-roll", type=float, default=0.0, metavar="SECONDS", help="hold so much after as well")
    placing.add_argument("--kind", type=HoldKind, choices=list(HoldKind), default=HoldKind.INCIDENT)
    placing.add_argument("--case", metavar="ID", help="the case that it is for; no words about people")
    placing.add_argument("--review", type=moment, metavar="TIME", help="when to be reminded of it")
    placing.add_argument("--expires", type=moment, metavar="TIME", help="when it ends by itself")
    placing.add_argument("--key", help="a second call with this key places no second hold")
    reviewing = actions.add_parser("review", help="say that somebody looked at a hold, and that it stays")
    again = reviewing.add_mutually_exclusive_group(required=True)
    again.add_argument("--next", type=moment, metavar="TIME", help="when to be reminded of it again")
    again.add_argument("--never", action="store_true", help="it needs no further review")
    releasing = actions.add_parser("release", help="end a hold; what another one covers stays held")
    for action in (reviewing, releasing):
        action.add_argument("hold", metavar="HOLD", help="the hold's id")
    for action in (placing, reviewing, releasing):
        action.add_argument("--actor", default="", metavar="ID", help="who does it")
    for action in (listing, placing, reviewing, releasing):
        remote.add_arguments(action)


def main(args: argparse.Namespace) -> int:
    """Do it; print a line for each hold, or the answer as JSON."""
    answer, lines = asyncio.run(_do(args))
    if args.json:
        print(answer.to_json())
        return OK
    for line in lines:
        print(line)
    if not lines:
        print("There are no holds." if args.all else "There are no active holds.", file=sys.stderr)
    return OK


async def _do(args: argparse.Namespace) -> tuple[JsonData, list[str]]:
    async with remote.client(args) as client:
        match args.action:
            case "list":
                holds = await client.holds(active=not args.all)
                return HoldList(holds=holds), [line(hold, SystemClock().now_us()) for hold in holds]
            case "place":
                return await _place(client, args)
            case "review":
                hold = await client.review_hold(args.hold, HoldReview(review_us=args.next, actor=args.actor))
            case _:
                hold = await client.release_hold(args.hold, HoldRelease(actor=args.actor))
        return hold, [line(hold, SystemClock().now_us())]


async def _place(client: RecorderClient, args: argparse.Namespace) -> tuple[JsonData, list[str]]:
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
    lines = [line(placed.hold, SystemClock().now_us()), f"{size(placed.held_bytes)} held"]
    if placed.missing_us:
        lines[1] += f", {span(placed.missing_us)} of what has passed not stored"
    if not placed.created:
        lines.append("The key was known: this hold was there before.")
    if placed.hold.state is not HoldState.ACTIVE:
        lines.append("It is over: nothing is held by it.")
    return placed, lines


def line(hold: Hold, now_us: int) -> str:
    """Say what a hold keeps and until when; what is due by now is said to be."""
    case = f" case {hold.case_id}" if hold.case_id is not None else ""
    cameras = ",".join(hold.camera_ids)
    said = f"{hold.hold_id} {hold.state} {hold.kind}{case} {cameras} {interval(hold.start_us, hold.end_us)}"
    if hold.ended_us is not None:
        by = f" by {hold.ended_by}" if hold.ended_by else ""
        return f"{said}, ended {shown(hold.ended_us)}{by}"
    if hold.reviewed_us is not None:
        said += f", reviewed {shown(hold.reviewed_us)}" + (f" by {hold.reviewed_by}" if hold.reviewed_by else "")
    if hold.review_us is not None:
        said += f", review {'due since ' if hold.review_us <= now_us else ''}{shown(hold.review_us)}"
    return said if hold.expires_us is None else f"{said}, expires {shown(hold.expires_us)}"
