"""A kill between what the ledger tells of a change and the file that it is made in: the next start tells the truth."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from recorder_core.api.client import RecorderClient
from recorder_core.errors import RecorderError
from recorder_core.models import CameraConfig, Retention, Settings
from tests.core.service.rules import in_force, told
from tests.core.service.shelves import library

from .processes import READY, started

if TYPE_CHECKING:
    from pathlib import Path

    from tests.core.service.rules import Rules

CAMERA = CameraConfig(
    camera_id="lobby", name="Lobby", url="rtsp://127.0.0.1:9/", enabled=False, retention=Retention(retention_days=30)
)
SHORTER = Retention(retention_days=1)

TOLD = "storage/database._writing<storage/rule_rows.tell_rules:commit"
DRAFT = "storage/files.write_private<service/settings._save:fsync"
REPLACED = "storage/files.write_private<service/settings._save:replace"


async def _change(client: RecorderClient, what: str) -> None:
    match what:
        case "settings":
            await client.apply_settings(Settings(exports=SHORTER))
        case "camera":
            await client.put_camera(replace(CAMERA, retention=SHORTER))
        case "removal":
            await client.remove_camera("lobby")


@pytest.mark.parametrize(
    ("what", "step", "passage", "made"),
    [
        ("settings", TOLD, 1, False),
        ("settings", DRAFT, 1, False),
        ("settings", REPLACED, 1, True),
        ("camera", TOLD, 1, False),
        ("camera", REPLACED, 1, True),
        ("removal", REPLACED, 1, False),
        ("removal", TOLD, 1, False),
        ("removal", REPLACED, 2, True),
    ],
)
async def test_after_a_kill_the_ledger_tells_of_the_rules_that_the_files_have(
    data: Path, what: str, step: str, passage: int, *, made: bool
) -> None:
    async with library(data) as one:
        await one.client.put_camera(CAMERA)
        before = in_force(data)
    plan = data / "plan"
    plan.write_text(json.dumps({"crash": {"step": step, "side": "after", "passage": passage}}))
    worker = ("-m", "script.tools.faults.worker", plan, "serve", "--data", data, "--socket", data / "s")
    async with started(*worker) as recorder, RecorderClient(socket=data / "s") as client:
        await recorder.says(READY)
        with pytest.raises(RecorderError):
            await _change(client, what)
        assert await recorder.ends() == -signal.SIGKILL
    after = in_force(data)
    assert (_but_former(after) != before) is made
    async with library(data) as one:
        assert await told(one) == in_force(data) == after


def _but_former(rules: Rules) -> Rules:
    return {subject: rule for subject, rule in rules.items() if "removed" not in rule}
