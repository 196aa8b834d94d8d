"""A seam is how far the arm departs, within one control period, from where it would have gone without the new chunk."""

from __future__ import annotations

import numpy as np
import pytest
from contract_files import two_joints
from hypothesis import given
from hypothesis import strategies as st

from qgf_ros.contract.load import with_chunks
from qgf_ros.contract.schema import Chunking, ChunkMode, Contract
from qgf_ros.control.gate import CommandGate
from qgf_ros.control.seams import SeamCount
from qgf_ros.datatypes import ActionChunk, FloatArray, JointCommand, JointReading, Seam

TICK_NS = 10_000_000
TICKS_PER_ACTION = 5
NAMES = ("shoulder", "elbow")
MEASURED = {"shoulder": 0.0, "elbow": 0.0}
ACTIONS = st.lists(st.tuples(st.floats(-0.1, 0.1), st.floats(-0.15, 0.25)), min_size=4, max_size=4)


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """Four actions a chunk; the next is asked for after two, and takes over one later. None is too fast: on a slowed path a
    seam also holds what the slowing took away."""

    def fast(content: dict[str, dict[str, dict[str, dict[str, float]]]]) -> None:
        for limits in content["deployment"]["limits"].values():
            limits["velocity"] = 20.0

    plain = two_joints(tmp_path_factory.mktemp("contract"), fast)
    return with_chunks(plain, Chunking(ChunkMode.NAIVE, 2, 1))


class Arm:
    """A gate that has been started, and its clock."""

    def __init__(self, contract: Contract, first: FloatArray) -> None:
        self.gate = CommandGate(contract, None)
        self.gate.reset(JointReading(0, NAMES, np.zeros(2), np.zeros(2), np.zeros(0)))
        self.gate.start()
        self.now_ns = TICK_NS
        self.load(first)

    def load(self, actions: FloatArray) -> None:
        """A chunk from the present."""
        self.gate.load(ActionChunk(NAMES, actions, self.now_ns))

    def play(self, ticks: int) -> list[JointCommand]:
        commands = []
        for _ in range(ticks):
            commands.append(self.gate.tick(self.now_ns, MEASURED))
            self.now_ns += TICK_NS
        return commands


def departure(one: list[JointCommand], other: list[JointCommand]) -> Seam:
    """By definition."""
    pairs = list(zip(one, other, strict=True))
    return Seam(
        max(float(np.abs(a.positions - b.positions).max()) for a, b in pairs),
        max(float(np.abs(a.velocities - b.velocities).max()) for a, b in pairs),
        max(float(np.abs(a.accelerations - b.accelerations).max()) for a, b in pairs),
    )


def as_row(seam: Seam | None) -> FloatArray:
    assert seam is not None
    return np.array([seam.position, seam.velocity, seam.acceleration])


@given(first=ACTIONS, second=ACTIONS)
def test_a_seam_is_the_departure_from_the_arm_that_got_no_new_chunk(
    contract: Contract, first: list[tuple[float, float]], second: list[tuple[float, float]]
) -> None:
    arms = [Arm(contract, np.array(first)) for _ in range(2)]
    for arm in arms:
        arm.play(2 * TICKS_PER_ACTION)
    arms[0].load(np.array(second))
    for arm in arms:
        arm.play(TICKS_PER_ACTION)
    new, old = (arm.play(TICKS_PER_ACTION) for arm in arms)
    assert [command.seam for command in new[:-1]] == [None] * (TICKS_PER_ACTION - 1)
    np.testing.assert_allclose(as_row(new[-1].seam), as_row(departure(new, old)), atol=1e-9)


@given(first=ACTIONS, new=st.tuples(st.floats(-0.1, 0.1), st.floats(-0.15, 0.25)))
def test_chunks_that_agree_about_the_actions_ahead_have_no_seam(
    contract: Contract, first: list[tuple[float, float]], new: tuple[float, float]
) -> None:
    arm = Arm(contract, np.array(first))
    arm.play(2 * TICKS_PER_ACTION)
    arm.load(np.array([*first[2:], new, new]))
    commands = arm.play(2 * TICKS_PER_ACTION)
    np.testing.assert_array_equal(as_row(commands[-1].seam), 0.0)


def test_an_arm_that_came_to_rest_is_torn_from_rest(contract: Contract) -> None:
    arm = Arm(contract, np.full((4, 2), 0.05))
    resting = arm.play(100)[-1]
    arm.load(np.array([[-0.1, 0.1]] * 4))
    moving = arm.play(TICKS_PER_ACTION)
    np.testing.assert_allclose(
        as_row(moving[-1].seam), as_row(departure(moving, [resting] * TICKS_PER_ACTION)), atol=1e-9
    )


def test_an_arm_whose_chunk_has_just_ended_is_held_to_go_on_as_it_went(contract: Contract) -> None:
    """Synchronous chunks meet there: the same action once more is no seam."""
    arm = Arm(contract, np.array([[0.03, 0.02]] * 4))
    arm.play(4 * TICKS_PER_ACTION)
    arm.load(np.array([[0.03, 0.02]] * 4))
    np.testing.assert_array_equal(as_row(arm.play(TICKS_PER_ACTION)[-1].seam), 0.0)


def test_the_first_chunk_after_a_start_and_one_that_a_stop_cuts_short_have_no_seam(
    contract: Contract,
) -> None:
    arm = Arm(contract, np.full((4, 2), 0.05))
    commands = arm.play(2 * TICKS_PER_ACTION)
    arm.load(np.full((4, 2), -0.05))
    commands += arm.play(TICKS_PER_ACTION + 2)
    arm.gate.hold("stopped")
    commands += arm.play(20)
    assert {command.seam for command in commands} == {None}


def test_counted_are_the_mean_and_the_largest_of_each_kind() -> None:
    count = SeamCount()
    assert (count.count, count.mean) == (0, Seam(0.0, 0.0, 0.0))
    count.add(Seam(1.0, 5.0, 0.0))
    count.add(Seam(3.0, 1.0, 2.0))
    assert (count.count, count.mean, count.largest) == (2, Seam(2.0, 3.0, 1.0), Seam(3.0, 5.0, 2.0))
