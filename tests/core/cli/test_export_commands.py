"""`export` as people and scripts use it: what it prints, and what its exit codes say."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from recorder_core.cli.exit_codes import FAILED, OK
from recorder_core.cli.main import run
from recorder_core.models import CameraState
from recorder_core.simulator import Simulator
from tests.core.service.rig import SOCKET, camera, config_of, served, state_reached, stored, use_volume

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def test_exports_are_made_listed_and_cancelled(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    socket = ("--socket", str(data / SOCKET))

    async def export(verb: str, *words: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(run, ["export", verb, *socket, *words])
        return code, *capsys.readouterr()

    async with Simulator([camera()]) as simulator, served(data) as (_, client):
        await use_volume(client, data / "footage")
        await client.put_camera(config_of(simulator))
        await state_reached(client, CameraState.RECORDING)
        segment = (await stored(client, seconds=2.5)).segments[-1]
        start, end = (f"@{(segment.start_us + after) / 1e6:.6f}" for after in (500_000, 1_500_000))
        code, said, shown = await export("clip", "lobby", start, end, "--label", "case 7")
        assert code == OK
        path, sha256 = said.split()
        assert (path.endswith(".mp4"), len(sha256), "100 %" in shown) == (True, 64, True)
        code, said, _ = await export("still", "lobby", start, "--format", "jpeg", "--json")
        still = json.loads(said)
        assert (code, still["state"], still["files"][0]["path"].endswith(".jpg")) == (OK, "done", True)
        code, said, _ = await export("package", start, end, "lobby", "--request", "R-1", "--expires", "@4000000000")
        assert (code, said.split()[0].endswith(".zip")) == (OK, True)
        before = [f"@{(segment.start_us - ago) / 1e6:.6f}" for ago in (3_600_000_000, 3_500_000_000)]
        code, _, shown = await export("clip", "lobby", *before)
        assert (code, "no_footage" in shown) == (FAILED, True)
        code, said, _ = await export("list")
        lines = said.splitlines()
        assert [line.split()[2:4] for line in lines] == [["package", "done"], ["still", "done"], ["clip", "done"]]
        code, said, _ = await export("list", "--json", "--limit", "2")
        assert [one["kind"] for one in json.loads(said)["exports"]] == ["package", "still"]
        code, said, _ = await export("cancel", still["export_id"], "--actor", "u1")
        assert (code, said) == (OK, f"{still['export_id']} removed\n")
        code, said, _ = await export("cancel", still["export_id"], "--json")
        assert (code, json.loads(said)["state"]) == (OK, "removed")
        code, _, shown = await export("cancel", "0" * 32)
        assert (code, "unknown_export" in shown) == (FAILED, True)
