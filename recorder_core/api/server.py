"""Where the API listens: a Unix socket that only its owner may open, and TCP behind TLS and a token if asked for.

The socket has its mode before it has its name, so there is no moment in which others could connect. What comes that is
no HTTP leaves no line in the log: that would quote it, and it may be the token; nor can strangers fill the log with it.
"""

from __future__ import annotations

import logging
import os
import socket
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from recorder_core.errors import ErrorCode, StorageError

from .app import make_app

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from recorder_core.service.recorder import Recorder

_LONGEST_PATH = 107
"""sockaddr_un holds 108 bytes, the last of them zero (unix(7))."""

_SHUTDOWN_S = 5.0

_IDLE_S = 60.0
"""How long a caller's connection may wait for the next request."""

_LOGGER = logging.getLogger(__name__)
_LOGGER.addFilter(lambda record: not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError)))


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """Where to listen on the network; never without both TLS and token."""

    host: str
    port: int
    tls: ssl.SSLContext = field(repr=False)
    token: str = field(repr=False)


class Server:
    """The recorder's API while it listens."""

    def __init__(self, recorder: Recorder, path: Path, tcp: TcpAddress | None = None) -> None:
        """Listen on the Unix socket `path`, and on `tcp` if given, once `start` is called."""
        self._recorder = recorder
        self._path = path
        self._tcp = tcp
        self._runners: list[web.AppRunner] = []
        self._inode: int | None = None

    async def __aenter__(self) -> Self:
        """Start."""
        try:
            await self.start()
        except BaseException:  # cancelled or not: nothing that was started may stay
            await self.stop()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop."""
        await self.stop()

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            StorageError: `SOCKET_UNUSABLE` when the path or the address cannot be taken.
        """
        try:
            listener = _bind(self._path)
            self._inode = self._path.stat().st_ino
            await web.SockSite(await self._runner(None), listener).start()
            if self._tcp is not None:
                runner = await self._runner(self._tcp.token)
                await web.TCPSite(runner, self._tcp.host, self._tcp.port, ssl_context=self._tcp.tls).start()
        except OSError as error:
            sentence = f"The API cannot listen: {os.strerror(error.errno or 0)}."
            raise StorageError(ErrorCode.SOCKET_UNUSABLE, sentence, path=str(self._path)) from error

    @property
    def tcp_port(self) -> int | None:
        """The port that was taken, None without TCP; useful where 0 was asked for."""
        return self._runners[1].addresses[0][1] if self._tcp is not None else None

    async def stop(self) -> None:
        """Let all callers go and take the socket away."""
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()
        if self._inode is not None and _inode(self._path) == self._inode:
            self._path.unlink()
        self._inode = None

    async def _runner(self, token: str | None) -> web.AppRunner:
        app = make_app(self._recorder, token=token)
        runner = web.AppRunner(
            app, access_log=None, logger=_LOGGER, shutdown_timeout=_SHUTDOWN_S, keepalive_timeout=_IDLE_S
        )
        await runner.setup()
        self._runners.append(runner)
        return runner


def check_socket_path(path: Path) -> None:
    """Refuse a path that cannot be a private socket.

    Raises:
        StorageError: `SOCKET_UNUSABLE`.
    """
    if len(os.fsencode(path)) > _LONGEST_PATH:
        sentence = f"The path of the socket is longer than {_LONGEST_PATH} bytes."
        raise StorageError(ErrorCode.SOCKET_UNUSABLE, sentence, path=str(path))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = path.parent.stat()
    except OSError as error:
        sentence = f"The folder of the socket cannot be used: {os.strerror(error.errno or 0)}."
        raise StorageError(ErrorCode.SOCKET_UNUSABLE, sentence, path=str(path)) from error
    if folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not folder.st_mode & stat.S_ISVTX:
        sentence = "Others may write in the folder of the socket, so they could put theirs in its place."
        raise StorageError(ErrorCode.SOCKET_UNUSABLE, sentence, path=str(path))


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _bind(path: Path) -> socket.socket:
    """Bind a socket of mode 0600. The caller holds the store's lock, so what lies there is of a recorder that died."""
    check_socket_path(path)
    try:
        if stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()
    except FileNotFoundError:
        pass
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Linux gives the name the mode of the socket itself, less the umask.
        os.fchmod(listener.fileno(), 0o600)
        listener.bind(str(path))
    except OSError:
        listener.close()
        raise
    return listener
