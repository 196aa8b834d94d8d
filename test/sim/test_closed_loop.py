"""Robot, gate and assembler in one process: the loop that data are collected in and that the graph must repeat."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract_files import SHIPPED, write_shipped

pytest.importorskip("mujoco", reason="needs mujoco: pip install 'qgf_ros[sim]'")
pytest.importorskip("ogbench", reason="needs ogbench: pip install 'qgf_ros[sim]'")

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.datatypes import FloatArray, JointCommand, Rung
from qgf_ros.errors import ContractError, UnknownTaskError
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.evaluate.demonstrators import demonstrator_for

pytestmark = pytest.mark.sim

TASK = "cube-single-task2"
ROUNDING = 1e-9  # relative to each limit
AT_REST = 1e-9


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_contract(SHIPPED)


@pytest.fixture(scope="module")
def loop(contract: Contract) -> ClosedLoop:
    return ClosedLoop(contract, TASK)


def random_episode(loop: ClosedLoop, seed: int, chunks: int = 6) -> tuple[FloatArray, FloatArray]:
    """Observations (N, O) and commands (T, 3, J) of an episode of random chunks."""
    loop.reset(seed)
    rng = np.random.default_rng(seed)
    observations, commands = [], []
    for _ in range(chunks):
        observation = loop.observe()
        observations.append(observation.values)
        actions = loop.gate.action_space.physical(rng.uniform(-1.0, 1.0, (5, 5)))
        loop.load(actions, observation.stamp_ns)
        for _ in range(len(actions)):
            commands += [rows(command) for command in loop.play_action()]
    return np.array(observations), np.array(commands)


def rows(command: JointCommand) -> FloatArray:
    return np.array([command.positions, command.velocities, command.accelerations])


def oracle_episode(loop: ClosedLoop, seed: int, steps: int = 200) -> list[JointCommand]:
    """Commands of OGBench's demonstrator, until success."""
    loop.reset(seed)
    oracle = demonstrator_for(loop, noise=0.0, slowness=1.0)
    oracle.reset()
    commands: list[JointCommand] = []
    for _ in range(steps):
        if loop.simulation.success():
            break
        if oracle.done:
            oracle.renew()
        observation = loop.observe()
        action = loop.gate.action_space.delta_to(oracle.wish(), loop.commanded(), loop.measured())
        loop.load(action[None], observation.stamp_ns + 1)
        commands += loop.play_action()
    return commands


def test_an_episode_begins_at_rest_where_the_arm_is(loop: ClosedLoop, contract: Contract) -> None:
    loop.reset(3)
    assert loop.commanded() == loop.measured()
    np.testing.assert_array_equal(loop.command.velocities, np.zeros(len(contract.interface.joints)))
    observation = loop.observe()
    assert len(observation.values) == contract.interface.observation_dim
    for measured, commanded in (
        ("tool_position", "commanded_tool_position"),
        ("gripper", "commanded_gripper"),
    ):
        np.testing.assert_array_equal(
            observation.values[contract.interface.slice_of(measured)],
            observation.values[contract.interface.slice_of(commanded)],
        )


def test_one_seed_gives_one_episode_bit_by_bit(loop: ClosedLoop, contract: Contract) -> None:
    """Whatever was played before, and in another instance too."""
    first = random_episode(loop, 1)
    random_episode(loop, 2)
    again, elsewhere = random_episode(loop, 1), random_episode(ClosedLoop(contract, TASK), 1)
    for other in (again, elsewhere):
        np.testing.assert_array_equal(first[0], other[0])
        np.testing.assert_array_equal(first[1], other[1])


def test_other_seeds_give_other_episodes(loop: ClosedLoop) -> None:
    assert not np.array_equal(random_episode(loop, 1)[0], random_episode(loop, 2)[0])


def test_a_chunk_gives_the_same_commands_as_its_actions_one_by_one(loop: ClosedLoop) -> None:
    """Data are collected action by action, policies act in chunks: both must do the same to the arm."""
    actions = loop.gate.action_space.physical(np.random.default_rng(5).uniform(-1.0, 1.0, (5, 5)))
    loop.reset(7)
    loop.load(actions, loop.simulation.time_ns + 1)
    whole = [rows(command) for _ in actions for command in loop.play_action()]
    loop.reset(7)
    single = []
    for action in actions:
        loop.load(action[None], loop.simulation.time_ns + 1)
        single += [rows(command) for command in loop.play_action()]
    np.testing.assert_array_equal(np.array(whole), np.array(single))


