"""`export`: has a running recorder cut a clip, waits for it, and says where its files are."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from recorder_core.models import ExportJob, ExportRequest, ExportState, StartMode

from . import remote
from .exit_codes import FAILED, OK
from .progress import Progress

if TYPE_CHECKING:
    import argparse

_LOOK_S = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `export`."""
    remote.add_arguments(parser)
    parser.add_argument("camera", metavar="CAMERA", help="the camera's id")
    parser.add_argument("start", type=remote.moment, metavar="START", help="ISO 8601 with an offset, or @SECONDS")
    parser.add_argument("end", type=remote.moment, metavar="END")
    parser.add_argument(
        "--start-mode",
        type=StartMode,
        choices=list(StartMode),
        default=StartMode.LEAD_IN,
        help="carry the pictures that the first one needs, hidden, or begin with the next one that needs none",
    )
    parser.add_argument("--label", default="", help="a note that the recorder keeps")


def main(args: argparse.Namespace) -> int:
    """Export; print one line per file, or the whole job as JSON."""
    job = asyncio.run(_export(args))
    if args.json:
        print(job.to_json())
    elif job.problem is None:
        for file in job.files:
            print(f"{file.path} {file.sha256}")
        for gap in job.gaps:
            print(f"gap of {((gap.end_us or job.end_us) - gap.start_us) / 1e6:.3f} s: {gap.reason}", file=sys.stderr)
    if job.problem is not None:
        print(f"{job.problem.code}: {job.problem.message}", file=sys.stderr)
    return OK if job.state is ExportState.DONE else FAILED


async def _export(args: argparse.Namespace) -> ExportJob:
    request = ExportRequest(
        camera_id=args.camera,
        start_us=args.start,
        end_us=args.end,
        start_mode=args.start_mode,
        label=args.label,
    )
    async with remote.client(args) as client:
        job = await client.export(request)
        with Progress("Exporting") as bar:
            while job.state in (ExportState.QUEUED, ExportState.RUNNING):
                bar.show(job.progress)
                job = await client.export_job(job.export_id, wait_s=_LOOK_S)
            bar.show(job.progress)
    return job
