"""What a simulated camera answers, request by request, on a raw connection."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import socket
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from recorder_core.simulator import Challenge, SimulatedCamera, Simulator, SlowAnswers, Transport
from recorder_core.simulator.messages import MessageError, RequestReader

from .cameras import CAMERA, QUICK_H265
from .clocks import ManualClock
from .wire import AUDIO, INTERLEAVED, VIDEO, Answer, Packet, Report, WireClient, connect

LOCKED = replace(CAMERA, username="reader", password="s3cret")  # noqa: S106  a test's


def digest(algorithm: str, text: str) -> str:
    """A hash in hex."""
    return hashlib.new(algorithm, text.encode()).hexdigest()


def authorization(challenge: str, method: str, uri: str, *, password: str = "s3cret", count: int = 1) -> str:  # noqa: S107
    """Answer a Digest challenge as RFC 2617 and RFC 7616 say."""
    values = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
    algorithm = {"MD5": "md5", "SHA-256": "sha256"}[values["algorithm"]]
    secret = digest(algorithm, f"reader:{values['realm']}:{password}")
    target = digest(algorithm, f"{method}:{uri}")
    text = f'Digest username="reader", realm="{values["realm"]}", nonce="{values["nonce"]}", uri="{uri}"'
    text += f", algorithm={values['algorithm']}"
    if "qop" in values:
        middle = f"{values['nonce']}:{count:08x}:abcd:auth"
        text += f', qop=auth, nc={count:08x}, cnonce="abcd"'
    else:
        middle = values["nonce"]
    return text + f', response="{digest(algorithm, f"{secret}:{middle}:{target}")}"'


async def test_a_session_from_options_to_teardown() -> None:
    async with Simulator([CAMERA]) as simulator, connect(simulator.url("door")) as client:
        assert "GET_PARAMETER" in (await client.ask("OPTIONS")).one("public")
        described = await client.ask("DESCRIBE")
        assert described.one("content-type") == "application/sdp"
        assert described.one("content-base") == f"{client.url}/"
        media = re.findall(r"^m=(\w+).*?^a=control:(\S+)", described.body, re.MULTILINE | re.DOTALL)
        assert media == [("video", VIDEO), ("audio", AUDIO)]
        played = await client.play()
        assert simulator.counters("door").audio_setups == 0
        (info,) = re.findall(r"seq=(\d+);rtptime=(\d+)$", played.one("rtp-info"))
        first = (await client.packets(1))[0]
        assert (str(first.sequence), str(first.timestamp)) == info
        assert (await client.ask("GET_PARAMETER")).status == 200
        assert (await client.ask("TEARDOWN")).status == 200
        assert (await client.ask("GET_PARAMETER")).status == 454
        counters = simulator.counters("door")
        assert (counters.connections, counters.describes, counters.video_setups, counters.plays) == (1, 1, 1, 1)
        assert (counters.keep_alives, counters.teardowns) == (1, 1)
        client.writer.close()
        await simulator.wait_for_no_client("door")


async def test_h264_parameter_sets_are_in_the_description() -> None:
    async with Simulator([CAMERA]) as simulator, connect(simulator.url("door")) as client:
        body = (await client.ask("DESCRIBE")).body
    match = re.search(r"profile-level-id=(\w{6});sprop-parameter-sets=(\S+),(\S+)\r", body)
    assert match is not None
    sps, pps = base64.b64decode(match[2]), base64.b64decode(match[3])
    assert (sps[0] & 31, pps[0] & 31) == (7, 8)
    assert match[1] == sps[1:4].hex().upper()


async def test_h265_parameter_sets_are_in_the_description() -> None:
    async with Simulator([replace(CAMERA, video=QUICK_H265)]) as simulator, connect(simulator.url("door")) as client:
        body = (await client.ask("DESCRIBE")).body
    found = dict(re.findall(r"sprop-(vps|sps|pps)=([^;\s]+)", body))
    assert {name: base64.b64decode(value)[0] >> 1 for name, value in found.items()} == {"vps": 32, "sps": 33, "pps": 34}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("DESCRIBE", "/other", {}, 404),
        ("SETUP", "/door", {"Transport": INTERLEAVED}, 459),
        ("SETUP", f"/door/{VIDEO}", {"Transport": "RTP/AVP;multicast"}, 461),
        ("SETUP", f"/door/{VIDEO}", {"Transport": "RTP/AVP;unicast;client_port=0-70000"}, 461),
        ("SETUP", f"/door/{VIDEO}", {"Transport": INTERLEAVED, "Session": "unknown"}, 454),
        ("PLAY", "/door", {}, 455),
        ("TEARDOWN", "/door", {}, 454),
        ("RECORD", "/door", {}, 501),
        ("SET_PARAMETER", "/door", {}, 200),
    ],
)
async def test_what_cannot_be_done_is_refused(method: str, path: str, headers: dict[str, str], status: int) -> None:
    async with Simulator([CAMERA]) as simulator, connect(simulator.url("door")) as client:
        answer = await client.ask(method, client.url.removesuffix("/door") + path, headers)
        assert answer.status == status
        # A refusal costs nothing: the same connection goes on.
        assert (await client.ask("DESCRIBE")).status == 200


async def test_a_camera_without_sound_has_no_such_track() -> None:
    async with Simulator([replace(CAMERA, audio=None)]) as simulator, connect(simulator.url("door")) as client:
        assert "m=audio" not in (await client.ask("DESCRIBE")).body
        answer = await client.ask("SETUP", f"{client.url}/{AUDIO}", {"Transport": INTERLEAVED})
        assert answer.status == 404


async def test_one_track_is_set_up_once() -> None:
    async with Simulator([CAMERA]) as simulator, connect(simulator.url("door")) as client:
        await client.play()
        for track, status in ((VIDEO, 455), (AUDIO, 200), (AUDIO, 455)):
            answer = await client.ask("SETUP", f"{client.url}/{track}", {"Transport": "RTP/AVP/TCP;unicast"})
            assert answer.status == status
        # Without a wish the camera chooses channels that are free.
        assert simulator.counters("door").audio_setups == 1
        await client.ask("PLAY")
        while (await client.packets(1))[0].channel != 2:
            pass


async def test_the_channels_are_the_clients_choice() -> None:
    async with Simulator([replace(CAMERA, report_interval_s=0)]) as simulator, connect(simulator.url("door")) as client:
        await client.play(transport="RTP/AVP/TCP;unicast;interleaved=6-7")
        assert {packet.channel for packet in await client.packets(5)} == {6}


async def test_only_the_transports_that_the_camera_has() -> None:
    tcp = replace(CAMERA, transports=(Transport.TCP,))
    udp = replace(CAMERA, name="yard", transports=(Transport.UDP,))
    async with Simulator([tcp, udp]) as simulator:
        for name, wanted in (("door", "RTP/AVP;unicast;client_port=5000-5001"), ("yard", INTERLEAVED)):
            async with connect(simulator.url(name)) as client:
                answer = await client.ask("SETUP", f"{client.url}/{VIDEO}", {"Transport": wanted})
                assert answer.status == 461
        async with connect(simulator.url("yard")) as client:
            both = f"{INTERLEAVED},RTP/AVP;unicast;client_port=5000-5001"
            answer = await client.ask("SETUP", f"{client.url}/{VIDEO}", {"Transport": both})
            match = re.search(r"client_port=5000-5001;server_port=(\d+)-(\d+)", answer.one("transport"))
            assert match is not None
            assert int(match[1]) % 2 == 0
            assert int(match[2]) == int(match[1]) + 1


async def test_sender_reports_follow_the_cameras_own_clock() -> None:
    error_us = 90_000_000
    camera = replace(CAMERA, clock_error_us=error_us, report_interval_s=0.1)
    async with Simulator([camera]) as simulator, connect(simulator.url("door")) as client:
        await client.play()
        reports: list[Report] = []
        packets: list[Packet] = []
        while len(reports) < 3:
            thing = await client.next()
            if isinstance(thing, Report):
                reports.append(thing)
            elif isinstance(thing, Packet):
                packets.append(thing)
        frames = simulator.frames
    assert {report.ssrc for report in reports} == {packets[0].ssrc}
    assert reports[-1].packets <= len(packets)
    assert reports[-1].octets <= sum(len(packet.payload) for packet in packets)
    # By each report the first packet's timestamp means the moment when its picture was taken, on the camera's clock.
    sent = next(frame for frame in frames if frame.receivers)
    for report in reports:
        behind = (report.timestamp - packets[0].timestamp + 2**31) % 2**32 - 2**31
        assert report.ntp_us - behind * 100 / 9 == pytest.approx(sent.time_us + error_us, abs=5_000)


async def test_a_session_ends_without_keep_alives_and_lives_with_them() -> None:
    clock = ManualClock()
    async with (
        Simulator([replace(CAMERA, session_timeout_s=30)], clock=clock) as simulator,
        connect(simulator.url("door")) as client,
    ):
        setup = await client.ask("SETUP", f"{client.url}/{VIDEO}", {"Transport": INTERLEAVED})
        client.session, _, parameters = setup.one("session").partition(";")
        assert parameters == "timeout=30"
        for method in ("GET_PARAMETER", "OPTIONS"):
            clock.advance(29)
            assert (await client.ask(method)).status == 200
        assert simulator.counters("door").keep_alives == 2
        clock.advance(31)
        assert await client.ended()
        assert simulator.counters("door").timeouts == 1


async def test_a_finished_session_does_not_time_out() -> None:
    clock = ManualClock()
    async with Simulator([CAMERA], clock=clock) as simulator, connect(simulator.url("door")) as client:
        await client.play()
        await client.ask("TEARDOWN")
        client.session = None
        clock.advance(100)
        assert (await client.ask("OPTIONS")).status == 200
        assert simulator.counters("door").timeouts == 0


async def test_answers_come_in_order_however_requests_arrive() -> None:
    async with Simulator([CAMERA]) as simulator, connect(simulator.url("door")) as client:
        requests = "".join(f"OPTIONS {client.url} RTSP/1.0\r\nCSeq: {number}\r\n\r\n" for number in (1, 2, 3))
        # Between requests clients send receiver reports, bodies and answers to a camera's own requests.
        whole = b"$\x01\x00\x04abcd" + requests.encode() + b"RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n"
        whole += f"GET_PARAMETER {client.url} RTSP/1.0\r\nCSeq: 4\r\nContent-Length: 4\r\n\r\nping".encode()
        for index in range(0, len(whole), 7):
            await client.send_raw(whole[index : index + 7])
        answers = [await client.next() for _ in range(4)]
        assert [isinstance(answer, Answer) and answer.one("cseq") for answer in answers] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"OPTIONS\r\n\r\n",
        b"OPTIONS rtsp://x/ RTSP/1.0\r\nno colon\r\n\r\n",
        b"OPTIONS rtsp://x/ RTSP/1.0\r\nContent-Length: -1\r\n\r\n",
        b"OPTIONS rtsp://x/ RTSP/1.0\r\nContent-Length: 99999999\r\n\r\n",
        b"A" * 20_000,
    ],
)
async def test_what_is_no_rtsp_ends_the_connection(data: bytes) -> None:
    async with Simulator([CAMERA]) as simulator, connect(simulator.url("door")) as client:
        await client.send_raw(data)
        answer = await client.next()
        assert isinstance(answer, Answer)
        assert answer.status == 400
        assert await client.ended()


@given(body=st.binary(max_size=60), size=st.integers(1, 30))
def test_a_request_is_whole_when_its_body_is(body: bytes, size: int) -> None:
    data = b"SET_PARAMETER rtsp://x/door RTSP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    reader = RequestReader()
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    found = [reader.feed(piece) for piece in pieces]
    assert [len(requests) for requests in found] == [0] * (len(pieces) - 1) + [1]
    assert (found[-1][0].method, found[-1][0].path) == ("SET_PARAMETER", "door")


@given(inside=st.binary(max_size=60), size=st.integers(1, 30))
def test_a_clients_interleaved_frames_are_passed_over_whole(inside: bytes, size: int) -> None:
    frame = b"$\1" + len(inside).to_bytes(2) + inside
    data = frame * 2 + b"OPTIONS rtsp://x/door RTSP/1.0\r\n\r\n" + frame
    reader = RequestReader()
    found = [request for start in range(0, len(data), size) for request in reader.feed(data[start : start + size])]
    assert [request.method for request in found] == ["OPTIONS"]


@given(data=st.binary(max_size=200), cut=st.integers(0, 200))
def test_the_reader_takes_any_bytes(data: bytes, cut: int) -> None:
    reader = RequestReader()
    try:
        requests = reader.feed(data[:cut]) + reader.feed(data[cut:])
    except MessageError:
        return
    assert all(request.method for request in requests) or b"\r\n\r\n" in data


async def test_all_challenges_are_offered_in_order() -> None:
    camera = replace(LOCKED, challenges=(Challenge.DIGEST_SHA256, Challenge.DIGEST_MD5, Challenge.BASIC))
    async with Simulator([camera]) as simulator, connect(simulator.url("door")) as client:
        assert (await client.ask("OPTIONS")).status == 200
        answer = await client.ask("DESCRIBE")
        assert answer.status == 401
        offered = answer.headers["www-authenticate"]
        assert [re.sub(r'nonce="\w{32}"', "nonce", text) for text in offered] == [
            'Digest realm="door", nonce, algorithm=SHA-256, qop="auth"',
            'Digest realm="door", nonce, algorithm=MD5, qop="auth"',
            'Basic realm="door"',
        ]
        assert "s3cret" not in repr(camera)


async def describe_with(client: WireClient, text: str) -> int:
    """The status of a DESCRIBE with that Authorization."""
    return (await client.ask("DESCRIBE", headers={"Authorization": text})).status


@pytest.mark.parametrize("challenge", [Challenge.DIGEST_PLAIN, Challenge.DIGEST_MD5, Challenge.DIGEST_SHA256])
async def test_digest_lets_in_who_knows_the_password(challenge: Challenge) -> None:
    async with (
        Simulator([replace(LOCKED, challenges=(challenge,))]) as simulator,
        connect(simulator.url("door")) as client,
    ):
        offer = (await client.ask("DESCRIBE")).one("www-authenticate")
        good = authorization(offer, "DESCRIBE", client.url)
        assert await describe_with(client, authorization(offer, "DESCRIBE", client.url, password="no")) == 401  # noqa: S106
        assert await describe_with(client, authorization(offer, "SETUP", client.url)) == 401
        assert await describe_with(client, good.replace("reader", "Reader")) == 401
        assert await describe_with(client, good.replace('realm="door"', 'realm="gate"')) == 401
        assert await describe_with(client, "Basic " + base64.b64encode(b"reader:s3cret").decode()) == 401
        assert await describe_with(client, "Bearer token") == 401
        assert await describe_with(client, good.replace("algorithm=", "algorithm=X-")) == 401
        assert await describe_with(client, good) == 200


async def test_a_counted_nonce_is_not_replayed() -> None:
    async with (
        Simulator([replace(LOCKED, challenges=(Challenge.DIGEST_MD5,))]) as simulator,
        connect(simulator.url("door")) as client,
    ):
        offer = (await client.ask("DESCRIBE")).one("www-authenticate")
        first = authorization(offer, "DESCRIBE", client.url)
        assert await describe_with(client, first) == 200
        assert await describe_with(client, first) == 401
        assert await describe_with(client, authorization(offer, "DESCRIBE", client.url, count=2)) == 200


@pytest.mark.parametrize("challenge", [Challenge.DIGEST_PLAIN, Challenge.DIGEST_SHA256])
async def test_a_used_up_nonce_is_stale(challenge: Challenge) -> None:
    camera = replace(LOCKED, challenges=(challenge,), nonce_uses=2)
    async with Simulator([camera]) as simulator, connect(simulator.url("door")) as client:
        offer = (await client.ask("DESCRIBE")).one("www-authenticate")
        for count in (1, 2):
            assert await describe_with(client, authorization(offer, "DESCRIBE", client.url, count=count)) == 200
        headers = {"Authorization": authorization(offer, "DESCRIBE", client.url, count=3)}
        answer = await client.ask("DESCRIBE", headers=headers)
        assert answer.status == 401
        renewed = answer.one("www-authenticate")
        assert "stale=true" in renewed
        assert await describe_with(client, authorization(renewed, "DESCRIBE", client.url)) == 200


async def test_basic() -> None:
    async with (
        Simulator([replace(LOCKED, challenges=(Challenge.BASIC,))]) as simulator,
        connect(simulator.url("door")) as client,
    ):
        assert await describe_with(client, "Basic " + base64.b64encode(b"reader:wrong").decode()) == 401
        assert await describe_with(client, "Basic " + base64.b64encode(b"reader:s3cret").decode()) == 200


async def test_slow_answers_take_the_clocks_time() -> None:
    clock = ManualClock()
    async with (
        Simulator([replace(CAMERA, faults=(SlowAnswers(5),))], clock=clock) as simulator,
        connect(simulator.url("door")) as client,
    ):
        asking = asyncio.create_task(client.ask("OPTIONS"))
        await simulator.wait_requests("door", 1)
        clock.advance(4.9)
        assert not asking.done()
        clock.advance(0.2)
        assert (await asking).status == 200


async def test_a_port_that_is_taken_is_an_error_and_leaves_nothing_open() -> None:
    host = "127.0.0.9"  # where nobody else takes the port beside it
    async with Simulator([CAMERA], host=host) as simulator:
        assert simulator.cameras == (CAMERA,)
        port = int(simulator.url("door").split(":")[2].split("/")[0])
        second = Simulator([SimulatedCamera("other", video=CAMERA.video), CAMERA], host=host, port=port - 1)
        with pytest.raises(OSError, match="address already in use"):
            await second.__aenter__()
        with socket.socket() as free:
            free.bind((host, port - 1))
