"""`verify PACKAGE`: checks an evidence package, a zip or the folder that it was unpacked into; needs no recorder."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from recorder_core.export.package import verify_package

from .exit_codes import NOT_VERIFIED, OK
from .progress import Progress

if TYPE_CHECKING:
    import argparse
    from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that only a package has."""
    parser.add_argument("--fingerprint", metavar="HEX", help="the fingerprint that a package's key must have")


def main(package: Path, *, fingerprint: str | None, as_json: bool) -> int:
    """Check a package; 0 if it is whole and genuine, 5 with what is wrong if not. Raises `OSError`."""
    expected = None if fingerprint is None else "".join(fingerprint.split()).replace(":", "").lower()
    with Progress("Verifying") as bar:
        findings = verify_package(
            package, lambda done, total: bar.show(done / total if total else 1.0), expected_fingerprint=expected
        )
        bar.show(1.0)
    if as_json:
        print(json.dumps({"package": str(package), "findings": [asdict(finding) for finding in findings]}))
    else:
        for finding in findings:
            print(f"{finding.file}: {finding.detail}")
        print("The package is complete and unchanged." if not findings else f"{len(findings)} findings")
    return NOT_VERIFIED if findings else OK
