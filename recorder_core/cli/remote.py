"""What commands that talk to a running recorder share: where it is, and how moments are written."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from pathlib import Path

from recorder_core.api.client import RecorderClient


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that say which recorder is meant."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--data", type=Path, metavar="DIR", help="the recorder's data folder")
    where.add_argument("--socket", type=Path, metavar="PATH", help="the recorder's Unix socket")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def client(args: argparse.Namespace) -> RecorderClient:
    """Return a client of the recorder that is meant."""
    return RecorderClient(socket=args.socket or args.data / "recorder.sock")


def moment(text: str) -> int:
    """Return the UTC microseconds of a moment: ISO 8601 with an offset or `Z`, or `@` and seconds since 1970.

    Raises:
        argparse.ArgumentTypeError: It is neither.
    """
    try:
        if text.startswith("@"):
            return round(float(text[1:]) * 1_000_000)
        parsed = datetime.fromisoformat(text)
    except ValueError, OverflowError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        sentence = f"{text!r} is no moment: write 2026-03-01T14:05:00-07:00, 2026-03-01T21:05:00Z or @SECONDS"
        raise argparse.ArgumentTypeError(sentence)
    return round((parsed - datetime.fromtimestamp(0, UTC)).total_seconds() * 1_000_000)


def shown(at_us: int) -> str:
    """Return UTC microseconds as people read them, to the second; a time that no calendar has as it is."""
    try:
        return (datetime.fromtimestamp(0, UTC) + timedelta(microseconds=at_us)).strftime("%Y-%m-%dT%H:%M:%SZ")
    except OverflowError:
        return f"@{at_us / 1e6:.0f}"
