"""Demonstrators solve their tasks through the same gate as a policy, and do the same again for the same seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("dm_control", reason="needs dm_control: pip install 'qgf_ros[sim]'")
pytest.importorskip("ogbench", reason="needs ogbench: pip install 'qgf_ros[sim]'")

from hypothesis import given
from hypothesis import strategies as st

import qgf_sim
from qgf_ros.contract.load import load_contract
from qgf_ros.data.relabel import Near
from qgf_ros.errors import ContractError
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.evaluate.collect import record_episode
from qgf_ros.evaluate.demonstrators import demonstrator_for
from qgf_sim.oracles import with_oracle
from qgf_sim.oracles.goals import shortest_presses

pytestmark = pytest.mark.sim

CONTRACTS = Path(__file__).parents[2] / "config" / "contracts"
CONTRACT_OF = {
    "cube-single": "ur5e_cube",
    "cube-double": "ur5e_cube_double",
    "scene": "ur5e_scene",
    "puzzle-3x3": "ur5e_puzzle",
    "jaco": "jaco_reach",
    "jaco-reach": "jaco_reach",
}
NOISE, SLOWNESS = 0.1, 1.0
ONE_OF_EACH = ("cube-single-task2", "cube-double-task2", "scene-task2", "puzzle-3x3-task2", "jaco-reach")
PLAY = ("cube-single-play", "cube-double-play", "scene-play", "puzzle-3x3-play", "jaco-reach-play")
RADIUS_M = 0.05  # of dm_control's target
PLAY_STEPS = 150  # more than one plan takes


def _loop(task: str) -> ClosedLoop:
    return ClosedLoop(load_contract(CONTRACTS / f"{CONTRACT_OF[task.rsplit('-', 1)[0]]}.yaml"), task)


def _solves(task: str, seed: int) -> bool:
    loop = _loop(task)
    demonstrator = demonstrator_for(loop, NOISE, SLOWNESS)
    loop.reset(seed)
    demonstrator.reset()
    for _ in range(loop.simulation.max_steps):
        if demonstrator.done:
            demonstrator.renew()
        action = loop.gate.action_space.delta_to(demonstrator.wish(), loop.commanded(), loop.measured())
        loop.load(action[None], loop.observe().stamp_ns + 1)
        loop.play_action()
        if loop.simulation.success():
            return True
    return False


def test_every_task_has_a_demonstrator() -> None:
    assert set(with_oracle()) == set(qgf_sim.available())


@pytest.mark.parametrize("task", ONE_OF_EACH)
def test_a_demonstrator_solves_its_task(task: str) -> None:
    assert _solves(task, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("task", [name for name in qgf_sim.available() if not name.endswith("-play")])
def test_a_demonstrator_solves_every_task_from_at_least_three_of_four_starts(task: str) -> None:
    assert sum(_solves(task, seed) for seed in range(4)) >= 3


@pytest.mark.parametrize("task", PLAY)
def test_free_play_goes_from_goal_to_goal_and_records_finite_rows(task: str) -> None:
    loop = _loop(task)
    rows = record_episode(loop, demonstrator_for(loop, NOISE, SLOWNESS), seed=1, steps=PLAY_STEPS)
    interface = loop.contract.interface
    assert rows["observations"].shape == (PLAY_STEPS, interface.observation_dim)
    assert rows["actions"].shape == (PLAY_STEPS, interface.action_dim)
    assert all(np.isfinite(rows[name]).all() for name in ("observations", "actions", "qpos", "qvel"))
    assert np.abs(rows["actions"]).max() <= 1.0 + 1e-6  # rounding to single precision
    assert rows["terminals"].tolist() == [False] * (PLAY_STEPS - 1) + [True]


@pytest.mark.parametrize("task", PLAY)
def test_equal_seeds_give_equal_demonstrations(task: str) -> None:
    loop = _loop(task)
    demonstrator = demonstrator_for(loop, NOISE, SLOWNESS)
    one, other = (record_episode(loop, demonstrator, seed=5, steps=40) for _ in range(2))
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_the_reach_can_be_scored_from_what_is_observed() -> None:
    loop = _loop("jaco-reach-play")
    demonstrator = demonstrator_for(loop, NOISE, SLOWNESS)
    loop.reset(2)
    demonstrator.reset()
    near, succeeded = Near("tool_position", RADIUS_M, to_term="target_position"), []
    observations = []
    for _ in range(300):
        if demonstrator.done:
            demonstrator.renew()
        observation = loop.observe()
        observations.append(observation.values)
        succeeded.append(loop.simulation.success())
        action = loop.gate.action_space.delta_to(demonstrator.wish(), loop.commanded(), loop.measured())
        loop.load(action[None], observation.stamp_ns + 1)
        loop.play_action()
    assert 0 < sum(succeeded) < len(succeeded)
    assert near.holds(loop.contract.interface, np.stack(observations)).tolist() == succeeded


def test_a_contract_for_another_task_is_refused_with_what_the_task_publishes() -> None:
    loop = ClosedLoop(load_contract(CONTRACTS / "ur5e_puzzle.yaml"), "cube-single-task1")
    loop.reset(0)
    with pytest.raises(
        ContractError, match="does not publish the input 'scene_states'; it publishes cube, goal"
    ):
        loop.observe()


@given(st.lists(st.booleans(), min_size=9, max_size=9))
def test_the_presses_for_a_puzzle_change_exactly_the_lamps_that_are_wrong(wrong: list[bool]) -> None:
    lamps = np.array(wrong, dtype=int)
    for button in shortest_presses(np.array(wrong, dtype=float), columns=3):
        row, column = divmod(button, 3)
        for light in range(9):
            lamps[light] ^= abs(light // 3 - row) + abs(light % 3 - column) <= 1
    assert not lamps.any()


def test_a_puzzle_that_no_presses_solve_is_refused() -> None:
    with pytest.raises(ValueError, match="no set of presses"):
        shortest_presses(np.array([1.0, 0.0]), columns=2)
