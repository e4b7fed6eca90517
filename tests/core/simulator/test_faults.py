"""Each fault shows on the wire as its description says, and is gone when it is cleared."""

from __future__ import annotations

import asyncio
import itertools
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from recorder_core.simulator import (
    ChangeSsrc,
    ChangeVideo,
    Disconnect,
    Garbage,
    JumpSequence,
    JumpTimestamp,
    LosePackets,
    Quirk,
    ReorderPackets,
    Simulator,
)
from recorder_core.simulator.multipart import MultipartCarrier
from recorder_core.simulator.session import MOST_UNSENT, Carrier, InterleavedCarrier

from .cameras import CAMERA, QUICK, QUICK_B_FRAMES
from .wire import Answer, Noise, Packet, WireClient, connect, pictures

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

TICKS = 1800  # of 1/90 000 s from picture to picture


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """One camera whose pictures take several packets, so that losing and reordering have something to bite on."""
    async with Simulator([replace(CAMERA, mtu=200)]) as simulator:
        yield simulator


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[WireClient]:
    """A connection to it."""
    async with connect(simulator.url("door")) as client:
        yield client


def sequence_steps(packets: list[Packet]) -> set[int]:
    """The differences between neighbours' sequence numbers."""
    return {(b.sequence - a.sequence) % 65536 for a, b in itertools.pairwise(packets)}


def timestamp_steps(packets: list[Packet]) -> set[int]:
    """The differences between neighbouring pictures' timestamps, whole pictures only."""
    groups = pictures(packets)
    return {(b[0].timestamp - a[0].timestamp + 2**31) % 2**32 - 2**31 for a, b in itertools.pairwise(groups)}


async def test_without_faults_the_stream_is_sound(simulator: Simulator, client: WireClient) -> None:
    await client.play()
    packets = await client.packets(100)
    assert sequence_steps(packets) == {1}
    assert timestamp_steps(packets) == {TICKS}
    assert len({packet.ssrc for packet in packets}) == 1
    for group in pictures(packets)[:-1]:
        assert [packet.marker for packet in group] == [False] * (len(group) - 1) + [True]
    assert max(len(packet.payload) for packet in packets) <= 200 - 12
    assert simulator.counters("door").packets_lost == 0


async def test_disconnect(simulator: Simulator, client: WireClient) -> None:
    await client.play()
    await simulator.apply("door", Disconnect())
    assert await client.ended()
    async with connect(simulator.url("door")) as again:
        assert (await again.ask("DESCRIBE")).status == 200


async def test_refuse(simulator: Simulator, client: WireClient) -> None:
    await simulator.apply("door", Quirk.REFUSE)
    assert await client.ended()
    with pytest.raises(ConnectionRefusedError):
        async with connect(client.url):
            pass
    port = int(client.url.split(":")[2].split("/")[0])
    with socket.socket() as other, pytest.raises(OSError, match="already in use"):
        other.bind(("127.0.0.1", port))  # nobody else is given it meanwhile
    await simulator.clear("door")
    # It comes back at its old address.
    assert simulator.url("door") == client.url
    async with connect(client.url) as again:
        assert (await again.ask("OPTIONS")).status == 200


async def test_close_at_once(simulator: Simulator) -> None:
    await simulator.apply("door", Quirk.CLOSE_AT_ONCE)
    async with connect(simulator.url("door")) as client:
        assert await client.ended()
    assert simulator.counters("door").requests == 0


async def test_never_answer(simulator: Simulator, client: WireClient) -> None:
    await simulator.apply("door", Quirk.NEVER_ANSWER)
    await client.send("OPTIONS")
    await simulator.wait_requests("door", 1)
    await simulator.clear("door")
    # The next answer is that of the next request.
    await client.send("OPTIONS")
    answer = await client.next()
    assert isinstance(answer, Answer)
    assert answer.one("cseq") == "2"


@pytest.mark.parametrize(
    ("quirk", "status"), [(Quirk.REJECT_PASSWORD, 401), (Quirk.NOT_FOUND, 404), (Quirk.UNAVAILABLE, 503)]
)
async def test_refusals(simulator: Simulator, client: WireClient, quirk: Quirk, status: int) -> None:
    await simulator.apply("door", quirk)
    answer = await client.ask("DESCRIBE")
    assert answer.status == status
    assert ("www-authenticate" in answer.headers) is (status == 401)
    await simulator.clear("door")
    assert (await client.ask("DESCRIBE")).status == 200


