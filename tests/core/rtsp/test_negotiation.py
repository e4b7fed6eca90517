"""The conversation that begins a session, as a generator: no socket, no camera, every step as wrong as it can be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from recorder_core.errors import CameraError, ErrorCode
from recorder_core.media import Codec
from recorder_core.rtsp import negotiate, parse_camera_url
from recorder_core.rtsp.auth import Credentials
from recorder_core.rtsp.message import Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recorder_core.rtsp import Session
    from recorder_core.rtsp.message import Request

URL = "rtsp://camera:8554/live?sub=1"
SDP = (
    "v=0\r\na=control:*\r\nm=audio 0 RTP/AVP 0\r\na=control:trackID=2\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=1\r\n"
)
CHALLENGE = 'Digest realm="r", nonce="{nonce}", qop="auth"'


def answer(status: int = 200, /, body: str = "", **headers: str) -> Message:
    """Return a message; underscores in names stand for hyphens."""
    values: dict[str, tuple[str, ...]] = {name.replace("_", "-"): (value,) for name, value in headers.items()}
    return Message(status, "Because", None, values, body.encode())


GOOD = {
    "OPTIONS": answer(public="OPTIONS, DESCRIBE, GET_PARAMETER"),
    "DESCRIBE": answer(body=SDP, content_base="rtsp://camera:8554/live/", server="Cam/1"),
    "SETUP": answer(session="42;timeout=30", transport="RTP/AVP/TCP;unicast;interleaved=0-1"),
    "PLAY": answer(),
}


@dataclass
class Camera:
    """Answers each method with what is set; a list is worked off first."""

    answers: Mapping[str, Message | list[Message]] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)

    def talk(self, credentials: Credentials | None = None, url: str = URL) -> Session:
        """Lead the conversation to its end."""
        conversation = negotiate(parse_camera_url(url), credentials)
        request = next(conversation)
        while True:
            self.asked.append(request)
            said = self.answers.get(request.method, GOOD[request.method])
            if isinstance(said, list):
                said = said.pop(0) if said else GOOD[request.method]
            try:
                request = conversation.send(said)
            except StopIteration as done:
                session: Session = done.value
                return session

    def header(self, number: int, name: str) -> str | None:
        """Return a header of a request."""
        return dict(self.asked[number].headers).get(name)


def test_a_whole_conversation() -> None:
    camera = Camera()
    session = camera.talk()
    assert [(request.method, request.url) for request in camera.asked] == [
        ("OPTIONS", URL),
        ("DESCRIBE", URL),
        ("SETUP", "rtsp://camera:8554/live/trackID=1"),
        ("PLAY", "rtsp://camera:8554/live/"),
    ]
    assert camera.header(1, "Accept") == "application/sdp"
    assert camera.header(2, "Transport") == "RTP/AVP/TCP;unicast;interleaved=0-1"
    assert camera.header(3, "Session") == "42"
    assert (session.session_id, session.timeout_s, session.keep_alive) == ("42", 30, "GET_PARAMETER")
    assert session.offers_audio
    assert session.server == "Cam/1"
    assert session.track.offer.codec is Codec.H264
    assert (session.track.rtp_channel, session.track.rtcp_channel) == (0, 1)
    request = session.request("TEARDOWN")
    assert (request.method, request.url) == ("TEARDOWN", "rtsp://camera:8554/live/")
    assert dict(request.headers)["Session"] == "42"
    assert "Authorization" not in dict(request.headers)


def test_only_the_video_is_set_up() -> None:
    """Invariant 5, with sound before and behind it."""
    camera = Camera({"DESCRIBE": answer(body=SDP + "m=audio 0 RTP/AVP 8\r\na=control:trackID=3\r\n")})
    camera.talk()
    assert [request.url for request in camera.asked if request.method == "SETUP"] == [f"{URL}/trackID=1"]


@pytest.mark.parametrize(
    ("headers", "control", "setup", "play"),
    [
        ({"content_base": "rtsp://h/a"}, "t1", "rtsp://h/a/t1", "rtsp://h/a"),
        ({"content_base": "rtsp://h/a/"}, "rtsp://h/z", "rtsp://h/z", "rtsp://h/a/"),
        ({"content_location": "rtsp://h/b/"}, "t1", "rtsp://h/b/t1", "rtsp://h/b/"),
        ({"content_base": "/live/"}, "t1", f"{URL}/t1", URL),
        ({"content_base": ""}, "t1", f"{URL}/t1", URL),
        ({}, "/t1", "rtsp://camera:8554/t1", URL),
        ({}, "", URL, URL),
    ],
)
def test_where_requests_go(headers: dict[str, str], control: str, setup: str, play: str) -> None:
    camera = Camera({"DESCRIBE": answer(body=SDP.replace("trackID=1", control), **headers)})
    camera.talk()
    assert [request.url for request in camera.asked[2:]] == [setup, play]


@pytest.mark.parametrize(
    ("transport", "channels"),
    [
        ("RTP/AVP/TCP;unicast;interleaved=4-5", (4, 5)),
        ("RTP/AVP/TCP;interleaved = 6", (6, 7)),
        ("RTP/AVP/TCP;unicast", (0, 1)),
        ("rtp/avp;INTERLEAVED=2-9;ssrc=1", (2, 9)),
    ],
)
def test_channels_are_the_cameras_choice(transport: str, channels: tuple[int, int]) -> None:
    session = Camera({"SETUP": answer(session="1", transport=transport)}).talk()
    assert (session.track.rtp_channel, session.track.rtcp_channel) == channels


@pytest.mark.parametrize(
    ("setup", "code"),
    [
        (answer(session="1", transport="RTP/AVP/UDP;unicast;client_port=5000-5001"), ErrorCode.REJECTED),
        (answer(session="1"), ErrorCode.REJECTED),
        (answer(session="1", transport="RTP/AVP/TCP;interleaved=256-257"), ErrorCode.PROTOCOL),
        (answer(session="1", transport="RTP/AVP/TCP;interleaved=1000-1001"), ErrorCode.PROTOCOL),
        (answer(session="1", transport="RTP/AVP/TCP;interleaved=255"), ErrorCode.PROTOCOL),
        (answer(session="1", transport="RTP/AVP/TCP;interleaved=" + "9" * 5000), ErrorCode.PROTOCOL),
        (answer(transport="RTP/AVP/TCP;interleaved=0-1"), ErrorCode.PROTOCOL),
        (answer(session=" ;timeout=60", transport="RTP/AVP/TCP;interleaved=0-1"), ErrorCode.PROTOCOL),
    ],
)
def test_a_setup_that_cannot_be_used(setup: Message, code: ErrorCode) -> None:
    with pytest.raises(CameraError) as refusal:
        Camera({"SETUP": setup}).talk()
    assert refusal.value.code is code


@pytest.mark.parametrize(
    ("session", "timeout_s"),
    [
        ("7", 60),
        ("7;timeout=10", 10),
        ("7; Timeout = 90", 90),
        ("7;timeout=0", 2),
        ("7;timeout=" + "9" * 5000, 999_999),
    ],
)
def test_session_timeouts(session: str, timeout_s: int) -> None:
    found = Camera({"SETUP": answer(session=session, transport="RTP/AVP/TCP;interleaved=0-1")}).talk()
    assert (found.session_id, found.timeout_s) == ("7", timeout_s)


@pytest.mark.parametrize(
    ("options", "method"),
    [
        (answer(public="DESCRIBE,get_parameter"), "GET_PARAMETER"),
        (answer(public="DESCRIBE, SET_PARAMETER"), "OPTIONS"),
        (answer(), "OPTIONS"),
        (answer(501), "OPTIONS"),
        (answer(404), "OPTIONS"),
    ],
)
def test_the_sign_of_life(options: Message, method: str) -> None:
    """A camera that does not answer OPTIONS may stream all the same."""
    assert Camera({"OPTIONS": options}).talk().keep_alive == method


@pytest.mark.parametrize("step", range(4))
@pytest.mark.parametrize("stale", [True, False])
def test_authentication_is_asked_for_at_any_step(step: int, *, stale: bool) -> None:
    method = list(GOOD)[step]
    refusals = [answer(401, www_authenticate=CHALLENGE.format(nonce=1))]
    if stale:
        refusals.append(answer(401, www_authenticate=CHALLENGE.format(nonce=2) + ", stale=true"))
    camera = Camera({method: refusals})
    session = camera.talk(Credentials("user", "secret"))
    assert [request.method for request in camera.asked].count(method) == (3 if stale else 2)
    authorized = [camera.header(at, "Authorization") is not None for at in range(len(camera.asked))]
    assert authorized == [False] * (step + 1) + [True] * (len(camera.asked) - step - 1)
    uris = [camera.header(at, "Authorization") for at in range(step + 1, len(camera.asked))]
    assert all(
        f'uri="{request.url}"' in (uri or "") for request, uri in zip(camera.asked[step + 1 :], uris, strict=True)
    )
    assert "Authorization" in dict(session.request("TEARDOWN").headers)


@pytest.mark.parametrize("step", range(4))
def test_a_wrong_password_ends_it_after_one_more_try(step: int) -> None:
    """Cameras lock accounts."""
    method = list(GOOD)[step]
    camera = Camera({method: answer(401, www_authenticate=CHALLENGE.format(nonce=1))})
    with pytest.raises(CameraError) as refusal:
        camera.talk(Credentials("user", "secret"))
    assert refusal.value.code is ErrorCode.AUTH_FAILED
    assert [request.method for request in camera.asked].count(method) == 2
    assert "secret" not in repr(refusal.value) + repr(camera.asked)


def test_a_camera_that_calls_every_nonce_stale_is_not_asked_for_ever() -> None:
    nonces = [answer(401, www_authenticate=CHALLENGE.format(nonce=at) + ", stale=true") for at in range(50)]
    camera = Camera({"DESCRIBE": nonces})
    with pytest.raises(CameraError) as refusal:
        camera.talk(Credentials("user", "secret"))
    assert refusal.value.code is ErrorCode.AUTH_FAILED
    assert len(camera.asked) <= 5


def test_a_nonce_for_each_request_without_a_word_about_it() -> None:
    """Only what the camera has taken before is tried again with another nonce."""
    refusals = iter(range(10))

    def refused() -> Message:
        return answer(401, www_authenticate=CHALLENGE.format(nonce=next(refusals)))

    camera = Camera({method: [refused()] for method in ("DESCRIBE", "SETUP", "PLAY")})
    assert camera.talk(Credentials("u", "p")).session_id == "42"
    assert [request.method for request in camera.asked].count("SETUP") == 2


def test_no_credentials_where_some_are_needed() -> None:
    with pytest.raises(CameraError) as refusal:
        Camera({"DESCRIBE": answer(401, www_authenticate='Basic realm="x"')}).talk()
    assert refusal.value.code is ErrorCode.AUTH_REQUIRED


@pytest.mark.parametrize(
    ("method", "status", "code"),
    [
        ("DESCRIBE", 404, ErrorCode.NOT_FOUND),
        ("DESCRIBE", 454, ErrorCode.NOT_FOUND),
        ("DESCRIBE", 403, ErrorCode.AUTH_FAILED),
        ("DESCRIBE", 503, ErrorCode.REJECTED),
        ("DESCRIBE", 302, ErrorCode.REJECTED),
        ("SETUP", 404, ErrorCode.REJECTED),
        ("SETUP", 454, ErrorCode.REJECTED),
        ("SETUP", 461, ErrorCode.REJECTED),
        ("PLAY", 455, ErrorCode.REJECTED),
    ],
)
def test_refusals(method: str, status: int, code: ErrorCode) -> None:
    with pytest.raises(CameraError) as refusal:
        Camera({method: answer(status)}).talk()
    assert refusal.value.code is code
    if code is ErrorCode.REJECTED:
        assert refusal.value.placeholders == {"method": method, "status": f"{status} Because"}


def test_what_a_camera_says_of_its_reasons_is_one_short_line() -> None:
    loud = Message(500, "Oh\n\x1b[31mno" + "!" * 500, None)
    with pytest.raises(CameraError) as refusal:
        Camera({"DESCRIBE": loud}).talk()
    assert refusal.value.message.isprintable()
    assert len(refusal.value.message) < 150


@pytest.mark.parametrize("body", ["", "\0\xff", "m=audio 0 RTP/AVP 0"])
def test_no_video(body: str) -> None:
    with pytest.raises(CameraError) as refusal:
        Camera({"DESCRIBE": answer(body=body)}).talk()
    assert refusal.value.code is ErrorCode.NO_VIDEO
