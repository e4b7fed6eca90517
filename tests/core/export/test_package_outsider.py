"""What an expert does who trusts nothing of this project: the very commands of the documentation, and no other."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from recorder_core.export.package import SigningKey
from recorder_core.export.package.layout import LETTER, MANIFEST, PUBLIC_KEY, SIGNATURE, SUMS
from tests.core.export.packages import STEM, contents_of, flipped, resigned, sums_of, unpacked_to
from tests.core.export.tools import tool

PAGE = Path(__file__).parents[3] / "docs" / "packages.md"


def code(language: str, word: str) -> str:
    """The one piece of code on the page with this word in it."""
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    [found] = [block for block in blocks if word in block]
    return found


def shell(folder: Path, commands: str) -> subprocess.CompletedProcess[str]:
    """What a shell says to these commands that ends with the first one that fails."""
    bash = [shutil.which("bash") or "bash", "-euo", "pipefail", "-c", commands]
    return subprocess.run(bash, cwd=folder, check=False, capture_output=True, text=True)


def proofs(folder: Path) -> subprocess.CompletedProcess[str]:
    """What the program for the proofs says, without any package of this project in reach."""
    program = [sys.executable, "-I", "-c", code("python", "RFC 6962")]
    return subprocess.run(program, cwd=folder, check=False, capture_output=True, text=True)


def test_a_good_package(package: Path, tmp_path: Path) -> None:
    """Every command succeeds, and names fingerprint, files and entries."""
    unpacked_to(package, tmp_path)
    done = shell(tmp_path, code("sh", "openssl pkeyutl"))
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first.split()[0] == SigningKey.of(package.parents[1]).fingerprint
    named = {file["name"] for file in json.loads((tmp_path / MANIFEST).read_bytes())["files"]}
    assert {line.removesuffix(": OK") for line in rest if line.endswith(": OK")} == named
    assert "Signature Verified Successfully" in rest
    entry = json.loads((tmp_path / MANIFEST).read_bytes())["ledger"][0]
    shown = proofs(tmp_path)
    assert shown.stdout.count(f"is in entry 1 of the ledger, {entry['hash']}") == 2, shown.stderr


def test_the_samples_are_those_of_the_table(package: Path, tmp_path: Path) -> None:
    """By ffmpeg's own hashes, in the order of decoding."""
    tool("ffmpeg", "ffmpeg")
    unpacked_to(package, tmp_path)
    done = shell(tmp_path, code("sh", "framehash").replace("CLIP.mp4", f"{STEM}.mp4"))
    assert done.returncode == 0, done.stderr
    hashes = [line.rsplit(",", 1)[1].strip() for line in done.stdout.splitlines() if not line.startswith("#")]
    table = csv.DictReader(io.StringIO((tmp_path / f"{STEM}.frames.csv").read_text(encoding="utf-8")))
    assert hashes == [row["sha256"] for row in sorted(table, key=lambda row: int(row["sample"]))]


@pytest.mark.parametrize("name", [f"{STEM}.mp4", f"{STEM}.frames.csv", LETTER, MANIFEST, SIGNATURE, PUBLIC_KEY])
def test_an_altered_file(name: str, package: Path, tmp_path: Path) -> None:
    """Although the list of sums was written anew, which anybody can do."""
    files = unpacked_to(package, tmp_path)
    flipped(files[name], 45, files[name])
    files[SUMS].write_bytes(sums_of({name: (tmp_path / name).read_bytes() for name in contents_of(package)}))
    assert shell(tmp_path, f"sha256sum --check {SUMS}").returncode == 0
    assert shell(tmp_path, code("sh", "openssl pkeyutl")).returncode != 0


def test_proofs_that_were_made_up(package: Path, tmp_path: Path) -> None:
    """Signed with the right key; the proofs do not lead where they must."""
    contents = contents_of(package)
    lines = contents[f"{STEM}.proofs.jsonl"].splitlines(keepends=True)
    contents[f"{STEM}.proofs.jsonl"] = b"".join([lines[0].replace(b'"leaf":0', b'"leaf":1'), *lines[1:]])
    unpacked_to(resigned(tmp_path / "forged.zip", contents, SigningKey.of(package.parents[1])), tmp_path / "unpacked")
    assert shell(tmp_path / "unpacked", code("sh", "openssl pkeyutl")).returncode == 0
    assert "AssertionError" in proofs(tmp_path / "unpacked").stderr
