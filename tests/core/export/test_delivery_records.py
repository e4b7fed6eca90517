"""`delivery.json`: read as it was written, and nothing in it is used that no recorder writes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
import pytest
from hypothesis import given, strategies as st

from recorder_core.export.delivery_records import MOST_BYTES, RECORD, Record, parsed
from recorder_core.models import DeliveredFile

if TYPE_CHECKING:
    from typing import Any

FILE = DeliveredFile(name="hall.mp4", size=3, sha256="0a" * 32)
WRITTEN = Record(
    store_id="5" * 32,
    delivery_id="0123456789abcdef" * 2,
    export_id="e" * 32,
    camera_ids=["hall", "yard_2"],
    start_us=1,
    end_us=2,
    created_us=3,
    expires_us=4,
    files=[FILE, replace(FILE, name="hall 2.mp4")],
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one)
)


def test_what_was_written_is_read() -> None:
    assert parsed(WRITTEN.to_jsonb()) == WRITTEN


def test_a_thousand_cameras_and_files_fit() -> None:
    """A record that is cut off is none, and its copy would stay for ever."""
    most = replace(WRITTEN, camera_ids=[f"{n:064}" for n in range(1000)], files=[FILE] * 10_000)
    assert parsed(most.to_jsonb()[:MOST_BYTES]) == most


@pytest.mark.parametrize(
    "wrong",
    [
        {"delivery_id": "../" * 8},
        {"export_id": "e" * 31},
        {"camera_ids": []},
        {"camera_ids": ["hall", "hall"]},
        {"camera_ids": ["../hall"]},
        {"start_us": "soon"},
        {"files": []},
        {"files": [{"name": "../hall.mp4", "size": 3, "sha256": FILE.sha256}]},
        {"files": [{"name": "..", "size": 3, "sha256": FILE.sha256}]},
        {"files": [{"name": "", "size": 3, "sha256": FILE.sha256}]},
        {"files": [{"name": "a\nb", "size": 3, "sha256": FILE.sha256}]},
        {"files": [{"name": RECORD, "size": 3, "sha256": FILE.sha256}]},
        {"files": [{"name": "hall.mp4", "size": -1, "sha256": FILE.sha256}]},
        {"files": [{"name": "hall.mp4", "size": 1 << 60, "sha256": FILE.sha256}]},
        {"files": [{"name": "hall.mp4", "size": 3, "sha256": "0a"}]},
        {"files": [{"name": "hall.mp4"}]},
    ],
)
def test_what_no_recorder_writes_is_none(wrong: dict[str, Any]) -> None:
    assert parsed(orjson.dumps(WRITTEN.to_dict() | wrong)) is None


@given(st.binary())
def test_whatever_lies_there_is_survived(content: bytes) -> None:
    assert parsed(content) is None


@given(st.sampled_from(sorted(WRITTEN.to_dict())), _JSON)
def test_a_record_may_be_wrong_anywhere(name: str, value: object) -> None:
    try:
        content = orjson.dumps(WRITTEN.to_dict() | {name: value})
    except TypeError:  # a number or a text that JSON cannot carry
        return
    record = parsed(content)
    assert record is None or parsed(record.to_jsonb()) == record
