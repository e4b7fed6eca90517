"""The conversation that begins a session, without I/O: a generator that yields requests and is sent their answers.

OPTIONS, DESCRIBE, SETUP of the one video track, PLAY; with authentication wherever the camera asks for it. Only video
media is ever set up (invariant 5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recorder_core.errors import CameraError, ErrorCode
from recorder_core.version import __version__

from .auth import Authenticator, Credentials
from .message import Message, Request
from .sdp import VideoOffer, choose_video, parse_sdp
from .url import CameraUrl, control_url

if TYPE_CHECKING:
    from collections.abc import Generator

_USER_AGENT = ("User-Agent", f"LibraryRecorder/{__version__}")
_INTERLEAVED = re.compile(r"interleaved\s*=\s*(\d+)(?:\s*-\s*(\d+))?", re.IGNORECASE)
_SESSION_TIMEOUT = re.compile(r"timeout\s*=\s*(\d+)", re.IGNORECASE)

_MOST_TRIES = 4
"""Of one request: without and with authentication, and with a nonce that a camera calls stale at once."""

_DEFAULT_TIMEOUT_S = 60
"""A session without a stated timeout lasts so long without a sign of life (RFC 2326 section 12.37)."""


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """The track that was set up: what arrives on which interleaved channel."""

    offer: VideoOffer
    rtp_channel: int
    rtcp_channel: int


@dataclass(frozen=True, slots=True)
class Session:
    """A session that plays. `keep_alive` is the request that tells the camera that somebody still listens."""

    url: str
    session_id: str
    timeout_s: int
    keep_alive: str
    track: VideoTrack
    offers_audio: bool
    server: str | None
    authenticator: Authenticator

    def request(self, method: str) -> Request:
        """Make a request of this session."""
        headers = [_USER_AGENT, ("Session", self.session_id)]
        if (authorization := self.authenticator.authorization(method, self.url)) is not None:
            headers.append(("Authorization", authorization))
        return Request(method, self.url, tuple(headers))


type Conversation[T] = Generator[Request, Message, T]


NO_TCP = "no interleaved transport"
"""The status of the refusal that a camera's answer amounts to."""


def negotiate(url: CameraUrl, credentials: Credentials | None) -> Conversation[Session]:
    """Lead a camera from its address to playing.

    Raises:
        CameraError: `AUTH_REQUIRED`, `AUTH_FAILED`, `NOT_FOUND`, `NO_VIDEO`, `UNSUPPORTED_CODEC`, `REJECTED` or
        `PROTOCOL`.
    """
    talk = _Talk(Authenticator(credentials), has_credentials=credentials is not None)
    options = yield from talk.ask("OPTIONS", url.url, may_fail=True)
    described = yield from talk.ask("DESCRIBE", url.url, ("Accept", "application/sdp"))
    description = parse_sdp(described.body)
    offer = choose_video(description)
    base = described.header("content-base") or described.header("content-location") or url.url
    if "://" not in base:
        base = url.url
    track_url = control_url(base, offer.control)
    setup = yield from talk.ask("SETUP", track_url, ("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1"))
    session_id, timeout_s = _session(setup)
    track = VideoTrack(offer, *_channels(setup))
    aggregate = control_url(base, description.control)
    played = yield from talk.ask("PLAY", aggregate, ("Session", session_id), ("Range", "npt=0.000-"))
    methods = {one.strip().upper() for one in (options.header("public") or "").split(",")}
    return Session(
        url=aggregate,
        session_id=session_id,
        timeout_s=timeout_s,
        keep_alive="GET_PARAMETER" if "GET_PARAMETER" in methods else "OPTIONS",
        track=track,
        offers_audio=description.offers_audio,
        server=described.header("server") or played.header("server"),
        authenticator=talk.authenticator,
    )


class _Talk:
    """Asks one thing after the other, with authentication where the camera wants it."""

    def __init__(self, authenticator: Authenticator, *, has_credentials: bool) -> None:
        self.authenticator = authenticator
        self._has_credentials = has_credentials

    def ask(self, method: str, url: str, *headers: tuple[str, str], may_fail: bool = False) -> Conversation[Message]:
        for _ in range(_MOST_TRIES):
            fields = [_USER_AGENT, *headers]
            if (authorization := self.authenticator.authorization(method, url)) is not None:
                fields.append(("Authorization", authorization))
            answer = yield Request(method, url, tuple(fields))
            status = answer.status or 0
            if 200 <= status < 300 and authorization is not None:
                self.authenticator.proved()
            if 200 <= status < 300 or (may_fail and status != 401):
                return answer
            if status != 401:
                raise _refusal(method, status, answer.reason)
            if not self.authenticator.accept(answer.headers.get("www-authenticate", ())):
                break
        if self._has_credentials:
            raise CameraError(ErrorCode.AUTH_FAILED, "The camera refuses this user name and password.")
        raise CameraError(ErrorCode.AUTH_REQUIRED, "The camera asks for a user name and a password.")


def _refusal(method: str, status: int, reason: str) -> CameraError:
    if status == 403:
        return CameraError(ErrorCode.AUTH_FAILED, "The camera forbids this user to see the stream.")
    if status in (404, 454) and method == "DESCRIBE":
        return CameraError(ErrorCode.NOT_FOUND, "The camera knows no stream at this address.")
    text = "".join(char for char in f"{status} {reason}" if char.isprintable()).strip()[:80]
    return CameraError(ErrorCode.REJECTED, f"The camera refused {method}: {text}.", method=method, status=text)


def _session(setup: Message) -> tuple[str, int]:
    value = setup.header("session") or ""
    session_id, _, options = value.partition(";")
    if not session_id.strip():
        raise CameraError(ErrorCode.PROTOCOL, "The camera opened no session.")
    stated = _SESSION_TIMEOUT.search(options)
    return session_id.strip(), max(int(stated[1][:6]), 2) if stated else _DEFAULT_TIMEOUT_S


def _channels(setup: Message) -> tuple[int, int]:
    transport = setup.header("transport") or ""
    if "tcp" not in transport.lower() and "interleaved" not in transport.lower():
        raise CameraError(ErrorCode.REJECTED, "The camera does not send over TCP.", method="SETUP", status=NO_TCP)
    found = _INTERLEAVED.search(transport)
    if found is None:
        return 0, 1
    first = int(found[1][:9])
    second = int(found[2][:9]) if found[2] else first + 1
    if first > 255 or second > 255:
        raise CameraError(ErrorCode.PROTOCOL, "The camera names impossible channels.")
    return first, second
