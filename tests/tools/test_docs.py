"""What the pages say of the code is so: links lead somewhere, and the tables of errors and routes are the code's."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from enum import StrEnum
from pathlib import Path

import pytest

import recorder_core.api
from recorder_core import models
from recorder_core.api.problems import answer
from recorder_core.errors import ErrorCode, RecorderError
from recorder_core.service.events import EventKind
from recorder_core.storage.records import GapReason

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
TYPES = [value for name in models.__all__ if isinstance(value := getattr(models, name), type)]
MODELS = [value for value in TYPES if is_dataclass(value)]
SETS: list[type[StrEnum]] = [value for value in TYPES if issubclass(value, StrEnum)]


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


@pytest.mark.parametrize("values", [*SETS, GapReason, EventKind], ids=lambda values: values.__name__)
def test_every_word_of_a_closed_set_is_told(values: type[StrEnum]) -> None:
    assert [value.value for value in values if f"`{value.value}`" not in API] == []


def _told_values() -> dict[str, str]:
    """What the page tells of each model: from its name, at the beginning of a sentence, to the next one's."""
    page = re.sub(r"(?<=\S)\n(?=\S)", " ", API[API.index("## Values") :])
    begins = [*re.finditer(r"(?:^|(?<=\. ))`([A-Z]\w+)`", page, re.MULTILINE)]
    ends = [one.start() for one in begins[1:]] + [len(page)]
    return {one[1]: page[one.end() : end] for one, end in zip(begins, ends, strict=True)}


def test_every_field_of_every_value_is_told() -> None:
    told = _told_values()
    assert sorted(told) == sorted(model.__name__ for model in MODELS)
    untold = {
        f"{model.__name__}.{field.name}"
        for model in MODELS
        for field in fields(model)
        if f"`{field.name}`" not in told[model.__name__]
    }
    assert untold == set()


def test_nothing_is_told_that_is_not_there() -> None:
    known = {field.name for model in MODELS for field in fields(model)}
    sets: list[type[StrEnum]] = [*SETS, GapReason, EventKind, ErrorCode]
    known |= {value.value for values in sets for value in values}
    # What events and errors carry besides.
    events = {"hold_kind", "records", "path", "duty", "cameras", "reason", "missing_bytes"}
    said = {word for text in _told_values().values() for word in re.findall(r"`([a-z]+(?:_[a-z0-9]+)+)`", text)}
    assert said - known - events - {"index_backup"} == set()
