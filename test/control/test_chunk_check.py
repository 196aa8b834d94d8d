"""A whole chunk is looked at before it is played: what is foreseen is what happens, and what cannot be is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arm_poses import CENTRE
from contract_files import SHIPPED, two_joints, write_shipped
from hypothesis import given, settings
from hypothesis import strategies as st

from qgf_ros.contract.load import load_contract, with_chunks
from qgf_ros.contract.schema import Chunking, ChunkMode, Contract
from qgf_ros.control.gate import CommandGate
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.datatypes import ActionChunk, Finding, FloatArray, JointReading, Rung, Verdict
from qgf_ros.errors import ChunkRefused

TICK_NS = 10_000_000
SOLVED = 2e-4  # rad: two solvers that stop within 1e-5 of a tool pose, five actions after one another
FOLLOWS = 1e-9
DIMENSIONS = ("x", "y", "z", "yaw", "finger_joint")


@pytest.fixture(scope="module")
def joints(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    return two_joints(tmp_path_factory.mktemp("contract"))


@pytest.fixture(scope="module")
def arm() -> Contract:
    found = load_contract(SHIPPED)
    return dataclasses.replace(found, deployment=dataclasses.replace(found.deployment, scene=None))


class Watch:
    """A look-ahead that keeps what it is shown, and finds what it is told to find."""

    def __init__(self, finding: Finding | None = None) -> None:
        self.finding = finding
        self.path: FloatArray = np.zeros((0, 0))
        self.start: FloatArray = np.zeros(0)

    def check(self, path: FloatArray, start: FloatArray) -> Finding | None:
        """What it was told to find."""
        self.path, self.start = path, start
        return self.finding


@pytest.fixture(scope="module")
def kinematics(arm: Contract) -> Kinematics:
    return Kinematics(arm)


def ready(
    contract: Contract, watch: Watch | None = None, kinematics: Kinematics | None = None
) -> CommandGate:
    gate, names = CommandGate(contract, kinematics, watch), contract.interface.joints
    here = CENTRE | {"finger_joint": 0.2}
    at = np.array([here.get(name, 0.0) for name in names])
    gate.reset(JointReading(0, names, at, np.zeros(len(names)), np.zeros(0)))
    gate.start()
    return gate


def load(gate: CommandGate, contract: Contract, actions: FloatArray, stamp_ns: int = 1) -> None:
    gate.load(ActionChunk(contract.interface.action.names, actions, stamp_ns))


def play(gate: CommandGate, ticks: int, first: int = 0, scale: float = 1.0) -> FloatArray:
    """Positions (T, J) of so many ticks."""
    measured = dict.fromkeys(gate.limits.joints, 0.0)
    commands = [gate.tick((first + tick + 1) * TICK_NS, measured, scale) for tick in range(ticks)]
    assert {command.rung for command in commands} <= {Rung.CHUNK, Rung.TAIL}
    return np.array([command.positions for command in commands])


@given(values=st.lists(st.tuples(*[st.floats(-0.3, 0.3)] * 2), min_size=2, max_size=4))
def test_the_path_foreseen_for_joints_is_the_path_played(
    joints: Contract, values: list[tuple[float, float]]
) -> None:
    watch = Watch()
    gate = ready(joints, watch)
    load(gate, joints, np.array(values) * [0.1, 0.2])
    played = play(gate, 5 * len(values))
    np.testing.assert_allclose(watch.path[:-1], played[4::5], atol=FOLLOWS)
    np.testing.assert_allclose(watch.path[-1], play(gate, 200)[-1], atol=FOLLOWS)


@settings(max_examples=10)
@given(values=st.lists(st.tuples(*[st.floats(-0.5, 0.5)] * 5), min_size=5, max_size=5))
def test_the_path_foreseen_for_the_tool_is_the_path_played(
    arm: Contract, kinematics: Kinematics, values: list[tuple[float, ...]]
) -> None:
    watch = Watch()
    gate = ready(arm, watch, kinematics)
    load(gate, arm, gate.action_space.physical(np.array(values)))
    played = play(gate, 25)
    np.testing.assert_allclose(watch.path[:-1], played[4::5], atol=SOLVED)


def test_a_chunk_that_waits_is_foreseen_from_where_it_will_take_over(joints: Contract) -> None:
    watch = Watch()
    contract = with_chunks(joints, Chunking(ChunkMode.REAL_TIME, 2, 1))
    gate = ready(contract, watch)
    load(gate, contract, np.tile([0.02, 0.03], (4, 1)), stamp_ns=1)
    play(gate, 10)
    load(gate, contract, np.tile([-0.02, 0.01], (4, 1)), stamp_ns=10 * TICK_NS + 1)
    foreseen, start = watch.path, watch.start
    until = play(gate, 5, 10)
    np.testing.assert_allclose(until[-1], start, atol=FOLLOWS)
    np.testing.assert_allclose(play(gate, 15, 15)[4::5], foreseen[:-1], atol=FOLLOWS)


@pytest.mark.parametrize("reason", ["collision", "workspace"])
def test_what_a_look_ahead_finds_refuses_the_chunk_by_its_reason(joints: Contract, reason: str) -> None:
    gate = ready(joints, Watch(Finding(Verdict.HOLD, reason, "elbow~table")))
    with pytest.raises(
        ChunkRefused, match=rf"would lead to {reason} \(elbow~table\); it was not played"
    ) as caught:
        load(gate, joints, np.tile([0.1, 0.2], (4, 1)))
    assert caught.value.reason == reason
    assert gate.wants_chunk
    np.testing.assert_array_equal(play(gate, 20)[-1], [0.0, 0.0])


def far_reaching(folder: Path) -> Contract:
    def edit(content: dict[str, Any]) -> None:
        content["interface"]["action"]["workspace"] = [[-9.0, -9.0, -9.0], [9.0, 9.0, 9.0]]
        content["interface"]["action"]["dimensions"][0]["scale"] = 2.0
        for key in ("tool", "scene"):
            content["deployment"].pop(key, None)

    return load_contract(write_shipped(folder, edit))


AWAY, STAY = [2.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0]


def test_a_chunk_whose_first_action_no_joints_reach_is_refused_by_name(tmp_path: Path) -> None:
    contract = far_reaching(tmp_path)
    gate = ready(contract, None, Kinematics(contract))
    with pytest.raises(ChunkRefused, match="where the chunk's first action wants it") as caught:
        load(gate, contract, np.array([AWAY, STAY, STAY]))
    assert caught.value.reason == "unreachable"
    assert gate.wants_chunk


def test_a_later_action_that_no_joints_reach_is_clamped_and_named(tmp_path: Path) -> None:
    contract = far_reaching(tmp_path)
    gate = ready(contract, None, Kinematics(contract))
    load(gate, contract, np.array([STAY, AWAY, STAY]))
    assert gate.checked is not None
    assert [str(finding) for finding in gate.checked.findings] == ["clamp:unreachable:tool"]
    commands = [gate.tick((tick + 1) * TICK_NS, dict.fromkeys(gate.limits.joints, 0.0)) for tick in range(15)]
    where = [tick for tick, one in enumerate(commands) if "clamp:unreachable:tool" in map(str, one.findings)]
    assert where == [5]
    np.testing.assert_array_equal(commands[-1].positions, commands[0].positions)


def test_a_single_action_is_clamped_as_ever_since_the_next_one_comes_a_period_later(tmp_path: Path) -> None:
    contract = far_reaching(tmp_path)
    gate = ready(contract, None, Kinematics(contract))
    load(gate, contract, np.array([AWAY]))
    assert gate.tick(TICK_NS, dict.fromkeys(gate.limits.joints, 0.0)).clipped == 1


def test_every_clip_of_a_command_is_a_finding_that_names_its_dimension(
    arm: Contract, kinematics: Kinematics
) -> None:
    gate = ready(arm, None, kinematics)
    action = np.array([0.0, 0.2, 0.0, 0.0, 0.0])
    load(gate, arm, action[None])
    command = gate.tick(TICK_NS, dict.fromkeys(gate.limits.joints, 0.0))
    assert [str(finding) for finding in command.findings] == ["clamp:range:y"]
    assert command.clipped == 1


def test_a_command_names_what_made_the_chunk_in_play(arm: Contract, kinematics: Kinematics) -> None:
    gate = ready(arm, None, kinematics)
    gate.load(ActionChunk(DIMENSIONS, np.zeros((5, 5)), 1, source="abc"))
    assert gate.tick(TICK_NS, dict.fromkeys(gate.limits.joints, 0.0)).source == "abc"
    gate.hold("test")
    assert gate.tick(2 * TICK_NS, dict.fromkeys(gate.limits.joints, 0.0)).source == ""
