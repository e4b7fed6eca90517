"""`verify PACKAGE`: checks an evidence package, a zip or the folder that it was unpacked into; needs no recorder."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from recorder_core.export.package.absent import AbsenceReason
from recorder_core.export.package.layout import printable, utc_text
from recorder_core.export.package.verify import verify_package
from recorder_core.service.ledger_file import read_copy

from .exit_codes import NOT_VERIFIED, OK, USAGE
from .progress import Progress
from .words import span

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from recorder_core.export.package.findings import PackageReport
    from recorder_core.export.package.read_manifest import Absence

_FINGERPRINT = re.compile("[0-9a-f]{64}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that only a package has."""
    parser.add_argument(
        "--fingerprint", metavar="HEX", help="with PACKAGE, the fingerprint that the key of its signature must have"
    )


def main(package: Path, *, fingerprint: str | None, ledger_copy: Path | None, as_json: bool) -> int:
    """Check a package; 0 if it is whole and signed, 5 with what is wrong if not. Raises `OSError`.

    Signed by whom: by the key of that fingerprint, or if none is given by the one that is printed.
    """
    expected = None if fingerprint is None else "".join(fingerprint.split()).replace(":", "").lower()
    if expected is not None and not _FINGERPRINT.fullmatch(expected):
        print("--fingerprint must be the whole fingerprint, 64 hexadecimal digits", file=sys.stderr)
        return USAGE
    entries = None if ledger_copy is None else list(read_copy(ledger_copy))
    with Progress("Verifying") as bar:
        report = verify_package(
            package,
            lambda done, total: bar.show(done / total if total else 1.0),
            expected_fingerprint=expected,
            ledger_copy=entries,
        )
        bar.show(1.0)
    if as_json:
        known = {"fingerprint_was_given": expected is not None, "copy_was_given": entries is not None}
        print(json.dumps({"package": str(package)} | asdict(report) | known))
    else:
        _print(report, fingerprint_was_given=expected is not None, copy_was_given=entries is not None)
    return NOT_VERIFIED if report.findings else OK


def _print(report: PackageReport, *, fingerprint_was_given: bool, copy_was_given: bool) -> None:
    for finding in report.findings:
        print(printable(f"{finding.file}: {finding.detail}"))
    if report.findings:
        found = "One thing is wrong" if len(report.findings) == 1 else f"{len(report.findings)} things are wrong"
        print(f"{found}: this is not a package as it was made")
        return
    print("The package is complete and unchanged since it was signed with the key of this fingerprint:")
    print(report.fingerprint)
    if fingerprint_was_given:
        print("That is the key that you named.")
    else:
        print("Anybody can sign with a key of their own. Is it the fingerprint that the library has published?")
    if report.not_shown:
        print("It does not show all of the time that was asked for:")
    else:
        print("It shows all of the time that was asked for.")
    for one in report.not_shown:
        between = f"from {utc_text(one.start_us)} to {utc_text(one.end_us)}, {span(one.end_us - one.start_us)}"
        what = "no original" if one.reason == AbsenceReason.REENCODED else "nothing"
        print(printable(f"  {one.camera_id} shows {what} {between}: {_why(one)}"))
    for name in report.derived:
        print(printable(f"{name} is re-encoded: it is signed, but no original, and nothing proves what it shows."))
    print(f"The ledger tells of {report.proved} of the {report.recordings} recordings that the footage comes from.")
    if report.proved < report.recordings:
        print("For the others, which were still being recorded when it was made, the signature alone speaks.")
    if report.ledger_entry is None:
        return
    if copy_was_given:
        print("Its entries for them are those of the copy.")
    else:
        print(f"The newest of its entries for them must be in every copy of the ledger: {report.ledger_entry}")


def _why(one: Absence) -> str:
    return ". ".join(filter(None, (one.reason.replace("_", " "), one.detail)))
