"""What the demonstration says of a release with pictures encoded anew, by films of which each is wrong in one way."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from script.tools.demo_releases import judge_reencoded

from .film import code, film

if TYPE_CHECKING:
    from pathlib import Path

    from script.tools.demo_releases import Reencoded
    from script.tools.ha_api import Json

ANEW, REST = range(43, 50), range(50, 60)
MARK = "Re-encoded, not original: 01M81"


def _file(path: Path, serials: range, *, handler: str = "", hidden: int = 0, derived: bool = False) -> Json:
    """Write one file, and return what the action says of it."""
    film(path, serials, handler=handler, hidden=hidden)
    start = datetime.fromtimestamp(code(serials.start + hidden).time_us / 1e6, UTC).isoformat()
    return {"path": str(path), "derived": derived, "start": start, "sha256": "5ac0"}


def _anew(
    folder: Path, serials: range = ANEW, *, name: str = "clip_reencoded", handler: str = MARK, hidden: int = 0
) -> Json:
    return _file(folder / f"{name}.mp4", serials, handler=handler, hidden=hidden, derived=True)


def _judged(derived: Json, original: Json) -> Reencoded:
    late = {"files": [{"sha256": "5ac0"}]}
    return judge_reencoded("Exit", {"files": [original, derived]}, late, code(ANEW.start))


def test_holds_where_both_files_show_the_whole_time_and_one_says_that_it_is_no_original(tmp_path: Path) -> None:
    """All figures come from the pictures."""
    judged = _judged(_anew(tmp_path), _file(tmp_path / "clip.mp4", REST))
    assert (judged.pictures_anew, judged.pictures, judged.first_error) == (7, 10, 0)
    assert judged.holds


@pytest.mark.parametrize("hidden", [0, 3], ids=["shown", "hidden"])
def test_pictures_from_before_the_start_are_seen(tmp_path: Path, hidden: int) -> None:
    """One that arrived a moment later may be among them; an edit list covers none of them."""
    judged = _judged(_anew(tmp_path, range(40, 50), hidden=hidden), _file(tmp_path / "clip.mp4", REST))
    assert judged.before_start == 2
    assert not judged.holds


def test_an_original_with_a_lead_in_is_seen(tmp_path: Path) -> None:
    """It repeats what the other file shows, and a player hides that."""
    judged = _judged(_anew(tmp_path), _file(tmp_path / "clip.mp4", range(45, 60), hidden=5))
    assert judged.duplicated == 5
    assert not judged.holds


def test_a_picture_that_neither_file_shows_is_seen(tmp_path: Path) -> None:
    """The two must meet."""
    judged = _judged(_anew(tmp_path, range(43, 49)), _file(tmp_path / "clip.mp4", REST))
    assert judged.missing == 1
    assert not judged.holds


@pytest.mark.parametrize(("name", "handler"), [("clip_anew", MARK), ("clip_reencoded", "Video")], ids=["name", "track"])
def test_a_file_that_passes_for_an_original_is_seen(tmp_path: Path, name: str, handler: str) -> None:
    """Each place must say it: a file that travels has its name or its track alone."""
    judged = _judged(_anew(tmp_path, name=name, handler=handler), _file(tmp_path / "clip.mp4", REST))
    assert not judged.marked
    assert not judged.holds


def test_an_answer_that_does_not_say_it_or_says_it_of_the_original_is_seen(tmp_path: Path) -> None:
    """What is proved and what is not must be told apart."""
    derived, original = _anew(tmp_path), _file(tmp_path / "clip.mp4", REST)
    assert not _judged(derived | {"derived": False}, original).marked
    assert not _judged(derived, original | {"derived": True}).marked


def test_an_original_that_is_not_the_release_is_seen(tmp_path: Path) -> None:
    """Encoding the pictures before it changes nothing about it."""
    judged = _judged(_anew(tmp_path), _file(tmp_path / "clip.mp4", REST) | {"sha256": "0000"})
    assert not judged.original_is_the_release
    assert not judged.holds


def test_an_answer_with_one_file_says_so(tmp_path: Path) -> None:
    """Where nothing had to be encoded anew, nothing is shown of it."""
    original = _file(tmp_path / "clip.mp4", REST)
    with pytest.raises(RuntimeError, match="Exit: 1 files, without re-encoding 1"):
        judge_reencoded("Exit", {"files": [original]}, {"files": [original]}, code(50))
