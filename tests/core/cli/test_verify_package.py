"""`verify PACKAGE`: what it prints, and its exit codes."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from recorder_core.cli.exit_codes import NOT_VERIFIED, OK, UNUSABLE, USAGE
from recorder_core.cli.main import run
from recorder_core.export.package import SigningKey
from recorder_core.export.package.layout import CUSTODY, LETTER, MANIFEST, PUBLIC_KEY, SIGNATURE, SUMS, VERIFY_PAGE
from recorder_core.models import LedgerEntry, StartMode
from tests.core.export.conftest import package
from tests.core.export.packages import CAMERA, STEM, contents_of, flipped, made_package, package_order, unpacked_to

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["package"]


@pytest.mark.parametrize("name", [f"{STEM}.mp4", MANIFEST, SIGNATURE, PUBLIC_KEY, SUMS, CUSTODY, LETTER, VERIFY_PAGE])
def test_the_command_names_the_file(
    name: str, package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says so in its exit code."""
    files = unpacked_to(package, tmp_path / "unpacked")
    assert run(["verify", str(tmp_path / "unpacked")]) == OK
    assert "complete and unchanged" in capsys.readouterr().out
    flipped(files[name], 40, files[name])
    assert run(["verify", str(tmp_path / "unpacked"), "--json"]) == NOT_VERIFIED
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {finding["file"] for finding in findings} == {name}
    assert run(["verify", str(tmp_path / "unpacked")]) == NOT_VERIFIED
    assert f"{name}: " in capsys.readouterr().out


def test_the_command_holds_the_key_against_a_fingerprint(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As it is written on paper, with blanks and in capitals."""
    right = SigningKey.of(package.parents[1]).fingerprint
    assert run(["verify", str(package), "--fingerprint", f"{right[:4]} {right[4:].upper()}"]) == OK
    assert run(["verify", str(package), "--fingerprint", "ab" * 32]) == NOT_VERIFIED
    assert f"not signed with the key that it must be: the fingerprint of its key is {right}" in capsys.readouterr().out


def test_it_says_whose_signature_it_is(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a fingerprint to compare with, anybody may have signed it."""
    right = SigningKey.of(package.parents[1]).fingerprint
    assert run(["verify", str(package)]) == OK
    told = capsys.readouterr().out
    assert right in told
    assert "Is it the fingerprint that the library has published?" in told
    assert "2 of the 2 recordings" in told
    assert run(["verify", str(package), "--fingerprint", right, "--json"]) == OK
    report = json.loads(capsys.readouterr().out)
    assert (report["fingerprint"], report["fingerprint_was_given"], report["findings"]) == (right, True, [])
    assert run(["verify", str(package), "--fingerprint", right[:16]]) == USAGE
    assert "the whole fingerprint" in capsys.readouterr().err


def test_it_says_what_is_not_shown(package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A package that is whole may lack much of what was asked for, and its proofs may not reach the ledger yet."""
    assert run(["verify", str(package)]) == OK
    told = capsys.readouterr().out.splitlines()
    at = told.index("It does not show all of the time that was asked for:")
    assert re.fullmatch(
        r"  entrance shows nothing from 2023-11-14T22:13:20\.520000Z to 2023-11-14T22:13:20\.800000Z, 0\.28 s: "
        r"left out\. It was recorded, but a video begins with the first picture after the start "
        r"that needs no earlier one\.",
        told[at + 1],
    )
    assert told[at + 2].endswith(": disabled")
    order = package_order(tmp_path, mode=StartMode.LEAD_IN)
    entrance = order.plans[0]
    segments = tuple(replace(segment, root=b"") for segment in entrance.segments)
    request = replace(order.request, camera_ids=[CAMERA])
    whole = made_package(
        tmp_path, replace(order, request=request, plans=(replace(entrance, segments=segments, proofs={}),))
    )
    (tmp_path / "ledger.jsonl").touch()
    assert run(["verify", str(whole), "--copy", str(tmp_path / "ledger.jsonl")]) == OK
    told = capsys.readouterr().out.splitlines()
    assert told[-3:] == [
        "It shows all of the time that was asked for.",
        "The ledger tells of 0 of the 2 recordings that the footage comes from.",
        "For the others, which were still being recorded when it was made, the signature alone speaks.",
    ]


def test_names_can_neither_move_nor_turn_around_what_is_said(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor be no text at all: whoever adds a file chooses its name."""
    unpacked_to(package, tmp_path / "unpacked")
    for name in (b"new\nline: ok", b"\x1b[2Jgone", "\u202egpj.exe".encode(), b"no\xfftext"):
        (tmp_path / "unpacked" / os.fsdecode(name)).touch()
    assert run(["verify", str(tmp_path / "unpacked")]) == NOT_VERIFIED
    assert sorted(capsys.readouterr().out.splitlines()) == [
        "4 things are wrong: this is not a package as it was made",
        "<U+001B>[2Jgone: It is no part of the package.",
        "<U+202E>gpj.exe: It is no part of the package.",
        "new<U+000A>line: ok: It is no part of the package.",
        "no<U+DCFF>text: It is no part of the package.",
    ]


def test_it_counts_what_is_wrong(package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In words."""
    files = unpacked_to(package, tmp_path / "unpacked")
    for name, words in ((LETTER, "One thing is wrong: this"), (CUSTODY, "2 things are wrong: this")):
        files[name].unlink()
        assert run(["verify", str(tmp_path / "unpacked")]) == NOT_VERIFIED
        assert words in capsys.readouterr().out


def test_a_copy_must_have_the_entries_of_the_ledger(
    package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever has the key could make up entries as well; a copy elsewhere would not have them, or be no chain."""
    copy = tmp_path / "ledger.jsonl"
    [entry] = json.loads(contents_of(package)[MANIFEST])["ledger"]
    copy.write_bytes(LedgerEntry.from_dict(entry).to_jsonb() + b"\n")
    assert run(["verify", str(package), "--copy", str(copy)]) == OK
    assert "Its entries for them are those of the copy." in capsys.readouterr().out
    for changed in ({"at_us": 1}, {"seq": 2}):
        copy.write_bytes(LedgerEntry.from_dict(entry | changed).to_jsonb() + b"\n")
        assert run(["verify", str(package), "--copy", str(copy), "--json"]) == NOT_VERIFIED
        [found] = json.loads(capsys.readouterr().out)["findings"]
        assert (found["file"], found["detail"]) == (MANIFEST, "The copy of the ledger does not have its entry 1.")
    copy.write_bytes(b"")
    assert run(["verify", str(package), "--copy", str(copy)]) == NOT_VERIFIED
    assert run(["verify", str(package), "--copy", str(tmp_path / "missing")]) == UNUSABLE
