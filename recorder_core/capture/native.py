"""The recorder's own RTSP client as a source: negotiation over a connection, then a polled stream."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from recorder_core.errors import CameraError, ErrorCode
from recorder_core.models import SourceKind
from recorder_core.rtsp import Connection, negotiate
from recorder_core.rtsp.auth import Credentials
from recorder_core.rtsp.message import Message, parse_message
from recorder_core.rtsp.stream import VideoStream

from .source import CaptureConfig, Consumer, SourceInfo

if TYPE_CHECKING:
    from recorder_core.rtp import SenderReport
    from recorder_core.rtsp import CameraUrl, Poller, Session

CONNECT_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 10.0
_INTERLEAVED = b"$"


class NativeSource:
    """An RTSP session over TCP or TLS."""

    def __init__(self, config: CaptureConfig, url: CameraUrl, poller: Poller) -> None:
        """Prepare a session with `url`; `poller` will read it."""
        self._config = config
        self._url = url
        self._poller = poller
        self._connection: Connection | None = None
        self._session: Session | None = None
        self._stream: VideoStream | None = None
        self._early = b""

    async def open(self) -> SourceInfo:
        """Connect and lead the camera to PLAY."""
        credentials = None
        if self._config.username is not None:
            credentials = Credentials(self._config.username, self._config.password or "")
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                self._connection = await Connection.open(
                    self._url.host,
                    self._url.port or 554,
                    tls=self._url.is_tls,
                    verify_tls=self._config.verify_tls,
                )
        except TimeoutError as error:
            raise CameraError(
                ErrorCode.TIMEOUT, f"{self._url.host} did not answer in time.", host=self._url.host
            ) from error
        self._session = session = await self._negotiate(self._connection, credentials)
        return SourceInfo(
            kind=SourceKind.RTSP,
            codec=session.track.offer.codec,
            parameter_sets=session.track.offer.parameter_sets,
            audio_offered=session.offers_audio,
            server=session.server,
        )

    def start(self, consumer: Consumer) -> None:
        """Have the stream polled."""
        if self._connection is None or self._session is None:
            raise RuntimeError("the source has not been opened")

        def report(sender: SenderReport, pts: int, arrival_us: int) -> None:
            consumer.on_report(sender.utc_us, pts, arrival_us)

        self._connection.expect_stream()
        self._stream = VideoStream(
            self._connection,
            self._session,
            buffer=self._poller.buffer,
            early=self._early,
            on_units=consumer.on_units,
            on_report=report,
            on_end=consumer.on_end,
        )
        self._poller.add(self._stream)

    async def close(self) -> None:
        """Say goodbye, if there still is somebody to say it to, and close."""
        stream, self._stream = self._stream, None
        connection, self._connection = self._connection, None
        try:
            if stream is not None:
                self._poller.remove(stream)
                stream.farewell()
        finally:
            if connection is not None:
                connection.close()

    async def _negotiate(self, connection: Connection, credentials: Credentials | None) -> Session:
        conversation = negotiate(self._url, credentials)
        cseq = 1
        request = next(conversation)
        while True:
            await connection.send(request.encode(cseq))
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT_S):
                    answer = await self._answer(connection, cseq)
            except TimeoutError as error:
                raise CameraError(
                    ErrorCode.TIMEOUT, f"{self._url.host} did not answer in time.", host=self._url.host
                ) from error
            cseq += 1
            try:
                request = conversation.send(answer)
            except StopIteration as done:
                session: Session = done.value
                return session

    async def _answer(self, connection: Connection, cseq: int) -> Message:
        """Wait for the answer to a request; other messages and early video are passed over or kept."""
        pending = self._early
        while True:
            # A camera may send video before it answers PLAY.
            if pending.startswith(_INTERLEAVED):
                if len(pending) >= 4 and len(pending) >= (end := 4 + int.from_bytes(pending[2:4])):
                    pending = pending[end:]
                    continue
            elif (pending := pending.lstrip(b"\r\n")) and (parsed := parse_message(pending)) is not None:
                # Line ends that precede a message were left over by a body that is longer than the camera said.
                message, length = parsed
                pending = pending[length:]
                if message.status is not None and message.cseq in (cseq, None):
                    self._early = pending
                    return message
                continue
            pending += await connection.receive()
