"""`export` as people and scripts use it: what it prints, and what its exit codes say."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from typing import TYPE_CHECKING

from recorder_core.cli.exit_codes import FAILED, INTERRUPTED, OK
from recorder_core.cli.main import run
from recorder_core.cli.words import interval, shown
from recorder_core.export.copying import ClipCancelledError
from recorder_core.models import CameraState
from recorder_core.simulator import Simulator
from tests.core.service.rig import SOCKET, camera, config_of, served, state_reached, stored, use_volume

from .processes import started

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest


def _stuck(*_: object, cancelled: Callable[[], bool], **__: object) -> None:
    """Write no clip, until it is cancelled."""
    patience = threading.Event()
    while not cancelled():
        patience.wait(0.01)
    raise ClipCancelledError


async def test_exports_are_made_listed_and_cancelled(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    socket = ("--socket", str(data / SOCKET))

    async def export(verb: str, *words: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(run, ["export", verb, *socket, *words])
        return code, *capsys.readouterr()

    async with Simulator([camera()]) as simulator, served(data) as (_, client):
        assert await export("list") == (OK, "", "There are no exports.\n")
        await use_volume(client, data / "footage")
        await client.put_camera(config_of(simulator))
        await state_reached(client, CameraState.RECORDING)
        segment = (await stored(client, seconds=2.5)).segments[-1]
        start, end = (f"@{(segment.start_us + after) / 1e6:.6f}" for after in (500_000, 1_500_000))
        code, said, noted = await export("clip", "lobby", start, end, "--label", "case 7")
        assert code == OK
        path, sha256 = said.split()
        assert (path.endswith(".mp4"), len(sha256), "100 %" in noted) == (True, 64, True)
        code, said, _ = await export("still", "lobby", start, "--format", "jpeg", "--json")
        still = json.loads(said)
        assert (code, still["state"], still["files"][0]["path"].endswith(".jpg")) == (OK, "done", True)
        code, said, _ = await export("package", start, end, "lobby", "--request", "R-1", "--expires", "@4000000000")
        assert (code, said.split()[0].endswith(".zip")) == (OK, True)
        before = [f"@{(segment.start_us - ago) / 1e6:.6f}" for ago in (3_600_000_000, 3_500_000_000)]
        code, _, noted = await export("clip", "lobby", *before)
        assert (code, "no_footage" in noted) == (FAILED, True)
        code, said, _ = await export("list")
        lines = said.splitlines()
        assert [line.split()[1:3] for line in lines] == [["package", "done,"], ["still", "done,"], ["clip", "done,"]]
        assert f", goes {shown(4_000_000_000_000_000)}" in lines[0]
        assert f"lobby {interval(segment.start_us + 500_000, segment.start_us + 1_500_000)}" in lines[2]
        code, said, _ = await export("list", "--json", "--limit", "2")
        assert [one["kind"] for one in json.loads(said)["exports"]] == ["package", "still"]
        monkeypatch.setattr("recorder_core.export.workshop.write_clip", _stuck)
        async with started("-m", "recorder_core", "export", "clip", *socket, "lobby", start, end) as command:
            await command.says("Exporting: 0 %")
            command.process.send_signal(signal.SIGINT)
            assert await command.ends() == INTERRUPTED
        [running, *_] = await client.exports()
        assert f"`export cancel {running.export_id}` stops it" in command.said[-1]
        code, said, _ = await export("list")
        assert said.splitlines()[0].startswith(f"{running.export_id} clip running 0%")
        code, said, _ = await export("cancel", running.export_id)
        assert (code, said) == (OK, f"{running.export_id} cancelled\n")
        code, said, _ = await export("cancel", still["export_id"], "--actor", "u1")
        assert (code, said) == (OK, f"{still['export_id']} removed\n")
        code, said, _ = await export("cancel", still["export_id"], "--json")
        assert (code, json.loads(said)["state"]) == (OK, "removed")
        code, _, noted = await export("cancel", "0" * 32)
        assert (code, "unknown_export" in noted) == (FAILED, True)