async def test_descriptions_that_differ(simulator: Simulator, client: WireClient) -> None:
    async def described(quirk: Quirk) -> Answer:
        await simulator.clear("door")
        await simulator.apply("door", quirk)
        return await client.ask("DESCRIBE")

    assert f"a=control:{client.url}/trackID=1" in (await described(Quirk.ABSOLUTE_CONTROL)).body
    assert "content-base" not in (await described(Quirk.NO_CONTENT_BASE)).headers
    assert (await described(Quirk.WRONG_CONTENT_TYPE)).one("content-type") == "text/plain"
    assert "sprop" not in (await described(Quirk.NO_PARAMETER_SETS)).body
    assert "m=video" not in (await described(Quirk.NO_VIDEO)).body
    assert "X-UNKNOWN/90000" in (await described(Quirk.UNKNOWN_CODEC)).body
    await simulator.clear("door")
    plain = await client.ask("DESCRIBE")
    assert "m=video" in plain.body
    assert "a=control:trackID=1" in plain.body
    assert plain.one("content-base") == f"{client.url}/"


async def test_parameter_sets_come_in_the_stream_if_they_are_not_in_the_description(
    simulator: Simulator, client: WireClient
) -> None:
    await simulator.apply("door", Quirk.NO_PARAMETER_SETS)
    await client.play()
    packets = await client.packets(400)
    # STAP-A (24) with an SPS (7) first.
    with_sets = [packet for packet in packets if packet.payload[0] & 31 == 24 and packet.payload[3] & 31 == 7]
    assert with_sets


async def test_stall(simulator: Simulator, client: WireClient) -> None:
    await client.play()
    await client.packets(1)
    await simulator.apply("door", Quirk.STALL)
    taken = simulator.counters("door").frames_taken
    sent = simulator.counters("door").frames_sent
    await simulator.wait_taken("door", taken + 5)
    assert simulator.counters("door").frames_sent == sent
    assert (await client.ask("GET_PARAMETER")).status == 200
    await simulator.clear("door")
    await client.packets(1)


async def test_lose_packets(simulator: Simulator, client: WireClient) -> None:
    await simulator.apply("door", LosePackets(4))
    await client.play()
    packets = await client.packets(60)
    assert sequence_steps(packets) == {1, 2}
    gaps = [index for index in range(59) if (packets[index + 1].sequence - packets[index].sequence) % 65536 == 2]
    assert {after - before for before, after in itertools.pairwise(gaps)} == {3}
    assert simulator.counters("door").packets_lost >= 19


async def test_reorder_packets(simulator: Simulator, client: WireClient) -> None:
    await simulator.apply("door", ReorderPackets(3))
    await client.play()
    packets = await client.packets(200)
    assert sequence_steps(packets) > {2, 65535}
    first = packets[0].sequence
    order = sorted((packet.sequence - first) % 65536 for packet in packets)
    # Nothing is lost, but what the end of the reading cut off.
    assert set(range(190)) <= {(value + 5) % 65536 - 5 for value in order}
    for group in pictures(packets)[1:-1]:
        assert len(group) == len({packet.sequence for packet in group})


async def test_garbage(simulator: Simulator, client: WireClient) -> None:
    await simulator.apply("door", Garbage(23))
    await client.play()
    await client.packets(1)
    size = 0
    while not isinstance(thing := await client.next(), Noise):
        pass
    while isinstance(thing, Noise):
        size += 1
        thing = await client.next()
    assert size == 23
    # What follows is sound.
    assert isinstance(thing, Packet)


async def test_chatter(simulator: Simulator, client: WireClient) -> None:
    await simulator.apply("door", Quirk.CHATTER)
    await client.play()
    firsts = set()
    packets: list[Packet] = []
    while len(packets) < 50:
        thing = await client.next()
        if isinstance(thing, Answer):
            firsts.add(thing.first)
        if isinstance(thing, Packet):
            packets.append(thing)
    assert firsts == {"RTSP/1.0 200 OK", "GET_PARAMETER rtsp://camera/ RTSP/1.0"}
    assert sequence_steps(packets) == {1}


async def test_wrong_channel(simulator: Simulator, client: WireClient) -> None:
    await client.play()
    assert (await client.packets(1))[0].channel == 0
    await simulator.apply("door", Quirk.WRONG_CHANNEL)
    while (await client.packets(1))[0].channel == 0:
        pass
    assert {packet.channel for packet in await client.packets(20)} == {8}


async def test_no_markers(simulator: Simulator, client: WireClient) -> None:
    await simulator.apply("door", Quirk.NO_MARKERS)
    await client.play()
    assert not any(packet.marker for packet in await client.packets(100))


