"""Copies in delivery folders by hand: made, shown and removed."""

from __future__ import annotations

import asyncio
import json
import shutil
from typing import TYPE_CHECKING

from recorder_core.cli.exit_codes import FAILED, OK
from recorder_core.cli.main import run
from recorder_core.cli.words import shown, size
from tests.core.service.delivering import DESK, FILES, delivering, desk_of, exported
from tests.core.service.rig import SOCKET
from tests.core.service.shelves import DAY_US, S

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


async def test_a_copy_is_made_shown_and_removed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    socket = ("--socket", str(data / "store" / SOCKET))

    async def command(*words: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(run, [*words, *socket])
        return code, *capsys.readouterr()

    async with delivering(data) as one:
        assert await command("deliveries", "list") == (OK, "", "No copy lies in a delivery folder.\n")
        assert await command("deliveries", "list", "--all") == (OK, "", "There are no copies.\n")
        job = exported(one)
        code, said, _ = await command("export", "deliver", job.export_id, DESK)
        [made] = await one.client.deliveries()
        bytes_ = size(sum(map(len, FILES.values())))
        what = f"{made.path}, {bytes_}, of export {job.export_id}"
        goes = shown(one.clock.now_us() + 7 * DAY_US)
        assert (code, said) == (OK, f"{made.delivery_id} delivered: {what}, goes {goes}\n")
        until_us = one.clock.now_us() + DAY_US
        words = ("--until", f"@{until_us // S}", "--actor", "u4", "--json")
        code, said, _ = await command("export", "deliver", job.export_id, DESK, *words)
        second = json.loads(said)
        assert (code, second["expires_us"], second["actor"]) == (OK, until_us, "u4")
        code, said, _ = await command("deliveries", "list", "--json")
        listed = [copy["delivery_id"] for copy in json.loads(said)["deliveries"]]
        assert listed == [second["delivery_id"], made.delivery_id]
        code, said, _ = await command("deliveries", "remove", made.delivery_id, "--actor", "u5")
        now = shown(one.clock.now_us())
        assert (code, said) == (OK, f"{made.delivery_id} removed: {what}, given up {now} by u5\n")
        code, said, _ = await command("deliveries", "remove", second["delivery_id"], "--json")
        assert (code, json.loads(said)["state"]) == (OK, "removed")
        shutil.rmtree(job.files[0].path.rpartition("/")[0])
        code, _, noted = await command("export", "deliver", job.export_id, DESK)
        sentence = "lobby_1.mp4 cannot be read as it was exported; no copy was made of it."
        assert (code, noted) == (FAILED, f"export_damaged: {sentence}\n")
        code, said, _ = await command("deliveries", "list", "--all")
        assert said.splitlines()[0].endswith(f", of export {job.export_id}: {sentence}")
        assert f" removed: {what}, given up {now} by u5\n" in said
        assert f", of export {job.export_id}, given up {now}\n" in said
        assert len(list(desk_of(data).iterdir())) == 1
