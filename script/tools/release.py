"""Builds the release: a zip that HACS and people unpack into `custom_components/library_surveillance`.

It carries the integration, the recorder as `_vendor/recorder_core`, and the licence. The same files always give the
same bytes: names are sorted, and times and modes are fixed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME: Final = "library_surveillance.zip"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip entry can hold
_MODE: Final = 0o100644 << 16
_VERSION: Final = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
_APP_VERSION: Final = re.compile(r'^version: "[^"]+"$', re.MULTILINE)
_SEMANTIC: Final = re.compile(r"\d+\.\d+\.\d+(-[0-9a-z.]+)?")


class ReleaseError(Exception):
    """The checkout cannot be released as it is; the message says why."""


def members(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield each member's name in the zip and the file that it is made from, in the zip's order."""
    integration = root / "custom_components" / "library_surveillance"
    found = {path.relative_to(integration).as_posix(): path for path in _files(integration)}
    recorder = root / "recorder_core"
    found |= {f"_vendor/recorder_core/{path.relative_to(recorder).as_posix()}": path for path in _files(recorder)}
    found["LICENSE"] = root / "LICENSE"
    yield from sorted(found.items())


def build(root: Path, target: Path) -> str:
    """Write the zip to `target` and return its SHA-256. Raises `ReleaseError`."""
    versions = {read_version(root), str(_manifest(root)["version"])}
    if len(versions) != 1:
        raise ReleaseError(f"recorder and integration have different versions: {', '.join(sorted(versions))}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as archive:
        for name, path in members(root):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr = _MODE
            info.create_system = 3  # Unix, wherever it is built
            archive.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    return hashlib.sha256(target.read_bytes()).hexdigest()


def read_version(root: Path) -> str:
    """Return the version that `recorder_core` says it has."""
    match = _VERSION.search((root / "recorder_core" / "version.py").read_text())
    if match is None:
        raise ReleaseError("recorder_core/version.py names no version")
    return match[1]


def write_version(root: Path, version: str) -> None:
    """Give recorder, integration and app the same new version."""
    if not _SEMANTIC.fullmatch(version):
        raise ReleaseError(f"{version} is no version like 1.2.3 or 1.2.3-beta.1")
    path = root / "recorder_core" / "version.py"
    path.write_text(_VERSION.sub(f'__version__ = "{version}"', path.read_text()))
    app = root / "packaging" / "app" / "config.yaml"
    app.write_text(_APP_VERSION.sub(f'version: "{version}"', app.read_text()))
    manifest = _manifest_path(root)
    manifest.write_text(json.dumps(_manifest(root) | {"version": version}, indent=2, ensure_ascii=False) + "\n")


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if path.is_file() and "__pycache__" not in parts and not any(part.startswith(".") for part in parts):
            yield path


def _manifest_path(root: Path) -> Path:
    return root / "custom_components" / "library_surveillance" / "manifest.json"


def _manifest(root: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads(_manifest_path(root).read_text())
    return content


def main() -> int:
    """Build the zip of this checkout, after giving it a version if one is named."""
    parser = argparse.ArgumentParser(prog="script/release", description="Builds the release zip.")
    parser.add_argument("version", nargs="?", help="give recorder, integration and app this version first")
    parser.add_argument("--output", type=Path, default=Path("dist") / NAME, help=f"the zip to write (dist/{NAME})")
    arguments = parser.parse_args()
    root = Path(__file__).resolve().parents[2]
    try:
        if arguments.version is not None:
            write_version(root, arguments.version)
        digest = build(root, arguments.output)
    except ReleaseError as error:
        print(f"No release: {error}.", file=sys.stderr)
        return 1
    print(f"{digest}  {arguments.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
