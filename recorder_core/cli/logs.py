"""Where the recorder's log goes: a small set of rotating files in the data folder, and the standard error stream."""

from __future__ import annotations

import logging
import time
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_BYTES = 5 << 20
_KEPT = 4


def start_logging(folder: Path, level: str) -> None:
    """Log to `folder/recorder.log` and to the standard error stream, in UTC. The process's umask keeps it private."""
    folder.mkdir(mode=0o700, exist_ok=True)
    form = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    form.converter = time.gmtime
    file = RotatingFileHandler(folder / "recorder.log", maxBytes=_BYTES, backupCount=_KEPT, encoding="utf-8")
    for handler in (file, logging.StreamHandler()):
        handler.setFormatter(form)
        logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(level.upper())
    logging.captureWarnings(capture=True)
    # A handler that fails (a full disk, a terminal that has gone) must not write about it to the same place.
    logging.raiseExceptions = False
