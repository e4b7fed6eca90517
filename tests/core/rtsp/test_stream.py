"""A playing session: whatever stands between the packets, the video comes through and the session stays alive."""

from __future__ import annotations

import random
import struct
from itertools import pairwise
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given, settings, strategies as st

from recorder_core.errors import CameraError, ErrorCode
from recorder_core.media import Codec
from recorder_core.rtsp import Session, VideoTrack, message, stream as module
from recorder_core.rtsp.auth import Authenticator, Credentials
from recorder_core.rtsp.sdp import VideoOffer
from recorder_core.rtsp.stream import VideoStream
from tests.core.rtp.packets import AVC, KIND, STEP, encode, number, sample

if TYPE_CHECKING:
    import re

    from recorder_core.media import AccessUnit
    from recorder_core.rtp import SenderReport
    from recorder_core.rtsp import Connection

ANSWER = b"RTSP/1.0 200 OK\r\nCSeq: 9\r\nContent-Length: 4\r\n\r\nidle"
REQUEST = b"GET_PARAMETER rtsp://camera/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"
SOUND = b"$\x02\0\x10" + b"\x80\0" + bytes(14)
SENDER_REPORT = b"$\x01\0\x1c" + struct.pack(">BBHIIIIII", 0x80, 200, 6, 1, 0xEE000000, 0, STEP * 2, 1, 1)


class Wire:
    """A connection that gives what was laid in, a reading at a time, and keeps what was sent."""

    def __init__(self) -> None:
        """Begin with nothing to read."""
        self.readings: list[bytes] = []
        self.sent: list[bytes] = []
        self.error: CameraError | None = None

    def receive_into(self, view: memoryview) -> int:
        """Give the next reading."""
        if not self.readings:
            if self.error is not None:
                raise self.error
            return 0
        data = self.readings.pop(0)
        now, later = data[: len(view)], data[len(view) :]
        if later:
            self.readings.insert(0, later)
        view[: len(now)] = now
        return len(now)

    def send_now(self, data: bytes) -> None:
        """Keep it."""
        self.sent.append(data)


class Player:
    """A video stream over a wire."""

    def __init__(
        self, *, channels: tuple[int, int] = (0, 1), timeout_s: int = 60, early: bytes = b"", room: int = 1 << 18
    ) -> None:
        """Play H.264."""
        self.wire = Wire()
        self.units: list[AccessUnit] = []
        self.reports: list[tuple[SenderReport, int, int]] = []
        self.errors: list[Exception] = []
        self.authenticator = Authenticator(Credentials("user", "secret"))
        self.now_us = 0
        self._buffer = bytearray(room + 64)
        self._view = memoryview(self._buffer)[:room]
        session = Session(
            url="rtsp://camera/live",
            session_id="42",
            timeout_s=timeout_s,
            keep_alive="GET_PARAMETER",
            track=VideoTrack(VideoOffer(Codec.H264, KIND, "", ()), *channels),
            offers_audio=False,
            server=None,
            authenticator=self.authenticator,
        )
        self.stream = VideoStream(
            cast("Connection", self.wire),  # a stream calls these two methods and no other
            session,
            buffer=self._buffer,
            early=early,
            on_units=self.units.extend,
            on_report=lambda report, pts, arrival_us: self.reports.append((report, pts, arrival_us)),
            on_end=self.errors.append,
        )

    def read(self, *readings: bytes) -> None:
        """Poll until all of this has been read."""
        self.wire.readings += [one for one in readings if one]
        while self.wire.readings:
            self.poll()

    def poll(self, after_us: int = 1000) -> int:
        """Poll once."""
        self.now_us += after_us
        return self.stream.poll(self._buffer, self._view, self.now_us)

    def end(self) -> list[bytes]:
        """End the session; return the data of all units."""
        self.stream.failed(CameraError(ErrorCode.CONNECTION_LOST, "x"))
        return [unit.data for unit in self.units]


PICTURES = [[AVC.slice(size, seed, sync=seed == 0)] for seed, size in enumerate((3000, 40, 700, 200))]
_PACKETS = number([AVC.fragments(nals[0], 500) for nals in PICTURES])
FRAMES = [encode(one for one in _PACKETS if one.timestamp == at * STEP) for at in range(len(PICTURES))]
SAMPLES = [sample(nals) for nals in PICTURES]


