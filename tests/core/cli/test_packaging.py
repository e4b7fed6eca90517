"""What is packaged starts the recorder in a way that it understands."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # it ships without types

from recorder_core.cli import serve, status
from recorder_core.version import __version__

PACKAGING = Path(__file__).parents[3] / "packaging"

_CLOCK_CALLS = {"adjtimex", "clock_adjtime"}
"""What reads the state of the clock is in systemd's group @clock, and that in @privileged."""


def _serve(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    serve.add_arguments(parser)
    return parser.parse_args(words)


def _status(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    status.add_arguments(parser)
    return parser.parse_args(words)


def _json_after(keyword: str, dockerfile: Path) -> list[str]:
    """Return the words of a Dockerfile's instruction in exec form."""
    match = re.search(rf"^{keyword} (\[.*\])$", dockerfile.read_text(), re.MULTILINE)
    assert match is not None
    words: list[str] = json.loads(match[1])
    return words


def test_the_image_serves_as_nobody_special_and_knows_its_health() -> None:
    dockerfile = PACKAGING / "docker" / "Dockerfile"
    healthcheck = re.search(r"HEALTHCHECK[^\[]*(\[.*\])", dockerfile.read_text())
    assert healthcheck is not None
    program, command, *words = json.loads(healthcheck[1])
    assert (program, command) == ("library-recorder", "status")
    served = _serve(_json_after("CMD", dockerfile)[1:])
    assert _status(words).data == served.data
    folders = _json_after("VOLUME", dockerfile)
    assert [str(path) for path in (served.data, *served.volume)] == folders
    assert "USER recorder" in dockerfile.read_text()


def test_the_unit_serves() -> None:
    unit = (PACKAGING / "systemd" / "library-recorder.service").read_text()
    line = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
    program, command, *words = shlex.split(line.removeprefix("ExecStart="))
    assert (Path(program).name, command) == ("library-recorder", "serve")
    served = _serve(words)
    assert str(served.socket).startswith("/run/library-recorder/")
    assert "ReadWritePaths=" + " ".join(map(str, served.volume)) in unit.splitlines()


def test_the_unit_lets_the_recorder_ask_whether_its_clock_is_disciplined() -> None:
    """Where it may not, it takes every clock for right, and deletes by it."""
    lines = (PACKAGING / "systemd" / "library-recorder.service").read_text().splitlines()
    filters = [line.removeprefix("SystemCallFilter=") for line in lines if line.startswith("SystemCallFilter=")]
    allowed: set[str] = set()
    for words in filters:  # each line adds to what the ones before it let through, or takes away
        names = set(words.removeprefix("~").split())
        allowed = allowed - names - _CLOCK_CALLS if words.startswith("~") else allowed | names
    assert allowed >= _CLOCK_CALLS
    assert not [line for line in lines if line.startswith("ProtectClock=")]
    assert "CapabilityBoundingSet=" in lines, "nobody may set it"


def test_the_app_has_the_recorders_version() -> None:
    config = yaml.safe_load((PACKAGING / "app" / "config.yaml").read_text())
    assert config["version"] == __version__
    assert set(config["options"]) == set(config["schema"])


@pytest.mark.parametrize(
    ("options", "level", "footage"),
    [
        ({"log_level": "warning"}, "warning", "{data}/share/footage"),
        ({"log_level": "shout; rm -rf /", "footage": "/share/disk/a b"}, "info", "/share/disk/a b"),
        ({"footage": "--socket=/tmp/x"}, "info", "--socket=/tmp/x"),
    ],
)
def test_the_app_hands_on_what_was_chosen(data: Path, options: dict[str, str], level: str, footage: str) -> None:
    script = PACKAGING / "app" / "run"
    assert script.stat().st_mode & stat.S_IXUSR
    (data / "options.json").write_text(json.dumps(options))
    echo = data / "echo"
    echo.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    echo.chmod(0o700)
    adapted = (
        script.read_text()
        .replace("/data/options.json", str(data / "options.json"))
        .replace("/share/library_surveillance", str(data / "share"))
        .replace("/usr/local/bin/library-recorder", str(echo))
    )
    done = subprocess.run([sys.executable, "-c", adapted], check=True, capture_output=True, text=True)
    command, *words = done.stdout.splitlines()
    served = _serve(words)
    assert (command, served.log_level, served.socket) == ("serve", level, data / "share" / "recorder.sock")
    assert [str(path) for path in served.volume] == [footage.format(data=data)]
    config = yaml.safe_load((PACKAGING / "app" / "config.yaml").read_text())
    assert level in config["schema"]["log_level"]
