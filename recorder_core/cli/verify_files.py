"""`verify` of the files: each against the index, or only that none has sound; the recorder may go on recording."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from recorder_core.service.verify import Flaw, Verified, check_no_audio, check_whole, verify
from recorder_core.storage.read_only import present, read_only

from .exit_codes import FAILED, NOT_VERIFIED, OK
from .progress import Progress
from .store import index_path, index_snapshot, open_volumes

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from recorder_core.service.verify import Finding


def main(args: argparse.Namespace) -> int:
    """Look at every file; 0 if all are as they should be, 5 if not, 1 if a volume is not there."""
    verified = Verified()
    with index_snapshot(args.data) as index, Progress("Verifying") as bar:
        handles, errors = open_volumes(args.data, index)
        findings = list(
            verify(
                index,
                handles,
                check_no_audio if args.no_audio else check_whole,
                camera_id=args.camera,
                progress=lambda done, total: bar.show(done / total if total else 1.0),
                verified=verified,
            )
        )
        bar.show(1.0)
    findings = _still_there(args.data, findings)
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
        if args.no_audio and not findings:
            print("Every file has exactly one track, a video, and no sample entry of sound.")
        print(f"{verified.segments} files, {verified.size} bytes, {len(findings)} findings")
    for error in errors:
        print(f"{error.code}: {error.message}", file=sys.stderr)
    if findings:
        return NOT_VERIFIED
    return FAILED if errors else OK


def _still_there(data: Path, findings: list[Finding]) -> list[Finding]:
    """Leave out the files that are missing because their footage was deleted, as it should be, meanwhile."""
    missing = {finding.segment_id for finding in findings if finding.flaw is Flaw.MISSING}
    with read_only(index_path(data)) as connection:
        deleted = missing - present(connection, missing)
    return [finding for finding in findings if finding.segment_id not in deleted]
