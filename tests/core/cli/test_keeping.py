"""Holds, forecasts and certificates by hand."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from recorder_core.cli.exit_codes import FAILED, OK, USAGE
from recorder_core.cli.main import run
from recorder_core.cli.words import shown, size
from tests.core.service.rig import SOCKET
from tests.core.service.shelves import DAY_S, DAY_US, S, library

if TYPE_CHECKING:
    from pathlib import Path


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
        assert f"{size(segment.size)} held, 1 d of what has passed not stored" in said
        hold_id = said.split()[0]
        _, said = await command("holds", "list", "--json", *socket)
        assert [hold["hold_id"] for hold in json.loads(said)["holds"]] == [hold_id]
        _, said = await command("forecast", *socket, "lobby", start, end)
        assert f"held, some or all of it, by {hold_id}\n" in said
        assert said.endswith("goes: never, as things are\n")
        code, said = await command("holds", "release", hold_id, "--actor", "u2", "--json", *socket)
        assert (code, json.loads(said)["state"]) == (OK, "released")
        assert (await command("holds", "release", hold_id, *socket))[0] == FAILED
        _, said = await command("holds", "list", "--all", *socket)
        assert said.startswith(f"{hold_id} released incident")
        assert said.endswith(f", ended {shown(one.clock.now_us())} by u2\n")
        assert (await command("holds", "list", *socket))[1] == ""
        one.clock.pass_by(8 * DAY_S)
        await one.sweep()
        code, said = await command("certificates", "--camera", "lobby", "--json", *socket)
        [certificate] = json.loads(said)["certificates"]
        assert (certificate["start_us"], certificate["rule"]) == (segment.start_us, "age")
        _, said = await command("certificates", *socket)
        assert certificate["digest"] in said
        assert (await command("certificates", "--after", "1", *socket))[1] == ""
        _, said = await command("forecast", *socket, "lobby", start, end)
        assert "stored: nothing\nnot stored: 3 s, of which 2 s were deleted: certificates --camera lobby\n" in said
        _, said = await command("forecast", "--json", *socket, "lobby", start, end)
        assert json.loads(said)["stored_bytes"] == 0


@pytest.mark.parametrize("words", [[], ["--never", "--next", "@1900000000"]])
def test_nobody_ends_the_reviews_of_a_hold_by_a_slip(data: Path, words: list[str]) -> None:
    """Either the next one is named, or that there is none."""
    with pytest.raises(SystemExit) as caught:
        run(["holds", "review", "1" * 32, *words, "--socket", str(data / SOCKET)])
    assert caught.value.code == USAGE


async def test_a_hold_that_stays_is_reviewed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    socket = ("--socket", str(data / SOCKET))

    async def holds(*words: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(run, ["holds", *words, *socket])
        return code, *capsys.readouterr()

    async with library(data) as one:
        await one.camera()
        now_us = one.clock.now_us()
        _, said, _ = await holds("place", "lobby", "--start", f"@{now_us // S}")
        hold_id = said.split()[0]
        following = now_us + DAY_US
        code, said, _ = await holds("review", hold_id, "--next", f"@{following // S}", "--actor", "u2")
        assert (code, f", reviewed {shown(now_us)} by u2, review " in said) == (OK, True)
        assert said.endswith(f" {shown(following)}\n")
        code, said, _ = await holds("review", hold_id, "--never", "--json")
        assert (code, json.loads(said)["review_us"], json.loads(said)["reviewed_by"]) == (OK, None, "")
        code, said, noted = await holds("review", hold_id, "--next", f"@{now_us // S}")
        assert (code, said, noted) == (FAILED, "", "bad_request: review_us has passed.\n")
        assert (await one.client.hold(hold_id)).review_us is None


async def test_a_hold_that_is_placed_again_is_shown_for_what_it_is(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    socket = ("--socket", str(data / SOCKET))

    async def holds(*words: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(run, ["holds", *words, *socket])
        return code, *capsys.readouterr()

    async with library(data) as one:
        await one.camera()
        assert await holds("list") == (OK, "", "There are no active holds.\n")
        assert await holds("list", "--all") == (OK, "", "There are no holds.\n")
        place = ("place", "lobby", "--start", f"@{one.clock.now_us() // S}", "--key", "k")
        _, said, _ = await holds(*place)
        hold_id = said.split()[0]
        assert "0 B held" in said
        _, said, _ = await holds(*place)
        assert (said.split()[0], "this hold was there before" in said) == (hold_id, True)
        code, said, noted = await holds(*place, "--case", "another")
        assert (code, said) == (FAILED, "")
        assert noted.startswith(f"key_taken: The key belongs to hold {hold_id}")
        await holds("release", hold_id)
        _, said, _ = await holds(*place)
        assert said.endswith("It is over: nothing is held by it.\n")
