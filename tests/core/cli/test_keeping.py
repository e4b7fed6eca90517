"""Holds, forecasts and certificates by hand."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from recorder_core.cli.exit_codes import FAILED, OK
from recorder_core.cli.main import run
from recorder_core.cli.remote import shown
from tests.core.service.rig import SOCKET
from tests.core.service.shelves import DAY_S, DAY_US, S, library

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("at_us", "text"),
    [(0, "1970-01-01T00:00:00Z"), (1_800_000_000_999_999, "2027-01-15T08:00:00Z"), (1 << 62, "@4611686018427")],
)
def test_a_time_is_shown_in_utc(at_us: int, text: str) -> None:
    assert shown(at_us) == text


async def test_footage_is_held_released_and_accounted_for(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    socket = ("--socket", str(data / SOCKET))

    async def command(*words: str) -> tuple[int, str]:
        code = await asyncio.to_thread(run, words)
        return code, capsys.readouterr().out

    async with library(data) as one:
        await one.use(data / "footage")
        await one.camera(retention_days=7)
        [segment] = one.lay(ago_s=DAY_S)
        start, end = f"@{segment.start_us // S}", f"@{segment.end_us // S + 1}"
        code, said = await command("forecast", *socket, "lobby", start, end)
        assert code == OK
        assert f"the first of it goes: {shown(segment.start_us + 7 * DAY_US)} (age)" in said
        code, said = await command(
            "holds", "place", "lobby", "--start", start, "--case", "2027-4", "--key", "k", "--actor", "u1", *socket
        )
        assert code == OK
        assert "active incident case 2027-4 lobby" in said
        hold_id = said.split()[0]
        _, said = await command("holds", "list", "--json", *socket)
        assert [hold["hold_id"] for hold in json.loads(said)["holds"]] == [hold_id]
        _, said = await command("forecast", *socket, "lobby", start, end)
        assert "held" in said
        assert said.count("never") == 2
        code, said = await command("holds", "release", hold_id, "--actor", "u2", "--json", *socket)
        assert (code, json.loads(said)["state"]) == (OK, "released")
        assert (await command("holds", "release", hold_id, *socket))[0] == FAILED
        assert hold_id in (await command("holds", "list", "--all", *socket))[1]
        assert (await command("holds", "list", *socket))[1] == ""
        one.clock.pass_by(8 * DAY_S)
        await one.sweep()
        code, said = await command("certificates", "--camera", "lobby", "--json", *socket)
        [certificate] = json.loads(said)["certificates"]
        assert (certificate["start_us"], certificate["rule"]) == (segment.start_us, "age")
        _, said = await command("certificates", *socket)
        assert certificate["digest"] in said
        assert (await command("certificates", "--after", "1", *socket))[1] == ""
        _, said = await command("forecast", "--json", *socket, "lobby", start, end)
        assert json.loads(said)["stored_bytes"] == 0
