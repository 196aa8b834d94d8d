"""In lockstep the ROS graph gives the commands of the loop in process, bit by bit, and again when repeated."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract_files import write_shipped
from diagnostic_msgs.msg import DiagnosticArray
from ros_graph import EVERYTHING, ROOT, Peer, values
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool, Trigger
from trajectory_msgs.msg import JointTrajectory

from qgf_ros.contract.fields import stamp_ns
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Chunking, ChunkMode, Contract
from qgf_ros.datatypes import ActionChunk, FloatArray, JointCommand
from qgf_ros.evaluate.closed_loop import ClosedLoop
from qgf_ros.nodes.convert import chunk_message

pytestmark = [pytest.mark.ros, pytest.mark.sim]
TASK = "cube-single-task1"
CONTRACT = ROOT / "config/contracts/ur5e_cube.yaml"
TICKS = 100  # 20 actions of 5 ticks
WAYS = (Chunking(), Chunking(ChunkMode.NAIVE, 4, 1), Chunking(ChunkMode.NAIVE, 2, 2))
ARM = "shoulder_pan_joint,shoulder_lift_joint,elbow_joint,wrist_1_joint,wrist_2_joint,wrist_3_joint"


def scripted_actions(contract: Contract, seed: int, index: int) -> FloatArray:
    """Actions (H, A), physical, that follow from seed and number alone: as good as a policy's for what is shown here."""
    interface = contract.interface
    scale = np.array([dimension.scale for dimension in interface.action.dimensions])
    random = np.random.default_rng([seed, index])
    return random.uniform(-1, 1, (interface.chunk_length, interface.action_dim)) * scale


class ScriptedPolicy:
    """Answers each wish for a chunk with the next scripted one, made when joint states of the wished age are there."""

    def __init__(self, peer: Peer, contract: Contract) -> None:
        self._contract = contract
        self.spoilt: int | None = None  # number of the chunk that is not finite
        self.is_silent = False
        self.reset(0)
        self.executed = peer.collect(JointTrajectory, "command_node/executed")
        self.joints = peer.collect(JointState, "joint_states")
        self._publisher = peer.node.create_publisher(JointTrajectory, "policy_node/chunk", 1)
        peer.node.create_subscription(JointState, "joint_states", lambda _: self._answer(), EVERYTHING)
        peer.node.create_subscription(DiagnosticArray, "command_node/certificate", self._note, EVERYTHING)
        peer.matched(self._publisher)
        peer.until(lambda: self.joints, "the simulator")

    def reset(self, seed: int) -> None:
        """The next chunk is number 0 of an episode."""
        self.seed, self.sent = seed, 0
        self.begun_ns = self._wanted_ns = self._answered_ns = 0

    def ticks(self) -> list[Any]:
        """What was executed in this episode, after the message that tells of the reset."""
        return [message for message in self.executed if stamp_ns(message.header.stamp) >= self.begun_ns > 0][
            1:
        ]

    def _note(self, message: Any) -> None:
        self._wanted_ns = int(values(message)["wanted_from_ns"])
        self._answer()

    def _answer(self) -> None:
        newest_ns = stamp_ns(self.joints[-1].header.stamp) if self.joints else 0
        if self.is_silent or self._wanted_ns <= self._answered_ns or newest_ns < self._wanted_ns:
            return
        actions = scripted_actions(self._contract, self.seed, self.sent)
        if self.sent == self.spoilt:
            actions[0, 0] = np.nan
        chunk = ActionChunk(self._contract.interface.action.names, actions, newest_ns)
        self._publisher.publish(chunk_message(chunk, 50_000_000))
        self.begun_ns = self.begun_ns or newest_ns
        self.sent, self._answered_ns = self.sent + 1, self._wanted_ns


def in_process(contract: Contract, seed: int) -> tuple[list[FloatArray], FloatArray]:
    """Positions, velocities and accelerations of every tick, and where the joints are in the end."""
    loop = ClosedLoop(contract, TASK)
    loop.reset(seed)
    commands: list[JointCommand] = []
    made = 0
    while len(commands) < TICKS:
        if loop.gate.wants_chunk:
            loop.load(scripted_actions(contract, seed, made), loop.now_ns)
            made += 1
        commands += loop.play_action()
    rows = [np.array([command.positions, command.velocities, command.accelerations]) for command in commands]
    return rows, loop.simulation.joint_state().positions


def graph(start: Any, path: Path, kind: str = "group", **parameters: object) -> None:
    """The simulator and the command node, in lockstep."""
    controllers = f"['forward_position_controller:{kind}:{ARM}','gripper_controller:{kind}:finger_joint']"
    start("qgf_sim.node", lockstep=True, paused=True, task=TASK, controllers=controllers, shuffle_joints=True)
    start(
        "qgf_ros.nodes.command_node",
        lockstep=True,
        contract=path,
        full_speed_confirmed=True,
        autostart=True,
        **parameters,
    )