def _garbage(chance: random.Random) -> bytes:
    """Return bytes that belong to nothing; some look like the beginning of something."""
    raw = chance.randbytes(chance.randrange(1, 200))
    tail = chance.choice(
        [b"", b"$", b"$$$", b"$\0\xff\xff", b"$\0\0\0", b"RTSP/1.", b"OPTIONS", b"\r\n\r\n", b"ABCDE x\r\n"]
    )
    cut = chance.randrange(len(raw) + 1)
    return raw[:cut] + tail + raw[cut:]


@settings(max_examples=80, deadline=None)
@given(
    between=st.lists(
        st.sampled_from([b"", ANSWER, REQUEST, SOUND, SENDER_REPORT, ANSWER + REQUEST, b"\r\n"]), min_size=4, max_size=4
    ),
    cuts=st.lists(st.integers(1, 4500), max_size=8),
)
def test_what_else_a_session_carries_costs_no_picture(between: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(other + frame for other, frame in zip(between, FRAMES, strict=True))
    player = Player()
    places = [0, *sorted({cut for cut in cuts if cut < len(stream)}), len(stream)]
    player.read(*(stream[begin:end] for begin, end in pairwise(places)))
    assert player.end() == SAMPLES
    assert [unit.sync for unit in player.units] == [True, False, False, False]
    assert player.stream.depacketizer.packets_lost == 0


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 1 << 32), piece=st.integers(1, 3000))
def test_garbage_between_pictures(seed: int, piece: int) -> None:
    """It may swallow what directly follows, if it pretends to be a frame; it is never taken for a picture."""
    chance = random.Random(seed)
    stream = b"".join(_garbage(chance) + frame for frame in FRAMES)
    player = Player()
    player.read(*(stream[at : at + piece] for at in range(0, len(stream), piece)))
    for data in player.end():
        assert data in SAMPLES


def test_garbage_without_a_dollar_costs_no_picture_and_no_sync_sample() -> None:
    """The simulator's garbage: bytes above 0x7f before each picture."""
    player = Player()
    player.read(*(bytes(range(0x80, 0xFF)) * 9 + frame for frame in FRAMES))
    assert player.end() == SAMPLES
    assert player.units[0].sync
    assert player.stream.depacketizer.packets_lost == 0


@pytest.mark.parametrize(
    "false",
    [b"$\0\xff\xff\0\0", b"$\0\xff\xff\x80\x0b", b"$\1\xff\xff\x80\x60", b"$\7\0\x05\x80\x60abcd", b"$\0\0\x40"],
)
def test_a_false_beginning_within_garbage_is_seen_through(false: bytes) -> None:
    """A length of 64 KiB would otherwise hold back or swallow what follows."""
    player = Player()
    player.read(b"\xfe" + false + b"\xfe" * 70 + FRAMES[0], *FRAMES[1:])
    assert player.end() == SAMPLES


@pytest.mark.parametrize("text", [b"HELLO WORLD", b"OPTIONSOPTIONS" * 60, b"RTSP/1." * 200, b"RTSP/1.0 abc\r\n\r\n"])
def test_text_that_is_no_message(text: bytes) -> None:
    player = Player()
    player.read(text + b"\0" * 600 + FRAMES[0], *FRAMES[1:])
    assert player.end() == SAMPLES


def test_an_answer_in_many_pieces() -> None:
    player = Player()
    player.read(FRAMES[0], *(bytes((one,)) for one in ANSWER), *FRAMES[1:])
    assert player.end() == SAMPLES


def test_a_frame_without_content_is_one() -> None:
    player = Player()
    player.read(b"$\0\0\0" + FRAMES[0] + b"$\1\0\0" + FRAMES[1], *FRAMES[2:])
    assert player.end() == SAMPLES
    assert player.stream._garbage == 0


