"""Makes `recorder_core` importable where only Home Assistant's installer unpacked this integration.

The release carries the package in `_vendor`; a package of that name that Python already finds (a checkout, an
installed recorder) wins. Importing this module does it, once, before anything else imports `recorder_core`.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path


def make_importable(folder: Path) -> None:
    """Put `folder` at the end of Python's path when nothing else offers `recorder_core`."""
    if find_spec("recorder_core") is None:
        sys.path.append(str(folder))


make_importable(Path(__file__).with_name("_vendor"))
