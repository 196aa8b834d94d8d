"""What the command node does with ticks that a busy computer could not serve, by the kind of controller."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract_files import write_two_joints
from diagnostic_msgs.msg import DiagnosticArray
from ros_graph import Peer, values
from trajectory_msgs.msg import JointTrajectory

from qgf_ros.contract.fields import stamp_ns
from qgf_ros.control.limits import Motion
from qgf_ros.datatypes import ActionChunk, JointReading, Rung, Sender
from qgf_ros.errors import ChunkRefused, NotReadyError, ObservationRefused
from qgf_ros.nodes.command_parameters import TABLE
from qgf_ros.nodes.command_setup import prepare
from qgf_ros.nodes.commander import Commander
from qgf_ros.nodes.convert import chunk_message

pytestmark = pytest.mark.ros
BEGIN_NS = 1_000_000_000
MISSED = 5


def outputs_of_kind(kind: str) -> Any:
    """An edit of a contract: its first output is of this kind."""

    def edit(content: dict[str, Any]) -> None:
        content["deployment"]["outputs"][0]["kind"] = kind

    return edit


def commander_of(peer: Peer, contract: Path, **changes: Any) -> Commander:
    """A commander at rest at the measured pose."""
    defaults = {row.name: row.default for row in TABLE}
    setup = prepare(defaults | {"contract": str(contract), "black_box": ""} | changes, "")
    commander = Commander(peer.node, setup, BEGIN_NS)
    see(commander, BEGIN_NS)
    commander.tick(BEGIN_NS)
    return commander


def moving(peer: Peer, folder: Path, kind: str) -> tuple[Commander, Motion, Motion]:
    """A commander in full motion, its command, and where its plan leads in `MISSED` ticks and one more."""
    contract = write_two_joints(folder, outputs_of_kind(kind))
    commander = commander_of(peer, contract, full_speed_confirmed=True)
    commander.session.start(BEGIN_NS)
    chunk = ActionChunk(("shoulder", "elbow"), np.array([[0.1, 0.2]]), BEGIN_NS)
    commander.session.offer(chunk, BEGIN_NS)
    for _ in range(8):
        commander.tick(BEGIN_NS)
    commander.keep_pace(BEGIN_NS)
    gate = commander._gate
    [after] = gate.limiter.to_rest(np.array([(MISSED + 1) * commander.contract.tick_ns * 1e-9]))
    return commander, gate.limiter.state, after


def see(commander: Commander, stamp_ns: int) -> None:
    """Joint states come."""
    reading = JointReading(stamp_ns, ("shoulder", "elbow"), np.array([0.5, -0.25]), np.zeros(0), np.zeros(0))
    commander.monitor.update(reading)


def positions_after_missed_ticks(commander: Commander) -> np.ndarray:
    """The command of the tick that is served after `MISSED` were not."""
    assert commander.keep_pace(BEGIN_NS + (MISSED + 1) * commander.contract.tick_ns) == MISSED
    commander.tick(BEGIN_NS)
    assert commander.last is not None
    assert commander.last.command is not None
    return commander.last.command.positions


def test_a_trajectory_controller_is_not_called_back_to_where_it_was_ticks_ago(
    peer: Peer, tmp_path: Path
) -> None:
    commander, _, after = moving(peer, tmp_path, "trajectory")
    np.testing.assert_allclose(positions_after_missed_ticks(commander), after.positions, atol=1e-6)


def test_a_group_controller_that_holds_its_last_command_goes_on_from_there(
    peer: Peer, tmp_path: Path
) -> None:
    commander, before, after = moving(peer, tmp_path, "group")
    moved = np.abs(positions_after_missed_ticks(commander) - before.positions)
    assert np.all(moved < 0.5 * np.abs(after.positions - before.positions))


def test_after_a_stall_of_a_second_a_group_controller_begins_where_it_has_stood(
    peer: Peer, tmp_path: Path
) -> None:
    commander, before, _ = moving(peer, tmp_path, "group")
    assert commander.keep_pace(BEGIN_NS + 101 * commander.contract.tick_ns) == 100
    commander.tick(BEGIN_NS)
    tick = commander.last
    assert tick is not None
    assert tick.command is not None
    assert (tick.rung, tick.reason) == (Rung.HOLD, "stalled")
    np.testing.assert_array_equal(tick.command.positions, before.positions)
    np.testing.assert_array_equal(tick.command.velocities, [0.0, 0.0])


def test_in_shadow_mode_no_controller_follows_a_plan_that_was_never_sent(peer: Peer, tmp_path: Path) -> None:
    """Nor says a certificate so: the virtual command stood while ticks were missed."""
    contract = write_two_joints(tmp_path, outputs_of_kind("trajectory"))
    commander = commander_of(peer, contract, shadow=True)
    said = peer.collect(DiagnosticArray, "tester/certificate")
    peer.until(lambda: commander._certificate.get_subscription_count() > 0, "our subscription")
    commander.keep_pace(BEGIN_NS)
    positions_after_missed_ticks(commander)
    peer.until(lambda: said, "the certificate")
    found = values(said[-1])
    assert (found["missed"], found["followed"]) == (str(MISSED), "0")


@pytest.mark.parametrize("shadow", [False, True])
def test_each_action_is_told_as_it_begins_and_in_shadow_mode_none_is_since_none_is_played(
    peer: Peer, tmp_path: Path, shadow: bool
) -> None:
    commander = commander_of(peer, write_two_joints(tmp_path), full_speed_confirmed=True, shadow=shadow)
    told = peer.collect(JointTrajectory, "tester/action")
    commands = peer.collect(JointTrajectory, "tester/executed")
    for publisher in (commander._action, commander._executed):
        peer.matched(publisher)
    commander.session.start(BEGIN_NS)
    actions = np.array([[0.1, 0.9], [0.05, 0.0]])  # the elbow's range ends at 0.25
    commander.session.offer(ActionChunk(("shoulder", "elbow"), actions, BEGIN_NS, source="me"), BEGIN_NS)
    for count in range(8):
        commander.tick(BEGIN_NS + count)
    peer.until(lambda: len(commands) == 8, "the commands")
    peer.until(lambda: len(told) == (0 if shadow else 2), "the actions")
    for number, message in enumerate(told):
        [point] = message.points
        assert stamp_ns(message.header.stamp) == BEGIN_NS + 5 * number
        assert (message.header.frame_id, message.joint_names) == ("me", ["shoulder", "elbow"])
        assert list(point.positions) == ([0.1, 0.25], [0.05, 0.0])[number]
        assert stamp_ns(point.time_from_start) == number * 50_000_000


@pytest.mark.parametrize(
    ("shadow", "stated"),
    [
        (False, "joint_states units frozen second_publisher qos emergency_stop"),
        (True, "joint_states units qos emergency_stop"),
    ],
)
def test_a_certificate_names_the_checks_that_ran_and_no_other(
    peer: Peer, tmp_path: Path, shadow: bool, stated: str
) -> None:
    """In shadow mode nothing leaves, so nobody is asked who else publishes there, nor whether the arm follows."""
    commander = commander_of(peer, write_two_joints(tmp_path), shadow=shadow)
    said = peer.collect(DiagnosticArray, "tester/certificate")
    peer.until(lambda: commander._certificate.get_subscription_count() > 0, "our subscription")
    commander.tick(BEGIN_NS)
    peer.until(lambda: said, "the certificate")
    limits = "position velocity acceleration jerk stop"
    assert values(said[-1])["checks"] == f"{limits} {stated}"


# -- limits of the robot's description that the command stands outside of ------------------------------------------------

DESCRIPTION = (
    '<robot name="arm"><joint name="elbow" type="revolute">'
    '<limit effort="1" lower="{lower}" upper="9" velocity="0.5"/></joint></robot>'
)


def test_an_arm_that_was_moved_into_the_limits_of_its_description_can_be_reset(
    peer: Peer, tmp_path: Path
) -> None:
    """The command stands where the arm was: the measured pose counts."""
    commander = commander_of(peer, write_two_joints(tmp_path))
    commander.setup.limits.describe(DESCRIPTION.format(lower=0.0))
    with pytest.raises(ObservationRefused, match="elbow stands at"):
        commander.begin(BEGIN_NS)
    commander.tick(BEGIN_NS)
    assert commander.last is not None
    assert commander.last.command is not None  # where it was, under the limits that were
    reading = JointReading(BEGIN_NS, ("shoulder", "elbow"), np.array([0.5, 0.3]), np.zeros(0), np.zeros(0))
    commander.monitor.update(reading)
    np.testing.assert_array_equal(commander.begin(BEGIN_NS).positions, [0.5, 0.3])
    assert not commander.has_other_limits


def test_confirming_full_speed_outside_of_the_limits_of_the_description_leaves_them_to_the_next_reset(
    peer: Peer, tmp_path: Path
) -> None:
    commander = commander_of(peer, write_two_joints(tmp_path))
    commander.setup.limits.describe(DESCRIPTION.format(lower=0.0))
    commander.confirm_full_speed(True)
    assert commander.has_other_limits
    with pytest.raises(NotReadyError):
        commander.start(BEGIN_NS)


# -- black box -----------------------------------------------------------------------------------------------------------


def test_a_stop_that_follows_another_waits_until_its_record_is_written(peer: Peer, tmp_path: Path) -> None:
    """A few messages a tick, whatever happens meanwhile: no command waits for a disk."""
    commander = commander_of(peer, write_two_joints(tmp_path), black_box=str(tmp_path / "boxes"))
    for _ in range(100):
        commander.tick(BEGIN_NS)
    commander.session.fail("one")
    commander.tick(BEGIN_NS)
    first = commander.box.path
    commander.begin(BEGIN_NS)
    commander.session.fail("another")
    commander.tick(BEGIN_NS)
    assert (commander.box.path, commander.box.is_writing) == (first, True)
    for _ in range(100):
        commander.tick(BEGIN_NS)
    assert commander.box.path != first
    assert not commander.box.is_writing
    assert len(list((tmp_path / "boxes").iterdir())) == 2


def named(sender: Sender) -> JointTrajectory:
    """A chunk that bears this name."""
    names, actions = ("shoulder", "elbow"), np.zeros((1, 2))
    return chunk_message(ActionChunk(names, actions, BEGIN_NS + 1, source=sender.value), 50_000_000)


def test_nobody_passes_for_a_person_on_the_policys_topic_nor_the_other_way_round(
    peer: Peer, tmp_path: Path
) -> None:
    commander = commander_of(peer, write_two_joints(tmp_path))
    commander.session.start(BEGIN_NS)
    commander.tick(BEGIN_NS)
    for in_command in Sender:
        commander.session.hand_over(in_command)
        commander.tick(BEGIN_NS)
        other = next(sender for sender in Sender if sender is not in_command)
        for topic, name in ((in_command, other), (other, in_command), (other, other)):
            with pytest.raises(ChunkRefused, match=f"{in_command.value} is in command") as caught:
                commander.offer(named(name), BEGIN_NS + 1, topic)
            assert caught.value.reason == "not_in_command"
        commander.offer(named(in_command), BEGIN_NS + 1, in_command)
