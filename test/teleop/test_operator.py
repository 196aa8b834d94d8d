"""A person's steering becomes chunks that the command node takes, plays within the limits, and can do without."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from contract_files import two_joints
from hypothesis import given
from hypothesis import strategies as st
from limit_checks import assert_inside_limits
from session_bench import Bench

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract, Reference
from qgf_ros.control.action_space import ActionSpace
from qgf_ros.control.session import SessionConfig
from qgf_ros.datatypes import ActionChunk, JointReading, Rung, Sender
from qgf_ros.errors import InvalidSetting
from qgf_ros.inference.demand import Demand
from qgf_ros.teleop.operator import RESEND_S, Teleoperator
from qgf_ros.teleop.steer import Press, Steer

CONTRACTS = Path(__file__).parents[2] / "config" / "contracts"
UR5E = load_contract(CONTRACTS / "ur5e_cube.yaml")
JACO = load_contract(CONTRACTS / "jaco_reach.yaml")
MAX_AGE_S = 0.2
WISH = Demand(0, True, 1000, 0)


def reading(
    contract: Contract, stamp_ns: int = 1000, velocity: float = 0.0, **positions: float
) -> JointReading:
    """Joints at zero but for those named."""
    joints = contract.interface.joints
    found = [positions.get(joint, 0.0) for joint in joints]
    return JointReading(stamp_ns, joints, np.array(found), np.full(len(joints), velocity), np.zeros(0))


def answer(
    operator: Teleoperator, contract: Contract, now_s: float = 1.0, **positions: float
) -> ActionChunk | None:
    seen = reading(contract, **positions)
    return operator.answer(WISH, seen, seen, now_s)


def with_reference(contract: Contract, reference: Reference) -> Contract:
    action = replace(contract.interface.action, reference=reference)
    return replace(contract, interface=replace(contract.interface, action=action))


def test_a_share_of_a_delta_is_that_share_of_its_range() -> None:
    operator = Teleoperator(UR5E, "finger_joint", MAX_AGE_S)
    operator.steer(Steer({"x": 0.5, "yaw": -1.0}), 1.0)
    chunk = answer(operator, UR5E)
    assert chunk is not None
    assert (chunk.names, chunk.stamp_ns, chunk.sender) == (UR5E.interface.action.names, 1000, Sender.TELEOP)
    np.testing.assert_allclose(chunk.actions, [[0.025, 0.0, 0.0, -0.3, 0.0]] * 2)


@given(shares=st.lists(st.floats(allow_nan=False), min_size=6, max_size=6), position=st.floats(-3.0, 3.0))
@pytest.mark.parametrize("reference", list(Reference), ids=[entry.value for entry in Reference])
def test_whatever_is_steered_every_action_lies_inside_its_range(
    reference: Reference, shares: list[float], position: float
) -> None:
    contract = with_reference(JACO, reference)
    operator = Teleoperator(contract, "", MAX_AGE_S)
    names = contract.interface.action.names
    operator.steer(Steer(dict(zip(names, shares, strict=True))), 1.0)
    chunk = answer(operator, contract, **dict.fromkeys(names, position))
    assert chunk is not None
    for column, entry in zip(chunk.actions.T, contract.interface.action.dimensions, strict=True):
        assert (np.abs(column - entry.centre) <= entry.scale).all()


def test_where_actions_are_targets_a_share_is_that_share_of_the_joints_velocity() -> None:
    """Wide enough a range that nothing is bounded."""
    contract = with_reference(JACO, Reference.ABSOLUTE)
    wide = tuple(replace(entry, scale=10.0) for entry in contract.interface.action.dimensions)
    action = replace(contract.interface.action, dimensions=wide)
    contract = replace(contract, interface=replace(contract.interface, action=action))
    operator, joint = Teleoperator(contract, "", MAX_AGE_S), JACO.interface.joints[0]
    operator.steer(Steer({joint: -0.5}), 1.0)
    chunk = answer(operator, contract, **{joint: 1.0})
    assert chunk is not None
    assert chunk.actions[0, 0] == pytest.approx(1.0 - 0.5 * 0.628 * 0.05)
    np.testing.assert_array_equal(chunk.actions[:, 1:], 0.0)


def test_a_press_closes_an_open_gripper_and_opens_a_closed_one() -> None:
    operator = Teleoperator(UR5E, "finger_joint", MAX_AGE_S)
    operator.steer(Steer({}), 1.0)
    here = reading(UR5E, finger_joint=0.1)
    operator.press(Press.GRIPPER, here)
    closing = answer(operator, UR5E, finger_joint=0.1)
    operator.press(Press.GRIPPER, here)  # while it is on its way
    opening = operator.answer(replace(WISH, wanted_from_ns=999), here, here, 1.0)
    assert closing is not None
    assert opening is not None
    assert closing.actions[0, 4] == pytest.approx(0.7)
    assert opening.actions[0, 4] == pytest.approx(-0.1)


@pytest.mark.parametrize(("press", "way"), [(Press.CLOSE, 0.5), (Press.OPEN, -0.3)])
def test_open_and_close_say_what_they_mean_however_often(press: Press, way: float) -> None:
    operator, here = Teleoperator(UR5E, "finger_joint", MAX_AGE_S), reading(UR5E, finger_joint=0.3)
    operator.steer(Steer({}), 1.0)
    for said in (press, press, Press.SUCCESS):
        operator.press(said, here)
    chunk = operator.answer(WISH, here, here, 1.0)
    assert chunk is not None
    assert chunk.actions[0, 4] == pytest.approx(way)


def test_a_gripper_that_has_arrived_asks_for_nothing() -> None:
    operator = Teleoperator(UR5E, "finger_joint", MAX_AGE_S)
    operator.steer(Steer({}), 1.0)
    operator.press(Press.CLOSE, reading(UR5E))
    chunk = answer(operator, UR5E, finger_joint=0.799)
    assert chunk is not None
    np.testing.assert_array_equal(chunk.actions, 0.0)


def test_nobody_answers_for_a_person_who_let_go_or_whose_device_is_silent() -> None:
    operator = Teleoperator(UR5E, "", MAX_AGE_S)
    assert answer(operator, UR5E) is None
    operator.steer(Steer({"x": 1.0}, is_held=False), 1.0)
    assert answer(operator, UR5E) is None
    operator.steer(Steer({"x": 1.0}), 1.0)
    assert answer(operator, UR5E, now_s=1.0 + MAX_AGE_S + 0.01) is None
    assert answer(operator, UR5E, now_s=1.0 + MAX_AGE_S) is not None


def test_a_wish_is_answered_once_from_joints_as_new_as_it_asks_and_again_where_the_chunk_was_lost() -> None:
    operator = Teleoperator(UR5E, "", 60.0)
    operator.steer(Steer({"x": 1.0}), 1.0)
    old, new = reading(UR5E, 999), reading(UR5E, 1000)
    assert operator.answer(replace(WISH, wants_chunk=False), new, new, 1.0) is None
    assert operator.answer(WISH, old, new, 1.0) is None
    assert operator.answer(WISH, new, new, 1.0) is not None
    assert operator.answer(WISH, new, new, 1.0) is None
    assert operator.answer(WISH, new, new, 1.0 + RESEND_S) is not None
    assert operator.answer(replace(WISH, wanted_from_ns=1001), reading(UR5E, 1001), new, 1.0) is not None


def test_a_stick_that_is_let_go_fades_to_nothing_and_one_that_is_turned_round_turns() -> None:
    operator, asked = Teleoperator(UR5E, "", 60.0), []
    for number, share in enumerate([1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, -1.0]):
        operator.steer(Steer({"x": share}), 1.0)
        here = reading(UR5E, 1000 + number)
        chunk = operator.answer(replace(WISH, wanted_from_ns=1000 + number), here, here, 1.0)
        assert chunk is not None
        asked.append(chunk.actions[0, 0] / 0.05)
    np.testing.assert_allclose(asked, [1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.0, 1.0, -1.0])


def test_nothing_fades_for_who_lets_the_deadman_button_go() -> None:
    operator, here = Teleoperator(UR5E, "", 60.0), reading(UR5E)
    operator.steer(Steer({"x": 1.0}), 1.0)
    assert operator.answer(WISH, here, here, 1.0) is not None
    operator.steer(Steer({"x": 1.0}, is_held=False), 1.0)
    assert operator.answer(WISH, here, here, 2.0) is None
    operator.steer(Steer({"x": 0.0}), 2.0)
    chunk = operator.answer(WISH, here, here, 2.0)
    assert chunk is not None
    np.testing.assert_array_equal(chunk.actions, 0.0)


def test_after_letting_go_the_gripper_stays_where_somebody_else_put_it() -> None:
    operator = Teleoperator(UR5E, "finger_joint", MAX_AGE_S)
    operator.press(Press.CLOSE, reading(UR5E))
    operator.let_go()
    operator.steer(Steer({"x": 1.0}), 1.0)
    chunk = answer(operator, UR5E)
    assert chunk is not None
    assert chunk.actions[0, 4] == 0.0


@pytest.mark.parametrize("gripper", ["x", "no_joint"])
def test_a_gripper_that_is_no_joint_of_the_action_is_refused(gripper: str) -> None:
    with pytest.raises(InvalidSetting, match="finger_joint, or empty"):
        Teleoperator(UR5E, gripper, MAX_AGE_S)


@given(st.lists(st.floats(-1.0, 1.0), min_size=6, max_size=6))
def test_what_is_steered_is_what_a_demonstrator_would_ask_for(shares: list[float]) -> None:
    """The same target for every joint, by the action space's own inverse."""
    operator, names = Teleoperator(JACO, "", MAX_AGE_S), JACO.interface.action.names
    operator.steer(Steer(dict(zip(names, shares, strict=True))), 1.0)
    here = reading(JACO)
    chunk = operator.answer(WISH, here, here, 1.0)
    assert chunk is not None
    wanted = {name: 0.1 * share for name, share in zip(names, shares, strict=True)}
    zero = dict.fromkeys(JACO.interface.joints, 0.0)
    np.testing.assert_allclose(
        chunk.actions[0], ActionSpace(JACO, None).delta_to(wanted, zero, zero), atol=1e-12
    )


