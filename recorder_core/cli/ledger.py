"""`ledger export FILE`: adds to a copy of the ledger what it does not have yet; the recorder may run."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from recorder_core.service.ledger_file import append_copy
from recorder_core.storage.read_only import ledger_entries, read_only

from .exit_codes import OK
from .store import index_path

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `ledger`."""
    parser.add_argument("action", choices=["export"], help="add new entries to a copy of the ledger")
    parser.add_argument("file", type=Path, metavar="FILE", help="the copy; it is made, or added to")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the recorder's data folder")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def main(args: argparse.Namespace) -> int:
    """Add what is new; 1 if FILE and the ledger do not fit together."""
    with read_only(index_path(args.data)) as connection:
        added, entries = append_copy(args.file, partial(ledger_entries, connection))
    if args.json:
        print(json.dumps({"file": str(args.file), "added": added, "entries": entries}))
    else:
        print(f"{args.file}: {added} entries added, {entries} in all")
    return OK
