"""The commands as people and scripts use them: what they print, and what their exit codes say."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from recorder_core.cli.exit_codes import FAILED, INTERRUPTED, LOCKED, NOT_VERIFIED, OK, UNREAD, UNUSABLE
from recorder_core.cli.main import COMMANDS, run
from recorder_core.cli.progress import Progress
from recorder_core.models import CameraState, SweepHalt
from recorder_core.simulator import Simulator
from tests.core.service.rig import PASSWORD, SOCKET, camera, config_of, served, state_reached, stored, use_volume
from tests.core.service.shelves import library

from .processes import started

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncGenerator
    from pathlib import Path


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.rglob(pattern))


@asynccontextmanager
async def _filming(data: Path) -> AsyncGenerator[tuple[Simulator, tuple[int, int]]]:
    """Record for a moment; give an interval of that, while camera and recorder still run."""
    async with Simulator([camera()]) as simulator, served(data) as (_, client):
        await use_volume(client, data / "footage")
        await client.put_camera(config_of(simulator))
        await state_reached(client, CameraState.RECORDING)
        segment = (await stored(client, seconds=2.5)).segments[-1]
        # However long the commands take, there is one file.
        await client.put_camera(config_of(simulator, enabled=False))
        await state_reached(client, CameraState.DISABLED)
        yield simulator, (segment.start_us + 500_000, segment.start_us + 1_500_000)


async def _recorded(data: Path) -> tuple[int, int]:
    """Record for a moment, then export through the command line; return the interval of the export."""
    async with _filming(data) as (simulator, interval):
        socket = ("--socket", str(data / SOCKET))
        async with started("-m", "recorder_core", "status", *socket) as command:
            assert await command.ends() == OK
        moments = [f"@{one / 1e6:.6f}" for one in interval]
        async with started("-m", "recorder_core", "export", "clip", *socket, "lobby", *moments) as command:
            assert await command.ends() == OK
        assert "100 %" in "".join(command.said)
        async with started("-m", "recorder_core", "export", "clip", *socket, "nobody", *moments) as command:
            assert await command.ends() == FAILED
        assert "unknown_camera" in "".join(command.said)
        for words in (("still", *socket, "lobby", moments[0]), ("package", *socket, *moments, "lobby")):
            async with started("-m", "recorder_core", "export", *words) as command:
                assert await command.ends() == OK
        still = data / "still.jpg"
        probe = ("probe", simulator.url("lobby"), "--username", "viewer", "--still", still)
        async with started("-m", "recorder_core", *probe, LIBRARY_RECORDER_PASSWORD=PASSWORD) as command:
            assert await command.ends() == OK
        assert still.read_bytes().startswith(b"\xff\xd8")
        wrong = data / "password"
        wrong.write_text("wrong\n")
        async with started("-m", "recorder_core", *probe, "--password-file", wrong) as command:
            assert await command.ends() == FAILED
        assert "auth_failed" in "".join(command.said)
        async with started("-m", "recorder_core", "reconcile", "--data", data) as command:
            assert await command.ends() == LOCKED
        async with started("-m", "recorder_core", "verify", "--data", data) as command:
            assert await command.ends() == OK
    return interval


async def test_everything_by_hand(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await _recorded(data)
    kinds = ("*.mp4", "*.png", "*.zip")
    assert [len(_files(data / "footage" / "exports", kind)) for kind in kinds] == [1, 1, 1]
    assert run(["verify", "--data", str(data), "--json"]) == OK
    report = json.loads(capsys.readouterr().out)
    assert (report["segments"], report["findings"], report["volumes_missing"]) == (1, [], [])
    assert run(["verify", "--data", str(data), "--camera", "lobby"]) == OK
    assert capsys.readouterr().out.startswith("1 files")
    assert run(["verify", "--data", str(data), "--camera", "other"]) == FAILED
    assert "unknown_camera" in capsys.readouterr().err
    [file] = _files(data / "footage" / "cameras", "*.mp4")
    whole = file.read_bytes()
    for damage, flaws in (
        (whole[:-1000] + bytes([whole[-1000] ^ 1]) + whole[-999:], {"sample"}),
        (whole[:50] + bytes([whole[50] ^ 1]) + whole[51:], {"root"}),
        (whole[:-1], {"size", "root", "structure"}),
        (whole[:40], {"size", "structure"}),
    ):
        file.write_bytes(damage)
        assert run(["verify", "--data", str(data), "--json"]) == NOT_VERIFIED
        found = json.loads(capsys.readouterr().out)["findings"]
        assert {finding["flaw"] for finding in found} == flaws
    file.unlink()
    assert run(["verify", "--data", str(data)]) == NOT_VERIFIED
    assert "missing" in capsys.readouterr().out
    file.mkdir()
    assert run(["verify", "--data", str(data)]) == NOT_VERIFIED
    assert "unreadable" in capsys.readouterr().out
    file.rmdir()
    assert run(["reconcile", "--data", str(data), "--full"]) == OK
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["salvaged", "known"]
    assert run(["reconcile", "--data", str(data), "--full", "--give-up-missing", "--json"]) == OK
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["full"]["given_up"] == 1
    _files(data / "footage", ".library*")[0].unlink()
    assert run(["verify", "--data", str(data)]) == FAILED
    assert run(["reconcile", "--data", str(data)]) == FAILED
    assert "volume_missing" in capsys.readouterr().err
    assert _files(data, ".snapshot-*") == []


async def test_an_index_whose_damage_shows_late_is_built_anew(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with _filming(data):
        pass
    index = data / "index.sqlite"
    content = index.read_bytes()
    index.write_bytes(content[: 3 * 4096] + b"\xa5" * 6 * 4096 + content[9 * 4096 :])
    assert run(["reconcile", "--data", str(data), "--full", "--json"]) == OK
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["full"]["adopted"] == 1
    assert len(_files(data, "index.sqlite.damaged-*[0-9]")) == 1
    assert run(["verify", "--data", str(data)]) == OK


async def test_what_a_new_index_has_not_read_is_still_to_be_read_after_it(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By hand as after a start: else no start would ever read the files of a volume that the new index knows."""
    async with _filming(data):
        pass
    for path in _files(data, "index.sqlite*"):
        path.unlink()
    assert run(["reconcile", "--data", str(data), "--json"]) == OK
    [note] = [path for path in _files(data, "unread-*") if path.name != "unread-holds"]
    assert run(["reconcile", "--data", str(data), "--full", "--json"]) == OK
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["full"]["adopted"] == 1
    assert not note.exists()


