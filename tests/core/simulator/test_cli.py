"""The command starts cameras, says where they are, and stops cleanly."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from recorder_core.simulator import cli
from recorder_core.simulator.presets import LIBRARIES

from .wire import connect

if TYPE_CHECKING:
    from pathlib import Path


def parse(*words: str) -> argparse.Namespace:
    """The command's arguments."""
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
async def test_a_library_runs_until_it_is_told_to_stop(stop: signal.Signals, tmp_path: Path) -> None:
    log = tmp_path / "frames.jsonl"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "recorder_core", "simulate", "--library", "missoula", "--port", "0", "--log", str(log),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        cameras = LIBRARIES["missoula"].cameras
        lines = [(await process.stdout.readline()).decode() for _ in range(len(cameras) + 1)]
        for camera, line in zip(cameras, lines, strict=False):
            assert re.fullmatch(rf"rtsp://127\.0\.0\.1:\d+/{camera.name}  {camera.title}\n", line)
        assert lines[-1] == "11 cameras are running. Ctrl-C stops them.\n"
        urls = {bool(camera.password): line.split()[0] for camera, line in zip(cameras, lines, strict=False)}
        async with connect(urls[True]) as client:
            assert (await client.ask("DESCRIBE")).status == 401
        async with connect(urls[False]) as client:
            await client.play()
            await client.packets(1)
        process.send_signal(stop)
        _, errors = await process.communicate()
        assert (process.returncode, errors) == (0, b"")
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    records = [json.loads(line) for line in log.read_text().splitlines()]
    assert {record["name"] for record in records} <= {camera.name for camera in cameras}
    assert records[0].keys() == {"name", "camera", "serial", "time_us", "sync", "size", "receivers", "digest"}
    assert records[0]["serial"] == 0
    assert records[0]["sync"] is True


def test_load_mode_and_credentials_on_demand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stop signal comes as soon as the last line is written."""
    say = cli._say

    def say_and_stop(line: str) -> None:
        say(line)
        if "are running" in line:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(cli, "_say", say_and_stop)
    assert cli.main(parse("--load", "2", "--port", "0")) == 0
    loaded = capsys.readouterr().out
    assert loaded.startswith("Encoding the loop")
    assert loaded.count("rtsp://") == 2
    assert cli.main(parse("--library", "hanson", "--port", "0", "--passwords")) == 0
    shown = capsys.readouterr().out
    assert "(user recorder, password demo-main-entrance)" in shown
    assert "@" not in shown
    assert cli.main(parse("--old", "--port", "0")) == 0
    assert re.findall(r"^(\w+)://", capsys.readouterr().out, re.MULTILINE) == ["rtsp", "http"]


@pytest.mark.parametrize(
    "words",
    [
        ["--load", "0"],
        ["--load", "many"],
        ["--port", "70000"],
        ["--library", "other"],
        ["--load", "2", "--library", "hanson"],
        ["--load", "2", "--old"],
    ],
)
def test_wrong_arguments_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(*words)
    assert "error" in capsys.readouterr().err


def test_a_log_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        cli.main(parse("--library", "hanson", "--port", "0", "--log", str(tmp_path / "no" / "file")))
