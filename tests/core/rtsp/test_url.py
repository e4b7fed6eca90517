"""Addresses of cameras: which are accepted, what is shown of them, and what a camera's answer makes of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from recorder_core.errors import CameraError, ErrorCode
from recorder_core.rtsp import CameraUrl, parse_camera_url, redacted, split_credentials
from recorder_core.rtsp.url import control_url


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("rtsp://camera/stream", "camera", 554),
        ("  rtsp://10.0.0.5:8554/a?b=c  ", "10.0.0.5", 8554),
        ("rtsps://camera/", "camera", 322),
        ("RTSP://Camera.Example", "camera.example", 554),
        ("rtsp://[2001:db8::7]:5554/x", "2001:db8::7", 5554),
        ("rtsp://[fe80::1]/x", "fe80::1", 554),
        ("http://camera/mjpeg", "camera", None),
        ("rtmps://camera:1935/live", "camera", 1935),
    ],
)
def test_accepted(url: str, host: str, port: int | None) -> None:
    parsed = parse_camera_url(url)
    assert (parsed.url, parsed.host, parsed.port) == (url.strip(), host, port)
    assert parsed.is_rtsp is url.strip().lower().startswith("rtsp")
    assert parsed.is_tls is url.startswith("rtsps")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "camera/stream",
        "ftp://camera/",
        "file:///etc/passwd",
        "rtsp:///stream",
        "rtsp://:554/stream",
        "rtsp://camera:port/",
        "rtsp://camera:70000/",
        "rtsp://camera:0/",
        "rtsp://[2001:db8::7/x",
        "rtsp://user@camera/",
        "rtsp://user:secret@camera/",
        "rtsp://:secret@camera/",
        "rtsp://camera/a b",
        "rtsp://camera/a\r\nCSeq: 2",
        "rtsp://camera/\x07",
    ],
)
def test_refused(url: str) -> None:
    with pytest.raises(CameraError) as refusal:
        parse_camera_url(url)
    assert refusal.value.code is ErrorCode.BAD_URL
    assert "secret" not in str(refusal.value)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40) | st.text(alphabet="rtsp:/@[]%?#.0123456789ab", max_size=40).map(lambda x: "rtsp://" + x))
def test_any_text_is_accepted_or_refused(url: str) -> None:
    found = _parsed_or_code(url)
    assert redacted(url).isprintable() or not url.isprintable()
    if not isinstance(found, CameraUrl):
        assert found is ErrorCode.BAD_URL
        return
    assert found.host
    assert not any(char in found.url for char in " \r\n\t")


def _parsed_or_code(url: str) -> CameraUrl | ErrorCode:
    try:
        return parse_camera_url(url)
    except CameraError as error:
        return error.code


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("rtsp://camera/x", ("rtsp://camera/x", None, None)),
        ("rtsp://user:pass@camera:8554/x?y", ("rtsp://camera:8554/x?y", "user", "pass")),
        ("rtsp://user@camera/x", ("rtsp://camera/x", "user", None)),
        ("rtsp://a%40b:p%2Fw%3A1@camera/", ("rtsp://camera/", "a@b", "p/w:1")),
        ("rtsp://user:p@ss@camera/", ("rtsp://camera/", "user", "p@ss")),
        ("rtsp://user:pass@[::1]:554/", ("rtsp://[::1]:554/", "user", "pass")),
    ],
)
def test_credentials_are_taken_out(url: str, expected: tuple[str, str | None, str | None]) -> None:
    assert split_credentials(url) == expected


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://user:secret@camera:8554/live", "rtsp://camera:8554/live"),
        ("rtsp://camera/live?user=a&pwd=secret#x", "rtsp://camera/live?…"),
        ("rtsp://camera/user=admin&password=secret&channel=1.sdp", "rtsp://camera/…"),
        ("rtsp://camera/u=a_PWD=secret_stream=0", "rtsp://camera/…"),
        ("rtsp://user:123/secret@camera/live", "rtsp://…"),
        ("rtsp://user:secret/x@camera/live", "(not a valid URL)"),
        ("rtsp://[secret", "(not a valid URL)"),
    ],
)
def test_nothing_secret_is_shown(url: str, shown: str) -> None:
    assert redacted(url) == shown


@pytest.mark.parametrize(
    ("base", "control", "url"),
    [
        ("rtsp://h/cam/", "trackID=1", "rtsp://h/cam/trackID=1"),
        ("rtsp://h/cam", "trackID=1", "rtsp://h/cam/trackID=1"),
        ("rtsp://h/cam?a=b", "trackID=1", "rtsp://h/cam?a=b/trackID=1"),
        ("rtsp://h/cam", "rtsp://other/track", "rtsp://other/track"),
        ("rtsp://h:8554/cam/x", "/track", "rtsp://h:8554/track"),
        ("rtsp://h/cam", "*", "rtsp://h/cam"),
        ("rtsp://h/cam", "", "rtsp://h/cam"),
    ],
)
def test_control_attributes_as_cameras_mean_them(base: str, control: str, url: str) -> None:
    assert control_url(base, control) == url
