"""Goals in the whole graph in lockstep: the simulator tells its own, the policy node is told, and a changed one is followed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from closed_loops import ROOT, InProcess, graph_in_lockstep, saved
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PoseStamped
from ros_graph import EVERYTHING, LATCHED, PATIENCE_S, Peer, values
from std_srvs.srv import SetBool, Trigger

from qgf_ros.checkpoint import Checkpoint
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Contract
from qgf_ros.data.normalizer import Normalizer
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.graph import load_graph, settings
from qgf_ros.networks import NetworkConfig, Networks
from qgf_ros.runner import running

pytestmark = [pytest.mark.ros, pytest.mark.sim, pytest.mark.usefixtures("of_this_clone")]
GRAPH = ROOT / "config/graphs/closed_loop.yaml"
SHIPPED = ROOT / "checkpoints/ur5e_cube_goal"


@pytest.fixture
def contract() -> Contract:
    return load_contract(ROOT / "config/contracts/ur5e_cube_goal.yaml")


def tiny(contract: Contract) -> Checkpoint:
    """Random networks whose critic is told a goal."""
    interface = contract.interface
    length, goal_dim = interface.observation_dim, interface.goal_dim
    config = NetworkConfig(
        length, interface.action_dim, interface.chunk_length, hidden=(32, 32), goal_dim=goal_dim
    )
    networks = Networks.create(config, torch.Generator().manual_seed(0))
    normalizer = Normalizer(np.zeros(length, np.float32), np.ones(length, np.float32))
    defaults = SamplerDefaults(guidance_weight=0.5, denoise_steps=4, candidates=2)
    return Checkpoint(networks, normalizer, interface, defaults, {})


def test_with_the_simulator_s_goal_commands_are_those_of_the_loop_in_process(
    contract: Contract, namespace: str, tmp_path: Path
) -> None:
    checkpoint = saved(tmp_path / "tiny", tiny(contract))
    expected = InProcess(contract, checkpoint).commands(3)
    with graph_in_lockstep(contract, checkpoint, namespace) as conductor:
        record = conductor.run_episode(3)
    np.testing.assert_array_equal(record.commands, expected)


class Hand:
    """Who says where the cube shall go, and looks where it is. State: what the simulator told."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self.cubes = peer.collect(PoseStamped, "cube_pose", EVERYTHING)
        self.policy = peer.collect(DiagnosticStatus, "policy_node/status", LATCHED)
        self.sim = peer.collect(DiagnosticStatus, "sim_node/status", LATCHED)
        self._goal = peer.node.create_publisher(PoseStamped, "sim_node/goal", LATCHED)

    def begin(self, seed: int) -> None:
        """An episode, in the order in which it follows from its seed."""
        call, set_parameter = self._peer.call, self._peer.set_parameter
        self._peer.until(lambda: self.sim, "the simulator")
        self._peer.until(
            lambda: self.policy and values(self.policy[-1])["state"] != "unconfigured", "the policy"
        )
        assert set_parameter("sim_node", "seed", seed)
        assert set_parameter("policy_node", "seed", seed)
        assert call(Trigger, "sim_node/reset").success
        self._peer.until(
            lambda: call(Trigger, "command_node/reset").success, "joint states at the command node"
        )
        assert call(Trigger, "policy_node/reset").success
        self._peer.until(lambda: call(Trigger, "command_node/start").success, "controllers that listen")
        assert call(SetBool, "sim_node/pause", SetBool.Request(data=False)).success

    def send(self, place: list[float]) -> None:
        """Another goal, while the arm moves."""
        message = PoseStamped()
        message.header.frame_id = "base_link"
        point = message.pose.position
        point.x, point.y, point.z = place
        self._peer.matched(self._goal)
        self._goal.publish(message)
        told = " ".join(f"{value:g}" for value in place)
        self._peer.until(
            lambda: values(self.policy[-1]).get("goal") == told, f"the policy with the goal {told}"
        )

    def away(self, place: list[float]) -> float:
        """How far the cube is from a place, m."""
        point = self.cubes[-1].pose.position
        return float(np.linalg.norm(np.array([point.x, point.y, point.z]) - place))

    def steps(self) -> int:
        """Control periods of the episode."""
        return int(values(self.sim[-1])["step"])


@pytest.mark.slow  # two ways of a cube over the table
def test_a_goal_that_is_changed_in_mid_episode_is_reached(
    contract: Contract, namespace: str, peer: Peer
) -> None:
    first, second = [0.5, 0.2, 0.02], [0.5, -0.2, 0.02]  # those of tasks 4 and 5
    arguments: dict[str, Any] = {
        "checkpoint": str(SHIPPED),
        "contract": str(contract.path),
        "lockstep": "true",
    }
    arguments |= {"namespace": namespace, "task": "cube-single-task4"}
    with running(settings(load_graph(GRAPH), arguments, ["sim_node:paused:=true"])) as processes:
        hand = Hand(peer)
        hand.begin(seed=0)
        peer.until(lambda: hand.steps() >= 10, "the arm on its way", PATIENCE_S)
        assert hand.away(first) > contract.interface.goal.radius  # type: ignore[union-attr]
        assert hand.away(second) > contract.interface.goal.radius  # type: ignore[union-attr]
        hand.send(second)
        peer.until(lambda: values(hand.sim[-1])["success"] == "true" or hand.steps() > 600, "the cube", 600.0)
        processes.check()
        assert hand.away(second) <= contract.interface.goal.radius  # type: ignore[union-attr]
