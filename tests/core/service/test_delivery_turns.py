"""Copies in one folder have their turns: the next begins when the last has ended, and one that was given up is over."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from recorder_core.errors import ErrorCode
from recorder_core.export.delivery_copies import make_copy
from recorder_core.service import deliveries

from .delivering import delivered, delivering, exported, refusal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from recorder_core.models import Delivery, ExportJob


async def test_a_copy_is_begun_when_the_last_one_has_ended(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else both would be promised the same room."""
    begun, go_on = threading.Event(), threading.Event()

    def copy(delivery: Delivery, job: ExportJob, store_id: str, stopped: Callable[[], bool]) -> None:
        begun.set()
        assert go_on.wait(60)
        make_copy(delivery, job, store_id, stopped)

    monkeypatch.setattr(deliveries, "make_copy", copy)
    async with delivering(data) as one:
        job = exported(one)
        async with asyncio.TaskGroup() as group:
            first = group.create_task(delivered(one, job))
            assert await asyncio.to_thread(begun.wait, 60)
            second = group.create_task(delivered(one, job))
            for _ in range(20):  # by then it would have begun, too
                assert len(await one.client.deliveries()) == 1
            go_on.set()
        assert await one.client.deliveries() == [second.result(), first.result()]


async def test_a_copy_that_was_given_up_does_not_go_on_when_its_folder_answers(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was called failed by then, and could become whole all the same."""
    answers, go_on, ended = list[bool](), threading.Event(), threading.Event()

    def hang(_delivery: Delivery, _job: ExportJob, _store_id: str, stopped: Callable[[], bool]) -> None:
        assert go_on.wait(60)
        answers.append(stopped())
        ended.set()

    monkeypatch.setattr(deliveries, "make_copy", hang)
    monkeypatch.setattr(deliveries, "_STANDSTILL_S", 0.0)
    async with delivering(data) as one:
        assert (await refusal(one, exported(one).export_id)).code is ErrorCode.STORAGE_STALLED
        go_on.set()
        assert await asyncio.to_thread(ended.wait, 60)
        assert answers == [True]
