"""Limits by arithmetic of their own: what the limiter makes keeps them, and everything that it would never make is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.schema import JointLimits
from qgf_ros.control.limits import JointLimiter, Motion
from qgf_ros.datatypes import FloatArray, JointCommand, Rung
from qgf_ros.evaluate.limit_watch import LimitWatch, stopping_distance, stopping_time

TICK_S = 0.01
JOINTS = ("one", "two")
LIMITS = {
    "one": JointLimits(-1.0, 1.0, velocity=2.0, acceleration=8.0, jerk=400.0),
    "two": JointLimits(-3.0, 3.0, velocity=1.0, acceleration=20.0, jerk=5000.0),
}
TICKS = 60
targets = st.lists(st.tuples(st.floats(-4, 4), st.floats(-4, 4)), min_size=3, max_size=6)


def watch() -> LimitWatch:
    return LimitWatch(JOINTS, LIMITS, TICK_S)


def command(positions: FloatArray, velocities: FloatArray, accelerations: FloatArray) -> JointCommand:
    return JointCommand(0, 1, positions, velocities, accelerations, Rung.CHUNK, "", 0, 0, False, 0)


def limited(wanted: list[tuple[float, float]]) -> list[JointCommand]:
    """What the command node's limiter makes of targets that jump."""
    limiter = JointLimiter(JOINTS, LIMITS, TICK_S)
    limiter.reset(np.zeros(2))
    made = []
    for target in wanted:
        for _ in range(TICKS // len(wanted)):
            motion, _ = limiter.step(np.array(target))
            made.append(command(motion.positions, motion.velocities, motion.accelerations))
    return made


@given(targets)
def test_nothing_is_said_of_what_the_limiter_makes(wanted: list[tuple[float, float]]) -> None:
    looking = watch()
    assert [sentence for made in limited(wanted) for sentence in looking.look(made)] == []


@pytest.mark.parametrize(
    ("field", "by", "said"),
    [
        ("positions", 0.01, "position from the tick before"),
        ("positions", 9.0, "position above its upper limit"),
        ("positions", -9.0, "position below its lower limit"),
        ("velocities", 0.5, "velocity from the tick before"),
        ("velocities", 5.0, "two: velocity"),
        ("accelerations", 60.0, "two: acceleration"),
        ("accelerations", 51.0, "jerk"),
        ("positions", np.nan, "not finite"),
    ],
)
def test_what_was_changed_by_hand_is_found(field: str, by: float, said: str) -> None:
    looking, made = watch(), limited([(0.9, 2.5)] * 3)
    for entry in made[:20]:
        assert not looking.look(entry)
    offset = np.array([0.0, by])
    changed = {
        "positions": replace(made[20], positions=made[20].positions + offset),
        "velocities": replace(made[20], velocities=made[20].velocities + offset),
        "accelerations": replace(made[20], accelerations=made[20].accelerations + offset),
    }[field]
    found = looking.look(changed)
    assert any(said in sentence for sentence in found), found


def test_a_jump_at_rest_is_found_unless_the_command_begins_anew() -> None:
    looking, still = watch(), np.zeros(2)
    looking.look(command(still, still, still))
    elsewhere = command(still + 0.1, still, still)
    assert looking.look(elsewhere)
    looking.begin_anew()
    assert not looking.look(replace(elsewhere, positions=still + 0.2))


def test_a_command_that_begins_anew_begins_at_rest() -> None:
    looking, still = watch(), np.zeros(2)
    assert looking.look(command(still, still + 0.5, still))


@given(
    st.floats(-2.0, 2.0),
    st.floats(-8.0, 8.0),
    st.floats(1.0, 50.0),
    st.floats(10.0, 5000.0),
)
def test_every_limited_stop_ends_within_its_distance_and_time(
    velocity: float, acceleration: float, most: float, jerk: float
) -> None:
    """For any state and limits, against the limiter's own stop: jerk-limited and as short as can be."""
    acceleration = float(np.clip(acceleration, -most, most))
    limits = JointLimits(-1e3, 1e3, velocity=100.0, acceleration=most, jerk=jerk)
    limiter = JointLimiter(("one",), {"one": limits}, TICK_S)
    limiter.go_on_from(Motion(np.zeros(1), np.array([velocity]), np.array([acceleration])))
    allowed = stopping_distance(velocity, acceleration, limits, TICK_S)
    longest_s = stopping_time(velocity, acceleration, limits, TICK_S)
    moved, seconds = 0.0, 0.0
    for count in range(round(longest_s / TICK_S) + 2):
        motion = limiter.brake()
        moved = max(moved, float(np.abs(motion.positions).max()))
        if np.abs([motion.velocities, motion.accelerations]).max() > 1e-6:
            seconds = (count + 1) * TICK_S
    assert moved <= allowed + 1e-9
    assert seconds <= longest_s + 1e-9
