"""In episodes the critic is told the task's goal, or, as a control, that of another task of its family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from closed_loops import ROOT, saved

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.cli.main import main
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.data.normalizer import Normalizer
from qgf_ros.errors import ContractError
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.evaluate.goals import goal_of, other_goal
from qgf_ros.evaluate.rollouts import make_policy, run_episode, shuffled_row, standard_rows
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.networks import NetworkConfig, Networks

pytestmark = pytest.mark.sim
GOALS = {  # OGBench's
    1: [0.425, -0.1, 0.02],
    2: [0.5, 0.0, 0.02],
    3: [0.35, 0.0, 0.02],
    4: [0.5, 0.2, 0.02],
    5: [0.5, -0.2, 0.02],
}


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_contract(ROOT / "config/contracts/ur5e_cube_goal.yaml")


@pytest.fixture(scope="module")
def checkpoint(contract: Contract) -> Checkpoint:
    interface = contract.interface
    length, goal_dim = interface.observation_dim, interface.goal_dim
    config = NetworkConfig(
        length, interface.action_dim, interface.chunk_length, hidden=(16, 16), goal_dim=goal_dim
    )
    networks = Networks.create(config, torch.Generator().manual_seed(0)).requires_grad_(False)
    normalizer = Normalizer(np.zeros(length, np.float32), np.ones(length, np.float32))
    defaults = SamplerDefaults(guidance_weight=0.5, denoise_steps=4, candidates=2)
    return Checkpoint(networks, normalizer, interface, defaults, {"task": "cube-single-task1"})


@pytest.mark.parametrize("task", GOALS)
def test_a_task_says_where_its_cube_shall_be(contract: Contract, task: int) -> None:
    loop = ClosedLoop(contract, f"cube-single-task{task}")
    loop.reset(0)
    np.testing.assert_allclose(goal_of(contract, loop.simulation), GOALS[task])


def test_another_task_s_goal_is_told_by_the_seed_and_never_the_task_s_own(contract: Contract) -> None:
    told = [tuple(other_goal(contract, "cube-single-task2", seed).round(6).tolist()) for seed in range(8)]
    assert set(told) == {tuple(GOALS[task]) for task in (1, 3, 4, 5)}
    assert told[:4] == told[4:]


def test_free_play_has_no_goal_to_tell(contract: Contract) -> None:
    loop = ClosedLoop(contract, "cube-single-play")
    loop.reset(0)
    with pytest.raises(ContractError, match="has no goal"):
        goal_of(contract, loop.simulation)
    with pytest.raises(ContractError, match="has no others beside it"):
        other_goal(contract, "cube-single-play", 0)


def test_an_episode_tells_the_policy_its_goal(contract: Contract, checkpoint: Checkpoint) -> None:
    loop, policy = ClosedLoop(contract, "cube-single-task4"), make_policy(checkpoint)
    loop.simulation.max_steps = 5  # type: ignore[misc]  it is told before the first step
    guided = standard_rows(checkpoint)[-1]
    for row, expected in ((guided, 4), (shuffled_row(guided), 1), (guided, 4)):
        run_episode(loop, policy, row, seed=0)
        assert policy.goal is not None
        np.testing.assert_allclose(policy.goal, GOALS[expected])


def test_qgf_evaluate_has_a_row_for_the_wrong_goal(
    checkpoint: Checkpoint, contract: Contract, tmp_path: Path, capsys: Any
) -> None:
    folder = saved(tmp_path / "tiny", checkpoint)
    arguments = [
        "evaluate",
        str(folder),
        "--contract",
        str(contract.path),
        "--episodes",
        "1",
        "--processes",
        "1",
    ]
    assert main([*arguments, "--rows", "shuffled_goal"]) == 0
    assert "shuffled_goal" in capsys.readouterr().out
