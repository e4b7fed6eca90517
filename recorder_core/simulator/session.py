"""One client's session with a simulated camera: its media, where their packets go, and how faults bend them."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from .faults import FaultBox, Garbage, LosePackets, Quirk, ReorderPackets
from .rtp import INTERLEAVED_HEADER, PreparedFrame, RtpStream, clear_markers, interleaved_packets, split_packets

if TYPE_CHECKING:
    from recorder_core.clock import Clock

    from .audio import AudioLoop
    from .camera import SimulatedCamera
    from .counters import CameraCounters

MOST_UNSENT = 16 * 1024 * 1024
"""Bytes that may wait for a slow client before the camera gives it up."""
_WRONG_CHANNEL = 8  # far from any that a client with two media negotiates
_CHATTER = (
    b"RTSP/1.0 200 OK\r\nCSeq: 9999\r\nContent-Length: 4\r\n\r\nidle"
    b"GET_PARAMETER rtsp://camera/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"
)


class Carrier(Protocol):
    """The way from the camera to the client for one media."""

    @property
    def description(self) -> str:
        """What the `Transport` header says of it."""
        ...

    def send(self, buffer: bytearray, offsets: tuple[int, ...], shift: int = 0) -> None:
        """Send RTP packets, given as frames on channel 0 that start at these offsets, `shift` channels too high."""
        ...

    def send_raw(self, data: bytes) -> None:
        """Send bytes that belong to no frame, where the way allows that."""
        ...

    def report(self, data: bytes) -> None:
        """Send an RTCP compound."""
        ...

    def close(self) -> None:
        """Nothing more will be sent."""
        ...


class InterleavedCarrier:
    """Frames in the RTSP connection (RFC 2326 section 10.12)."""

    def __init__(self, transport: asyncio.Transport, channel: int) -> None:
        """RTP goes on `channel`, RTCP on the next one."""
        self._transport, self._channel = transport, channel

    @property
    def description(self) -> str:
        """The channels."""
        return f"RTP/AVP/TCP;unicast;interleaved={self._channel}-{self._channel + 1}"

    def send(self, buffer: bytearray, offsets: tuple[int, ...], shift: int = 0) -> None:
        """Write the frames, or end the connection of a client that does not read them."""
        if self._transport.get_write_buffer_size() > MOST_UNSENT:
            self._transport.abort()
            return
        if channel := self._channel + shift:
            for offset in offsets:
                buffer[offset + 1] = channel
        self._transport.write(buffer)

    def send_raw(self, data: bytes) -> None:
        """Write them as they are."""
        self._transport.write(data)

    def report(self, data: bytes) -> None:
        """Write one frame on the RTCP channel."""
        self._transport.write(b"$" + bytes([self._channel + 1]) + len(data).to_bytes(2) + data)

    def close(self) -> None:
        """The connection is the client's to end."""


class UdpCarrier:
    """Datagrams from a pair of ports (RFC 3550 section 11) to a pair of ports."""

    def __init__(self, sockets: tuple[asyncio.DatagramTransport, asyncio.DatagramTransport], description: str) -> None:
        """Both sockets are connected to the client's ports."""
        self._rtp, self._rtcp = sockets
        self.description = description

    def send(self, buffer: bytearray, offsets: tuple[int, ...], shift: int = 0) -> None:  # noqa: ARG002  no channels
        """Send each frame's packet as one datagram."""
        for packet in split_packets(buffer, offsets):
            self._rtp.sendto(packet[INTERLEAVED_HEADER:])

    def send_raw(self, data: bytes) -> None:
        """Datagrams have nothing between them."""

    def report(self, data: bytes) -> None:
        """Send it from the odd port."""
        self._rtcp.sendto(data)

    def close(self) -> None:
        """Close both sockets."""
        self._rtp.close()
        self._rtcp.close()


async def open_udp(client: str, ports: tuple[int, int], local: str) -> UdpCarrier:
    """Open an even port and the next one towards a client's ports."""
    loop = asyncio.get_running_loop()
    while True:
        rtp, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=(local, 0), remote_addr=(client, ports[0])
        )
        port: int = rtp.get_extra_info("sockname")[1]
        with suppress(OSError):
            if port % 2 == 0:
                rtcp, _ = await loop.create_datagram_endpoint(
                    asyncio.DatagramProtocol, local_addr=(local, port + 1), remote_addr=(client, ports[1])
                )
                text = f"RTP/AVP;unicast;client_port={ports[0]}-{ports[1]};server_port={port}-{port + 1}"
                return UdpCarrier((rtp, rtcp), text)
        rtp.close()


@dataclass(slots=True)
class Track:
    """One media that a session has set up."""

    carrier: Carrier
    stream: RtpStream
    next_report_us: int = 0


