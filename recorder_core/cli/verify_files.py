"""`verify` of the files: each against the index, or only that none has sound; the recorder may go on recording."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from recorder_core.service.verify import Flaw, Verified, check_no_audio, check_whole, verify
from recorder_core.service.verify_exports import check_no_sound, check_unchanged, verify_exports
from recorder_core.storage.read_only import kept_exports, present, read_only

from .exit_codes import FAILED, NOT_VERIFIED, OK
from .progress import Progress
from .store import index_copy, index_snapshot, open_volumes

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from recorder_core.service.verify import Finding
    from recorder_core.service.verify_exports import ExportFinding
    from recorder_core.storage.index import Index
    from recorder_core.storage.volumes import VolumeHandle

_NO_SOUND = (
    "No file has room for sound: each byte of every recording, of every clip and of every video in a package is one of "
    "the headers of a single video track, or of a picture."
)


def main(args: argparse.Namespace) -> int:
    """Look at every file; 0 if all are as they should be, 5 if not, 1 if a volume is not there."""
    verified = Verified()
    with index_snapshot(args.data) as index:
        handles, errors = open_volumes(args.data, index)
        files = _files(index, handles, args, verified)
        exports, looked_at = _exports(index, handles, args)
    findings = _still_there(args.data, files, exports)
    if args.json:
        report = {
            "segments": verified.segments,
            "bytes": verified.size,
            "exports": looked_at,
            "findings": [asdict(finding) for finding in findings],
            "volumes_missing": [error.message for error in errors],
        }
        print(json.dumps(report))
    else:
        for finding in findings:
            print(f"{finding.path}: {finding.flaw} {finding.detail}".rstrip())
        if args.no_audio and not findings:
            print(_NO_SOUND)
        print(f"{verified.segments} files, {verified.size} bytes, {looked_at} exports, {len(findings)} findings")
    for error in errors:
        print(f"{error.code}: {error.message}", file=sys.stderr)
    if findings:
        return NOT_VERIFIED
    return FAILED if errors else OK


def _files(index: Index, handles: list[VolumeHandle], args: argparse.Namespace, verified: Verified) -> list[Finding]:
    with Progress("Verifying") as bar:
        findings = verify(
            index,
            handles,
            check_no_audio if args.no_audio else check_whole,
            camera_id=args.camera,
            progress=lambda done, total: bar.show(done / total if total else 1.0),
            verified=verified,
        )
        found = list(findings)
        bar.show(1.0)
    return found


def _exports(index: Index, handles: list[VolumeHandle], args: argparse.Namespace) -> tuple[list[ExportFinding], int]:
    """What is wrong with exports, and how many were looked at."""
    count = 0

    def advance(done: int, total: int) -> None:
        nonlocal count
        count = done
        bar.show(done / total)

    with Progress("Verifying exports") as bar:
        examine = check_no_sound if args.no_audio else check_unchanged
        found = list(verify_exports(index, handles, examine, camera_id=args.camera, progress=advance))
        bar.show(1.0)
    return found, count


def _still_there(data: Path, files: list[Finding], exports: list[ExportFinding]) -> list[Finding | ExportFinding]:
    """Leave out what is missing because it was deleted, as it should be, meanwhile."""
    missing = {finding.segment_id for finding in files if finding.flaw is Flaw.MISSING}
    if not missing and not exports:
        return [*files]
    with index_copy(data) as copy, read_only(copy) as connection:
        deleted = missing - present(connection, missing)
        kept = kept_exports(connection)
    return [
        *(finding for finding in files if finding.segment_id not in deleted),
        *(finding for finding in exports if finding.export_id in kept),
    ]
