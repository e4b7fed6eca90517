"""The client turns whatever happens into one kind of error."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recorder_core.api.client import RecorderClient
from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import CameraConfig, Failure, Problem
from tests.core.service.rig import SOCKET, served

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@asynccontextmanager
async def _answering(path: Path, answer: bytes) -> AsyncGenerator[RecorderClient]:
    """Run something that answers every request with `answer` and hangs up."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(handle, str(path))
    async with server, RecorderClient(socket=path) as client:
        yield client


def _http(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def _error(client: RecorderClient) -> RecorderError:
    with pytest.raises(RecorderError) as caught:
        await client.status()
    return caught.value


async def test_nobody_there(data: Path) -> None:
    async with RecorderClient(socket=data / SOCKET) as client:
        assert (await _error(client)).code is ErrorCode.RECORDER_UNREACHABLE
        with pytest.raises(RecorderError) as caught:
            await anext(client.feed())
    assert caught.value.code is ErrorCode.RECORDER_UNREACHABLE


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", ErrorCode.RECORDER_UNREACHABLE),
        (b"\x00\xff\x00\xff\r\n\r\n", ErrorCode.RECORDER_UNREACHABLE),
        (_http("200 OK", b"{}"), ErrorCode.VERSION_MISMATCH),
        (_http("200 OK", b"[1]"), ErrorCode.VERSION_MISMATCH),
        (_http("200 OK", b"<html>"), ErrorCode.VERSION_MISMATCH),
        (_http("502 Bad Gateway", b"<html>"), ErrorCode.RECORDER_UNREACHABLE),
        (_http("404 Not Found", b'{"error": {"code": "novel", "message": "x"}}'), ErrorCode.RECORDER_UNREACHABLE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", ErrorCode.RECORDER_UNREACHABLE),
    ],
)
async def test_something_else_is_there(data: Path, answer: bytes, code: ErrorCode) -> None:
    async with _answering(data / SOCKET, answer) as client:
        assert (await _error(client)).code is code


async def test_the_recorders_own_error_comes_through_whole(data: Path) -> None:
    problem = Problem(code=ErrorCode.VOLUME_FULL, message="Full.", placeholders={"free": 7, "path": "/a"})
    async with _answering(data / SOCKET, _http("507 Full", Failure(error=problem).to_jsonb())) as client:
        error = await _error(client)
    assert (error.code, error.message, error.placeholders) == (problem.code, "Full.", {"free": 7, "path": "/a"})


async def test_a_feed_that_is_refused_or_broken_says_so(data: Path) -> None:
    problem = Failure(error=Problem(code=ErrorCode.BAD_REQUEST, message="No."))
    answers = {
        _http("400 Bad Request", problem.to_jsonb()): ErrorCode.BAD_REQUEST,
        _http("200 OK", b"{}\n{"): ErrorCode.VERSION_MISMATCH,
        _http("200 OK", b"{}\n"): ErrorCode.RECORDER_UNREACHABLE,
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}\n": ErrorCode.RECORDER_UNREACHABLE,
    }
    for number, (answer, code) in enumerate(answers.items()):
        async with _answering(data / str(number), answer) as client:
            with pytest.raises(RecorderError) as caught:
                await anext(client.feed())
        assert caught.value.code is code


async def test_a_client_can_be_used_again_after_it_was_closed(data: Path) -> None:
    async with served(data) as (_, client):
        assert (await client.status()).pid
        await client.close()
        assert (await client.status()).pid


async def test_an_id_cannot_reach_another_address(data: Path) -> None:
    async with served(data) as (_, client):
        for strange in ("../settings", "a/b", "a?b", "a#b", "%2e%2e"):
            with pytest.raises(RecorderError) as caught:
                await client.put_camera(CameraConfig(camera_id=strange, name="n", url="rtsp://c/"))
            assert caught.value.code is ErrorCode.BAD_REQUEST
            with pytest.raises(RecorderError) as caught:
                await client.remove_camera(strange)
            assert caught.value.code in (ErrorCode.UNKNOWN_CAMERA, ErrorCode.BAD_REQUEST)


def test_there_is_one_way_to_a_recorder() -> None:
    for arguments in ({}, {"socket": Path("/s"), "url": "https://r"}):
        with pytest.raises(ValueError, match="socket"):
            RecorderClient(**arguments)  # type: ignore[arg-type]  # mixed on purpose


def test_the_network_is_never_plain() -> None:
    with pytest.raises(RecorderError) as caught:
        RecorderClient(url="http://recorder:8080", token="t")  # noqa: S106  never sent
    assert caught.value.code is ErrorCode.BAD_URL
