"""`verify`: holds the files or the ledger against the index, while the recorder may go on; or checks a package."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from . import verify_files, verify_ledger, verify_package
from .exit_codes import USAGE

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `verify`."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("package", type=Path, nargs="?", metavar="PACKAGE", help="an evidence package, zip or folder")
    what.add_argument("--data", type=Path, metavar="DIR", help="the recorder's data folder")
    parser.add_argument("--camera", metavar="ID", help="with --data, only the files of this camera")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--no-audio", action="store_true", help="with --data, only make sure that no file has sound")
    how.add_argument("--ledger", action="store_true", help="with --data, the ledger instead of the files")
    parser.add_argument(
        "--copy", type=Path, metavar="FILE", help="with --ledger or PACKAGE, a copy of the ledger to compare with"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    verify_package.add_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Look at what is meant; 0 if all is as it was recorded, 5 if not, 1 if something needed is not there."""
    idle = _idle(args)
    if idle is not None:
        # Whoever asks for a key, or whether there is sound, must not hear that something else is all right.
        print(f"{idle} has no meaning here; see library-recorder verify --help", file=sys.stderr)
        return USAGE
    if args.package is not None:
        return verify_package.main(args.package, fingerprint=args.fingerprint, ledger_copy=args.copy, as_json=args.json)
    return verify_ledger.main(args) if args.ledger else verify_files.main(args)


def _idle(args: argparse.Namespace) -> str | None:
    """Return an option that means nothing for what is asked for, None if there is none."""
    has_meaning = {
        "--camera": args.camera is None or (args.data is not None and not args.ledger),
        "--no-audio": not args.no_audio or args.data is not None,
        "--ledger": not args.ledger or args.data is not None,
        "--copy": args.copy is None or args.ledger or args.package is not None,
        "--fingerprint": args.fingerprint is None or args.package is not None,
    }
    return next((option for option, meant in has_meaning.items() if not meant), None)
