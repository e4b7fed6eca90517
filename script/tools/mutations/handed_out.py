"""Mistakes in what leaves the recorder: clips, re-encoded pictures, packages and their check, copies in folders."""

from __future__ import annotations

from typing import Final

from .row import Mutation

HANDED_OUT: Final = (
    Mutation(
        "recorder_core/export/sample_check.py",
        'if b"".join(ended) == self._digests[first * DIGEST_BYTES : self._index * DIGEST_BYTES]:',
        "if len(ended) == self._index - first:",
        "a picture that the disk has changed is handed out",
        ("tests/core/export/test_clip_files.py",),
    ),
    Mutation(
        "recorder_core/export/clip_plan.py",
        "if (within := bisect_left(times, threshold)) < len(times):",
        "if (within := 0) < len(times):",
        "a clip that is to begin at the next sync sample begins before it",
        ("tests/core/export/test_clip_plan.py", "tests/core/export/test_clip_pictures.py"),
    ),
    Mutation(
        "recorder_core/export/package/verify.py",
        "if name not in manifest.names:",
        "if name not in manifest.names and not name:",
        "a file that somebody put into a package is not told of",
        ("tests/core/export/test_package_changed.py",),
    ),
    Mutation(
        "recorder_core/export/removal.py",
        "if (now_us := self._archive.trusted_us()) is not None:",
        "if (now_us := self._clock.now_us()) is not None:",
        "exports go by a clock that nobody believes",
        ("tests/core/service/test_export_removal.py",),
    ),
    Mutation(
        "recorder_core/export/derivative.py",
        "if part.show_start <= pts < part.show_start + part.show_duration)",
        "if pts < part.show_start + part.show_duration)",
        "re-encoded pictures begin before the start that was approved",
        ("tests/core/export/test_derivative.py",),
    ),
    Mutation(
        "recorder_core/export/clip_plan.py",
        "lead_in = start_mode is StartMode.LEAD_IN",
        "lead_in = start_mode is not StartMode.NEXT_SYNC",
        "what is encoded anew shows the picture from before the start, too",
        ("tests/core/export/test_derivative.py",),
    ),
    Mutation(
        "recorder_core/export/derivative.py",
        "            os.fsync(file.fileno())\n",
        "",
        "re-encoded pictures count as written before they are on the disk",
        ("tests/core/export/test_derivative.py",),
    ),
    Mutation(
        "recorder_core/decoder/__init__.py",
        "if [picture.pts for picture in pictures] != list(times):",
        "if not pictures:",
        "a picture that could not be decoded is left out without a word",
        ("tests/core/service/test_decoder.py",),
    ),
    Mutation(
        "recorder_core/export/making.py",
        "for file in files if not file.derived]",
        "for file in files]",
        "a clip says of re-encoded pictures that they are originals",
        ("tests/core/service/test_export_jobs.py",),
    ),
    Mutation(
        "recorder_core/export/package/absent.py",
        "reasons = [*reencoded, *gaps, *map(_deleted, destroyed), *map(_left_out, segments)]",
        "reasons = [*reencoded, *map(_left_out, segments), *gaps, *map(_deleted, destroyed)]",
        "a stall of the camera passes for footage that merely cannot be shown",
        ("tests/core/export/test_package_absent.py",),
    ),
    Mutation(
        "recorder_core/export/package/verify_absent.py",
        "        at = end\n",
        "",
        "the same stretch may be called missing twice, for two reasons",
        ("tests/core/export/test_package_forged.py",),
    ),
    Mutation(
        "recorder_core/export/package/read_manifest.py",
        'content["request"]["camera_ids"] != list(cameras) or not shown',
        "not shown",
        "a camera that was asked for may be missing without a word",
        ("tests/core/export/test_package_forged.py",),
    ),
    Mutation(
        "recorder_core/export/package/verify_derived.py",
        "told.start_us < asked[0] or ",
        "",
        "re-encoded pictures from before the approved start pass the check",
        ("tests/core/export/test_package_derived.py",),
    ),
    Mutation(
        "recorder_core/export/package/verify.html",
        "file.start_us < request.start_us || ",
        "",
        "they pass in the browser",
        ("tests/core/export/test_package_derived.py",),
    ),
)
