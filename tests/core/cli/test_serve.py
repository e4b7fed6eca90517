"""`serve` as real processes: what is promised when they are stopped, killed, or started twice."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from recorder_core.api.client import RecorderClient
from recorder_core.cli import serve as serve_module
from recorder_core.cli.exit_codes import FAILED, FINAL, LOCKED, OK, UNUSABLE, USAGE
from recorder_core.cli.main import run
from recorder_core.errors import ErrorCode, StorageError
from recorder_core.models import CameraState, VolumeState
from recorder_core.service.events import EventKind
from recorder_core.simulator import Simulator
from recorder_core.storage.index import Index
from tests.core.service.rig import (
    HOUR_US,
    PASSWORD,
    camera,
    config_of,
    feed_until,
    holes,
    state_reached,
    stored,
    use_volume,
)

from .processes import LONG_S, READY, gone, serve, started

FAILS_TO_STOP = """
import sys
from recorder_core.__main__ import main
from recorder_core.errors import ErrorCode, StorageError
from recorder_core.storage.index import Index

def close(_):
    raise StorageError(ErrorCode.VOLUME_FULL, "The disk that holds the index is full.")

Index.close = close
sys.exit(main())
"""


async def _record(client: RecorderClient, data: Path, simulator: Simulator) -> None:
    """Set up a volume and a camera, and wait until something of it is stored."""
    await use_volume(client, data / "footage")
    await client.put_camera(config_of(simulator))
    await state_reached(client, CameraState.RECORDING)
    await stored(client)


def _names(folder: Path, pattern: str) -> list[str]:
    return [path.name for path in folder.glob(pattern)]


def _commands(*pids: int) -> str:
    return repr([Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids])


def _modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}


async def test_a_killed_worker_comes_back_and_the_time_between_is_a_gap(data: Path) -> None:
    async with (
        Simulator([camera()]) as simulator,
        started(*serve(data)) as supervisor,
        RecorderClient(socket=data / "s") as client,
    ):
        await supervisor.says(READY)
        before = await client.status()
        assert before.supervisor_pid == supervisor.pid
        await _record(client, data, simulator)
        os.kill(before.pid, signal.SIGKILL)
        await supervisor.says(READY)
        after = await client.status()
        assert (after.store_id, after.supervisor_pid) == (before.store_id, before.supervisor_pid)
        assert after.pid != before.pid
        files, most = resource.prlimit(after.pid, resource.RLIMIT_NOFILE)
        assert files == most
        coverage = await stored(client)
        assert "recorder_down" in [gap.reason for gap in coverage.gaps]
        assert len({segment.run_id for segment in coverage.segments}) == 2
        assert holes(coverage) == []
        commands = _commands(supervisor.pid, after.pid)
    log = (data / "logs" / "recorder.log").read_text()
    assert "signal 9" in log
    assert PASSWORD not in log + "".join(supervisor.said) + commands + after.to_json()
    assert _modes(data) == {0o700, 0o600}


@pytest.mark.parametrize("how", ["signal", "api"])
async def test_a_recorder_that_is_told_to_stop_leaves_nothing_open(data: Path, how: str) -> None:
    async with (
        Simulator([camera()]) as simulator,
        started(*serve(data)) as supervisor,
        RecorderClient(socket=data / "s") as client,
    ):
        await supervisor.says(READY)
        await _record(client, data, simulator)
        if how == "api":
            await client.shutdown()
        else:
            supervisor.process.terminate()
        assert await supervisor.ends() == OK
    assert not (data / "s").exists()
    async with started(*serve(data)) as supervisor, RecorderClient(socket=data / "s") as client:
        await supervisor.says(READY)
        assert "salvaged" not in "".join(supervisor.said)
        now_us = (await client.status()).started_us
        coverage = await client.coverage("lobby", now_us - HOUR_US, now_us)
        assert [segment.root is not None for segment in coverage.segments] == [True]


async def test_a_recorder_that_fails_while_it_stops_is_not_started_again(data: Path) -> None:
    program = data / "program.py"
    program.write_text(FAILS_TO_STOP)
    command = (program, *serve(data)[2:])
    async with started(*command) as supervisor, RecorderClient(socket=data / "s") as client:
        await supervisor.says(READY)
        await client.shutdown()
        assert await supervisor.ends() == FAILED
    assert "The disk that holds the index is full" in "".join(supervisor.said)
    assert "started again" not in "".join(supervisor.said)


async def test_a_worker_without_its_supervisor_stops_cleanly(data: Path) -> None:
    async with started(*serve(data)) as supervisor, RecorderClient(socket=data / "s") as client:
        await supervisor.says(READY)
        worker = (await client.status()).pid
        supervisor.process.kill()
        await gone(worker)
    assert not (data / "s").exists()
    assert "The recorder stops" in (data / "logs" / "recorder.log").read_text()


async def test_a_volume_on_the_command_line_is_the_first_one(data: Path) -> None:
    paths = [data / "one", data / "two"]
    first = ("--volume", paths[0], "--volume", paths[1])
    async with started(*serve(data, *first)) as supervisor, RecorderClient(socket=data / "s") as client:
        await supervisor.says(READY)
        volumes = (await client.status()).volumes
        assert [(volume.path, volume.state) for volume in volumes] == [(str(path), VolumeState.OK) for path in paths]
    async with started(*serve(data, "--volume", data / "x")) as supervisor, RecorderClient(socket=data / "s") as client:
        await supervisor.says("are not used")
        await supervisor.says(READY)
        assert [volume.path for volume in (await client.status()).volumes] == [str(path) for path in paths]
    assert not (data / "x").exists()


@pytest.mark.parametrize(("folder", "word"), [("a/b/c", "volume_missing"), ("file", "bad_request")])
async def test_a_volume_that_cannot_be_used_ends_it_at_once(data: Path, folder: str, word: str) -> None:
    (data / "file").touch()
    async with started(*serve(data, "--volume", data / folder)) as supervisor:
        assert await supervisor.ends() == UNUSABLE
    assert word in "".join(supervisor.said)
    assert not (data / "settings.json").exists()


async def test_a_data_folder_that_has_gone_is_not_replaced_by_an_empty_one(data: Path) -> None:
    place = data / "place"
    command = ("-m", "recorder_core", "serve", "--data", place, "--socket", data / "s")
    async with started(*command) as supervisor, RecorderClient(socket=data / "s") as client:
        await supervisor.says(READY)
        worker = (await client.status()).pid
        place.rename(data / "elsewhere")  # in one step: the worker makes files in it
        os.kill(worker, signal.SIGKILL)
        assert await supervisor.ends() == UNUSABLE
    assert "has gone" in "".join(supervisor.said)
    assert not place.exists()


async def test_two_recorders_cannot_share_a_store(data: Path) -> None:
    async with started(*serve(data)) as first, RecorderClient(socket=data / "s") as client:
        await first.says(READY)
        async with started(*serve(data)) as second:
            assert await second.ends() == LOCKED
        assert "store_locked" in "".join(second.said)
        assert (await client.status()).supervisor_pid == first.pid


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), USAGE),
        (("--data", "{data}", "--nonsense"), USAGE),
        (("--data", "{data}", "--listen", "127.0.0.1:1"), USAGE),
        (("--data", "{data}", "--token-file", "/dev/null"), USAGE),
        (
            (
                "--data",
                "{data}",
                "--listen",
                "port",
                *("--tls-certificate", "x", "--tls-key", "x", "--token-file", "x"),
            ),
            USAGE,
        ),
        (
            ("--data", "{data}", "--listen", "h:1", *("--tls-certificate", "x", "--tls-key", "x", "--token-file", "x")),
            UNUSABLE,
        ),
        (("--data", "/dev/null/x"), UNUSABLE),
        (("--data", "{data}", "--socket", "/" + "s" * 120), UNUSABLE),
    ],
)
def test_a_wrong_command_line_ends_it_at_once(
    data: Path, options: tuple[str, ...], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    before = os.umask(0o077)
    try:
        ended = run(["serve", "--worker", "0", *(option.format(data=data) for option in options)])
    except SystemExit as refused:  # from the parser
        ended = refused.code if isinstance(refused.code, int) else -1
    finally:
        os.umask(before)
    assert ended == code
    assert capsys.readouterr().err


async def test_a_supervisor_ends_with_its_worker_over_a_wrong_command_line() -> None:
    async with started("-m", "recorder_core", "serve") as supervisor:
        assert await supervisor.ends() == USAGE
    assert "--data" in "".join(supervisor.said)


async def test_settings_that_cannot_be_read_end_it_at_once(data: Path) -> None:
    (data / "cameras.json").write_text('{"cameras": [{"password": "correct-horse-battery"}]}')
    async with started(*serve(data)) as supervisor:
        assert await supervisor.ends() == UNUSABLE
    assert "settings_damaged" in "".join(supervisor.said)
    assert PASSWORD not in "".join(supervisor.said)


async def test_a_damaged_index_is_set_aside_and_built_from_the_files(data: Path) -> None:
    async with (
        Simulator([camera()]) as simulator,
        started(*serve(data)) as supervisor,
        RecorderClient(socket=data / "s") as client,
    ):
        await supervisor.says(READY)
        await _record(client, data, simulator)
        store_id = (await client.status()).store_id
        started_us = (await client.status()).started_us
        supervisor.process.terminate()
        assert await supervisor.ends() == OK
    (data / "index.sqlite").write_bytes(b"not a database" * 1000)
    async with started(*serve(data)) as supervisor, RecorderClient(socket=data / "s") as client:
        await supervisor.says(READY)
        await feed_until(client, lambda item: item.event is not None and item.event.kind == EventKind.FOOTAGE_READ_IN)
        status = await client.status()
        coverage = await client.coverage("lobby", started_us, status.started_us)
    assert status.store_id == store_id
    assert len(coverage.segments) == 1
    assert _names(data, "index.sqlite.damaged-*")


async def test_an_index_that_turns_out_damaged_ends_the_worker(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a code for which its supervisor starts the next one, which sets the index aside."""

    def damaged(*_: object) -> None:
        raise StorageError(ErrorCode.INDEX_DAMAGED, "x")

    monkeypatch.setattr(Index, "heartbeat", damaged)
    async with asyncio.timeout(LONG_S):
        with pytest.raises(StorageError, match="starts anew") as caught:
            await serve_module._serve(data, data / "s", None, None, [])
    assert serve_module._CODES.get(caught.value.code, FAILED) not in FINAL
    assert not (data / "s").exists()


async def test_the_network_is_served_when_it_is_asked_for(data: Path) -> None:
    chain, key, token = data / "chain.pem", data / "key.pem", data / "token"
    openssl = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=recorder")
    process = await asyncio.create_subprocess_exec(*openssl, "-keyout", key, "-out", chain, stderr=subprocess.DEVNULL)
    assert await process.wait() == 0
    token.write_text("t" * 40 + "\n")
    options = ("--tls-certificate", chain, "--tls-key", key, "--token-file", token)
    async with started(*serve(data, "--listen", "127.0.0.1:0", *options)) as supervisor:
        await supervisor.says(READY)
        assert await supervisor.says("The recorder's API listens on port")
