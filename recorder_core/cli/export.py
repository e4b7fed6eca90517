"""`export clip|still|package|list|cancel`: has a running recorder make something, waits for it, says where it is."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from recorder_core.models import (
    ExportJob,
    ExportList,
    ExportRequest,
    ExportState,
    PackageRequest,
    StartMode,
    StillFormat,
    StillRequest,
)

from . import deliveries, remote
from .exit_codes import FAILED, OK
from .progress import Progress
from .words import MOMENT_HELP, interval, moment, shown, size, span

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable

    from recorder_core.api.client import RecorderClient

_LOOK_S = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `export` can do."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="WHAT")
    clip = verbs.add_parser("clip", help="cut a clip out of one camera's footage")
    _add_clip(clip)
    still = verbs.add_parser("still", help="take the picture that was on screen at a moment")
    _add_still(still)
    package = verbs.add_parser("package", help="put the footage of several cameras into a package of evidence")
    _add_package(package)
    shown = verbs.add_parser("list", help="show the newest exports")
    remote.add_arguments(shown)
    shown.add_argument("--limit", type=int, default=20, metavar="N", help="how many")
    deliver = verbs.add_parser("deliver", help="copy the files of an export into a delivery folder")
    deliveries.add_deliver(deliver)
    cancel = verbs.add_parser("cancel", help="stop an export, or remove the files of one that is done")
    remote.add_arguments(cancel)
    cancel.add_argument("export_id", metavar="EXPORT", help="the export's id")
    cancel.add_argument("--actor", default="", help="the id of who does it, which the certificate keeps")


def main(args: argparse.Namespace) -> int:
    """Do it; print one line per file or export, or JSON."""
    return asyncio.run(_VERBS[args.verb](args))


def _add_clip(parser: argparse.ArgumentParser) -> None:
    remote.add_arguments(parser)
    parser.add_argument("camera", metavar="CAMERA", help="the camera's id")
    _add_interval(parser, StartMode.LEAD_IN)
    _add_label(parser)


def _add_still(parser: argparse.ArgumentParser) -> None:
    remote.add_arguments(parser)
    parser.add_argument("camera", metavar="CAMERA", help="the camera's id")
    parser.add_argument("at", type=moment, metavar="TIME", help=MOMENT_HELP)
    parser.add_argument(
        "--format", type=StillFormat, choices=list(StillFormat), default=StillFormat.PNG, help="how it is encoded"
    )
    _add_label(parser)


def _add_package(parser: argparse.ArgumentParser) -> None:
    remote.add_arguments(parser)
    _add_interval(parser, StartMode.NEXT_SYNC)
    parser.add_argument("cameras", nargs="+", metavar="CAMERA", help="the cameras' ids")
    parser.add_argument("--request", metavar="ID", help="the id of the request that it answers")
    parser.add_argument("--basis", metavar="ID", help="the id of the basis on which it is released")
    parser.add_argument("--expires", type=moment, metavar="TIME", help="when it is to be removed")
    _add_label(parser)


def _add_interval(parser: argparse.ArgumentParser, start_mode: StartMode) -> None:
    parser.add_argument("start", type=moment, metavar="START", help=MOMENT_HELP)
    parser.add_argument("end", type=moment, metavar="END")
    parser.add_argument(
        "--start-mode",
        type=StartMode,
        choices=list(StartMode),
        default=start_mode,
        help="carry the pictures that the first one needs, hidden; begin with the next one that needs none; or do so "
        "and put those before it into a file of their own, encoded anew and no original",
    )


def _add_label(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--label", default="", help="a note that the recorder keeps")
    parser.add_argument("--actor", default="", help="the id of who asks for it")


async def _clip(args: argparse.Namespace) -> int:
    request = ExportRequest(
        camera_id=args.camera,
        start_us=args.start,
        end_us=args.end,
        start_mode=args.start_mode,
        label=args.label,
        actor=args.actor,
    )
    async with remote.client(args) as client:
        return tell(args, await _made(client, await client.export(request)))


async def _still(args: argparse.Namespace) -> int:
    request = StillRequest(camera_id=args.camera, at_us=args.at, format=args.format, label=args.label, actor=args.actor)
    async with remote.client(args) as client:
        return tell(args, await _made(client, await client.still_export(request)))


async def _package(args: argparse.Namespace) -> int:
    request = PackageRequest(
        camera_ids=args.cameras,
        start_us=args.start,
        end_us=args.end,
        start_mode=args.start_mode,
        label=args.label,
        actor=args.actor,
        request_id=args.request,
        basis=args.basis,
        expires_us=args.expires,
    )
    async with remote.client(args) as client:
        return tell(args, await _made(client, await client.package(request)))


async def _list(args: argparse.Namespace) -> int:
    async with remote.client(args) as client:
        jobs = await client.exports(args.limit)
    if args.json:
        print(ExportList(exports=jobs).to_json())
    else:
        for job in jobs:
            print(line(job))
        if not jobs:
            print("There are no exports.", file=sys.stderr)
    return OK


def line(job: ExportJob) -> str:
    """Say how far an export is, of what, and what became of it."""
    state = f"running {job.progress:.0%}" if job.state is ExportState.RUNNING else job.state.value
    what = f"{job.kind} {state}, asked for {shown(job.created_us)}"
    of = f"{','.join(job.camera_ids)} {interval(job.start_us, job.end_us)}"
    if job.state is ExportState.FAILED and job.problem is not None:
        return f"{job.export_id} {what}: {of}: {job.problem.message}"
    if job.state is ExportState.DONE:
        goes = "" if job.expires_us is None else f", goes {shown(job.expires_us)}"
        return f"{job.export_id} {what}: {of}, {size(sum(file.size for file in job.files))}{goes}"
    return f"{job.export_id} {what}: {of}"


async def _cancel(args: argparse.Namespace) -> int:
    async with remote.client(args) as client:
        job = await client.remove_export(args.export_id, args.actor)
    print(job.to_json() if args.json else f"{job.export_id} {job.state}")
    return OK


_VERBS: dict[str, Callable[[argparse.Namespace], Awaitable[int]]] = {
    "clip": _clip,
    "still": _still,
    "package": _package,
    "list": _list,
    "deliver": deliveries.deliver,
    "cancel": _cancel,
}


async def _made(client: RecorderClient, job: ExportJob) -> ExportJob:
    """Wait for the end of an export, with a bar; who no longer waits is told that it goes on."""
    try:
        with Progress("Exporting") as bar:
            while job.state in (ExportState.QUEUED, ExportState.RUNNING):
                bar.show(job.progress)
                job = await client.export_job(job.export_id, wait_s=_LOOK_S)
            bar.show(job.progress)
    except asyncio.CancelledError:
        print(f"The export goes on; `export cancel {job.export_id}` stops it.", file=sys.stderr)
        raise
    return job


def tell(args: argparse.Namespace, job: ExportJob) -> int:
    """Print the files of an export that has ended and what they lack, or what became of it; return the exit code."""
    if args.json:
        print(job.to_json())
    elif job.problem is None:
        for file in job.files:
            print(f"{file.path} {file.sha256}")
            if file.derived:
                print(f"{file.path} is re-encoded: it is no original", file=sys.stderr)
        for gap in job.gaps:
            end_us = job.end_us if gap.end_us is None else gap.end_us
            whose = f"{gap.camera_id} " if gap.camera_id else ""
            lasts = f"{interval(gap.start_us, end_us)}, {span(end_us - gap.start_us)}"
            print(f"gap {whose}{lasts}: {gap.reason}", file=sys.stderr)
        for lack in job.not_shown:
            if lack.end_us is not None and lack not in job.gaps:
                lasts = f"{interval(lack.start_us, lack.end_us)}, {span(lack.end_us - lack.start_us)}"
                print(f"no original of {lack.camera_id} {lasts}: {lack.reason.replace('_', ' ')}", file=sys.stderr)
    if job.problem is not None:
        print(f"{job.problem.code}: {job.problem.message}", file=sys.stderr)
    return OK if job.state is ExportState.DONE else FAILED