def test_a_packet_that_was_cut_short_makes_its_picture_doubtful() -> None:
    """It swallows the beginning of what follows, and nothing but the missing number tells."""
    first = number([[AVC.slice(400, 1, sync=True)]])
    rest = number([[AVC.slice(300, 2)], [AVC.slice(20, 3)], [AVC.slice(20, 4)]], sequence=1, timestamp=STEP)
    player = Player()
    player.read(encode(first)[:-100] + encode(rest))
    player.end()
    assert [unit.sync for unit in player.units] == [False] * len(player.units)
    assert player.stream.depacketizer.packets_lost == 1


def test_what_came_with_the_answer_to_play_is_not_lost() -> None:
    player = Player(early=FRAMES[0] + FRAMES[1][:10])
    player.read(FRAMES[1][10:], *FRAMES[2:])
    assert player.end() == SAMPLES


def test_what_came_with_the_answer_to_play_is_all_there_is() -> None:
    player = Player(early=b"".join(FRAMES))
    player.wire.error = CameraError(ErrorCode.CONNECTION_LOST, "x")
    with pytest.raises(CameraError):
        player.poll()
    assert player.end() == SAMPLES


def test_another_channel_than_agreed_is_taken_while_nothing_came_on_the_agreed_one() -> None:
    player = Player(channels=(4, 5))
    player.read(b"$\2\0\2\x80\0" + b"$\3\0\1\x80" + b"".join(FRAMES))
    player.read(b"\xff\xff" + b"$\0\0\x0d" + bytes(13))  # garbage is now searched for the new channel
    assert player.end() == SAMPLES
    assert player.stream.depacketizer.channel == 0


def test_other_channels_are_passed_over_once_the_track_has_begun() -> None:
    player = Player()
    stray = bytearray(FRAMES[3])
    stray[1] = 6
    player.read(FRAMES[0], bytes(stray[: 4 + int.from_bytes(stray[2:4])]), *FRAMES[1:])
    assert player.end() == SAMPLES


def test_reports_tell_the_media_time_of_a_moment() -> None:
    """Before the first picture there is no media time to compare with: the report waits for it."""
    player = Player()
    player.read(SENDER_REPORT)
    assert player.reports == []
    player.read(FRAMES[0])
    player.read(SENDER_REPORT + b"$\1\0\4\x80\xc9\0\0")
    assert [(pts, arrival_us) for _, pts, arrival_us in player.reports] == [(2 * STEP, 1000), (2 * STEP, 3000)]


def test_a_report_of_a_time_before_the_picture() -> None:
    packets = encode(number([[AVC.slice(9, 1)]], timestamp=5))
    behind = SENDER_REPORT[:20] + ((1 << 32) - 10).to_bytes(4) + SENDER_REPORT[24:]
    player = Player()
    player.read(packets, behind)
    assert [pts for _, pts, _ in player.reports] == [-10]


def test_signs_of_life_in_time() -> None:
    """At less than half of the timeout, whether or not video comes."""
    player = Player(timeout_s=10)
    times = []
    for at in range(2000):
        sent = len(player.wire.sent)
        if at % 3 == 0:
            player.wire.readings.append(SOUND)
        player.poll(10_000)
        if len(player.wire.sent) > sent:
            times.append(player.now_us)
    assert times == [4_510_000, 9_010_000, 13_510_000, 18_010_000]
    assert player.wire.sent[0].startswith(b"GET_PARAMETER rtsp://camera/live RTSP/1.0\r\nCSeq: 1001\r\n")
    assert b"\r\nSession: 42\r\n" in player.wire.sent[0]
    assert player.wire.sent[1].split(b"\r\n")[1] == b"CSeq: 1002"


def _refusal(cseq: int, challenge: bytes) -> bytes:
    return b"RTSP/1.0 401 No\r\nCSeq: %d\r\nWWW-Authenticate: %b\r\n\r\n" % (cseq, challenge)


