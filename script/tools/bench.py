"""The benchmarks' command line. A benchmark reports; it never fails for a figure."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recorder_core.errors import RecorderError

from . import bench_capture, bench_export, bench_index, bench_recover, sources

if TYPE_CHECKING:
    from collections.abc import Callable

_SOURCES: Final = {"gstreamer": sources.gstreamer, "simulator": sources.simulator}


def _number(text: str) -> int:
    """Read how many of something there are to be."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number from 1 on")
    return int(text)


def _capture(arguments: argparse.Namespace, folder: Path) -> dict[str, object]:
    with _SOURCES[arguments.source](arguments.cameras) as source:
        result = bench_capture.run(source, folder / "side", arguments.rounds, arguments.seconds)
    return {"cameras": arguments.cameras, "source": arguments.source, **result}


def _export(arguments: argparse.Namespace, folder: Path) -> dict[str, object]:
    return {"minutes": arguments.minutes, **bench_export.run(folder, arguments.minutes, arguments.rounds)}


def _index(arguments: argparse.Namespace, folder: Path) -> dict[str, object]:
    figures = bench_index.run(folder, arguments.cameras, arguments.days, arguments.rounds)
    return {"cameras": arguments.cameras, "days": arguments.days, **figures}


def _recover(arguments: argparse.Namespace, folder: Path) -> dict[str, object]:
    return bench_recover.run(folder, arguments.segments, arguments.cameras)


_RUNS: Final[dict[str, Callable[[argparse.Namespace, Path], dict[str, object]]]] = {
    "capture": _capture,
    "export": _export,
    "index": _index,
    "recover": _recover,
}


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--folder", type=Path, default=Path("build"), help="where to work, in a new folder (build)")
    shared.add_argument("--json", action="store_true", help="print the result as JSON, on the last line")
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    benches = parser.add_subparsers(dest="bench", required=True)

    capture = benches.add_parser(
        "capture", parents=[shared], help="CPU and memory of recording, against ffmpeg and PyAV"
    )
    capture.add_argument("--cameras", type=_number, default=11, help="how many cameras (11)")
    capture.add_argument("--source", choices=_SOURCES, default="gstreamer", help="what the cameras are (gstreamer)")
    capture.add_argument("--rounds", type=_number, default=5, help="how often the sides alternate (5)")
    capture.add_argument("--seconds", type=float, default=20.0, help="length of the measured steady state (20)")

    export = benches.add_parser("export", parents=[shared], help="a checked clip, against a plain copy and ffmpeg")
    export.add_argument("--minutes", type=_number, default=10, help="length of the clip (10)")
    export.add_argument("--rounds", type=_number, default=7, help="how often the sides alternate (7)")

    index = benches.add_parser("index", parents=[shared], help="questions to a full index, and giving up footage")
    index.add_argument("--cameras", type=_number, default=100, help="how many cameras it knows (100)")
    index.add_argument("--days", type=_number, default=30, help="how many days of each (30; the sweep needs 21)")
    index.add_argument("--rounds", type=_number, default=1000, help="how often each question is asked (1000)")

    recover = benches.add_parser("recover", parents=[shared], help="a start after a crash, and a rebuild of the index")
    recover.add_argument("--segments", type=_number, default=2000, help="how many files to rebuild from (2000)")
    recover.add_argument("--cameras", type=_number, default=100, help="how many cameras recorded at the crash (100)")
    return parser


def main() -> int:
    """Run what the command line names."""
    arguments = _parser().parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-", dir=arguments.folder) as folder:
            result = _RUNS[arguments.bench](arguments, Path(folder))
    except (RuntimeError, RecorderError, OSError, subprocess.SubprocessError) as error:
        print(f"The benchmark could not be run: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps({"bench": arguments.bench, **result}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
