"""Moments are read with their zone or not at all; sizes and spans are written for people."""

from __future__ import annotations

import argparse

import pytest

from recorder_core.cli.words import interval, moment, shown, size, span

NOVEMBER_1 = 1_793_491_200_000_000
"""2026-11-01T00:00Z, the day on which clocks in Denver go back at two."""
HOUR = 3_600_000_000


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000),
        ("1970-01-01T00:00:00.25-01:00", 3_600_250_000),
        ("2026-03-01T00:00:00.000001Z", 1_772_323_200_000_001),
        ("@1.5", 1_500_000),
        ("2026-11-01 00:59:59.5 America/Denver", NOVEMBER_1 + 7 * HOUR - 500_000),
        ("2026-11-01T02:00[America/Denver]", NOVEMBER_1 + 9 * HOUR),
        ("2026-11-01 UTC", NOVEMBER_1),
    ],
)
def test_a_moment_is_read(text: str, us: int) -> None:
    assert moment(text) == us


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-03-01",
        "2026-03-01T10:00:00",
        "@",
        "@nan",
        "@inf",
        "@1e400",
        "2026-03-01T10:00 Mars/Olympus",
        "2026-03-01T10:00 ../../etc/passwd",
        "2026-03-01T10:00Z America/Denver",
        "noon America/Denver",
    ],
)
def test_a_moment_without_a_zone_is_none(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no moment"):
        moment(text)


def test_an_hour_that_was_told_twice_needs_its_offset() -> None:
    """Either way it is written in the refusal can be given back."""
    with pytest.raises(argparse.ArgumentTypeError, match="told twice") as caught:
        moment("2026-11-01 01:30 America/Denver")
    first, second = str(caught.value).rpartition("write ")[2].split(" or ")
    assert (moment(first), moment(second)) == (NOVEMBER_1 + 15 * HOUR // 2, NOVEMBER_1 + 17 * HOUR // 2)


def test_an_hour_that_was_left_out_is_refused() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="left out"):
        moment("2026-03-08 02:30 America/Denver")


@pytest.mark.parametrize(
    ("at_us", "text"),
    [(0, "1970-01-01T00:00:00Z"), (1_800_000_000_999_999, "2027-01-15T08:00:00Z"), (1 << 62, "@4611686018427")],
)
def test_a_time_is_shown_in_utc(at_us: int, text: str) -> None:
    assert shown(at_us) == text


def test_an_interval_without_an_end_is_open() -> None:
    assert interval(0, None) == "1970-01-01T00:00:00Z to open"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (41_349_000, "41.3 MB"),
        (999_500_000, "1 GB"),
        (271_000_000_000, "271 GB"),
        (12 * 10**15, "12 PB"),
        (1234 * 10**15, "1234 PB"),
    ],
)
def test_a_size_has_three_digits(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("length_us", "text"),
    [
        (0, "0 s"),
        (872_000, "0.872 s"),
        (1_900_000, "1 s"),
        (100_000_000, "1 min 40 s"),
        (3_600_000_000, "1 h"),
        (2 * 86_400_000_000 + 61_000_000, "2 d"),
        (2 * 86_400_000_000 + 5 * HOUR, "2 d 5 h"),
    ],
)
def test_a_span_has_two_units(length_us: int, text: str) -> None:
    assert span(length_us) == text
