"""What decides how footage is kept: by the recorder's files, and by the last words of its ledger."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from recorder_core.models import LedgerKind
from recorder_core.service.settings import SettingsFiles

if TYPE_CHECKING:
    from pathlib import Path

    from .shelves import Library

    type Rules = dict[str, dict[str, object]]
    """By the cameras' ids, and of the settings by an empty one."""


def in_force(data: Path) -> Rules:
    """Read the files."""
    files = SettingsFiles(data)
    former = {
        camera_id: {"enabled": False, "removed": True, "retention": rules.to_dict()}
        for camera_id, rules in files.former().items()
    }
    cameras = {
        camera_id: {"enabled": config.enabled, "retention": config.retention.to_dict()}
        for camera_id, config in files.cameras().items()
    }
    return {**former, **cameras, "": {"settings": files.settings().to_dict()}}


async def told(one: Library) -> Rules:
    """Read the ledger."""
    rules: Rules = {}
    for entry in (await one.client.ledger()).entries:
        if entry.kind is LedgerKind.SETTINGS:
            body = json.loads(entry.body)
            body.pop("found", None)
            rules[body.pop("camera_id", "")] = body
    return rules