# -- with the session ----------------------------------------------------------------------------------------------------


def steered(bench: Bench, operator: Teleoperator, ticks: int) -> None:
    """Ticks in which the person answers each wish, from what the command node says."""
    for _ in range(ticks):
        tick = bench.tick()
        command = tick.command
        assert command is not None
        bench.see()
        names = bench.contract.interface.joints
        seen = JointReading(bench.now_ns, names, command.positions, command.velocities, np.zeros(0))
        demand = Demand(
            command.stamp_ns, tick.wanted_from_ns > 0, tick.wanted_from_ns, command.chunk_stamp_ns
        )
        chunk = operator.answer(demand, seen, seen, bench.now_ns * 1e-9)
        if chunk is not None:
            bench.session.offer(chunk, bench.now_ns)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A person in command, started."""
    made = Bench(two_joints(tmp_path), SessionConfig(full_speed_confirmed=True, in_command=Sender.TELEOP))
    made.tick()
    made.session.start(made.now_ns)
    return made


def test_a_person_moves_the_arm_within_the_limits_as_long_as_they_steer(bench: Bench) -> None:
    operator = Teleoperator(bench.contract, "", 60.0)
    operator.steer(Steer({"shoulder": 1.0}), bench.now_ns * 1e-9)
    steered(bench, operator, 100)
    assert_inside_limits(bench.contract, bench.commands())
    moving = bench.commands()[20:, 1, bench.contract.interface.joints.index("shoulder")]
    assert (moving > 0.0).all()


def test_a_chunk_ends_at_rest_by_itself_where_no_other_follows(bench: Bench) -> None:
    """Without going back: the arm comes to rest at the target that it has."""
    operator = Teleoperator(bench.contract, "", 60.0)
    operator.steer(Steer({"shoulder": 1.0}), bench.now_ns * 1e-9)
    steered(bench, operator, 40)
    begun = len(bench.ticks)
    bench.tick(60)
    assert bench.session.is_at_rest
    assert bench.ticks[-1].rung in (Rung.TAIL, Rung.HOLD)
    after = bench.commands()[begun:, 1, bench.contract.interface.joints.index("shoulder")]
    assert (after > -1e-6).all()


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 1.0])
def test_a_stick_that_is_let_go_brings_the_arm_to_rest_without_swinging_back(
    bench: Bench, share: float
) -> None:
    operator, joint = (
        Teleoperator(bench.contract, "", 60.0),
        bench.contract.interface.joints.index("shoulder"),
    )
    operator.steer(Steer({"shoulder": share}), bench.now_ns * 1e-9)
    steered(bench, operator, 40)
    operator.steer(Steer({"shoulder": 0.0}), bench.now_ns * 1e-9)
    begun = len(bench.ticks)
    steered(bench, operator, 100)
    assert bench.session.is_at_rest
    assert bench.ticks[-1].rung is Rung.CHUNK
    way = bench.commands()[begun:, 0, joint]
    assert way.max() - way[-1] < 1e-4
