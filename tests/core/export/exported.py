"""An export with files of any content, as copies of it need one."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from recorder_core.models import ExportFile, ExportJob, ExportState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def lay_export(contents: Mapping[Path, bytes]) -> ExportJob:
    """Write the files and return the export that has them."""
    return ExportJob(
        export_id="e" * 32,
        camera_id="a",
        camera_ids=["a"],
        start_us=0,
        end_us=1,
        state=ExportState.DONE,
        files=[_laid(path, content) for path, content in contents.items()],
    )


def _laid(path: Path, content: bytes) -> ExportFile:
    path.write_bytes(content)
    return ExportFile(
        path=str(path),
        sha256=sha256(content).hexdigest(),
        size=len(content),
        start_us=0,
        end_us=1,
        duration_us=1,
        frames=1,
        lead_in_us=0,
    )
