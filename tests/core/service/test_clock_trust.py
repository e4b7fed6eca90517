"""When the wall clock may decide that footage is old."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from recorder_core.service.clock_trust import PATIENCE_US, STEP_US, ClockTrust, Reading, confirmed, look

HOUR_US = 3_600_000_000
START = Reading(wall_us=1_800_000_000_000_000, monotonic_us=50_000_000, boot_id="first", synchronised=True)


@dataclass(slots=True)
class Watch:
    """Looks at clocks that a test moves."""

    now: Reading = START
    trust: ClockTrust | None = None

    def look(
        self, hours: float = 0, *, step_hours: float = 0, synchronised: bool | None = None, boot_id: str | None = None
    ) -> int | None:
        """Let time pass, with a step of the wall clock in it; return how much longer the clock is in doubt."""
        passed_us = round(hours * HOUR_US)
        self.now = replace(
            self.now,
            wall_us=self.now.wall_us + passed_us + round(step_hours * HOUR_US),
            monotonic_us=0 if boot_id is not None else self.now.monotonic_us + passed_us,
            boot_id=boot_id or self.now.boot_id,
            synchronised=self.now.synchronised if synchronised is None else synchronised,
        )
        self.trust = look(self.trust, self.now)
        return self.trust.doubt_us


def test_a_disciplined_clock_that_runs_evenly_is_believed() -> None:
    watch = Watch()
    assert [watch.look(hours) for hours in (0, 0.01, 30, 2000)] == [None] * 4


@pytest.mark.parametrize(
    ("step_hours", "doubted"), [(1.01, True), (1.0, False), (0.5, False), (-5, False), (9000, True)]
)
def test_a_step_forward_of_over_an_hour_is_doubted_for_a_day(step_hours: float, *, doubted: bool) -> None:
    watch = Watch()
    watch.look()
    assert watch.look(1, step_hours=step_hours) == (PATIENCE_US if doubted else None)
    assert watch.look(23.9) == (PATIENCE_US - round(23.9 * HOUR_US) if doubted else None)
    assert watch.look(0.1) is None


def test_small_steps_add_up_and_a_clock_that_was_behind_steps_forward_too() -> None:
    watch = Watch()
    watch.look()
    assert [watch.look(1, step_hours=0.4) for _ in range(3)] == [None, None, PATIENCE_US]
    watch = Watch()
    watch.look()
    assert watch.look(1, step_hours=-3) is None
    assert watch.look(1, step_hours=3) == PATIENCE_US


def test_somebody_who_knows_the_time_ends_the_doubt() -> None:
    watch = Watch()
    watch.look()
    watch.look(1, step_hours=5)
    assert watch.trust is not None
    watch.trust = confirmed(watch.trust)
    assert watch.look(1) is None
    assert watch.look(1, step_hours=2) == PATIENCE_US


def test_a_clock_that_nothing_disciplines_is_believed_after_a_day() -> None:
    watch = Watch()
    assert watch.look(synchronised=False) == PATIENCE_US
    assert watch.look(12) == PATIENCE_US - 12 * HOUR_US
    assert watch.look(12) is None
    assert watch.look(500) is None
    assert watch.look(1, synchronised=True) is None
    assert watch.look(1, synchronised=False) == PATIENCE_US


def test_discipline_ends_a_doubt_unless_the_clock_stepped() -> None:
    watch = Watch()
    watch.look(synchronised=False)
    assert watch.look(1, synchronised=True) is None
    watch.look(1, synchronised=False)
    assert watch.look(1, synchronised=True, step_hours=2) == PATIENCE_US
    assert watch.look(1) == PATIENCE_US - HOUR_US


def test_over_a_restart_of_the_machine_a_doubt_goes_on() -> None:
    watch = Watch()
    watch.look()
    watch.look(step_hours=2)
    watch.look(10)
    assert watch.look(boot_id="second") == PATIENCE_US - 10 * HOUR_US
    assert watch.look(14) is None


@pytest.mark.parametrize(
    ("synchronised", "hours_off", "doubted"), [(True, 500, False), (False, 0.5, False), (False, 2, True)]
)
def test_after_a_restart_only_discipline_tells_a_step_from_the_time_that_passed(
    *, synchronised: bool, hours_off: float, doubted: bool
) -> None:
    watch = Watch()
    watch.look(synchronised=False)
    watch.look(24)
    watch.look(hours_off, boot_id="second", synchronised=synchronised)
    assert (watch.look() is not None) is doubted


def test_what_is_thought_of_the_clock_outlasts_the_recorder() -> None:
    watch = Watch()
    watch.look()
    watch.look(1, step_hours=STEP_US / HOUR_US + 1)
    assert watch.trust is not None
    assert ClockTrust.from_json(watch.trust.to_jsonb()) == watch.trust
