"""Where the API listens, who may connect, and what may lie in its way."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import stat
import subprocess
from typing import TYPE_CHECKING

import aiohttp
import pytest

from recorder_core.api.auth import check_token
from recorder_core.api.client import RecorderClient
from recorder_core.api.server import Server, TcpAddress, check_socket_path
from recorder_core.clock import SystemClock
from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.service.recorder import Recorder
from tests.core.service.rig import SOCKET, served

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105  a token of the tests


@pytest.fixture
def certificate(data: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 and its key."""
    chain, key = data / "chain.pem", data / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", key, "-out", chain, "-subj", "/CN=recorder", "-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return chain, key


async def test_the_socket_is_its_owners_alone(data: Path) -> None:
    folder = data / "run"
    recorder = Recorder(data, clock=SystemClock())
    before = os.umask(0)
    try:
        async with recorder, Server(recorder, folder / "s"):
            assert stat.S_IMODE((folder / "s").stat().st_mode) == 0o600
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        os.umask(before)
    assert not (folder / "s").exists()


async def test_the_socket_of_a_recorder_that_died_is_replaced(data: Path) -> None:
    left_behind = socket.socket(socket.AF_UNIX)
    left_behind.bind(str(data / SOCKET))
    left_behind.close()
    async with served(data) as (_, client):
        assert (await client.status()).pid == os.getpid()


async def test_a_file_in_the_sockets_place_is_left_alone(data: Path) -> None:
    (data / SOCKET).write_text("precious")
    with pytest.raises(RecorderError) as caught:
        async with served(data):
            pass
    assert caught.value.code is ErrorCode.SOCKET_UNUSABLE
    assert (data / SOCKET).read_text() == "precious"


async def test_a_socket_that_another_has_put_there_is_not_removed(data: Path) -> None:
    async with served(data):
        (data / SOCKET).unlink()
        other = socket.socket(socket.AF_UNIX)
        other.bind(str(data / SOCKET))
    assert (data / SOCKET).exists()
    other.close()


def test_a_path_that_no_socket_can_have_is_refused(data: Path) -> None:
    with pytest.raises(RecorderError) as caught:
        check_socket_path(data / ("x" * 108))
    assert caught.value.code is ErrorCode.SOCKET_UNUSABLE


def test_a_folder_that_others_may_write_to_is_refused(data: Path) -> None:
    data.chmod(0o777)
    with pytest.raises(RecorderError) as caught:
        check_socket_path(data / SOCKET)
    assert caught.value.code is ErrorCode.SOCKET_UNUSABLE
    data.chmod(0o1777)  # as /tmp: nobody can take another's socket away
    check_socket_path(data / SOCKET)


def test_a_folder_that_is_none_is_refused(data: Path) -> None:
    (data / "file").touch()
    with pytest.raises(RecorderError) as caught:
        check_socket_path(data / "file" / SOCKET)
    assert caught.value.code is ErrorCode.SOCKET_UNUSABLE


async def test_the_network_gets_in_with_tls_and_token_only(data: Path, certificate: tuple[Path, Path]) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*certificate)
    trusted = ssl.create_default_context(cafile=certificate[0])
    recorder = Recorder(data, clock=SystemClock())
    address = TcpAddress("127.0.0.1", 0, tls, TOKEN)
    assert TOKEN not in repr(address)
    async with recorder, Server(recorder, data / SOCKET, address) as server:
        url = f"https://127.0.0.1:{server.tcp_port}"
        async with RecorderClient(url=url, token=TOKEN, ssl_context=trusted) as client:
            assert (await client.status()).pid == os.getpid()
        for wrong in (None, "", TOKEN[:-1], TOKEN + "x", "\N{LATIN SMALL LETTER U WITH DIAERESIS}" * 32):
            async with RecorderClient(url=url, token=wrong, ssl_context=trusted) as client:
                with pytest.raises(RecorderError) as caught:
                    await client.status()
                assert caught.value.code is ErrorCode.UNAUTHORIZED
        async with aiohttp.ClientSession() as session, session.get(f"{url}/v1/holds", ssl=trusted) as response:
            assert (response.status, response.headers["WWW-Authenticate"]) == (401, "Bearer")
        async with RecorderClient(url=url, token=TOKEN) as client:
            with pytest.raises(RecorderError) as caught:
                await client.status()
        assert caught.value.code is ErrorCode.RECORDER_UNREACHABLE
        async with RecorderClient(socket=data / SOCKET) as client:
            assert (await client.status()).pid


@pytest.mark.parametrize("line", [f"Authorization: Bearer {TOKEN}\x01", f"Bearer {TOKEN}", "X: " + "x" * 9000])
async def test_what_is_no_http_is_not_quoted_in_the_log(
    data: Path, caplog: pytest.LogCaptureFixture, line: str
) -> None:
    """It may hold the token, and whoever sends it could push what matters out of the log."""
    async with served(data):
        reader, writer = await asyncio.open_unix_connection(data / SOCKET)
        writer.write(f"GET /v1/status HTTP/1.1\r\nHost: r\r\n{line}\r\n\r\n".encode())
        assert (await reader.readline()).split()[1] == b"400"
        writer.close()
    assert TOKEN not in caplog.text
    assert "Error handling request" not in caplog.text


async def test_a_port_that_is_taken_is_named_and_nothing_is_left(data: Path, certificate: tuple[Path, Path]) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*certificate)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        recorder = Recorder(data, clock=SystemClock())
        address = TcpAddress("127.0.0.1", taken.getsockname()[1], tls, TOKEN)
        async with recorder:
            with pytest.raises(RecorderError) as caught:
                async with Server(recorder, data / SOCKET, address):
                    pass
    assert caught.value.code is ErrorCode.SOCKET_UNUSABLE
    assert not (data / SOCKET).exists()


@pytest.mark.parametrize("token", ["", "short", "a b" * 20, "\N{SNOWMAN}" * 40, "x\n" * 20])
def test_a_token_that_guards_nothing_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="token"):
        check_token(token)


def test_a_good_token_is_taken() -> None:
    assert check_token(TOKEN) == TOKEN
