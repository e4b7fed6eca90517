"""`python -m recorder_core.simulator`: simulated cameras from the command line."""

from __future__ import annotations

import argparse
import sys

from .command import add_arguments, main

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="recorder_core.simulator", description="Run simulated RTSP cameras.")
    add_arguments(parser)
    sys.exit(main(parser.parse_args()))
