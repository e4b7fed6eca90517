"""What commands that talk to a running recorder share: where it is."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from recorder_core.api.client import RecorderClient
from recorder_core.errors import ErrorCode, RecorderError

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncGenerator


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that say which recorder is meant."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--data", type=Path, metavar="DIR", help="the recorder's data folder")
    where.add_argument("--socket", type=Path, metavar="PATH", help="the recorder's Unix socket")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


@asynccontextmanager
async def client(args: argparse.Namespace) -> AsyncGenerator[RecorderClient]:
    """Give a client of the recorder that is meant; who is not answered is told where it was looked for."""
    path = args.socket or args.data / "recorder.sock"
    try:
        async with RecorderClient(socket=path) as one:
            yield one
    except RecorderError as error:
        if error.code is not ErrorCode.RECORDER_UNREACHABLE:
            raise
        raise RecorderError(error.code, f"No recorder answers at {path}.") from error
