"""The graph in lockstep with another robot and other sensors: nothing in it is made for the first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from closed_loops import ROOT, InProcess, graph_in_lockstep, saved, tiny_checkpoint

from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.graph import load_graph, settings

pytestmark = [pytest.mark.ros, pytest.mark.sim, pytest.mark.usefixtures("of_this_clone")]
SEED = 3
JACO_GRAPH = ROOT / "config/graphs/jaco_reach.yaml"
JACO_PARAMS = ROOT / "config/params/jaco.yaml"


def _same_over_ros(
    contract: Contract, checkpoint: Path, task: str, more: dict[str, str], namespace: str
) -> None:
    expected = InProcess(contract, checkpoint, task).commands(SEED)
    with graph_in_lockstep(contract, checkpoint, namespace, {"task": task} | more) as conductor:
        record = conductor.run_episode(SEED)
    np.testing.assert_array_equal(record.commands, expected)


def test_an_arm_with_joint_deltas_moves_as_in_process(namespace: str) -> None:
    """The policy that ships: a random one pushes the arm where it cannot follow, which stops it over ROS."""
    contract = load_contract(ROOT / "config/contracts/jaco_reach.yaml")
    more = {"params_file": str(JACO_PARAMS)}
    _same_over_ros(contract, ROOT / "checkpoints/jaco_reach", "jaco-reach", more, namespace)


@pytest.mark.slow
def test_a_scene_of_buttons_and_lamps_is_observed_as_in_process(tmp_path: Path, namespace: str) -> None:
    contract = load_contract(ROOT / "config/contracts/ur5e_puzzle.yaml")
    checkpoint = saved(tmp_path / "tiny", tiny_checkpoint(contract.interface))
    _same_over_ros(contract, checkpoint, "puzzle-3x3-task1", {}, namespace)


def test_the_graph_of_the_second_robot_differs_in_arguments_alone(tmp_path: Path) -> None:
    first, second = load_graph(ROOT / "config/graphs/closed_loop.yaml"), load_graph(JACO_GRAPH)
    assert second.nodes == first.nodes
    chosen = settings(second, {"checkpoint": str(tmp_path)})
    assert all(entry.params_files[1:] == (JACO_PARAMS,) for entry in chosen)
    assert {str(entry.parameters["task"]) for entry in chosen if "task" in entry.parameters} == {"jaco-reach"}
