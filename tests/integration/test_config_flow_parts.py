"""The arithmetic and the addresses behind the dialogs, for any input."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import assume, given, strategies as st

from custom_components.library_surveillance.flow.address import camera_key, parse_address
from custom_components.library_surveillance.flow.estimate import bytes_per_day, shown_days, usable_bytes
from recorder_core.errors import CameraError, ErrorCode

SIZES = st.integers(0, 10**15)
LIMITS = st.none() | SIZES


@given(username=st.text(min_size=1), password=st.text())
def test_pasted_credentials_come_out_whole(username: str, password: str) -> None:
    """Whatever they hold, as long as they are encoded; the address keeps nothing of them."""
    assume(not any(0xD800 <= ord(char) <= 0xDFFF for char in username + password))
    pasted = f"rtsp://{quote(username, safe='')}:{quote(password, safe='')}@camera:8554/a?b=c"
    address = parse_address(pasted)
    assert (address.url, address.username, address.password) == ("rtsp://camera:8554/a?b=c", username, password or None)
    assert repr(address) == f"CameraAddress(url={address.url!r}, username={username!r})"


@given(st.text(st.characters(codec="utf-8")) | st.from_regex(r"rtsps?://[^\s]{0,40}", fullmatch=True))
def test_any_text_is_an_address_or_none(text: str) -> None:
    """Nothing else is raised, what is taken has no credentials, and taking it again changes nothing."""
    try:
        address = parse_address(text)
    except CameraError as err:
        assert err.code is ErrorCode.BAD_URL  # noqa: PT017 - both ends are fine
        return
    assert "@" not in address.url.partition("://")[2].partition("/")[0]
    again = parse_address(address.url)
    assert (again.url, again.username, again.password) == (address.url, None, None)


@pytest.mark.parametrize(
    "other",
    ["rtsp://CAMERA:554/a", "RTSP://camera/a", "rtsp://camera/a"],
)
def test_spellings_of_one_address(other: str) -> None:
    """Case of scheme and host, and the default port, make no other camera."""
    assert camera_key(other) == camera_key("rtsp://camera/a")
    assert "camera" not in camera_key(other)


@pytest.mark.parametrize(
    "other",
    [
        "rtsps://camera/a",
        "rtsp://camera:555/a",
        "rtsp://camera/A",
        "rtsp://camera/a?x",
        "rtsp://camera/a#x",
        "rtsp://b/a",
    ],
)
def test_other_addresses(other: str) -> None:
    """All else makes another camera."""
    assert camera_key(other) != camera_key("rtsp://camera/a")


@given(free=SIZES, used=SIZES, min_free=LIMITS, most=LIMITS)
def test_what_fits(free: int, used: int, min_free: int | None, most: int | None) -> None:
    """Never below zero, never above the room or the maximum; no limit is no limit, and zero is one."""
    usable = usable_bytes(free_bytes=free, used_bytes=used, min_free_bytes=min_free, max_bytes=most)
    assert 0 <= usable <= free + used
    if min_free is None and most is None:
        assert usable == free + used
    if most is not None:
        assert usable <= most
    if usable and min_free:
        assert usable + min_free <= free + used


def test_figures() -> None:
    """4 Mbit/s are 43.2 GB a day; days have a decimal only while they are few."""
    assert bytes_per_day(4_000_000) == 43_200_000_000
    assert [shown_days(size, 10) for size in (0, 5, 99, 100, 1234)] == ["0.0", "0.5", "9.9", "10", "123"]
