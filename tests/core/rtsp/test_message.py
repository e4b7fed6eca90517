"""Messages on the wire: whole, in pieces, and none at all."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from recorder_core.errors import CameraError, ErrorCode
from recorder_core.rtsp.message import MAX_BODY, MAX_HEAD, Request, parse_message

ANSWER = (
    b"RTSP/1.0 401 Unauthorized\r\nCSeq: 7\r\nWWW-Authenticate: Basic\r\n"
    b"www-authenticate:  Digest x\r\nnonsense\r\nContent-Length: 4\r\n\r\nbody"
)


def test_an_answer() -> None:
    parsed = parse_message(ANSWER + b"rest")
    assert parsed is not None
    message, end = parsed
    assert (message.status, message.reason, message.method, message.cseq) == (401, "Unauthorized", None, 7)
    assert message.headers["www-authenticate"] == ("Basic", "Digest x")
    assert message.header("content-length") == "4"
    assert message.header("session") is None
    assert (message.body, end) == (b"body", len(ANSWER))


def test_where_it_lies() -> None:
    """In the middle of a buffer, without a copy of what comes behind."""
    parsed = parse_message(bytearray(b"$$$" + ANSWER + b"x" * 1000), 3, 3 + len(ANSWER))
    assert parsed is not None
    assert (parsed[0].body, parsed[1]) == (b"body", 3 + len(ANSWER))
    assert isinstance(parsed[0].body, bytes)
    assert parse_message(ANSWER, 0, len(ANSWER) - 1) is None


@pytest.mark.parametrize("method", [b"OPTIONS", b"GET_PARAMETER", b"announce"])
def test_a_request_of_the_camera(method: bytes) -> None:
    parsed = parse_message(method + b" rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\n\r\n")
    assert parsed is not None
    assert (parsed[0].status, parsed[0].method) == (None, method.decode().upper())


@pytest.mark.parametrize("value", [b"", b"x", b"-1", b"\xb2", b"12345678901"])
def test_sequence_numbers_that_are_none(value: bytes) -> None:
    parsed = parse_message(b"RTSP/1.0 200\r\nCSeq: " + value + b"\r\n\r\n")
    assert parsed is not None
    assert (parsed[0].cseq, parsed[0].reason) == (None, "")


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\r\n\r\n",
        b"RTSP/1.0\r\n\r\n",
        b"RTSP/1.0 20 OK\r\n\r\n",
        "RTSP/1.0 ²00 OK\r\n\r\n".encode(),
        b"SSH-2.0-x RTSP/1.0 y\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"OPTIONS * HTTP/1.1\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: x\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1),
        b"RTSP/1.0 200 OK\r\nContent-Length: 9999999999\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nX: " + b"x" * MAX_HEAD,
        b"RTSP/1.0 200 OK\r\nX: " + b"x" * MAX_HEAD + b"\r\n\r\n",
    ],
)
def test_what_is_no_message(data: bytes) -> None:
    with pytest.raises(CameraError) as refusal:
        parse_message(data)
    assert refusal.value.code is ErrorCode.PROTOCOL


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=80)
    | st.lists(
        st.sampled_from([b"RTSP/1.0 ", b"200", b" ", b"\r\n", b"Content-Length:", b"3", b":", b"\0", b"\xff"])
    ).map(b"".join)
)
def test_any_bytes(data: bytes) -> None:
    found = _end_or_code(data)
    assert found in (None, ErrorCode.PROTOCOL) or found in range(1, len(data) + 1)


def _end_or_code(data: bytes) -> int | ErrorCode | None:
    try:
        parsed = parse_message(data)
    except CameraError as error:
        return error.code
    return parsed and parsed[1]


def test_every_piece_of_a_message_is_too_short() -> None:
    for size in range(len(ANSWER)):
        assert parse_message(ANSWER[:size]) is None


def test_a_request_of_ours() -> None:
    request = Request("SETUP", "rtsp://h/ä", (("Transport", "x"), ("Session", "1")))
    assert request.encode(3) == "SETUP rtsp://h/ä RTSP/1.0\r\nCSeq: 3\r\nTransport: x\r\nSession: 1\r\n\r\n".encode()


def test_a_request_of_ours_stays_one_whatever_is_in_it() -> None:
    request = Request("PLAY", "rtsp://h/\rX:1", (("Authorization", 'username="a\r\nY: 2\ud800"'),))
    data = request.encode(1)
    parsed = parse_message(data)
    assert parsed is not None
    message, size = parsed
    assert (list(message.headers), size) == (["cseq", "authorization"], len(data))
    assert b"?" in data