async def test_shared_timestamps(simulator: Simulator, client: WireClient) -> None:
    await simulator.apply("door", Quirk.SHARED_TIMESTAMPS)
    await client.play()
    packets = await client.packets(200)
    groups = pictures(packets)[1:-1]
    assert {sum(packet.marker for packet in group) for group in groups} == {2}
    assert timestamp_steps([packet for group in groups for packet in group]) == {2 * TICKS}


async def test_change_ssrc(simulator: Simulator, client: WireClient) -> None:
    await client.play()
    before = (await client.packets(1))[0]
    await simulator.apply("door", ChangeSsrc())
    while (after := (await client.packets(1))[0]).ssrc == before.ssrc:
        pass
    assert {packet.ssrc for packet in await client.packets(20)} == {after.ssrc}


@pytest.mark.parametrize("by", [1000, -1000])
async def test_jump_sequence(simulator: Simulator, client: WireClient, by: int) -> None:
    await client.play()
    before = await client.packets(1)
    await simulator.apply("door", JumpSequence(by))
    assert sequence_steps(before + await client.packets(100)) == {1, (by + 1) % 65536}


@pytest.mark.parametrize("by", [900_000, -900_000])
async def test_jump_timestamp(simulator: Simulator, client: WireClient, by: int) -> None:
    await client.play()
    before = await client.packets(1)
    await simulator.apply("door", JumpTimestamp(by))
    packets = before + await client.packets(100)
    assert timestamp_steps(packets) == {TICKS, by + TICKS}
    assert sequence_steps(packets) == {1}


async def test_events_before_a_setup_change_nothing(simulator: Simulator, client: WireClient) -> None:
    await client.ask("SETUP", f"{client.url}/trackID=2", {"Transport": "RTP/AVP/TCP;unicast"})
    for event in (ChangeSsrc(), JumpSequence(5), JumpTimestamp(5)):
        await simulator.apply("door", event)
    # Sound alone may be played; it has no part in the faults of the picture.
    client.session = next(iter(simulator._servers["door"].sessions))
    assert "rtp-info" not in (await client.ask("PLAY")).headers
    sound = await client.packets(3)
    assert {packet.payload_type for packet in sound} == {0}
    assert sequence_steps(sound) == {1}


async def test_timestamps_start_and_wrap_where_they_are_told_to() -> None:
    camera = replace(CAMERA, first_timestamp=2**32 - 3 * TICKS)
    async with Simulator([camera]) as simulator, connect(simulator.url("door")) as client:
        await client.play()
        packets = await client.packets(60)
    stamps = [group[0].timestamp for group in pictures(packets)]
    assert stamps[:5] == [2**32 - 3 * TICKS, 2**32 - 2 * TICKS, 2**32 - TICKS, 0, TICKS]


async def test_a_longer_gop_and_b_frames_from_now_on(simulator: Simulator, client: WireClient) -> None:
    await client.play()
    await simulator.wait_frames("door", 12)
    await simulator.apply("door", ChangeVideo(replace(QUICK_B_FRAMES, gop=40, width=640)))
    await simulator.wait_frames("door", 50)
    frames = simulator.frames
    await simulator.clear("door")
    await simulator.wait_frames("door", 15)
    syncs = [frame.serial for frame in frames if frame.sync]
    assert syncs[1] - syncs[0] == QUICK.gop
    assert syncs[-1] - syncs[-2] == 40 or len([frame for frame in frames if frame.serial > syncs[-1]]) > QUICK.gop
    # B-frames: decoding order is not output order any more.
    serials = [frame.serial for frame in frames if frame.serial > syncs[-1]]
    assert serials != sorted(serials)
    later = simulator.frames
    last_sync = max(index for index, frame in enumerate(later) if frame.sync)
    assert later[last_sync].serial > syncs[-1]
    back = [frame.serial for frame in later[last_sync:]]
    assert back == list(range(back[0], back[0] + len(back)))


@pytest.mark.parametrize("carrier", [lambda transport: InterleavedCarrier(transport, 0), MultipartCarrier])
async def test_a_client_that_does_not_read_is_given_up(carrier: Callable[[asyncio.Transport], Carrier]) -> None:
    """Bytes never pile up without end."""

    class Full(asyncio.Transport):
        aborted = False

        def get_write_buffer_size(self) -> int:
            return MOST_UNSENT + 1

        def abort(self) -> None:
            self.aborted = True

    transport = Full()
    carrier(transport).send(bytearray(b"$\0\0\0"), (0,))
    assert transport.aborted
