"""What a package tells of the time that it does not show: nothing is left out, and each stretch has its reason."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from recorder_core.export.package.absent import holes, not_shown
from recorder_core.export.package.camera_words import absence_lines, clock_words, summary, video_line
from recorder_core.export.package.layout import LETTER, MANIFEST
from recorder_core.export.package.manifest import PackedCamera
from recorder_core.export.package.read_manifest import Absence, ReadDerived, ReadManifest, ReadPictures, ReadVideo
from recorder_core.export.package.taken import Source
from recorder_core.export.package.verify import verify_package
from recorder_core.export.package.verify_absent import check_absences
from recorder_core.export.package.verify_derived import check_told
from recorder_core.models import Certificate, DeletionRule, ExportFile, GapView, RecordClass, StartMode
from recorder_core.storage.records import Segment
from tests.core.export.library import START_US
from tests.core.export.packages import CAMERA, contents_of, made_package, package_order
from tests.core.mp4.footage import FRAME_US

if TYPE_CHECKING:
    from pathlib import Path

    from recorder_core.export.package.absent import Span

UTC = ZoneInfo("UTC")
SECOND = 1_000_000
TIMES = st.lists(
    st.tuples(st.integers(-5000, 40_000), st.integers(1, 5000)).map(lambda one: (one[0], one[0] + one[1])), max_size=4
)
SPANS = st.lists(st.tuples(st.integers(-5, 40), st.integers(0, 20)).map(lambda one: (one[0], one[0] + one[1])))


def certificate(start_us: int, end_us: int) -> Certificate:
    """A certificate of footage that went by age."""
    return Certificate(
        certificate_id=17,
        camera_id="entrance",
        record_class=RecordClass.VIDEO,
        start_us=start_us,
        end_us=end_us,
        records=1,
        size=1,
        digest="",
        rule=DeletionRule.AGE,
        policy_version="",
        at_us=START_US,
        actor="user-7",
    )


@given(spans=SPANS)
def test_what_is_neither_shown_nor_a_hole_does_not_exist(spans: list[tuple[int, int]]) -> None:
    """Each moment is in one of the two, and holes are in order and apart."""
    found = holes((0, 30 * SECOND), [(begin * SECOND, end * SECOND) for begin, end in spans])
    assert found == sorted(found)
    for second in range(30):
        shown = any(begin <= second < end for begin, end in spans)
        assert sum(begin <= second * SECOND < end for begin, end in found) == (0 if shown else 1)


def test_what_is_too_short_for_a_picture_is_no_hole() -> None:
    """Two files of one stretch may part by what their clocks are rounded to."""
    assert holes((0, 10_000), [(999, 5000), (5999, 9001)]) == []
    assert holes((0, 10_000), [(1000, 5000), (6000, 9000)]) == [(0, 1000), (5000, 6000), (9000, 10_000)]


@given(asked=st.integers(1, 40_000), videos=TIMES, derived=TIMES, gaps=TIMES, lasting=st.booleans(), segments=TIMES)
def test_what_is_told_is_never_blamed(
    asked: int, videos: list[Span], derived: list[Span], gaps: list[Span], segments: list[Span], *, lasting: bool
) -> None:
    """However videos and gaps lie, and by how little they overlap or part."""
    told = [GapView(start_us=begin, end_us=end, reason=("stalled", "disabled")[end % 2]) for begin, end in gaps]
    if lasting:
        told.append(GapView(start_us=asked // 2, end_us=None, reason="disabled"))
    destroyed = [certificate(begin, end) for begin, end in segments]
    found = not_shown((0, asked), videos, told, destroyed, [], derived)
    manifest = ReadManifest(
        fingerprint="",
        started_us=0,
        asked=(0, asked),
        start_mode=StartMode.REENCODE_FIRST_GOP,
        cameras=(CAMERA,),
        absences=tuple(_read(one, asked) for one in found),
        gaps=tuple(_read(one, asked) for one in told),
        files=(),
        videos=tuple(_pictures(ReadVideo, span, proofs="") for span in videos),
        derived=tuple(_pictures(ReadDerived, span) for span in derived),
        segments={},
        ledger={},
        custody=b"",
    )
    assert manifest.untold(CAMERA) == []
    check_absences(manifest, CAMERA)
    check_told(manifest)


def _pictures[T: ReadPictures](kind: type[T], span: Span, **more: str) -> T:
    return kind(
        name="",
        size=1,
        camera_id=CAMERA,
        start_us=span[0],
        end_us=span[1],
        duration_us=1,
        lead_in_us=0,
        codec="h264",
        width=1,
        height=1,
        frames=1,
        media_bytes=1,
        frames_file="",
        **more,
    )


def _read(gap: GapView, until_us: int) -> Absence:
    return Absence(CAMERA, gap.start_us, until_us if gap.end_us is None else gap.end_us, gap.reason, gap.detail)


def _segment(start_us: int, end_us: int) -> Segment:
    return Segment(1, CAMERA, "run", "volume", "path", start_us, end_us - start_us, 1, 1, b"", (), 1)


def test_each_stretch_has_the_reason_that_says_most() -> None:
    """A gap comes before a deletion, and that before footage that is there and cannot be shown."""
    order_of = [
        GapView(start_us=SECOND, end_us=2 * SECOND, reason="stalled"),
        GapView(start_us=9 * SECOND, end_us=None, reason="disabled"),
    ]
    found = not_shown(
        (0, 10 * SECOND),
        [(5 * SECOND, 8 * SECOND)],
        order_of,
        [certificate(SECOND, 4 * SECOND)],
        segments=[_segment(SECOND, 4 * SECOND + SECOND // 2), _segment(9 * SECOND, 10 * SECOND)],
    )
    assert [(one.start_us // SECOND, one.end_us, one.reason) for one in found] == [
        (0, SECOND, "not_recorded"),
        (1, 2 * SECOND, "stalled"),
        (2, 4 * SECOND, "deleted"),
        (4, 4 * SECOND + SECOND // 2, "left_out"),
        (4, 5 * SECOND, "not_recorded"),
        (8, 9 * SECOND, "not_recorded"),
        (9, 10 * SECOND, "disabled"),
    ]
    assert found[2].detail == "On 2023-11-14 at 22:13:20 UTC, as its time was over: certificate 17."


@pytest.mark.parametrize("rule", DeletionRule)
def test_every_rule_has_its_words(rule: DeletionRule) -> None:
    """Else no package could be made of what it deleted a part of."""
    [one] = not_shown((0, SECOND), [], [], [replace(certificate(0, SECOND), rule=rule)], [])
    assert one.reason == "deleted"
    assert one.detail.startswith("On 2023-11-14 at 22:13:20 UTC, ")


def test_pictures_that_need_earlier_ones_are_told_as_left_out(tmp_path: Path) -> None:
    """Without a lead-in the first pictures are missing: manifest, letter and check say so; with one nothing is."""
    package = made_package(tmp_path)
    entrance, garage = json.loads(contents_of(package)[MANIFEST])["cameras"]
    [left_out] = entrance["not_shown"]
    [video] = [one for one in json.loads(contents_of(package)[MANIFEST])["files"] if one["kind"] == "video"]
    assert left_out["reason"] == "left_out"
    assert (left_out["start_us"], left_out["end_us"]) == (START_US + 13 * FRAME_US, video["start_us"])
    assert [one["reason"] for one in garage["not_shown"]] == ["disabled"]
    report = verify_package(package)
    assert report.findings == []
    assert [(one.camera_id, one.reason) for one in report.not_shown] == [
        ("entrance", "left_out"),
        ("garage", "disabled"),
    ]
    words = b" ".join(re.findall(rb"\((.*)\) Tj", contents_of(package)[LETTER])).decode("cp1252")
    assert "left out. It was recorded, but a video begins with the first picture after" in words
    assert re.search(r"entrance_20231114T221320Z\.mp4: 2023-11-14 15:13:20\.\d{3} to 15:13:2\d\.\d{3} -07:00, ", words)
    led_in = made_package(tmp_path / "led_in", package_order(tmp_path / "led_in", mode=StartMode.LEAD_IN))
    assert json.loads(contents_of(led_in)[MANIFEST])["cameras"][0]["not_shown"] == []


def test_what_was_deleted_is_told_with_its_certificate(tmp_path: Path) -> None:
    """An hour was asked for, and all but the end of it is gone."""
    order = package_order(tmp_path)
    entrance, garage = order.plans
    begin = START_US - 3600 * SECOND
    entrance = replace(entrance, destroyed=(certificate(begin + SECOND, START_US),))
    request = replace(order.request, start_us=begin)
    package = made_package(tmp_path, replace(order, request=request, plans=(entrance, garage)))
    reasons = [one.reason for one in verify_package(package).not_shown if one.camera_id == "entrance"]
    assert reasons == ["not_recorded", "deleted", "left_out"]
    words = b" ".join(re.findall(rb"\((.*)\) Tj", contents_of(package)[LETTER]))
    assert b"as its time was over: certificate 17." in words
    assert b"user-7" not in words.split(b"Cameras")[1]


def clip(**changes: int) -> ExportFile:
    """A clip of ten seconds."""
    known = {"start_us": START_US, "end_us": START_US + 10 * SECOND, "duration_us": 10 * SECOND, "lead_in_us": 0}
    return ExportFile(path="a.mp4", sha256="", size=1, frames=1234, derived=False, **{**known, **changes})


def test_an_interval_names_day_and_offset_twice_only_where_they_differ() -> None:
    """Over the hour that an autumn night has twice, too."""
    denver = ZoneInfo("America/Denver")
    back_us = 1_699_171_200 * SECOND  # 2023-11-05 08:00 UTC, when 01:59:59 MDT was followed by 01:00 MST
    assert video_line("a.mp4", clip(), UTC).startswith("a.mp4: 2023-11-14 22:13:20.000 to 22:13:30.000 +00:00, 10.0 s,")
    told = video_line("a.mp4", clip(start_us=back_us - SECOND, end_us=back_us + SECOND), denver)
    assert "2023-11-05 01:59:59.000 -06:00 to 2023-11-05 01:00:01.000 -07:00" in told


def test_a_camera_that_comes_and_goes_all_day_does_not_fill_the_letter() -> None:
    """The longest stretches stand on it, and how much the others are in all."""
    absent = [
        GapView(start_us=number * 60 * SECOND, end_us=number * 60 * SECOND + 1000 * number, reason="connection_lost")
        for number in range(1, 501)
    ]
    lines = absence_lines(absent, UTC)
    assert len(lines) == 21
    assert lines[0].endswith("0.5 s: connection lost")
    assert lines[-1] == "Not shown: 480 shorter stretches, 1 min 55.4 s in all; the manifest lists them."


def test_clocks_are_told_in_words(tmp_path: Path) -> None:
    """The camera's beside the recorder's, and whether anything kept that one."""
    order = package_order(tmp_path)
    entrance = order.plans[0]
    [segment, other] = entrance.segments
    packed = PackedCamera(entrance, clips=[clip()])
    for offset, words in (
        (None, "the camera did not tell its own time"),
        (7_298_558, "the camera's own clock was up to 7.3 s ahead of the recorder's"),
        (-1_900_000, "the camera's own clock was up to 1.9 s behind the recorder's"),
        (-20_000, "the camera's own clock agreed with the recorder's to 0.1 s"),
    ):
        packed.sources = {1: Source(replace(segment, clock_offset_us=offset), b"", 1)}
        assert summary(packed, []).endswith(words)
    right, wrong = (replace(one, host_synchronised=known) for one, known in ((segment, True), (other, None)))
    assert clock_words([right]) == "set by a time server while all of this was recorded"
    assert clock_words([right, wrong]) == "known to have been set by a time server during 1 of the 2 recordings used"
    assert clock_words([wrong]) == "not known to have been set by a time server"


def test_lengths_are_told_as_people_read_them(tmp_path: Path) -> None:
    """Hours and minutes where there are any, and never nothing for something; nor the length of no video."""
    packed = PackedCamera(package_order(tmp_path).plans[0])
    for length_us, words in (
        (4_000, "0.004 s"),
        (59_949_999, "59.9 s"),
        (59_950_000, "1 min 0.0 s"),
        (3_600_000_000, "1 h 0 min 0.0 s"),
        (18_004_280_000, "5 h 0 min 4.3 s"),
    ):
        absent = [GapView(start_us=START_US, end_us=START_US + length_us, reason="stalled")]
        assert summary(packed, absent).endswith(f"; no video; not shown of the time that was asked for: {words}")


def test_pictures_that_were_lost_within_a_video_are_told(tmp_path: Path) -> None:
    """A gap that a video goes on over is nowhere else."""
    entrance = package_order(tmp_path).plans[0]
    lost = GapView(start_us=START_US + SECOND, end_us=START_US + 3 * SECOND, reason="packet_loss")
    absent = [GapView(start_us=START_US + 2 * SECOND, end_us=START_US + 9 * SECOND, reason="stalled")]
    packed = PackedCamera(replace(entrance, gaps=(lost,)))
    assert "within the videos pictures are missing for 1.0 s" in summary(packed, absent)
    assert "not shown of the time that was asked for: 7.0 s" in summary(packed, absent)
