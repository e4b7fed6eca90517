"""A tiny RTSP client that shows what a camera really puts on the wire; it shares no code with simulator or recorder."""

from __future__ import annotations

import asyncio
import re
import struct
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

VIDEO, AUDIO = "trackID=1", "trackID=2"
INTERLEAVED = "RTP/AVP/TCP;unicast;interleaved=0-1"


@dataclass(frozen=True)
class Answer:
    """An RTSP message; header names in lower case, each with all its values."""

    first: str
    headers: dict[str, list[str]]
    body: str

    @property
    def status(self) -> int:
        """The status code."""
        return int(self.first.split(" ")[1])

    def one(self, name: str) -> str:
        """The only value of a header."""
        (value,) = self.headers[name]
        return value


@dataclass(frozen=True)
class Packet:
    """An RTP packet."""

    channel: int
    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


@dataclass(frozen=True)
class Report:
    """A sender report."""

    ssrc: int
    ntp_us: int
    timestamp: int
    packets: int
    octets: int


@dataclass(frozen=True)
class Noise:
    """Bytes that are neither frame nor message."""

    data: bytes


Thing = Answer | Packet | Report | Noise


def parse_packet(channel: int, data: bytes) -> Packet | Report:
    """RTP or RTCP, told apart by the second byte (RFC 5761 section 4)."""
    if 200 <= data[1] <= 207:
        words = struct.unpack(">IIIIII", data[4:28])
        unix_us = round(((words[1] - 2_208_988_800) + words[2] / 2**32) * 1_000_000)
        return Report(words[0], unix_us, *words[3:])
    flags, kind, sequence, timestamp, ssrc = struct.unpack(">BBHII", data[:12])
    assert flags == 0x80
    return Packet(channel, bool(kind & 0x80), kind & 0x7F, sequence, timestamp, ssrc, data[12:])


class WireClient:
    """One connection."""

    def __init__(self, url: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak over these streams."""
        self.url = url
        self.reader, self.writer = reader, writer
        self.session: str | None = None
        self._sequence = 0

    async def ask(self, method: str, url: str = "", headers: dict[str, str] | None = None) -> Answer:
        """Send a request and give its answer; media that come before it are passed over."""
        await self.send(method, url, headers)
        while True:
            thing = await self.next()
            if isinstance(thing, Answer) and thing.headers.get("cseq") == [str(self._sequence)]:
                return thing

    async def send(self, method: str, url: str = "", headers: dict[str, str] | None = None) -> None:
        """Only send a request."""
        self._sequence += 1
        lines = [f"{method} {url or self.url} RTSP/1.0", f"CSeq: {self._sequence}"]
        if self.session:
            lines.append(f"Session: {self.session}")
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        await self.send_raw("\r\n".join([*lines, "", ""]).encode())

    async def send_raw(self, data: bytes) -> None:
        """Send these bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def play(self, *, track: str = VIDEO, transport: str = INTERLEAVED) -> Answer:
        """Set up one media and play it."""
        answer = await self.ask("SETUP", f"{self.url}/{track}", {"Transport": transport})
        self.session = answer.one("session").split(";")[0]
        return await self.ask("PLAY")

    async def next(self) -> Thing:
        """The next thing on the wire. Raises IncompleteReadError at its end."""
        first = await self.reader.readexactly(1)
        if first == b"$":
            channel, size = struct.unpack(">BH", await self.reader.readexactly(3))
            return parse_packet(channel, await self.reader.readexactly(size))
        if first[0] >= 0x80:
            return Noise(first)
        head = (first + await self.reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.rstrip("\r\n").split("\r\n")
        headers: dict[str, list[str]] = {}
        for line in lines[1:]:
            name, _, value = line.partition(": ")
            headers.setdefault(name.lower(), []).append(value)
        size = int(headers.get("content-length", ["0"])[0])
        return Answer(lines[0], headers, (await self.reader.readexactly(size)).decode())

    async def packets(self, count: int) -> list[Packet]:
        """The next RTP packets."""
        found: list[Packet] = []
        while len(found) < count:
            thing = await self.next()
            if isinstance(thing, Packet):
                found.append(thing)
        return found

    async def until(self, kind: type[Thing]) -> Thing:
        """The next thing of that kind."""
        while not isinstance(thing := await self.next(), kind):
            pass
        return thing

    async def ended(self) -> bool:
        """Wait for the camera to end the connection."""
        try:
            while await self.reader.read(1 << 16):
                pass
        except ConnectionError:
            return True
        return True


@asynccontextmanager
async def connect(url: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[WireClient]:
    """Connect to the camera with that URL."""
    match = re.fullmatch(r"rtsps?://([^:/]+):(\d+)/.*", url)
    assert match is not None
    reader, writer = await asyncio.open_connection(match[1], int(match[2]), ssl=tls)
    try:
        yield WireClient(url, reader, writer)
    finally:
        writer.close()


def pictures(packets: list[Packet]) -> list[list[Packet]]:
    """Packets grouped by timestamp, in order."""
    groups: list[list[Packet]] = []
    for packet in packets:
        if not groups or groups[-1][0].timestamp != packet.timestamp:
            groups.append([])
        groups[-1].append(packet)
    return groups
