"""Connections over real sockets and real TLS: everything that ends one is an error with a code."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import CameraError, ErrorCode
from recorder_core.rtsp import Connection

from .certificates import self_signed, server_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from pathlib import Path

type Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def camera(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncGenerator[int]:
    """Serve connections with `talk` and give the port."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await talk(reader, writer)
        except ConnectionError, asyncio.CancelledError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.close()


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _exchange(connection: Connection, data: bytes) -> bytes:
    sending = asyncio.ensure_future(connection.send(data))
    received = bytearray()
    while len(received) < len(data):
        received += await connection.receive()
    await sending
    return bytes(received)


async def _until_lost(call: Callable[[], object]) -> None:
    """Call again and again; the loop runs in between."""
    while True:
        call()
        await asyncio.sleep(0)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that nobody vouches for."""
    return self_signed(tmp_path_factory.mktemp("tls"))


async def test_bytes_go_both_ways() -> None:
    """More than any socket buffer holds, so both sides have to wait."""
    data = bytes(range(256)) * 24_000
    async with camera(_echo) as port:
        connection = await Connection.open("127.0.0.1", port, tls=False, verify_tls=True)
        assert await _exchange(connection, data) == data
        connection.close()
        connection.close()


async def test_bytes_go_both_ways_over_tls(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a certificate that the system trusts, its name being right."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    data = bytes(range(256)) * 8000
    async with camera(_echo, server_context(certificate)) as port:
        connection = await Connection.open("127.0.0.1", port, tls=True, verify_tls=True)
        assert await _exchange(connection, data) == data
        connection.close()


async def test_a_certificate_that_nobody_vouches_for(certificate: Path) -> None:
    async with camera(_echo, server_context(certificate)) as port:
        with pytest.raises(CameraError) as refusal:
            await Connection.open("127.0.0.1", port, tls=True, verify_tls=True)
        assert refusal.value.code is ErrorCode.TLS_FAILED
        assert "self-signed" in str(refusal.value.placeholders["detail"])
        connection = await Connection.open("127.0.0.1", port, tls=True, verify_tls=False)
        assert await _exchange(connection, b"hello") == b"hello"
        connection.close()


async def test_a_certificate_for_another_name(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with camera(_echo, server_context(certificate)) as port:
        with pytest.raises(CameraError) as refusal:
            await Connection.open("localhost", port, tls=True, verify_tls=True)
        assert refusal.value.code is ErrorCode.TLS_FAILED
        assert "localhost" in str(refusal.value.placeholders["detail"])


@pytest.mark.parametrize("talk", [_echo, _hang_up, _reset])
async def test_a_port_that_speaks_no_tls(talk: Talk) -> None:
    async with camera(talk) as port:
        with pytest.raises(CameraError) as refusal:
            await Connection.open("127.0.0.1", port, tls=True, verify_tls=False)
    assert refusal.value.code is ErrorCode.TLS_FAILED


async def test_a_name_that_no_certificate_can_bear(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever resolves it."""
    async with camera(_echo, server_context(certificate)) as port:

        async def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
        with pytest.raises(CameraError) as refusal:
            await Connection.open(".camera", port, tls=True, verify_tls=False)
    assert refusal.value.code is ErrorCode.TLS_FAILED


async def test_a_handshake_that_is_given_up_leaves_nothing_open() -> None:
    begun, gone = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            begun.set()
        gone.set()

    async with camera(silent) as port:
        opening = asyncio.create_task(Connection.open("127.0.0.1", port, tls=True, verify_tls=False))
        await begun.wait()
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        async with asyncio.timeout(60):
            await gone.wait()


async def test_a_closed_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(CameraError) as refusal:
        await Connection.open("127.0.0.1", port, tls=False, verify_tls=True)
    assert refusal.value.code is ErrorCode.CONNECTION_REFUSED
    assert refusal.value.placeholders == {"host": "127.0.0.1", "port": port}