class Session:
    """What a client has set up, and whether it plays."""

    def __init__(self, timeout_us: int, now_us: int) -> None:
        """Give it an identifier that nobody can guess; it lives for `timeout_us` (monotonic) at first."""
        self.identifier = secrets.token_hex(8)
        self.video: Track | None = None
        self.audio: Track | None = None
        self.audio_task: asyncio.Task[None] | None = None
        self.playing = False
        self._timeout_us = timeout_us
        self.deadline_us = now_us + timeout_us
        self._previous_pts = 0
        self._packets = 0

    def keep_alive(self, now_us: int) -> None:
        """The client has shown itself."""
        self.deadline_us = now_us + self._timeout_us

    @property
    def tracks(self) -> list[Track]:
        """The media that are set up."""
        return [track for track in (self.video, self.audio) if track is not None]

    def close(self) -> None:
        """Send nothing more."""
        self.playing = False
        if self.audio_task is not None:
            self.audio_task.cancel()
        for track in self.tracks:
            track.carrier.close()

    def send_video(self, frame: PreparedFrame, faults: FaultBox) -> tuple[int, int]:
        """Send one picture; how many packets were sent, and how many were lost on purpose."""
        track = self.video
        if track is None:
            return 0, 0
        pts = frame.pts
        if Quirk.SHARED_TIMESTAMPS in faults and frame.serial % 2:
            pts = self._previous_pts
        self._previous_pts = pts
        buffer = track.stream.stamp(frame.wire, frame.offsets, pts)
        offsets = frame.offsets
        if Quirk.NO_MARKERS in faults:
            clear_markers(buffer, offsets)
        buffer, offsets = self._bend(buffer, offsets, faults)
        if garbage := faults.get(Garbage):
            # From 0x80 on: bytes that start neither an interleaved frame nor a line of text.
            track.carrier.send_raw(bytes(0x80 + index * 37 % 0x80 for index in range(garbage.size)))
        if Quirk.CHATTER in faults:
            track.carrier.send_raw(_CHATTER)
        track.carrier.send(buffer, offsets, _WRONG_CHANNEL if Quirk.WRONG_CHANNEL in faults else 0)
        return len(offsets), len(frame.offsets) - len(offsets)

    def report(self, frame: PreparedFrame, camera: SimulatedCamera, clock: Clock) -> bool:
        """Send a sender report if one is due; whether it was.

        It pairs the camera's own clock now with the media time now (RFC 3550 section 6.4.1).
        """
        track, now_us = self.video, clock.monotonic_us()
        if track is None or now_us < track.next_report_us:
            return False
        track.next_report_us = now_us + round(camera.report_interval_s * 1_000_000)
        wall_us = clock.now_us()
        pts = frame.pts + (wall_us - frame.time_us) * 9 // 100
        track.carrier.report(track.stream.sender_report(wall_us + camera.clock_error_us, pts))
        return True

    def change_ssrc(self) -> None:
        """Go on as another source, as after a restart of the camera's encoder."""
        if self.video is not None:
            self.video.stream.ssrc ^= 0x5A5A_5A5A

    def jump_sequence(self, by: int) -> None:
        """Go on with sequence numbers that much further."""
        if self.video is not None:
            self.video.stream.sequence = (self.video.stream.sequence + by) & 0xFFFF

    def jump_timestamp(self, by: int) -> None:
        """Go on with timestamps that many ticks further."""
        if self.video is not None:
            self.video.stream.jump(by)

    def _bend(self, buffer: bytearray, offsets: tuple[int, ...], faults: FaultBox) -> tuple[bytearray, tuple[int, ...]]:
        """Lose and reorder packets."""
        lose, reorder = faults.get(LosePackets), faults.get(ReorderPackets)
        if not offsets or (lose is None and reorder is None):
            return buffer, offsets
        packets = split_packets(buffer, offsets)
        if lose is not None:
            start = self._packets
            self._packets += len(packets)
            packets = [packet for index, packet in enumerate(packets, start + 1) if index % lose.every]
        if reorder is not None:
            for index in range(reorder.every - 1, len(packets), reorder.every):
                packets[index - 1], packets[index] = packets[index], packets[index - 1]
        sizes = itertools.accumulate(map(len, packets), initial=0)
        return bytearray().join(packets), tuple(itertools.islice(sizes, len(packets)))

    async def play_audio(self, track: Track, loop: AudioLoop, clock: Clock, counters: CameraCounters) -> None:
        """Send sound until cancelled."""
        start_us, samples = clock.monotonic_us(), 0
        while True:
            payload = loop.payloads[samples // loop.samples % len(loop.payloads)]
            wire, offsets = interleaved_packets([payload], loop.payload_type)
            track.carrier.send(track.stream.stamp(wire, offsets, samples), offsets)
            counters.audio_packets_sent += 1
            samples += loop.samples
            due_us = start_us + samples * 1_000_000 // loop.rate
            await clock.sleep(max(0, due_us - clock.monotonic_us()) / 1_000_000)
