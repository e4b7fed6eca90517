"""Session descriptions as cameras write them."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings, strategies as st

from recorder_core.errors import CameraError, ErrorCode
from recorder_core.media import Codec
from recorder_core.rtsp.sdp import VideoOffer, choose_video, parse_sdp

VPS, SPS, PPS = b"\x40\1\x0c\1", b"\x67\x64\0\x0c", b"\x68\xef\x0f"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _offer(*lines: str) -> VideoOffer:
    return choose_video(parse_sdp("\r\n".join(lines).encode()))


def test_a_usual_description() -> None:
    description = parse_sdp(
        "\r\n".join(
            [
                "v=0",
                "a=control:rtsp://h/cam/",
                "m=audio 0 RTP/AVP 0",
                "a=control:trackID=2",
                "m=video 0 RTP/AVP 96",
                "a=rtpmap:96 H264/90000",
                f"a=fmtp:96 packetization-mode=1; sprop-parameter-sets={_text(SPS)},{_text(PPS)} ",
                "a=control:trackID=1",
            ]
        ).encode()
    )
    assert description.control == "rtsp://h/cam/"
    assert description.offers_audio
    assert choose_video(description) == VideoOffer(Codec.H264, 96, "trackID=1", (SPS, PPS))


@pytest.mark.parametrize("name", ["H265", "HEVC", "h265"])
def test_names_of_h265(name: str) -> None:
    sets = f"sprop-vps={_text(VPS)};sprop-sps={_text(SPS)};sprop-pps={_text(PPS)},{_text(VPS)}"
    offer = _offer("m=video 0 RTP/AVP 98", f"a=rtpmap:98 {name}/90000", f"a=fmtp:98 {sets}")
    assert offer == VideoOffer(Codec.H265, 98, "", (VPS, SPS, PPS, VPS))


def test_line_ends_and_spaces_do_not_matter() -> None:
    offer = _offer("  m=video 0 RTP/AVP 96\n", "a=RTPMAP: 96  H264/90000 \n", " a=control: track1 ")
    assert offer == VideoOffer(Codec.H264, 96, "track1", ())


@pytest.mark.parametrize(
    "sprop",
    [
        "",
        "sprop-parameter-sets",
        "sprop-parameter-sets=",
        "sprop-parameter-sets=!!!",
        "sprop-parameter-sets=Zü==",
        "x=;;=y",
    ],
)
def test_sets_that_are_missing_or_broken_may_still_come(sprop: str) -> None:
    offer = _offer("m=video 0 RTP/AVP 96", "a=rtpmap:96 H264/90000", f"a=fmtp:96 {sprop}")
    assert offer.parameter_sets == ()


def test_padding_of_base64_may_be_missing() -> None:
    text = _text(SPS + b"\1").rstrip("=")
    offer = _offer(
        "m=video 0 RTP/AVP 96", "a=rtpmap:96 H264/90000", f"a=fmtp:96 sprop-parameter-sets={text},{_text(PPS)}"
    )
    assert offer.parameter_sets == (SPS + b"\1", PPS)


def test_the_first_video_that_can_be_stored_is_taken() -> None:
    offer = _offer(
        "m=video 0 RTP/AVP 26",
        "m=video 0 RTP/AVP 97 96",
        "a=rtpmap:97 H264/90000",
        "a=fmtp:97 packetization-mode=2",
        "a=rtpmap:96 H264/90000",
        "a=control:second",
        "m=video 0 RTP/AVP 99",
        "a=rtpmap:99 H265/90000",
    )
    assert (offer.payload_type, offer.control) == (96, "second")


@pytest.mark.parametrize(("difference", "offered"), [("0", True), ("", True), ("2", False), ("x", False)])
def test_packets_that_carry_decoding_order_numbers_would_be_misread(difference: str, *, offered: bool) -> None:
    lines = ["m=video 0 RTP/AVP 99", "a=rtpmap:99 H265/90000", f"a=fmtp:99 sprop-max-don-diff={difference}"]
    if offered:
        assert _offer(*lines).codec is Codec.H265
    else:
        with pytest.raises(CameraError) as refusal:
            _offer(*lines)
        assert refusal.value.code is ErrorCode.UNSUPPORTED_CODEC


@pytest.mark.parametrize(
    ("lines", "code", "names"),
    [
        (["m=audio 0 RTP/AVP 0"], ErrorCode.NO_VIDEO, None),
        ([""], ErrorCode.NO_VIDEO, None),
        (["m=video 0 RTP/AVP 26"], ErrorCode.UNSUPPORTED_CODEC, "JPEG"),
        (["m=video 0 RTP/AVP 34 33 50"], ErrorCode.UNSUPPORTED_CODEC, "H263, MP2T, unknown"),
        (["m=video 0 RTP/AVP 96", "a=rtpmap:96 VP8/90000"], ErrorCode.UNSUPPORTED_CODEC, "VP8"),
        (["m=video 0 RTP/AVP x -1 1234"], ErrorCode.UNSUPPORTED_CODEC, "unknown"),
        (["m=video"], ErrorCode.UNSUPPORTED_CODEC, "unknown"),
    ],
)
def test_nothing_to_record(lines: list[str], code: ErrorCode, names: str | None) -> None:
    with pytest.raises(CameraError) as refusal:
        _offer(*lines)
    assert refusal.value.code is code
    assert refusal.value.placeholders.get("codec") == names


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=120)
    | st.lists(
        st.sampled_from(
            [
                "m=video 0 RTP/AVP 96",
                "a=rtpmap:96 H264/90000",
                "a=rtpmap:x",
                "a=fmtp:96",
                "a=fmtp:96 =;a=",
                "a=control",
                "=",
            ]
        )
        | st.text(max_size=20)
    ).map(lambda lines: "\n".join(lines).encode("utf-8", "replace"))
)
def test_any_bytes(body: bytes) -> None:
    assert _codec_or_code(body) in {*Codec, ErrorCode.NO_VIDEO, ErrorCode.UNSUPPORTED_CODEC}


def _codec_or_code(body: bytes) -> Codec | ErrorCode:
    description = parse_sdp(body)
    try:
        return choose_video(description).codec
    except CameraError as error:
        return error.code