@pytest.mark.parametrize("seed", [0, 1])
def test_the_oracle_solves_the_task_through_the_gate_inside_all_limits(loop: ClosedLoop, seed: int) -> None:
    before = cube(loop, seed)
    commands = oracle_episode(loop, seed)
    assert loop.simulation.success()
    assert np.linalg.norm(loop.simulation.poses()["cube"].position - before) > 0.05
    assert_within_limits(loop.contract, np.array([rows(command) for command in commands]))
    assert {command.rung for command in commands} == {Rung.CHUNK}


def test_random_actions_stay_inside_all_limits(loop: ClosedLoop) -> None:
    assert_within_limits(loop.contract, random_episode(loop, 11, chunks=12)[1])


def cube(loop: ClosedLoop, seed: int) -> FloatArray:
    loop.reset(seed)
    return np.array(loop.simulation.poses()["cube"].position)


def assert_within_limits(contract: Contract, commands: FloatArray) -> None:
    """Commands (T, 3, J): what they say and what their finite differences do."""
    tick_s = contract.tick_ns * 1e-9
    positions, velocities, accelerations = commands[:, 0], commands[:, 1], commands[:, 2]
    limits = [contract.deployment.limits[joint] for joint in contract.interface.joints]
    velocity = np.array([limit.velocity for limit in limits])
    acceleration = np.array([limit.acceleration for limit in limits])
    jerk = np.array([limit.jerk for limit in limits])
    assert np.all(positions >= np.array([limit.lower for limit in limits]) - ROUNDING)
    assert np.all(positions <= np.array([limit.upper for limit in limits]) + ROUNDING)
    for values, bound in (
        (velocities, velocity),
        (np.diff(positions, axis=0) / tick_s, velocity),
        (accelerations, acceleration),
        (np.diff(velocities, axis=0) / tick_s, acceleration),
        (np.diff(accelerations, axis=0) / tick_s, jerk),
    ):
        assert np.all(np.abs(values) <= bound * (1 + ROUNDING))


def test_between_chunks_the_arm_ends_at_rest(loop: ClosedLoop) -> None:
    random_episode(loop, 4, chunks=1)
    tail = [loop.tick() for _ in range(100)]
    assert {command.rung for command in tail} == {Rung.TAIL}
    assert np.abs(tail[-1].velocities).max() < AT_REST


def test_a_task_that_does_not_exist_is_named(contract: Contract) -> None:
    with pytest.raises(
        UnknownTaskError, match="There is no task 'cube-single-task9': available are cube-single-task1"
    ):
        ClosedLoop(contract, "cube-single-task9")


def test_an_input_that_the_task_does_not_publish_is_named(tmp_path: Path) -> None:
    def rename(content: dict[str, Any]) -> None:
        content["interface"]["inputs"][2]["name"] = "ball"
        content["deployment"]["inputs"]["ball"] = content["deployment"]["inputs"].pop("cube")
        for term in content["interface"]["observation"]:
            term["input"] = term["input"].replace("cube", "ball")

    loop = ClosedLoop(load_contract(write_shipped(tmp_path, rename)), TASK)
    loop.reset(0)
    with pytest.raises(ContractError, match=r"does not publish the input 'ball'; it publishes cube, goal"):
        loop.observe()


def test_joints_that_the_robot_lacks_are_named(contract: Contract) -> None:
    thumb = dataclasses.replace(contract.interface, joints=(*contract.interface.joints, "thumb_joint"))
    limits = contract.deployment.limits | {"thumb_joint": contract.deployment.limits["finger_joint"]}
    deployment = dataclasses.replace(contract.deployment, limits=limits)
    with pytest.raises(ContractError, match="no joint thumb_joint; it has shoulder_pan_joint"):
        ClosedLoop(dataclasses.replace(contract, interface=thumb, deployment=deployment), TASK)


def test_a_command_rate_that_the_physics_cannot_step_is_refused(tmp_path: Path) -> None:
    """At 60 Hz a tick is 16.7 ms: physics of 2 ms would fall behind the commands by 4 % and say nothing."""
    path = write_shipped(tmp_path, lambda content: content["deployment"].update(command_rate_hz=60.0))
    loop = ClosedLoop(load_contract(path), TASK)
    loop.reset(0)
    with pytest.raises(
        ContractError, match=r"tick lasts 16\.6667 ms, but the simulation moved on by 16 ms; .* such as 100"
    ):
        loop.tick()