def begin_episode(peer: Peer, policy: ScriptedPolicy, seed: int) -> None:
    """The order of calls that makes an episode follow from its seed."""
    assert peer.call(SetBool, "sim_node/pause", SetBool.Request(data=True)).success
    assert peer.set_parameter("sim_node", "seed", seed)
    assert peer.call(Trigger, "sim_node/reset").message == f"seed {seed}"
    peer.until(lambda: peer.call(Trigger, "command_node/reset").success, "joint states at the command node")
    policy.reset(seed)
    peer.until(lambda: peer.call(Trigger, "command_node/start").success, "controllers that listen")
    assert peer.call(SetBool, "sim_node/pause", SetBool.Request(data=False)).success


def over_ros(
    peer: Peer, policy: ScriptedPolicy, contract: Contract, seed: int
) -> tuple[list[FloatArray], FloatArray]:
    """The same from the topics of the running graph."""
    begin_episode(peer, policy, seed)
    peer.until(lambda: len(policy.ticks()) > TICKS, f"{TICKS} ticks")
    ticks = policy.ticks()[:TICKS]
    after_ns = stamp_ns(ticks[-1].header.stamp) + contract.tick_ns
    peer.until(lambda: stamp_ns(policy.joints[-1].header.stamp) >= after_ns, "the joints after the last tick")
    after = next(message for message in policy.joints if stamp_ns(message.header.stamp) == after_ns)
    places = {name: index for index, name in enumerate(after.name)}
    found = np.array([after.position[places[joint]] for joint in contract.interface.joints])
    return [row_of(message) for message in ticks], found


def row_of(message: Any) -> FloatArray:
    """Positions, velocities and accelerations of an `executed` message."""
    point = message.points[0]
    return np.array([point.positions, point.velocities, point.accelerations])


def contract_of(folder: Path, kind: str, chunks: Chunking) -> Path:
    """The cube's contract with outputs of a kind, and a way of chunks following one another."""

    def edit(content: dict[str, Any]) -> None:
        content["deployment"]["chunks"] = dataclasses.asdict(chunks) | {"mode": chunks.mode.value}
        for output in content["deployment"]["outputs"] if kind == "trajectory" else []:
            output["kind"], output["topic"] = kind, output["topic"].replace("commands", "joint_trajectory")

    return write_shipped(folder, edit)


@pytest.mark.parametrize(
    ("kind", "chunks"), [("trajectory", WAYS[0]), *(("group", chunks) for chunks in WAYS)]
)
def test_commands_over_ros_equal_those_in_process_for_each_seed_and_when_repeated(
    start: Any, peer: Peer, kind: str, chunks: Chunking, tmp_path: Path
) -> None:
    path = contract_of(tmp_path, kind, chunks)
    contract = load_contract(path)
    graph(start, path, kind)
    policy = ScriptedPolicy(peer, contract)
    expected = {seed: in_process(contract, seed) for seed in (7, 11)}
    for seed in (7, 11, 7):
        rows, joints = over_ros(peer, policy, contract, seed)
        np.testing.assert_array_equal(rows, expected[seed][0])
        np.testing.assert_array_equal(joints, expected[seed][1])


def test_a_pause_in_the_middle_changes_no_command(start: Any, peer: Peer) -> None:
    contract = load_contract(CONTRACT)
    graph(start, CONTRACT)
    policy = ScriptedPolicy(peer, contract)
    begin_episode(peer, policy, seed=7)
    peer.until(lambda: len(policy.ticks()) > TICKS // 3, "some ticks")
    for paused in (True, False):
        assert peer.call(SetBool, "sim_node/pause", SetBool.Request(data=paused)).success
    peer.until(lambda: len(policy.ticks()) >= TICKS, f"{TICKS} ticks")
    rows = [row_of(message) for message in policy.ticks()[:TICKS]]
    np.testing.assert_array_equal(rows, in_process(contract, 7)[0])


def test_a_malformed_chunk_makes_the_arm_hold_while_the_simulation_goes_on(start: Any, peer: Peer) -> None:
    graph(start, CONTRACT)
    policy = ScriptedPolicy(peer, load_contract(CONTRACT))
    certificates = peer.collect(DiagnosticArray, "command_node/certificate")
    policy.spoilt = 1
    begin_episode(peer, policy, seed=7)
    peer.until(lambda: certificates and values(certificates[-1])["reason"] == "chunk_not_finite", "the hold")
    begun = len(certificates)
    peer.until(lambda: len(certificates) > begun + 50, "ticks under hold")
    assert {values(message)["rung"] for message in certificates[begun:]} == {"hold"}


def test_a_chunk_that_does_not_come_is_named_and_the_arm_holds(start: Any, peer: Peer) -> None:
    graph(start, CONTRACT, timeout_s=1.0)
    policy = ScriptedPolicy(peer, load_contract(CONTRACT))
    certificates = peer.collect(DiagnosticArray, "command_node/certificate")
    policy.is_silent = True
    begin_episode(peer, policy, seed=7)
    peer.until(lambda: certificates and values(certificates[-1])["reason"] == "timeout: a chunk", "the hold")