@pytest.mark.parametrize("host", ["camera.invalid", "a" * 64 + ".example", "a..b"])
async def test_a_name_that_is_not_known(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that cannot even be asked for are as unknown as others."""

    async def resolve(name: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        name.encode("idna")
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    # There is no name server to ask; what the standard library makes of a name comes before it would.
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    with pytest.raises(CameraError) as refusal:
        await Connection.open(host, 554, tls=False, verify_tls=True)
    assert refusal.value.code is ErrorCode.UNREACHABLE


async def test_all_addresses_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]
    async with camera(_echo) as port:

        async def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", one)) for one in (closed, port)]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
        connection = await Connection.open("camera", 554, tls=False, verify_tls=True)
        assert await _exchange(connection, b"x") == b"x"
        connection.close()


@pytest.mark.parametrize("dead_end", ["silent", "of a kind that this machine does not have"])
async def test_an_address_that_leads_nowhere_does_not_use_up_the_time(
    dead_end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    connect = loop.sock_connect
    async with camera(_echo) as port:

        async def resolve(*_: object, **__: object) -> list[tuple[object, ...]]:
            family = socket.AF_INET if dead_end == "silent" else socket.AF_UNSPEC
            first = (family, socket.SOCK_STREAM, 6, "", ("127.0.0.2", port))
            return [first, (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

        async def first_never(sock: socket.socket, address: tuple[str, int]) -> None:
            if address[0] == "127.0.0.2":
                await asyncio.Event().wait()
            await connect(sock, address)

        monkeypatch.setattr("recorder_core.rtsp.connection._ATTEMPT_S", 0.01)
        monkeypatch.setattr(loop, "getaddrinfo", resolve)
        # The network of a test answers everything, so silence must be made.
        monkeypatch.setattr(loop, "sock_connect", first_never)
        connection = await Connection.open("camera", 554, tls=False, verify_tls=True)
        assert await _exchange(connection, b"x") == b"x"
        connection.close()


async def test_a_camera_that_talks_without_end_leaves_others_their_turn() -> None:
    """Nor does it keep a timeout from passing: all that is asked for is here already."""
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        far.sendall(b"x" * 20)
        connection = Connection(near)
        task = asyncio.ensure_future(other())
        before = turns
        await connection.receive()
        assert turns > before
        task.cancel()
        far.sendall(b"x" * 20)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await connection.receive()


async def test_an_address_without_a_way_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_way(*_: object) -> None:
        raise OSError(113, "No route to host")

    # The network of a test has a way to everything that it may speak to.
    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", no_way)
    with pytest.raises(CameraError) as refusal:
        await Connection.open("127.0.0.1", 554, tls=False, verify_tls=True)
    assert refusal.value.code is ErrorCode.UNREACHABLE


async def test_an_attempt_that_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: asyncio.Queue[socket.socket] = asyncio.Queue()

    async def never(sock: socket.socket, _: object) -> None:
        opened.put_nowait(sock)
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", never)
    attempt = asyncio.ensure_future(Connection.open("127.0.0.1", 554, tls=False, verify_tls=True))
    sock = await opened.get()
    attempt.cancel()
    await asyncio.wait({attempt})
    assert attempt.cancelled()
    assert sock.fileno() == -1


@pytest.mark.parametrize("talk", [_hang_up, _reset])
@pytest.mark.parametrize("tls", [False, True])
async def test_a_camera_that_ends_it(talk: Talk, certificate: Path, *, tls: bool) -> None:
    """While we wait, while we poll, and while we send."""
    async with camera(talk, server_context(certificate) if tls else None) as port:
        connection = await Connection.open("127.0.0.1", port, tls=tls, verify_tls=False)
        await connection.send(b"x")
        with pytest.raises(CameraError) as first:
            await connection.receive()
        with pytest.raises(CameraError) as second:
            connection.receive_into(memoryview(bytearray(100)))
        with pytest.raises(CameraError) as third:
            await _until_lost(lambda: connection.send_now(b"x" * 100))
        with pytest.raises(CameraError) as fourth:
            await connection.send(b"x")
        connection.close()
        with pytest.raises(CameraError) as fifth:
            await connection.receive()
    codes = {error.value.code for error in (first, second, third, fourth, fifth)}
    assert codes == {ErrorCode.CONNECTION_LOST}


@pytest.mark.parametrize("tls", [False, True])
async def test_reading_without_waiting(certificate: Path, *, tls: bool) -> None:
    """What came before the end is read first; then the end is told."""
    data = bytes(range(250)) * 400
    sent = asyncio.Event()

    async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(data)
        await writer.drain()
        writer.close()
        sent.set()

    async with camera(stream, server_context(certificate) if tls else None) as port:
        connection = await Connection.open("127.0.0.1", port, tls=tls, verify_tls=False)
        connection.expect_stream()
        buffer = bytearray(70_000)
        view = memoryview(buffer)
        assert connection.receive_into(view) == 0
        await connection.send(b"x")
        await sent.wait()
        got = bytearray()
        with pytest.raises(CameraError) as end:
            await _until_lost(lambda: got.extend(view[: connection.receive_into(view)]))
        connection.close()
    assert got == data
    assert end.value.code is ErrorCode.CONNECTION_LOST


async def test_a_camera_that_does_not_listen_any_more() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        connection = await Connection.open("127.0.0.1", deaf.getsockname()[1], tls=False, verify_tls=True)
        with pytest.raises(CameraError) as refusal:
            await _until_lost(lambda: connection.send_now(b"x" * 300_000))
        connection.close()
    assert refusal.value.code is ErrorCode.CONNECTION_LOST
