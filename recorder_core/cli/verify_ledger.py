"""`verify --ledger`: the ledger's chain, what it tells of against the index, and a copy of it from elsewhere."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from recorder_core.service.ledger_file import read_copy
from recorder_core.service.verify_ledger import verify_ledger

from .exit_codes import NOT_VERIFIED, OK
from .progress import Progress
from .store import index_snapshot

if TYPE_CHECKING:
    import argparse


def main(args: argparse.Namespace) -> int:
    """Look at every entry; 0 if the ledger is whole and true, 5 if not."""
    with index_snapshot(args.data) as index, Progress("Verifying the ledger") as bar:
        copy = () if args.copy is None else read_copy(args.copy)
        findings = list(verify_ledger(index, copy, lambda done, total: bar.show(done / total)))
        head = index.ledger(0, 0)
        bar.show(1.0)
    if args.json:
        report = {
            "entries": head.head_seq,
            "head_hash": head.head_hash,
            "findings": [asdict(finding) for finding in findings],
        }
        print(json.dumps(report))
    else:
        for finding in findings:
            print(f"entry {finding.seq}: {finding.flaw} {finding.detail}".rstrip())
        print(f"{head.head_seq} entries, {len(findings)} findings; the last one's hash is {head.head_hash}")
    return NOT_VERIFIED if findings else OK
