"""Ticks that nobody accounts for are found; lateness, counted ticks and clocks that stand or leap are none."""

from __future__ import annotations

import numpy as np

from qgf_ros.verify.pace import PATIENCE, PaceWatch

TICK = 10_000_000


def found(stamps: list[int], missed: dict[int, int] | None = None) -> int:
    """How often a missing tick is found in a stream of stamps; `missed` ticks are accounted for, by the place of the next one."""
    watch, accounted = PaceWatch(TICK), missed or {}
    return sum(len(watch.check(stamp, accounted.get(place, 0))) for place, stamp in enumerate(stamps))


def test_ticks_that_are_late_now_and_then_are_all_there() -> None:
    late = np.random.default_rng(0).uniform(0.0, 0.9, 2000) * (np.random.default_rng(1).random(2000) < 0.3)
    assert found([round((tick + late[tick]) * TICK) for tick in range(2000)]) == 0


def test_a_tick_that_nobody_counts_is_found_once() -> None:
    assert found([tick * TICK for tick in range(200) if tick != 100]) == 1


def test_a_tick_that_is_counted_is_none() -> None:
    assert found([tick * TICK for tick in range(200) if tick != 100], {100: 1}) == 0


def test_a_clock_that_stands_and_leaps_to_the_right_time_misses_nothing() -> None:
    assert found([(tick if not 50 <= tick < 70 else 50) * TICK for tick in range(200)]) == 0


def test_nor_where_the_robot_is_reset_meanwhile() -> None:
    watch, total = PaceWatch(TICK), 0
    for tick in range(200):
        if tick == 60:
            watch.forget()
        total += len(watch.check((tick if not 50 <= tick < 70 else 50) * TICK, 0))
    assert total == 0


def test_a_clock_that_jumps_is_another_matter() -> None:
    assert found([tick * TICK + (3_000_000_000 if tick >= 100 else 0) for tick in range(200)]) == 0
    assert found([10**10 + tick * TICK - (3_000_000_000 if tick >= 100 else 0) for tick in range(200)]) == 0


def test_patience_is_shorter_than_a_control_period_of_the_shipped_contracts() -> None:
    assert PATIENCE <= 5


def test_ticks_that_are_said_to_be_missed_and_did_not_pass_are_found_once() -> None:
    for many in (1, 2, 30, 1000):
        assert found([tick * TICK for tick in range(200)], {100: many}) == 1


def test_they_are_found_where_ticks_are_late_now_and_then() -> None:
    late = np.random.default_rng(0).uniform(0.0, 0.9, 2000) * (np.random.default_rng(1).random(2000) < 0.1)
    assert found([round((tick + late[tick]) * TICK) for tick in range(2000)], {1000: 1}) == 1


def test_each_claim_is_found_by_itself() -> None:
    assert found([tick * TICK for tick in range(200)], {50: 1, 100: 2, 150: 1}) == 3
    assert found([tick * TICK for tick in range(200)], dict.fromkeys(range(50, 80), 1)) >= 1


def test_a_count_that_is_right_is_believed_however_late_its_tick_is() -> None:
    """As a computer that stalls: ticks are dropped, the next is served up to one tick late."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        stamps, missed, place = [], {}, 0
        tick = 0
        while tick < 300:
            stamps.append(round((tick + rng.uniform(0.0, 0.2)) * TICK))
            skipped = int(rng.integers(1, 20)) if rng.random() < 0.05 else 0
            if skipped:
                tick += 1 + skipped
                stamps.append(round((tick + rng.uniform(0.0, 0.99)) * TICK))
                missed[place + 1] = skipped
                place += 1
            tick, place = tick + 1, place + 1
        assert found(stamps, missed) == 0


def test_where_the_phase_is_not_known_yet_nothing_is_said() -> None:
    """The first tick that is seen may have been late by nearly one."""
    stamps = [9 * TICK // 10, *(tick * TICK for tick in range(3, 100))]
    assert found(stamps, {1: 2}) == 0


def test_a_clock_that_stands_while_ticks_are_missed_and_leaps_later_is_right() -> None:
    assert (
        found([(tick if not 50 <= tick < 70 else 50) * TICK for tick in range(200) if tick != 60], {60: 1})
        == 0
    )


def test_a_clock_that_was_set_back_a_little_misses_nothing() -> None:
    assert found([tick * TICK - (2 * TICK if tick >= 100 else 0) for tick in range(200)]) == 0
