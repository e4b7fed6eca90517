"""Parses the command line and hands over to one module per command, imported only when it is the one."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from recorder_core.errors import RecorderError
from recorder_core.version import __version__

from .exit_codes import FAILED, INTERRUPTED, UNREAD, UNUSABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "serve": ("recorder_core.cli.serve", "run the recorder under a supervisor"),
    "status": ("recorder_core.cli.status", "show what a running recorder does; also serves as a health check"),
    "probe": ("recorder_core.cli.probe", "try a camera and show what it offers"),
    "export": ("recorder_core.cli.export", "make clips, stills and packages of what a running recorder has stored"),
    "deliveries": ("recorder_core.cli.deliveries", "show and remove copies of exports in delivery folders"),
    "holds": ("recorder_core.cli.holds", "show, place and release holds on footage"),
    "forecast": ("recorder_core.cli.forecast", "say when footage will be deleted"),
    "certificates": ("recorder_core.cli.certificates", "show what was deleted, when and why"),
    "confirm-clock": (
        "recorder_core.cli.confirm_clock",
        "say that the clock is right, so that footage goes by age again",
    ),
    "verify": ("recorder_core.cli.verify", "hold the stored files against the index, or check an evidence package"),
    "ledger": ("recorder_core.cli.ledger", "keep a copy of the ledger of a data folder elsewhere"),
    "reconcile": ("recorder_core.cli.reconcile", "bring the index of a stopped recorder in line with its files"),
    "simulate": ("recorder_core.simulator.cli", "run simulated cameras"),
}
"""Command → module with `add_arguments(parser)` and `main(args) -> int`, and its line in the help."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (by default the process's own) name; return its exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(
        prog="library-recorder",
        description="Records a library's cameras.",
        epilog="exit codes: 0 done, 1 failed, 2 wrong command line, 3 data folder in use by another recorder, "
        "4 a file or folder cannot be used, 5 verification found something wrong, 130 interrupted, "
        "141 nobody reads the output any more; times are shown in UTC",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = None
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if name in words[:1]:
            try:
                chosen = import_module(module)
            except ModuleNotFoundError as error:
                print(f"{name} needs the package {error.name}, which is not installed", file=sys.stderr)
                return FAILED
            chosen.add_arguments(command)
    args = parser.parse_args(words)
    if chosen is None:  # pragma: no cover  # argparse has refused every other word before
        raise AssertionError
    try:
        code = int(chosen.main(args))
        sys.stdout.flush()
    except BrokenPipeError:
        # What is buffered still has nobody who reads it; the interpreter would complain of it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
    except RecorderError as error:
        print(f"{error.code}: {error.message}", file=sys.stderr)
        return FAILED
    except OSError as error:
        print(f"{args.command}: {error}", file=sys.stderr)
        return UNUSABLE
    except KeyboardInterrupt:
        return INTERRUPTED
    return code