def test_a_sign_of_life_with_a_stale_nonce_is_given_again_once() -> None:
    """Else the camera would end the session at its timeout, again and again."""
    player = Player(timeout_s=10)
    assert player.authenticator.accept(['Digest realm="r", nonce="1", qop="auth"'])
    player.poll()
    player.poll(5_000_000)
    assert b'nonce="1"' in player.wire.sent[0]
    player.read(_refusal(1001, b'Digest realm="r", nonce="2", qop="auth", stale=true'))
    assert len(player.wire.sent) == 2
    assert b'nonce="2"' in player.wire.sent[1]
    # A camera that is never content is asked no more often than its timeout wants it.
    player.read(_refusal(1002, b'Digest realm="r", nonce="3", qop="auth", stale=true'))
    player.read(_refusal(1001, b'Digest realm="r", nonce="4", qop="auth", stale=true'))
    assert len(player.wire.sent) == 2
    player.poll(5_000_000)
    player.read(_refusal(1003, b'Digest realm="r", nonce="2"'))
    assert len(player.wire.sent) == 3


def test_farewell() -> None:
    player = Player()
    player.stream.farewell()
    assert player.wire.sent[0].startswith(b"TEARDOWN rtsp://camera/live RTSP/1.0\r\n")


def test_the_end_hands_out_the_last_picture_and_says_why() -> None:
    player = Player()
    player.read(FRAMES[0])
    assert player.units == []
    assert player.end() == SAMPLES[:1]
    assert [str(error) for error in player.errors] == ["x"]
    nothing = Player()
    assert nothing.end() == []


def test_a_stream_of_nothing_but_garbage_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_GARBAGE", 50_000)
    with pytest.raises(CameraError) as refusal:
        Player().read(*([b"\xee" * 2000] * 30))
    assert refusal.value.code is ErrorCode.PROTOCOL


def test_a_little_garbage_for_ever_is_borne(monkeypatch: pytest.MonkeyPatch) -> None:
    """A camera that writes a stray byte with each picture is recorded for years."""
    monkeypatch.setattr(module, "_MAX_GARBAGE", 500)
    player = Player()
    pictures = [[AVC.slice(60, at)] for at in range(300)]
    player.read(*(b"\xee" * 20 + encode([packet]) for packet in number(pictures)))
    assert player.end() == [sample(nals) for nals in pictures]


def test_a_message_without_end() -> None:
    player = Player(room=1 << 17)
    with pytest.raises(CameraError) as refusal:
        player.read(b"RTSP/1.0 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000)
    assert refusal.value.code is ErrorCode.PROTOCOL


@settings(max_examples=150, deadline=None)
@given(
    data=st.lists(
        st.binary(max_size=80) | st.sampled_from([ANSWER, REQUEST, SOUND, b"$\0\0\x20\x80\x60", b"$"]), max_size=8
    )
)
def test_any_bytes(data: list[bytes]) -> None:
    player = Player(room=1 << 12)
    player.read(*data)
    player.end()
    assert len(player.errors) == 1


class _Counting:
    """Stands for the pattern that finds the next beginning, and counts the bytes that it looks at."""

    def __init__(self, pattern: re.Pattern[bytes]) -> None:
        self._pattern = pattern
        self.looked = 0

    def search(self, buffer: bytearray, at: int, stop: int) -> re.Match[bytes] | None:
        found = self._pattern.search(buffer, at, stop)
        self.looked += (found.end() if found else stop) - at
        return found


@pytest.mark.parametrize(
    "unit", [b"$\0", b"$\1\x80", b"RTSP/1.", b"OPTIONS * RTSP/1.0\r\n\r\n", b"ABC\r\n", b"$\0\0\0", b"$\0\0\1\x80"]
)
def test_work_grows_with_the_input_and_not_with_its_square(unit: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is repeated through a whole buffer, each byte is searched a few times and each message read once."""
    parsed = 0
    parse = message.parse_message

    def counted(buffer: bytearray, at: int, stop: int) -> object:
        nonlocal parsed
        parsed += 1
        return parse(buffer, at, stop)

    monkeypatch.setattr(module, "parse_message", counted)
    for size in (20_000, 80_000):
        parsed = 0
        player = Player()
        counting = _Counting(player.stream._beginning)
        player.stream._beginning = cast("re.Pattern[bytes]", counting)  # the test counts what it does
        player.read((unit * size)[:size])
        assert counting.looked <= 8 * size
        assert parsed <= size // 5
