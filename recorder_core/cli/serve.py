"""The worker behind `serve`: locks the data folder, runs the recorder and its API until it is told to stop.

A signal tells it, or the API, or the end of its supervisor.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from recorder_core.api.auth import check_token
from recorder_core.api.server import Server, TcpAddress, check_socket_path
from recorder_core.clock import SystemClock
from recorder_core.errors import ErrorCode, RecorderError, StorageError
from recorder_core.service.recorder import Recorder
from recorder_core.storage.lock import LOCK_FILE

from .exit_codes import FAILED, LOCKED, OK, UNUSABLE, USAGE
from .logs import start_logging

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_LOGGER = logging.getLogger(__name__)

_CODES = {
    ErrorCode.STORE_LOCKED: LOCKED,
    ErrorCode.SETTINGS_DAMAGED: UNUSABLE,
    ErrorCode.SOCKET_UNUSABLE: UNUSABLE,
    ErrorCode.VERSION_MISMATCH: UNUSABLE,
    ErrorCode.VOLUME_NETWORK: UNUSABLE,
    ErrorCode.VOLUME_OVERLAY: UNUSABLE,
    ErrorCode.VOLUME_MISSING: UNUSABLE,
    ErrorCode.VOLUME_FOREIGN: UNUSABLE,
    ErrorCode.BAD_REQUEST: UNUSABLE,
}
"""What does not pass by itself; a full disk may, for instance."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `serve`."""
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of index, settings and log")
    parser.add_argument(
        "--volume",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="folder for footage, as long as the settings name none; may be given again",
    )
    parser.add_argument("--socket", type=Path, metavar="PATH", help="Unix socket of the API (DIR/recorder.sock)")
    parser.add_argument(
        "--listen", metavar="HOST:PORT", help="serve the API on the network as well, with TLS and token"
    )
    parser.add_argument("--tls-certificate", type=Path, metavar="PEM", help="certificate chain for --listen")
    parser.add_argument("--tls-key", type=Path, metavar="PEM", help="private key for --listen")
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="file with the bearer token for --listen")
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    parser.add_argument(
        "--worker", type=int, metavar="FD", help="(set by the supervisor) end of this pipe ends the worker"
    )
    parser.add_argument("--restarted-after", metavar="WHAT", help="(set by the supervisor) how the last worker ended")


def main(args: argparse.Namespace) -> int:
    """Run the worker until it is told to stop."""
    os.umask(0o077)
    # Callers of the API must not leave too few for the files of the cameras. The supervisor's own is of no matter.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    data: Path = args.data.absolute()
    path: Path = (args.socket or data / "recorder.sock").absolute()
    try:
        tcp = _tcp_address(args)
        if args.restarted_after:
            _require_data(data)
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_socket_path(path)
        start_logging(data / "logs", args.log_level)
    except ValueError as error:
        print(f"serve: {error}", file=sys.stderr)
        return USAGE
    except OSError as error:
        print(f"serve: {error}", file=sys.stderr)
        return UNUSABLE
    except StorageError as error:
        print(f"{error.code}: {error.message}", file=sys.stderr)
        return _CODES.get(error.code, FAILED)
    if args.restarted_after:
        _LOGGER.error("The worker was started again after the last one ended with %s", args.restarted_after)
    try:
        asyncio.run(_serve(data, path, tcp, args.worker, [volume.absolute() for volume in args.volume]))
    except RecorderError as error:
        _LOGGER.error("%s: %s", error.code, error.message)  # noqa: TRY400  # its sentence says all there is to say
        return _CODES.get(error.code, FAILED)
    except Exception:  # standard error leads nowhere, so the log must have it
        _LOGGER.exception("The recorder failed")
        return FAILED
    return OK


def _require_data(data: Path) -> None:
    """Make sure that the last worker's data folder is still there: a new one in its place would hide the loss."""
    if not (data / LOCK_FILE).exists():
        raise StorageError(ErrorCode.VOLUME_MISSING, f"The data folder {data} has gone; the recorder ends.")


async def _serve(data: Path, path: Path, tcp: TcpAddress | None, lifeline: int | None, volumes: Sequence[Path]) -> None:
    supervisor_pid = None if lifeline is None else os.getppid()
    recorder = Recorder(data, clock=SystemClock(), supervisor_pid=supervisor_pid, volumes=volumes)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, recorder.request_shutdown)
    if lifeline is not None:
        loop.add_reader(lifeline, _end_of_supervisor, loop, lifeline, recorder)
    asked = asyncio.create_task(_asked_to_stop(recorder.shutdown_requested, supervisor_pid))
    damaged = asyncio.create_task(recorder.index_damaged.wait())
    try:
        async with recorder, Server(recorder, path, tcp) as server:
            _LOGGER.info("The recorder runs; its API listens on %s", path)
            if server.tcp_port is not None:
                _LOGGER.info("The recorder's API listens on port %d, too", server.tcp_port)
            await asyncio.wait({asked, damaged}, return_when=asyncio.FIRST_COMPLETED)
            _LOGGER.info("The recorder stops")
    finally:
        asked.cancel()
        damaged.cancel()
    if recorder.index_damaged.is_set():  # the next worker sets it aside
        raise StorageError(ErrorCode.INDEX_DAMAGED, "The index of the footage is damaged; the recorder starts anew.")


async def _asked_to_stop(stop: asyncio.Event, supervisor_pid: int | None) -> None:
    """Wait for the wish that the recorder end, and have the supervisor know of it, whoever it came from.

    However this process ends then, even killed or with an error, no other one is started in its place.
    """
    await stop.wait()
    if supervisor_pid is not None and os.getppid() == supervisor_pid:
        os.kill(supervisor_pid, signal.SIGTERM)


def _end_of_supervisor(loop: asyncio.AbstractEventLoop, lifeline: int, recorder: Recorder) -> None:
    _LOGGER.error("The supervisor has gone; the recorder stops")
    loop.remove_reader(lifeline)
    recorder.request_shutdown()


def _tcp_address(args: argparse.Namespace) -> TcpAddress | None:
    """Return where to listen on the network; an error says what is missing."""
    needed = {"--tls-certificate": args.tls_certificate, "--tls-key": args.tls_key, "--token-file": args.token_file}
    if args.listen is None:
        if given := [name for name, value in needed.items() if value is not None]:
            raise ValueError(f"{given[0]} means nothing without --listen")
        return None
    if missing := [name for name, value in needed.items() if value is None]:
        raise ValueError(f"--listen needs {missing[0]}: the network gets the API with TLS and token only")
    host, _, port = args.listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError("--listen takes HOST:PORT")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    tls.load_cert_chain(args.tls_certificate, args.tls_key)
    token = check_token(args.token_file.read_text(encoding="ascii").strip())
    return TcpAddress(host.strip("[]"), int(port), tls, token)
