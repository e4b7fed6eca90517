"""`probe`: tries a camera and shows what it offers.

The password comes by prompt, environment or file, never by argument: everyone on the machine can read arguments.
"""

from __future__ import annotations

import asyncio
import base64
import getpass
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from recorder_core.clock import SystemClock
from recorder_core.decoder import Decoder
from recorder_core.models import ProbeRequest, ProbeResult, SourceKind
from recorder_core.rtsp import Poller
from recorder_core.service.probe import probe

from .exit_codes import OK

if TYPE_CHECKING:
    import argparse

PASSWORD_VARIABLE = "LIBRARY_RECORDER_PASSWORD"  # noqa: S105  # the name of a variable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `probe`."""
    parser.add_argument("url", metavar="URL", help="rtsp:// or rtsps:// address without user name and password")
    parser.add_argument("--username", metavar="NAME")
    parser.add_argument(
        "--password-file",
        type=Path,
        metavar="FILE",
        help=f"file with the password; else {PASSWORD_VARIABLE} is taken, else you are asked",
    )
    parser.add_argument("--source", type=SourceKind, choices=list(SourceKind), default=SourceKind.AUTO)
    parser.add_argument("--no-verify-tls", action="store_true", help="accept any certificate")
    parser.add_argument("--timeout", type=float, default=15.0, metavar="SECONDS")
    parser.add_argument("--still", type=Path, metavar="FILE", help="write a picture as a JPEG")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def main(args: argparse.Namespace) -> int:
    """Try the camera; what is wrong with it is an error with its code."""
    request = ProbeRequest(
        url=args.url,
        username=args.username,
        password=None if args.username is None else _password(args.password_file),
        source=args.source,
        verify_tls=not args.no_verify_tls,
        still=args.still is not None,
        timeout_s=args.timeout,
    )
    result = asyncio.run(_probe(request))
    if args.still is not None and result.still_jpeg is not None:
        args.still.write_bytes(base64.b64decode(result.still_jpeg))
    shown = result.to_dict()
    del shown["still_jpeg"]
    if args.json:
        print(json.dumps(shown))
    else:
        for name, value in shown.items():
            if value is not None:
                print(f"{name.replace('_', ' ')}: {('no', 'yes')[value] if isinstance(value, bool) else value}")
    return OK


def _password(file: Path | None) -> str:
    if file is not None:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    if (given := os.environ.get(PASSWORD_VARIABLE)) is not None:
        return given
    return getpass.getpass("Password of the camera: ")


async def _probe(request: ProbeRequest) -> ProbeResult:
    clock = SystemClock()
    return await probe(request, clock=clock, poller=Poller(clock), decoder=Decoder())
