"""How commands read moments and write moments, sizes and spans: the one place where a command line meets local time.

What is read must say its zone. An hour that a zone's clocks told twice, or left out, is refused, never guessed.
"""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MOMENT_HELP = 'ISO 8601 with an offset or a zone ("2026-03-01 14:05 America/Denver"), or @SECONDS since 1970'

_EPOCH = datetime.fromtimestamp(0, UTC)
_ZONED = re.compile(r"(?P<time>.+?)(?: |\[)(?P<zone>[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*)\]?")
_FOUR_DIGITS = 999.5
"""What three digits would round up to a thousand."""

_UNITS = ("kB", "MB", "GB", "TB", "PB")


def moment(text: str) -> int:
    """Return the UTC microseconds of a moment: ISO 8601 with an offset, `Z` or a zone's name, or `@` and seconds.

    Raises:
        argparse.ArgumentTypeError: It is none of these, or the zone's clocks told it twice or not at all.
    """
    try:
        if text.startswith("@"):
            return round(float(text[1:]) * 1_000_000)
        zoned = _ZONED.fullmatch(text)
        found = datetime.fromisoformat(text) if zoned is None else _in_zone(text, zoned["time"], zoned["zone"])
    except ValueError, OverflowError, ZoneInfoNotFoundError:
        found = None
    if found is None or found.tzinfo is None:
        sentence = f"{text!r} is no moment: write 2026-03-01T14:05:00-07:00, 2026-03-01T21:05:00Z, "
        raise argparse.ArgumentTypeError(f"{sentence}2026-03-01 14:05 America/Denver or @SECONDS")
    return (found - _EPOCH) // timedelta(microseconds=1)


def _in_zone(text: str, time: str, zone: str) -> datetime | None:
    naive = datetime.fromisoformat(time)
    if naive.tzinfo is not None:
        return None
    both = [naive.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1)]
    told = [one for one in both if one.astimezone(UTC).astimezone(one.tzinfo).replace(tzinfo=None, fold=0) == naive]
    if not told:
        raise argparse.ArgumentTypeError(f"{text!r} was left out there: clocks went forward over it")
    if told[0].utcoffset() != told[-1].utcoffset():
        ways = " or ".join(one.isoformat() for one in told)
        raise argparse.ArgumentTypeError(f"{text!r} was told twice there, for clocks went back: write {ways}")
    return told[0]


def shown(at_us: int) -> str:
    """Return UTC microseconds as people read them, to the second; a time that no calendar has as it is."""
    try:
        return (_EPOCH + timedelta(microseconds=at_us)).strftime("%Y-%m-%dT%H:%M:%SZ")
    except OverflowError:
        return f"@{at_us / 1e6:.0f}"


def interval(start_us: int, end_us: int | None) -> str:
    """Return an interval as people read it; one without an end is open."""
    return f"{shown(start_us)} to {'open' if end_us is None else shown(end_us)}"


def size(count: int) -> str:
    """Return bytes in the largest unit that they fill, by thousands."""
    value, unit = float(count), "B"
    for larger in _UNITS:
        if value < _FOUR_DIGITS:
            break
        value, unit = value / 1000, larger
    return f"{value:.3g} {unit}" if value < _FOUR_DIGITS else f"{value:.0f} {unit}"


def span(length_us: int) -> str:
    """Return a length of time in its two largest units, rounded down; parts of a second only for less than one."""
    seconds = length_us // 1_000_000
    if seconds == 0:
        return f"{length_us / 1e6:.3g} s"
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    parts = [(days, "d"), (hour, "h"), (minute, "min"), (second, "s")]
    first = next(place for place, (value, _) in enumerate(parts) if value)
    return " ".join(f"{value} {unit}" for value, unit in parts[first : first + 2] if value)
