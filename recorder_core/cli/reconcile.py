"""`reconcile`: what every start does, by hand; with `--full`, the index is filled from all files of the volumes."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from recorder_core.clock import SystemClock
from recorder_core.errors import ErrorCode, StorageError
from recorder_core.service.read_in import note_read, note_unread
from recorder_core.service.startup import open_index
from recorder_core.storage.lock import StoreLock
from recorder_core.storage.rebuild import rebuild
from recorder_core.storage.reconcile import reconcile

from .exit_codes import FAILED, LOCKED, OK
from .progress import Progress
from .store import open_volumes

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `reconcile`."""
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="data folder of a stopped recorder")
    parser.add_argument("--full", action="store_true", help="compare the index with every file")
    parser.add_argument(
        "--give-up-missing", action="store_true", help="with --full, remove rows whose file is gone; each leaves a gap"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def main(args: argparse.Namespace) -> int:
    """Bring index and files together; 3 if the recorder runs, 1 if a volume is not there.

    An index whose damage shows only while it is read is set aside when it is opened for the second time.
    """
    try:
        return _reconcile(args)
    except StorageError as error:
        if error.code is not ErrorCode.INDEX_DAMAGED:
            raise
        print(f"{error.message} It is built anew.", file=sys.stderr)
        return _reconcile(args)


def _reconcile(args: argparse.Namespace) -> int:
    try:
        lock = StoreLock(args.data)
    except StorageError as error:
        print(f"{error.code}: {error.message}", file=sys.stderr)
        return LOCKED if error.code is ErrorCode.STORE_LOCKED else FAILED
    with lock, open_index(args.data, SystemClock()) as index, Progress("Reconciling") as bar:
        handles, errors = open_volumes(args.data, index)
        known = {volume.volume_id for volume in index.volumes()}
        for handle in handles:
            if handle.volume.volume_id not in known:
                # Whatever comes of this, the next start must not take it for a volume whose files the index knows.
                note_unread(args.data, handle.volume)
            index.put_volume(handle.volume)

        def show(done: int, total: int) -> None:
            bar.show(done / total if total else 1.0)

        found = reconcile(index, handles, show)
        brought = {
            "salvaged": len(found.salvaged),
            "discarded": found.discarded,
            "foreign": found.foreign,
            "waiting": len(found.waiting),
        }
        full = asdict(rebuild(index, handles, show, give_up_missing=args.give_up_missing)) if args.full else {}
        if args.full:
            for handle in handles:
                note_read(args.data, handle.volume, gave_up_missing=args.give_up_missing)
        bar.show(1.0)
    if args.json:
        print(json.dumps({**brought, "full": full} if args.full else brought))
    else:
        for counts in filter(None, (brought, full)):
            print(", ".join(f"{name.replace('_', ' ')} {value}" for name, value in counts.items()))
    for missing in errors:
        print(f"{missing.code}: {missing.message}", file=sys.stderr)
    return FAILED if errors else OK
