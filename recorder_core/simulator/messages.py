"""RTSP requests as a camera reads them, and answers as it writes them (RFC 2326); those of HTTP look the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST_HEAD = 16 * 1024
RTSP = ("RTSP/1.0",)
HTTP = ("HTTP/1.1", "HTTP/1.0")
"""The versions of a protocol that a camera answers."""

REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Stream Not Found",
    454: "Session Not Found",
    455: "Method Not Valid In This State",
    459: "Aggregate Operation Not Allowed",
    461: "Unsupported Transport",
    501: "Not Implemented",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class Request:
    """A client's request; header names are in lower case, `version` is the protocol's."""

    method: str
    url: str
    headers: dict[str, str]
    version: str = RTSP[0]

    @property
    def path(self) -> str:
        """The URL's path without slashes at its ends: the camera's name, with a track's name behind it."""
        return urlsplit(self.url).path.strip("/")

    @property
    def session(self) -> str:
        """The session's identifier without its parameters; empty if there is none."""
        return self.headers.get("session", "").partition(";")[0].strip()


class MessageError(ValueError):
    """What a client sent is not of the protocol."""


class RequestReader:
    """Takes bytes as they come, gives whole requests; a client's interleaved frames and answers are passed over."""

    def __init__(self, versions: Sequence[str] = RTSP) -> None:
        """Nothing was read yet."""
        self._versions = versions
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Request]:
        """The requests that are complete now. Raises MessageError for what cannot be one."""
        self._buffer += data
        requests: list[Request] = []
        while self._buffer:
            if self._buffer[:1] == b"$":
                if not self._skip_frame():
                    break
                continue
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > _LONGEST_HEAD:
                    raise MessageError("a head without an end")
                break
            first, headers = _parse_head(bytes(self._buffer[:end]))
            length = _content_length(headers)
            if len(self._buffer) < end + 4 + length:
                break
            del self._buffer[: end + 4 + length]
            if not first.startswith("RTSP/"):  # else it answers a request of the camera's own
                requests.append(_request(first, headers, self._versions))
        return requests

    def _skip_frame(self) -> bool:
        size = 4 + int.from_bytes(self._buffer[2:4])
        if len(self._buffer) < 4 or len(self._buffer) < size:
            return False
        del self._buffer[:size]
        return True


def _parse_head(head: bytes) -> tuple[str, dict[str, str]]:
    lines = head.decode("utf-8", "replace").lstrip("\r\n").split("\r\n")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            raise MessageError("a header without a colon")
        headers[name.strip().lower()] = value.strip()
    return lines[0], headers


def _content_length(headers: dict[str, str]) -> int:
    value = headers.get("content-length", "0")
    if not (value.isascii() and value.isdigit() and int(value) <= _LONGEST_HEAD):
        raise MessageError("a bad Content-Length")
    return int(value)


def _request(first: str, headers: dict[str, str], versions: Sequence[str]) -> Request:
    words = first.split(" ")
    if len(words) != 3 or words[2] not in versions:
        raise MessageError("no request line")
    return Request(words[0], words[1], headers, words[2])


def response(
    request: Request | None, status: int, headers: list[tuple[str, str]] | None = None, body: bytes = b""
) -> bytes:
    """An answer in the protocol of the request. Headers may repeat, as two challenges do."""
    lines = [f"{RTSP[0] if request is None else request.version} {status} {REASONS[status]}"]
    if request is not None and "cseq" in request.headers:
        lines.append(f"CSeq: {request.headers['cseq']}")
    lines += [f"{name}: {value}" for name, value in headers or ()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body
