"""A chunk as a message and back: speed travels in the points' times, what made it in the frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trajectory_msgs.msg import JointTrajectory

from qgf_ros.datatypes import ActionChunk
from qgf_ros.errors import ChunkRefused
from qgf_ros.inference.caution import as_it_travels
from qgf_ros.nodes.convert import chunk_message, read_chunk, to_duration

pytestmark = pytest.mark.ros

PERIOD_NS = 50_000_000
ACTIONS = np.random.default_rng(0).normal(size=(7, 3))


def sent(speed: float = 1.0, source: str = "") -> JointTrajectory:
    return chunk_message(ActionChunk(("x", "y", "z"), ACTIONS, 1_234_567_890, speed, source), PERIOD_NS)


def timed(ends_ns: list[int]) -> JointTrajectory:
    """A chunk whose points end at these times."""
    message = sent()
    message.points = message.points[: len(ends_ns)]
    for point, end_ns in zip(message.points, ends_ns, strict=True):
        point.time_from_start = to_duration(end_ns)
    return message


@pytest.mark.parametrize("speed", [1.0, 0.9, 0.75, 0.5, 1.0 / 3.0, 0.05])
def test_a_chunk_comes_back_with_its_speed_and_source(speed: float) -> None:
    found = read_chunk(sent(speed, "0123456789ab"), PERIOD_NS)
    np.testing.assert_array_equal(found.actions, ACTIONS)
    assert (found.names, found.stamp_ns, found.source) == (("x", "y", "z"), 1_234_567_890, "0123456789ab")
    assert found.speed == pytest.approx(speed, rel=1e-8)  # times are whole nanoseconds


@given(asked=st.floats(0.3, 0.999))
def test_the_speed_that_caution_asks_for_comes_back_to_the_last_bit(asked: float) -> None:
    """What is played in process must be what the graph plays."""
    speed = as_it_travels(asked, len(ACTIONS), PERIOD_NS)
    assert speed == pytest.approx(asked, rel=1e-8)
    assert read_chunk(sent(speed), PERIOD_NS).speed == speed
    assert as_it_travels(1.0, len(ACTIONS), PERIOD_NS) == 1.0


def test_a_chunk_at_full_speed_comes_back_at_exactly_full_speed() -> None:
    assert read_chunk(sent(), PERIOD_NS).speed == 1.0


def test_points_stand_at_the_ends_of_their_actions_slowed_down() -> None:
    ends = [point.time_from_start for point in sent(0.5).points]
    assert [end.sec * 1_000_000_000 + end.nanosec for end in ends] == [
        2 * PERIOD_NS * (index + 1) for index in range(len(ACTIONS))
    ]


@pytest.mark.parametrize(
    ("ends_ns", "words"),
    [
        ([PERIOD_NS, 3 * PERIOD_NS, 4 * PERIOD_NS], "not evenly spaced"),
        ([PERIOD_NS, 2 * PERIOD_NS + 10_000], "not evenly spaced"),
        ([2 * PERIOD_NS, PERIOD_NS], "not evenly spaced"),
        ([0, 0, 0], "0 s apart"),
        ([PERIOD_NS // 2, PERIOD_NS], "0.025 s apart"),
        ([1000 * PERIOD_NS, 2000 * PERIOD_NS], "50 s apart"),
    ],
)
def test_uneven_faster_or_standing_times_are_refused(ends_ns: list[int], words: str) -> None:
    with pytest.raises(ChunkRefused, match=words) as refused:
        read_chunk(timed(ends_ns), PERIOD_NS)
    assert refused.value.reason == "timing"


def test_a_flood_of_points_or_names_is_refused() -> None:
    many = sent()
    many.points = [many.points[0]] * 1001
    named = sent()
    named.joint_names = ["x"] * 1001
    for message in (many, named):
        with pytest.raises(ChunkRefused, match="at most 1000 and 1000") as refused:
            read_chunk(message, PERIOD_NS)
        assert refused.value.reason == "shape"