def test_a_recorder_that_is_not_there(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "--data", str(data)]) == FAILED
    assert f"recorder_unreachable: No recorder answers at {data / 'recorder.sock'}." in capsys.readouterr().err
    assert run(["verify", "--data", str(data)]) == FAILED
    assert "volume_missing" in capsys.readouterr().err
    (data / "index.sqlite").write_bytes(b"no database" * 100)
    assert run(["verify", "--data", str(data)]) == FAILED
    assert "index_damaged" in capsys.readouterr().err
    assert run(["reconcile", "--data", str(data / "nowhere")]) == FAILED
    arguments = ["probe", "rtsp://127.0.0.1:9/", "--username", "u", "--password-file", str(data / "nowhere")]
    assert run(arguments) == UNUSABLE
    assert "nowhere" in capsys.readouterr().err


def test_the_password_is_asked_for_where_nobody_gave_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return PASSWORD

    monkeypatch.delenv("LIBRARY_RECORDER_PASSWORD", raising=False)
    monkeypatch.setattr("getpass.getpass", ask)
    assert run(["probe", "rtsp://127.0.0.1:9/", "--username", "viewer", "--json"]) == FAILED
    assert len(asked) == 1
    assert "connection_refused" in capsys.readouterr().err


def test_an_interrupted_command_says_so(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    def interrupt(_: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("recorder_core.cli.status.main", interrupt)
    assert run(["status", "--data", str(data)]) == INTERRUPTED


async def test_who_stops_reading_ends_a_command_quietly(data: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    async with served(data):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "recorder_core", "status", "--socket", data / SOCKET),
            stdout=writing,
            stderr=asyncio.subprocess.PIPE,
        )
        os.close(writing)
        _, noted = await process.communicate()
    assert (process.returncode, noted) == (UNREAD, b"")


async def test_the_clock_is_confirmed_by_hand(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with library(data, synchronised=False) as one:
        await one.sweep()
        assert (await one.client.status()).sweep_halt is SweepHalt.CLOCK
        words = ["confirm-clock", "--socket", str(data / SOCKET)]
        assert await asyncio.to_thread(run, words) == OK
        assert capsys.readouterr().out == "The clock counts as right. Footage is deleted by age.\n"
        assert (await one.client.status()).sweep_halt is None
        assert await asyncio.to_thread(run, [*words, "--json"]) == OK
        assert json.loads(capsys.readouterr().out)["sweep_halt"] is None


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(COMMANDS, "simulate", ("a_package_that_nobody_has", "run"))
    assert run(["simulate"]) == FAILED
    assert "a_package_that_nobody_has" in capsys.readouterr().err


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_explains_itself(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["library-recorder", command, "--help"])
    with pytest.raises(SystemExit) as caught:
        run()
    assert caught.value.code == OK
    shown = capsys.readouterr().out
    assert "--password " not in shown.replace("--password\n", "--password ")


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_that_is_drawn_in_place() -> None:
    terminal = _Terminal()
    with Progress("Counting", terminal) as bar:
        for step in range(1001):
            bar.show(step / 1000, "things")
    drawn = terminal.getvalue()
    assert drawn.count("\r") == 101
    assert "100 % things\n" in drawn


def test_a_log_gets_a_few_lines() -> None:
    log = io.StringIO()
    with Progress("Counting", log) as bar:
        for step in range(1001):
            bar.show(step / 1000)
        bar.show(2.0)
    assert log.getvalue().splitlines() == [f"Counting: {share} %" for share in range(0, 101, 10)]
