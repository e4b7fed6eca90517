"""A TCP or TLS connection to a camera: awaited while the two sides talk, read without waiting while video flows."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING, Self

from recorder_core.errors import CameraError, ErrorCode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    type _Address = tuple[int, int, int, str, tuple[object, ...]]
    """What `getaddrinfo` answers: family, type, protocol, canonical name, and the address itself."""

_TLS_RECORD = 16 << 10

_WAITS = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

_ATTEMPT_S = 3.0
"""How long one address of a host may take while there is another: many names have one that leads nowhere."""

RECEIVE_WINDOW = 512 << 10
"""Bytes that the kernel should hold for us between two polls.

Set as `SO_RCVLOWAT`: Linux grows the receive buffer and the window to fit it without ending their automatic growth, as
`SO_RCVBUF` would, and stops waking anybody for less.
"""


class Connection:
    """One socket. Errors are `CameraError`; the camera's end of stream is `CONNECTION_LOST`."""

    def __init__(self, sock: socket.socket) -> None:
        """Wrap a connected, non-blocking socket."""
        self._sock = sock
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def open(cls, host: str, port: int, *, tls: bool, verify_tls: bool) -> Self:
        """Connect, through all addresses of the host until one answers.

        Raises:
            CameraError: `UNREACHABLE`, `CONNECTION_REFUSED` or `TLS_FAILED`.
        """
        sock = await _connect(host, port)
        if not tls:
            return cls(sock)
        try:
            context = await asyncio.get_running_loop().run_in_executor(None, _tls_context, verify_tls)
            wrapped = _wrap(context, sock, host)
        except BaseException:  # cancelled or not: the socket is ours to close
            sock.close()
            raise
        connection = cls(wrapped)
        try:
            await connection._handshake(wrapped)
        except BaseException:  # cancelled or not: the socket is ours to close
            connection.close()
            raise
        return connection

    async def send(self, data: bytes) -> None:
        """Send all of `data`."""
        left = memoryview(data)
        while left:
            try:
                sent = await self._retry(self._sock.send, left, blocked_by=self._writable)
            except OSError as error:
                raise _lost() from error
            left = left[sent:]

    async def receive(self) -> bytes:
        """Wait for some bytes.

        All others get their turn even where there is no need to wait: a camera that talks without end must not be
        listened to without end, nor keep a timeout from passing.
        """
        await asyncio.sleep(0)
        try:
            data = await self._retry(self._sock.recv, _TLS_RECORD, blocked_by=self._readable)
        except OSError as error:
            raise _lost() from error
        if not data:
            raise _lost()
        return data

    def expect_stream(self) -> None:
        """Prepare for being polled: let the kernel hold what comes between two polls."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, RECEIVE_WINDOW)

    def receive_into(self, view: memoryview) -> int:
        """Read what is there, at most `len(view)` bytes, without waiting; 0 if there is nothing."""
        got = 0
        while got < len(view):
            try:
                count = self._sock.recv_into(view[got:])
            except _WAITS:
                break
            except OSError as error:
                if got:
                    break  # the next reading meets it again
                raise _lost() from error
            if count == 0:
                if got:
                    break
                raise _lost()
            got += count
            if not isinstance(self._sock, ssl.SSLSocket):
                break  # a plain socket has given all it had; TLS gives one record at a time
        return got

    def send_now(self, data: bytes) -> None:
        """Send a small message without waiting; a camera that does not take it has stopped listening."""
        try:
            sent = self._sock.send(data)
        except OSError as error:
            raise _lost() from error
        if sent != len(data):
            raise _lost()

    def close(self) -> None:
        """Close the socket; safe to call twice."""
        if (fd := self._sock.fileno()) >= 0:
            self._loop.remove_reader(fd)
            self._loop.remove_writer(fd)
        self._sock.close()

    async def _handshake(self, sock: ssl.SSLSocket) -> None:
        try:
            await self._retry(sock.do_handshake, blocked_by=self._readable)
        except ssl.SSLCertVerificationError as error:
            raise CameraError(
                ErrorCode.TLS_FAILED,
                f"The camera's certificate is not trusted: {error.verify_message}.",
                detail=error.verify_message,
            ) from error
        except OSError as error:
            raise _no_tls() from error

    async def _retry[*Args, T](
        self, call: Callable[[*Args], T], *args: *Args, blocked_by: Callable[[], Awaitable[None]]
    ) -> T:
        """Repeat a non-blocking call until the socket lets it through."""
        while True:
            try:
                return call(*args)
            except BlockingIOError:
                await blocked_by()
            except ssl.SSLWantReadError:
                await self._readable()
            except ssl.SSLWantWriteError:
                await self._writable()

    async def _readable(self) -> None:
        await self._ready(self._loop.add_reader, self._loop.remove_reader)

    async def _writable(self) -> None:
        await self._ready(self._loop.add_writer, self._loop.remove_writer)

    async def _ready(self, watch: Callable[[int, Callable[[], None]], None], unwatch: Callable[[int], bool]) -> None:
        event = asyncio.Event()
        fd = self._sock.fileno()
        if fd < 0:
            raise _lost()
        watch(fd, event.set)
        try:
            await event.wait()
        finally:
            unwatch(fd)


def _lost() -> CameraError:
    return CameraError(ErrorCode.CONNECTION_LOST, "The camera closed the connection.")


def _no_tls() -> CameraError:
    return CameraError(ErrorCode.TLS_FAILED, "The camera does not speak TLS at this port.", detail="no handshake")


def _wrap(context: ssl.SSLContext, sock: socket.socket, host: str) -> ssl.SSLSocket:
    try:
        return context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    except (OSError, ValueError) as error:  # it is gone already, or no certificate can bear such a name
        raise _no_tls() from error


async def _connect(host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    try:
        addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # a label that is empty or too long cannot even be asked for
        raise CameraError(ErrorCode.UNREACHABLE, f"The name {host} is not known.", host=host) from error
    refused: OSError | None = None
    for number, address in enumerate(addresses, start=1):
        try:
            async with asyncio.timeout(_ATTEMPT_S if number < len(addresses) else None):
                return await _connect_to(address)
        except OSError as error:  # a timeout is one, and so is a kind of address that this machine does not have
            refused = error
    if isinstance(refused, ConnectionRefusedError):
        raise CameraError(
            ErrorCode.CONNECTION_REFUSED, f"{host} refuses connections at port {port}.", host=host, port=port
        ) from refused
    raise CameraError(ErrorCode.UNREACHABLE, f"{host} cannot be reached.", host=host) from refused


async def _connect_to(address: _Address) -> socket.socket:
    family, kind, protocol, _, place = address
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, place)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:  # cancelled or not: the socket is ours to close
        sock.close()
        raise
    return sock


def _tls_context(verify: bool) -> ssl.SSLContext:  # noqa: FBT001 - handed to an executor by position
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
