"""Programs of the system that judge what an export makes, none of them this project's."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

_SYSTEM_PACKAGES = Path(__file__).parents[3] / "script" / "system-packages"


@cache
def system_packages(package: str) -> None:
    """See to it that a Debian package is there."""
    subprocess.run([_SYSTEM_PACKAGES, package], check=True)


def tool(name: str, package: str) -> str:
    """Return the path of a program from the named Debian package."""
    system_packages(package)
    path = shutil.which(name)
    assert path is not None
    return path
