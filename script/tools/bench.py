"""The benchmarks' command line. A benchmark reports; it never fails for a figure."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from recorder_core.errors import RecorderError

from . import bench_capture, sources

_SOURCES: Final = {"gstreamer": sources.gstreamer, "simulator": sources.simulator}


def _number(text: str) -> int:
    """Read how many cameras or rounds there are to be."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number from 1 on")
    return int(text)


def main() -> int:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    benches = parser.add_subparsers(dest="bench", required=True)
    capture = benches.add_parser("capture", help="CPU and memory of recording, against ffmpeg and PyAV")
    capture.add_argument("--cameras", type=_number, default=11, help="how many cameras (11)")
    capture.add_argument("--source", choices=_SOURCES, default="gstreamer", help="what the cameras are (gstreamer)")
    capture.add_argument("--rounds", type=_number, default=5, help="how often the sides alternate (5)")
    capture.add_argument("--seconds", type=float, default=20.0, help="length of the measured steady state (20)")
    capture.add_argument("--folder", type=Path, default=Path("build"), help="where to record, in a new folder (build)")
    capture.add_argument("--json", action="store_true", help="print the result as JSON, on the last line")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="bench-", dir=arguments.folder) as folder,
            _SOURCES[arguments.source](arguments.cameras) as source,
        ):
            result = bench_capture.run(source, Path(folder) / "side", arguments.rounds, arguments.seconds)
    except (RuntimeError, RecorderError, OSError, subprocess.SubprocessError) as error:
        print(f"The benchmark could not be run: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps({"bench": "capture", "cameras": arguments.cameras, "source": arguments.source, **result}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
