"""What the pages say of the code is so: links lead somewhere, and the tables of errors and routes are the code's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import recorder_core.api
from recorder_core.api.problems import answer
from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.models import CameraState, VolumeState
from recorder_core.service.events import EventKind
from recorder_core.storage.records import GapReason

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_the_project_is_there(page: Path) -> None:
    commands = re.findall(r"(?<![\w/])((?:script|packaging)/[\w./-]*\w)", page.read_text(encoding="utf-8"))
    assert [command for command in commands if not (ROOT / command).exists()] == []


def test_the_table_of_errors_is_the_codes_own() -> None:
    told = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", API, re.MULTILINE))
    assert told == {code.value: str(answer(RecorderError(code, "")).status) for code in ErrorCode}


def test_every_route_is_told() -> None:
    pattern = r"(GET|PUT|POST|DELETE) +(/v1/[\w/{}]+)"
    assert re.findall(r"^\| `" + pattern, API, re.MULTILINE) == re.findall(pattern, recorder_core.api.__doc__ or "")


@pytest.mark.parametrize("values", [CameraState, VolumeState, GapReason, EventKind])
def test_every_word_of_a_closed_set_is_told(values: type[CameraState | VolumeState | GapReason | EventKind]) -> None:
    assert [value.value for value in values if f"`{value.value}`" not in API] == []
