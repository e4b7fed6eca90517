"""RTSP requests and responses as text on the wire (RFC 2326 sections 4 to 7), lenient in what is read."""

from __future__ import annotations

from dataclasses import dataclass, field

from recorder_core.errors import CameraError, ErrorCode

MAX_HEAD = 16 << 10
MAX_BODY = 256 << 10

_END_OF_LINE = b"\r\n"
_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Request:
    """A request of the client; `headers` come after CSeq, in order."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()

    def encode(self, cseq: int) -> bytes:
        """Return the bytes for the wire.

        A line end in what a person or a camera chose must not begin another line, and what cannot be written goes as
        a question mark: a name or a password with it is wrong in any case.
        """
        lines = [f"{self.method} {self.url} RTSP/1.0", f"CSeq: {cseq}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        text = "\r\n".join(line.replace("\r", "").replace("\n", "") for line in lines)
        return (text + "\r\n\r\n").encode(errors="replace")


@dataclass(frozen=True, slots=True)
class Message:
    """A response, or a request of the server's (then `status` is None and `method` is set).

    `headers` are keyed in lower case; a header that came several times has several values, in order.
    """

    status: int | None
    reason: str
    method: str | None
    headers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """Return the first value of a header, by its lower-case name."""
        values = self.headers.get(name)
        return values[0] if values else None

    @property
    def cseq(self) -> int | None:
        """The sequence number that pairs it with a request, if there is a proper one."""
        value = self.header("cseq") or ""
        return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None


def parse_message(data: bytes | bytearray, at: int = 0, stop: int | None = None) -> tuple[Message, int] | None:
    """Read the message at `at`: the message and where it ends, or None if more bytes are needed than there are.

    `data[at:stop]` is read where it lies, and no more of it than a message may have; no further than the first line
    if that is none of RTSP.

    Raises:
        CameraError: `PROTOCOL` if this is no RTSP message or one beyond all measure.
    """
    if stop is None:
        stop = len(data)
    furthest = min(stop, at + MAX_HEAD + len(_END_OF_HEAD))
    end = data.find(_END_OF_LINE, at, furthest)
    if end >= 0:
        status, reason, method = _first_line(data[at:end].decode("utf-8", "replace"))
        end = data.find(_END_OF_HEAD, end, furthest)
    if end < 0:
        if stop - at > MAX_HEAD + len(_END_OF_HEAD):
            raise CameraError(ErrorCode.PROTOCOL, "The camera's answer has no end.")
        return None
    _, *lines = data[at:end].decode("utf-8", "replace").split("\r\n")
    found: dict[str, list[str]] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.strip().lower(), []).append(value.strip())
    headers = {name: tuple(values) for name, values in found.items()}
    size = _content_length(headers)
    start = end + len(_END_OF_HEAD)
    if stop < start + size:
        return None
    return Message(status, reason, method, headers, bytes(data[start : start + size])), start + size


def _first_line(line: str) -> tuple[int | None, str, str | None]:
    words = line.split(" ", 2)
    if (
        words[0].startswith("RTSP/")
        and len(words) >= 2
        and len(words[1]) == 3
        and words[1].isascii()
        and words[1].isdigit()
    ):
        return int(words[1]), words[2] if len(words) > 2 else "", None
    if len(words) == 3 and words[2].startswith("RTSP/") and words[0].replace("_", "").isalpha():
        return None, "", words[0].upper()
    raise CameraError(ErrorCode.PROTOCOL, "What answers at this address does not speak RTSP.")


def _content_length(headers: dict[str, tuple[str, ...]]) -> int:
    value = headers.get("content-length", ("0",))[0]
    if not (value.isascii() and value.isdigit()) or len(value) > 9 or int(value) > MAX_BODY:
        raise CameraError(ErrorCode.PROTOCOL, "The camera's answer states an impossible length.")
    return int(value)
