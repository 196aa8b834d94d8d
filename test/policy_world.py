"""A world for the policy node: who plays the robot and the command node, and fixtures that start the node in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from contract_files import two_joints_with_command
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from ros_graph import LATCHED, Peer, values
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from qgf_ros.checkpoint import Checkpoint, save_checkpoint
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Interface
from qgf_ros.data.normalizer import Normalizer
from qgf_ros.flow.sampler import SamplerDefaults
from qgf_ros.networks import NetworkConfig, Networks
from qgf_ros.nodes.convert import to_stamp
from qgf_ros.nodes.diagnostics import Level, status

NODE, NAME = "qgf_ros.nodes.policy_node", "policy_node"
CONFIGURE, CLEANUP, ACTIVATE, DEACTIVATE = 1, 2, 3, 4
TICK = 10_000_000
SENSORS = ("joint_states", "goal_pose")


def save_tiny(folder: Path, interface: Interface, weight: float = 1.0, denoise_steps: int = 4) -> Path:
    """A checkpoint of random networks; all that the policy has learned is multiplied by `weight`."""
    config = NetworkConfig(
        interface.observation_dim,
        interface.action_dim,
        interface.chunk_length,
        (16, 16),
        goal_dim=interface.goal_dim,
    )
    networks = Networks.create(config, torch.Generator().manual_seed(0))
    with torch.no_grad():
        for parameter in networks.policy.layers.parameters():
            parameter.mul_(weight)
    length = interface.observation_dim
    normalizer = Normalizer(np.zeros(length, np.float32), np.ones(length, np.float32))
    defaults = SamplerDefaults(guidance_weight=0.5, denoise_steps=denoise_steps)
    save_checkpoint(folder, Checkpoint(networks, normalizer, interface, defaults, {}))
    return folder


class World:
    """Publishes what the node reads, all with one stamp, and wishes for chunks; what the node sends is kept."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.positions, self.names, self.frame = [0.1, 0.2], ["elbow", "shoulder"], "base_link"
        self.chunks = peer.collect(JointTrajectory, f"{NAME}/chunk")
        self.reports = peer.collect(DiagnosticArray, f"{NAME}/report")
        self.states = peer.collect(DiagnosticStatus, f"{NAME}/status", LATCHED)
        self.diagnostics = peer.collect(DiagnosticArray, "/diagnostics")
        make = peer.node.create_publisher
        self._joints, self._goal = make(JointState, "joint_states", 10), make(PoseStamped, "goal_pose", 10)
        self._executed = make(JointTrajectory, "command_node/executed", 10)
        self._certificate = make(DiagnosticArray, "command_node/certificate", 10)
        self._stated = make(PoseStamped, "goal", LATCHED)  # heard where the contract has goals

    def now_ns(self) -> int:
        return int(self.peer.node.get_clock().now().nanoseconds)

    def matched(self) -> None:
        """Waits until the node listens to everything."""
        for publisher in (self._joints, self._goal, self._executed, self._certificate):
            self.peer.matched(publisher)

    def sense(self, stamp: int, without: tuple[str, ...] = ()) -> None:
        """One message on every input but those named."""
        if "joint_states" not in without:
            message = JointState(name=self.names, position=self.positions, velocity=[0.0] * len(self.names))
            message.header.stamp = to_stamp(stamp)
            self._joints.publish(message)
        if "goal_pose" not in without:
            pose = PoseStamped()
            pose.header.stamp, pose.header.frame_id, pose.pose.orientation.w = (
                to_stamp(stamp),
                self.frame,
                1.0,
            )
            self._goal.publish(pose)
        executed = JointTrajectory(joint_names=["shoulder", "elbow"])
        executed.header.stamp = to_stamp(stamp)
        executed.points = [JointTrajectoryPoint(positions=[0.2, 0.1], velocities=[0.0, 0.0])]
        self._executed.publish(executed)

    def state_goal(self, x: float, frame: str = "base_link") -> None:
        """Says where the task ends."""
        message = PoseStamped()
        message.header.frame_id, message.pose.position.x = frame, x
        self._stated.publish(message)

    def wish(self, wanted_from_ns: int, chunk_stamp_ns: int = 0) -> None:
        """The certificate of a tick after which a chunk is wanted."""
        found = {"wants_chunk": True, "wanted_from_ns": wanted_from_ns, "chunk_stamp_ns": chunk_stamp_ns}
        message = DiagnosticArray(status=[status("command_node: certificate", Level.OK, "", found)])
        message.header.stamp = to_stamp(wanted_from_ns - 1)
        self.send_certificate(message)

    def send_certificate(self, message: DiagnosticArray) -> None:
        """Anything on the certificate's topic."""
        self._certificate.publish(message)

    def keep_sensing(self, is_true: Callable[[], object], what: str, without: tuple[str, ...] = ()) -> None:
        """Fresh messages until the condition holds."""
        timer = self.peer.node.create_timer(0.02, lambda: self.sense(self.now_ns(), without))
        self.peer.until(is_true, what)
        self.peer.node.destroy_timer(timer)

    def chunk_for_wish(self) -> JointTrajectory:
        """Wishes for a chunk, from now on, and waits for it; nothing is in play."""
        begun = len(self.chunks)
        self.wish(self.now_ns())
        self.keep_sensing(lambda: len(self.chunks) > begun, "a chunk")
        return self.chunks[begun]

    def lockstep_chunk(self, stamp: int, previous_ns: int = 0) -> JointTrajectory:
        """Lockstep: the chunk from messages stamped `stamp`, after one stamped `previous_ns` was played."""
        begun = len(self.chunks)
        self.sense(stamp)
        self.wish(stamp, previous_ns)
        self.peer.until(lambda: len(self.chunks) > begun, "a chunk")
        return self.chunks[begun]

    def state(self) -> dict[str, str]:
        return values(self.states[-1]) if self.states else {}

    def diagnosed(self, task: str, level: Level) -> list[str]:
        """The sentences of a task at a level so far."""
        found = [entry for message in self.diagnostics for entry in message.status]
        return [
            entry.message
            for entry in found
            if entry.name.endswith(f"{NAME}: {task}") and entry.level == level.value
        ]

    def until_complaint(self, words: str) -> None:
        """Waits until ~/status and /diagnostics both carry a sentence."""
        self.peer.until(lambda: self.states and words in self.states[-1].message, f"a status '{words}'")
        self.peer.until(
            lambda: any(words in text for text in self.diagnosed("inputs", Level.ERROR)),
            f"a diagnostic '{words}'",
        )

    def change(self, transition: int) -> bool:
        """Drives the node through a lifecycle transition; whether it succeeded."""
        request = ChangeState.Request()
        request.transition.id = transition
        return bool(self.peer.call(ChangeState, f"{NAME}/change_state", request).success)

    def set(self, name: str, value: object) -> str:
        """Sets a parameter; the reason of a refusal, empty where it was taken."""
        request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
        result = self.peer.call(SetParameters, f"{NAME}/set_parameters", request).results[0]
        return "" if result.successful else result.reason


@pytest.fixture
def world(peer: Peer) -> World:
    return World(peer)


@pytest.fixture
def contract_path(tmp_path: Path) -> Path:
    return two_joints_with_command(tmp_path)


@pytest.fixture
def checkpoint(tmp_path: Path, contract_path: Path) -> Path:
    return save_tiny(tmp_path / "tiny", load_contract(contract_path).interface)


@pytest.fixture
def launch(
    start: Callable[..., Any], world: World, contract_path: Path, checkpoint: Path
) -> Callable[..., Any]:
    """Starts the node on the tiny checkpoint and waits until it listens."""

    def begin(**parameters: object) -> Any:
        defaults = {"contract": contract_path, "checkpoint": checkpoint, "autostart": True}
        process = start(NODE, **(defaults | parameters))
        world.matched()
        world.peer.until(lambda: world.state().get("state") == "active", "the active node")
        return process

    return begin
