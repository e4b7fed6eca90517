"""One connection of a simulated camera: requests in, answers out, in order (RFC 2326, or HTTP)."""

from __future__ import annotations

import asyncio
import random
import re
from contextlib import suppress
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from .audio import audio_loop
from .auth import Gate, Verdict
from .camera import Transport
from .faults import Quirk, SlowAnswers
from .messages import HTTP, MessageError, Request, RequestReader, response
from .multipart import HEADERS, multipart_track
from .rtp import RtpStream
from .sdp import AUDIO_CONTROL, VIDEO_CONTROL, describe
from .session import Carrier, InterleavedCarrier, Session, Track, open_udp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .server import CameraServer

_METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, SET_PARAMETER, TEARDOWN"
_INTERLEAVED = re.compile(r"interleaved=(\d{1,2})\b")
_CLIENT_PORTS = re.compile(r"client_port=(\d{1,5})-(\d{1,5})")


class Connection(asyncio.Protocol):
    """Answers one request after the other, as a small camera does."""

    _transport: asyncio.Transport  # there from `connection_made` on, before which nothing is called

    def __init__(self, server: CameraServer) -> None:
        """Wait for the connection to be made."""
        self._server = server
        self._gate = Gate(server.camera)
        self._reader = RequestReader()
        self._requests: asyncio.Queue[Request] = asyncio.Queue()
        self._sessions: dict[str, Session] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._handlers: dict[str, Callable[[Request], Awaitable[bytes]]] = {
            "OPTIONS": self._options,
            "DESCRIBE": self._describe,
            "SETUP": self._setup,
            "PLAY": self._play,
            "GET_PARAMETER": self._parameter,
            "SET_PARAMETER": self._parameter,
            "TEARDOWN": self._teardown,
        }
        if Transport.HTTP in server.camera.transports:
            self._reader = RequestReader(HTTP)
            self._gate = server.gate  # clients of HTTP come back with the nonce in another connection
            self._handlers = {"GET": self._get}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to answer."""
        self._transport = cast("asyncio.Transport", transport)  # asyncio names a wider type than it gives
        self._server.counters.connections += 1
        self._server.connections.add(self)
        if Quirk.CLOSE_AT_ONCE in self._server.faults:
            self._transport.abort()
            return
        self._tasks.append(asyncio.create_task(self._answer_all()))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  why it ended does not matter here
        """End its sessions."""
        for task in self._tasks:
            task.cancel()
        for session in list(self._sessions.values()):
            self._end(session)
        self._server.connections.discard(self)
        self._server.bell.ring()

    def data_received(self, data: bytes) -> None:
        """Queue what was asked."""
        try:
            requests = self._reader.feed(data)
        except MessageError:
            self._transport.write(response(None, 400))
            self._transport.close()
            return
        for request in requests:
            self._requests.put_nowait(request)

    def abort(self) -> None:
        """End it at once."""
        self._transport.abort()

    async def _answer_all(self) -> None:
        while True:
            request = await self._requests.get()
            self._server.counters.requests += 1
            self._server.bell.ring()
            faults = self._server.faults
            if slow := faults.get(SlowAnswers):
                await self._server.clock.sleep(slow.seconds)
            if Quirk.NEVER_ANSWER not in faults:
                self._transport.write(await self._answer(request))
                self._server.bell.ring()

    async def _answer(self, request: Request) -> bytes:
        if Quirk.UNAVAILABLE in self._server.faults:
            return response(request, 503)
        handler = self._handlers.get(request.method)
        if handler is None:
            return response(request, 501)
        # Every camera tells its methods to anybody.
        if request.method != "OPTIONS" and (refusal := self._refusal(request)):
            return refusal
        if request.session:
            session = self._sessions.get(request.session)
            if session is None:
                return response(request, 454)
            session.keep_alive(self._server.clock.monotonic_us())
        return await handler(request)

    def _refusal(self, request: Request) -> bytes | None:
        verdict = self._gate.check(request)
        if verdict is not Verdict.GOOD or Quirk.REJECT_PASSWORD in self._server.faults:
            self._server.counters.unauthorized += 1
            return response(request, 401, self._gate.challenges(stale=verdict is Verdict.STALE))
        name = self._server.camera.name
        known = {name, f"{name}/{VIDEO_CONTROL}"} | (
            {f"{name}/{AUDIO_CONTROL}"} if self._server.camera.audio else set()
        )
        if request.path not in known or Quirk.NOT_FOUND in self._server.faults:
            return response(request, 404)
        return None

    async def _options(self, request: Request) -> bytes:
        self._server.counters.keep_alives += bool(request.session)
        return response(request, 200, [("Public", _METHODS)])

    async def _describe(self, request: Request) -> bytes:
        server, faults = self._server, self._server.faults
        server.counters.describes += 1
        url = urlsplit(request.url)._replace(query="", fragment="").geturl().rstrip("/") + "/"
        media = server.source.media
        if Quirk.NO_PARAMETER_SETS in faults:
            media = media.without_parameter_sets()
        if Quirk.UNKNOWN_CODEC in faults:
            media = media.named("X-UNKNOWN")
        body = describe(
            server.camera.title,
            None if Quirk.NO_VIDEO in faults else media,
            server.camera.audio,
            url if Quirk.ABSOLUTE_CONTROL in faults else "",
        )
        kind = "text/plain" if Quirk.WRONG_CONTENT_TYPE in faults else "application/sdp"
        headers = [("Content-Type", kind)]
        if Quirk.NO_CONTENT_BASE not in faults:
            headers.append(("Content-Base", url))
        return response(request, 200, headers, body.encode())

    async def _setup(self, request: Request) -> bytes:
        server, camera = self._server, self._server.camera
        track_name = request.path.rpartition("/")[2]
        if track_name not in (VIDEO_CONTROL, AUDIO_CONTROL):
            return response(request, 459)
        is_video = track_name == VIDEO_CONTROL
        old = self._sessions.get(request.session)
        if old is not None and (old.video if is_video else old.audio) is not None:
            return response(request, 455)
        carrier = await self._carrier(request.headers.get("transport", ""), channel=0 if is_video else 2)
        if carrier is None:
            return response(request, 461)
        session = old
        if session is None:
            session = self._new_session()
            self._tasks.append(asyncio.create_task(self._watch(session)))
        ssrc = random.getrandbits(32)
        if is_video:
            server.counters.video_setups += 1
            session.video = Track(carrier, self._video_stream(ssrc))
        else:
            server.counters.audio_setups += 1
            session.audio = Track(carrier, RtpStream(ssrc=ssrc, sequence=0, timestamp=0))
        transport = f"{carrier.description};ssrc={ssrc:08X}"
        identifier = f"{session.identifier};timeout={camera.session_timeout_s}"
        return response(request, 200, [("Transport", transport), ("Session", identifier)])

    def _video_stream(self, ssrc: int) -> RtpStream:
        sequence, timestamp = random.getrandbits(16), random.getrandbits(32)
        if self._server.camera.first_timestamp is not None:
            timestamp = self._server.camera.first_timestamp
        return RtpStream(ssrc=ssrc, sequence=sequence, timestamp=timestamp)

    def _new_session(self) -> Session:
        server = self._server
        session = Session(server.camera.session_timeout_s * 1_000_000, server.clock.monotonic_us())
        self._sessions[session.identifier] = server.sessions[session.identifier] = session
        return session

    async def _carrier(self, wanted: str, channel: int) -> Carrier | None:
        """The first of the transports that the client would take and the camera can give."""
        allowed = self._server.camera.transports
        for choice in wanted.split(","):
            if "/TCP" in choice:
                if Transport.TCP in allowed:
                    match = _INTERLEAVED.search(choice)
                    return InterleavedCarrier(self._transport, int(match[1]) if match else channel)
            elif Transport.UDP in allowed and (match := _CLIENT_PORTS.search(choice)):
                ports = int(match[1]), int(match[2])
                if min(ports) > 0 and max(ports) < 1 << 16:
                    peer: str = self._transport.get_extra_info("peername")[0]
                    return await open_udp(peer, ports, self._server.host)
        return None

    async def _play(self, request: Request) -> bytes:
        session = self._sessions.get(request.session)
        if session is None or not session.tracks:
            return response(request, 455)
        server = self._server
        server.counters.plays += 1
        if session.video is not None and not session.playing:
            session.video.stream.start(server.source.next_pts)
        session.playing = True
        if server.camera.audio is not None and session.audio is not None and session.audio_task is None:
            sound = session.play_audio(session.audio, audio_loop(server.camera.audio), server.clock, server.counters)
            session.audio_task = asyncio.create_task(sound)
        headers = [("Session", session.identifier), ("Range", "npt=now-")]
        if session.video is not None:
            stream = session.video.stream
            base = request.url.rstrip("/")
            time = stream.timestamp(server.source.next_pts)
            headers.append(("RTP-Info", f"url={base}/{VIDEO_CONTROL};seq={stream.sequence};rtptime={time}"))
        return response(request, 200, headers)

    async def _get(self, request: Request) -> bytes:
        """Answer with every picture from now on, until the client has seen enough."""
        self._server.counters.plays += 1
        session = self._new_session()
        session.video = multipart_track(self._transport)
        session.playing = True
        return response(request, 200, HEADERS)

    async def _parameter(self, request: Request) -> bytes:
        self._server.counters.keep_alives += bool(request.session)
        return response(request, 200)

    async def _teardown(self, request: Request) -> bytes:
        session = self._sessions.get(request.session)
        if session is None:
            return response(request, 454)
        self._server.counters.teardowns += 1
        self._end(session)
        return response(request, 200)

    async def _watch(self, session: Session) -> None:
        """End the session, and with it the connection, when no keep-alive comes in time."""
        clock = self._server.clock
        while (left_us := session.deadline_us - clock.monotonic_us()) > 0:
            await clock.sleep(left_us / 1_000_000)
        if session.identifier in self._sessions:
            self._server.counters.timeouts += 1
            self._end(session)
            self.abort()

    def _end(self, session: Session) -> None:
        session.close()
        with suppress(KeyError):
            del self._sessions[session.identifier]
            del self._server.sessions[session.identifier]
