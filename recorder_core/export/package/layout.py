"""What a package's files are called and how its times and JSON are written; writer and verifier share it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

FORMAT = "library-surveillance-package"
FORMAT_VERSION = 1

PIECE_BYTES = 16 << 20
"""A file has a hash for each piece of this size: a browser can digest that at once, and it says where a change is."""

LARGEST_WHOLE = 1 << 30
"""No file but a video is larger, for a package is of a day of one camera at most; made-up ones fill no memory."""

MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.sig"
PUBLIC_KEY = "public-key.pem"
SUMS = "SHA256SUMS"
CUSTODY = "custody.jsonl"
LETTER = "cover-letter.pdf"
VERIFY_PAGE = "verify.html"

ALWAYS_LISTED = (CUSTODY, PUBLIC_KEY, VERIFY_PAGE, LETTER)
"""The files that the manifest lists behind those of the videos."""

UNLISTED = (MANIFEST, SIGNATURE, SUMS)
"""The files that the manifest cannot list, for they come after it; they are the last ones, in this order."""

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")


def are_plain(names: Sequence[str]) -> bool:
    """Tell whether files of these names can lie in any folder of any system, each under its own name.

    They lead nowhere else, hide nowhere, and no two of them differ in capitals only.
    """
    return all(map(_PLAIN_NAME.fullmatch, names)) and len({name.lower() for name in names}) == len(names)


def clip_stem(camera_id: str, start_us: int) -> str:
    """Return how the names of a clip's files begin: the camera, and the UTC of its first picture to the second."""
    return f"{camera_id}_{datetime.fromtimestamp(start_us // 1_000_000, UTC):%Y%m%dT%H%M%SZ}"


def is_clip_name(name: str, camera_id: str, start_us: int) -> bool:
    """Tell whether a clip of this camera and start may have this name: numbered, and told apart where it must be."""
    rest = name.removeprefix(clip_stem(camera_id, start_us))
    return rest != name and re.fullmatch(r"(-[1-9][0-9]*)?_*\.mp4", rest) is not None


def derived_stem(camera_id: str, start_us: int) -> str:
    """Return how the names of re-encoded pictures and of their table begin."""
    return f"{clip_stem(camera_id, start_us)}_reencoded"


def is_derived_name(name: str, camera_id: str, start_us: int) -> bool:
    """Tell whether re-encoded pictures of this camera and start may have this name."""
    rest = name.removeprefix(derived_stem(camera_id, start_us))
    return rest != name and re.fullmatch(r"_*\.mp4", rest) is not None


def printable(text: str) -> str:
    """Return a text as it can stand on a screen: what moves, hides or turns around others is its number in Unicode."""
    return "".join(one if one.isprintable() else f"<U+{ord(one):04X}>" for one in text)


def sums_text(hashes: Mapping[str, str]) -> str:
    """Return what `sha256sum --check` reads: a line for each file, in their order."""
    return "".join(f"{digest}  {name}\n" for name, digest in hashes.items())


def read_sums(data: bytes) -> dict[str, str]:
    """Return the sums by file; lines that are none are left out."""
    lines = data.decode("utf-8", "replace").splitlines()
    return {name: digest for digest, mark, name in (line.partition("  ") for line in lines) if mark}


def json_document(content: object) -> bytes:
    """Return the one form in which a JSON file for people is written."""
    return json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n"


def json_line(content: Mapping[str, object]) -> bytes:
    """Return one line of a JSON lines file."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def utc_text(at_us: int) -> str:
    """Return a UTC time as ISO 8601 with microseconds, `2026-03-29T01:30:00.000000Z`."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def local_text(at_us: int, zone: ZoneInfo) -> str:
    """Return a time as ISO 8601 with microseconds in local time, with its offset from UTC."""
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)
    return at.astimezone(zone).isoformat(timespec="microseconds")


def times(name: str, at_us: int | None, zone: ZoneInfo) -> dict[str, object]:
    """Return `<name>_us`, `<name>_utc` and `<name>_local`; None where there is no such time."""
    if at_us is None:
        return {f"{name}_us": None, f"{name}_utc": None, f"{name}_local": None}
    return {f"{name}_us": at_us, f"{name}_utc": utc_text(at_us), f"{name}_local": local_text(at_us, zone)}
