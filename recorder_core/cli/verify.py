"""`verify`: holds all stored files against the index; the recorder may go on recording meanwhile."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from recorder_core.service.verify import Verified, verify

from .exit_codes import FAILED, NOT_VERIFIED, OK
from .progress import Progress
from .store import index_snapshot, open_volumes

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `verify`."""
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the recorder's data folder")
    parser.add_argument("--camera", metavar="ID", help="only this camera")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def main(args: argparse.Namespace) -> int:
    """Look at every file; 0 if all are as they were recorded, 5 if not, 1 if a volume is not there."""
    verified = Verified()
    with index_snapshot(args.data) as index, Progress("Verifying") as bar:
        handles, errors = open_volumes(args.data, index)
        findings = list(
            verify(
                index,
                handles,
                camera_id=args.camera,
                progress=lambda done, total: bar.show(done / total if total else 1.0),
                verified=verified,
            )
        )
        bar.show(1.0)
    if args.json:
        report = {
            "segments": verified.segments,
            "bytes": verified.size,
            "findings": [asdict(finding) for finding in findings],
            "volumes_missing": [error.message for error in errors],
        }
        print(json.dumps(report))
    else:
        for finding in findings:
            print(f"{finding.path}: {finding.flaw} {finding.detail}".rstrip())
        print(f"{verified.segments} files, {verified.size} bytes, {len(findings)} findings")
    for error in errors:
        print(f"{error.code}: {error.message}", file=sys.stderr)
    if findings:
        return NOT_VERIFIED
    return FAILED if errors else OK
