"""Faults of messages and of the robot: each does what docs/faults.md says, while it lasts, and the same with the same seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qgf_sim.fault_line import KINDS, FaultLine, read_fault
from qgf_sim.faults import CLOCK, JOINTS, Sensed
from qgf_sim.simulation import JointState, Pose

TICK_NS = 10_000_000
NAMES = ("shoulder_pan_joint", "elbow_joint", "finger_joint")
HOME = np.array([0.1, -0.2, 0.3])


def state(position: float = 0.0) -> JointState:
    return JointState(NAMES, HOME + position, np.zeros(3), np.zeros(3))


def joints(tick: int) -> Sensed:
    """The joints at a tick; their place tells the tick."""
    return Sensed(JOINTS, tick * TICK_NS, state(float(tick)))


def line(*entries: dict[str, object], seed: int = 0) -> FaultLine:
    return FaultLine([read_fault(entry) for entry in entries], seed)


def left(under: FaultLine, ticks: int) -> list[list[Sensed]]:
    """What leaves at each tick."""
    sent = []
    for tick in range(ticks):
        under.advance(tick * TICK_NS)
        sent.append(under.sense(joints(tick)))
    return sent


def stamps(sent: list[list[Sensed]]) -> list[int]:
    """Stamps of all that left, in ticks."""
    return [message.stamp_ns // TICK_NS for at_once in sent for message in at_once]


def only(entry: dict[str, object]) -> Sensed:
    """What leaves in place of the joints at tick 1."""
    under = line(entry)
    under.advance(0)
    [message] = under.sense(joints(1))
    return message


def positions(message: Sensed) -> np.ndarray:
    assert isinstance(message.value, JointState)
    return message.value.positions


def untouched(under: FaultLine, message: Sensed) -> bool:
    """Whether a message leaves once, with its stamp and its joints."""
    [sent] = under.sense(message)
    return sent.stamp_ns == message.stamp_ns and np.array_equal(positions(sent), positions(message))


def test_without_a_fault_every_message_leaves_as_it_is() -> None:
    sent = left(line(), 5)
    assert stamps(sent) == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(positions(sent[3][0]), HOME + 3.0)


def test_a_fault_begins_and_ends_at_its_tick() -> None:
    assert stamps(left(line({"fault": "lost", "at_s": 0.02, "for_s": 0.03}), 8)) == [0, 1, 5, 6, 7]


def test_a_delayed_message_leaves_later_as_it_was_and_at_the_end_the_rest_in_order() -> None:
    sent = left(line({"fault": "delay", "seconds": 0.03, "for_s": 0.06}), 8)
    assert [len(at_once) for at_once in sent] == [0, 0, 0, 1, 1, 1, 4, 1]
    assert stamps(sent) == list(range(8))


def test_a_share_of_messages_is_dropped_the_same_ones_with_the_same_seed() -> None:
    kept = stamps(left(line({"fault": "drop", "share": 0.3}), 1000))
    assert 630 < len(kept) < 770  # four standard deviations about 700
    assert stamps(left(line({"fault": "drop", "share": 0.3}), 1000)) == kept
    assert stamps(left(line({"fault": "drop", "share": 0.3}, seed=1), 1000)) != kept


def test_messages_are_doubled_or_turned_round_and_none_is_lost() -> None:
    assert stamps(left(line({"fault": "duplicate", "times": 3}), 2)) == [0, 0, 0, 1, 1, 1]
    assert stamps(left(line({"fault": "reorder", "length": 3, "for_s": 0.05}), 7)) == [2, 1, 0, 4, 3, 5, 6]


def test_frozen_values_stand_and_stamps_go_on() -> None:
    sent = left(line({"fault": "freeze", "at_s": 0.02}), 6)
    assert stamps(sent) == list(range(6))
    for [message] in sent[2:]:
        np.testing.assert_array_equal(positions(message), HOME + 2.0)


def test_skew_moves_stamps_and_no_stamp_falls_below_zero() -> None:
    assert only({"fault": "skew", "seconds": 0.5}).stamp_ns == TICK_NS + 500_000_000
    assert only({"fault": "skew", "seconds": -5.0}).stamp_ns == 0


def test_a_clock_that_jumps_takes_every_stamp_with_it() -> None:
    under = line({"fault": "clock_jump", "seconds": 2.0})
    under.advance(0)
    for message in (joints(1), Sensed(CLOCK, TICK_NS, None), Sensed("cube_pose", TICK_NS, None)):
        assert under.sense(message) == [replace(message, stamp_ns=TICK_NS + 2_000_000_000)]


def test_the_clock_stands_only_if_it_is_named() -> None:
    clock = Sensed(CLOCK, TICK_NS, None)
    for topic, sent in (("*", [clock]), ("clock", [])):
        under = line({"fault": "lost", "topic": topic})
        under.advance(0)
        assert under.sense(clock) == sent


def test_all_clocks_stand_at_once_and_messages_go_on() -> None:
    under, said = line({"fault": "clock_stands"}), []
    for tick in (4, 5, 6):
        under.advance(tick * TICK_NS)
        said += under.sense(Sensed(CLOCK, tick * TICK_NS, None)) + under.sense(joints(tick))
    assert [message.stamp_ns // TICK_NS for message in said] == [4] * 6
    assert [positions(message)[0] for message in said[1::2]] == pytest.approx([4.1, 5.1, 6.1])


def test_a_fault_of_one_topic_leaves_the_others_alone() -> None:
    under, message = line({"fault": "lost", "topic": "cube_pose"}), joints(1)
    under.advance(0)
    assert untouched(under, message)


def test_values_change_as_the_faults_say_and_only_of_the_joints_that_are_named() -> None:
    moved = HOME + 1.0
    np.testing.assert_allclose(positions(only({"fault": "bias", "offset": 0.2})), moved + 0.2)
    one = positions(only({"fault": "bias", "offset": 0.2, "joints": ["elbow_joint"]}))
    np.testing.assert_allclose(one, moved + np.array([0.0, 0.2, 0.0]))
    np.testing.assert_allclose(positions(only({"fault": "degrees"})), np.rad2deg(moved))
    assert np.isnan(positions(only({"fault": "nan"}))).all()
    assert np.isinf(positions(only({"fault": "infinity"}))).all()
    noisy = np.array(
        [positions(message) - HOME for [message] in left(line({"fault": "noise", "std": 0.1}), 1)]
    )
    assert 0.0 < np.abs(noisy).max() < 0.6


def test_an_object_is_seen_elsewhere() -> None:
    under = line({"fault": "pose_bias", "offset": [0.1, 0.0, -0.1]})
    under.advance(0)
    pose = Pose("base_link", np.array([0.4, 0.0, 0.1]), np.array([1.0, 0.0, 0.0, 0.0]))
    [seen] = under.sense(Sensed("cube_pose", TICK_NS, pose))
    assert isinstance(seen.value, Pose)
    np.testing.assert_allclose(seen.value.position, [0.5, 0.0, 0.0])
    assert untouched(under, joints(1))


def test_names_are_shuffled_with_their_values_left_out_doubled_or_exchanged() -> None:
    def found(entry: dict[str, object]) -> JointState:
        value = only(entry).value
        assert isinstance(value, JointState)
        return value

    home = dict(zip(NAMES, (HOME + 1.0).tolist(), strict=True))
    shuffled = found({"fault": "shuffle"})
    assert dict(zip(shuffled.names, shuffled.positions.tolist(), strict=True)) == home
    assert found({"fault": "partial"}).names == NAMES[1:]
    assert found({"fault": "partial", "joints": ["finger_joint"]}).names == NAMES[:2]
    assert found({"fault": "doubled"}).names == (*NAMES, NAMES[0])
    exchanged = found({"fault": "exchanged", "joints": ["elbow_joint", "finger_joint"]})
    assert exchanged.names == (NAMES[0], NAMES[2], NAMES[1])
    np.testing.assert_array_equal(exchanged.positions, HOME + 1.0)
    assert len(found({"fault": "misshapen"}).positions) == 2


def pose(tick: int) -> Sensed:
    """The cube at a tick."""
    place, turn = np.array([0.4, 0.0, 0.1]), np.array([1.0, 0.0, 0.0, 0.0])
    return Sensed("cube_pose", tick * TICK_NS, Pose("base_link", place, turn))


def both_left(under: FaultLine, ticks: int) -> list[Sensed]:
    """All that leaves of two topics, joints first at each tick."""
    sent = []
    for tick in range(ticks):
        under.advance(tick * TICK_NS)
        sent += [out for message in (joints(tick), pose(tick)) for out in under.sense(message)]
    return sent


def test_messages_are_reordered_within_their_topic() -> None:
    sent = both_left(line({"fault": "reorder", "topic": "*"}), 4)
    for topic in (JOINTS, "cube_pose"):
        assert stamps([[message for message in sent if message.topic == topic]]) == [1, 0, 3, 2]


def test_a_fault_of_one_topic_leaves_alone_what_another_fault_lets_out_late() -> None:
    """A delay gives what is due when any message comes, so a pose may leave as the joints are sensed."""
    late: dict[str, object] = {"fault": "delay", "topic": "*", "seconds": 0.02}
    sent = both_left(line(late, {"fault": "bias", "offset": 1.0}), 5)
    poses = [message.value.position for message in sent if isinstance(message.value, Pose)]
    assert len(poses) == 3
    np.testing.assert_array_equal(poses, [[0.4, 0.0, 0.1]] * 3)
    moved = [positions(message) for message in sent if message.topic == JOINTS]
    np.testing.assert_allclose(moved, [HOME + tick + 1.0 for tick in range(3)])


def test_a_joint_that_is_not_named_is_the_first_whatever_it_is_called() -> None:
    under = line({"fault": "joint_stuck"})
    for tick in range(2):
        under.advance(tick * TICK_NS)
        reached = under.set_points({"base": float(tick), "elbow": float(tick)}, tick * TICK_NS)
    assert reached == {"base": 0.0, "elbow": 1.0}


def test_set_points_do_not_reach_drives_that_are_stuck_or_deactivated_and_reach_slow_ones_late() -> None:
    def reached(entry: dict[str, object]) -> list[dict[str, float]]:
        under, found = line(entry), []
        for tick in range(5):
            under.advance(tick * TICK_NS)
            found.append(under.set_points(dict.fromkeys(NAMES, float(tick)), tick * TICK_NS))
        return found

    off = reached({"fault": "controller_deactivated", "at_s": 0.01, "for_s": 0.02})
    assert [points["elbow_joint"] for points in off] == [0.0, 1.0, 1.0, 3.0, 4.0]
    lagging = reached({"fault": "controller_lag", "seconds": 0.02})
    assert [points["elbow_joint"] for points in lagging] == [0.0, 0.0, 0.0, 1.0, 2.0]
    assert reached({"fault": "joint_stuck"})[4] == dict(zip(NAMES, (0.0, 4.0, 4.0), strict=True))
    assert reached({"fault": "gripper_stuck"})[4] == dict(zip(NAMES, (4.0, 4.0, 0.0), strict=True))


def test_a_joint_with_a_wrong_zero_goes_where_it_seems_right() -> None:
    under = line({"fault": "joint_bias", "joints": ["elbow_joint"], "offset": 0.1})
    under.advance(0)
    reached = under.set_points(dict.fromkeys(NAMES, 1.0), 0)
    truth = JointState(NAMES, np.array([reached[name] for name in NAMES]), np.zeros(3), np.zeros(3))
    np.testing.assert_allclose(under.measured(truth).positions, 1.0)
    assert reached["elbow_joint"] == pytest.approx(0.9)


def test_faults_add_up_come_by_hand_and_are_cleared_and_a_reset_begins_the_script_anew() -> None:
    under = line({"fault": "payload", "kg": 1.0}, {"fault": "bias", "offset": 1.0})
    under.inject(read_fault({"fault": "bias", "offset": 2.0}))
    under.inject(read_fault({"fault": "payload", "kg": 0.5}))
    under.advance(0)
    assert under.active == ("payload", "bias", "bias", "payload")
    assert under.payload_kg == 1.5
    np.testing.assert_allclose(positions(under.sense(joints(0))[0]), HOME + 3.0)
    under.clear()
    under.advance(TICK_NS)
    assert under.active == ()
    assert untouched(under, joints(1))
    under.reset()
    under.advance(0)
    assert under.active == ("payload", "bias")


@pytest.mark.parametrize("first", KINDS)
def test_any_two_faults_may_come_together(first: str) -> None:
    """Found by the soak: a message that lost a position could not be given noise."""
    for second in KINDS:
        assert len(left(line({"fault": first}, {"fault": second}), 5)) == 5
