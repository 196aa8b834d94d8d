"""The policy node in a process of its own; this file plays the robot and the command node."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from contract_files import two_joints, two_joints_with_command, write_two_joints
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from ros_graph import LATCHED, Peer, values
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from qgf_ros.checkpoint import WEIGHTS, Checkpoint, SamplerDefaults, save_checkpoint
from qgf_ros.contract.fields import stamp_ns
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Interface
from qgf_ros.data.normalizer import Normalizer
from qgf_ros.networks import NetworkConfig, Networks
from qgf_ros.nodes.convert import to_stamp
from qgf_ros.nodes.diagnostics import Level, status

pytestmark = pytest.mark.ros
NODE, NAME = "qgf_ros.nodes.policy_node", "policy_node"
CONFIGURE, CLEANUP, ACTIVATE, DEACTIVATE = 1, 2, 3, 4
TICK = 10_000_000
SENSORS = ("joint_states", "goal_pose")


def save_tiny(folder: Path, interface: Interface, weight: float = 1.0) -> Path:
    """A checkpoint of random networks whose policy's last layer is multiplied by `weight`."""
    config = NetworkConfig(interface.observation_dim, interface.action_dim, interface.chunk_length, (16, 16))
    networks = Networks.create(config, torch.Generator().manual_seed(0))
    with torch.no_grad():
        networks.policy.layers.out.kernel.mul_(weight)
    length = interface.observation_dim
    normalizer = Normalizer(np.zeros(length, np.float32), np.ones(length, np.float32))
    defaults = SamplerDefaults(guidance_weight=0.5, denoise_steps=4)
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


def test_a_wish_is_answered_by_one_chunk_from_newer_readings(
    launch: Any, world: World, contract_path: Path
) -> None:
    launch()
    since = world.now_ns()
    chunk = world.chunk_for_wish()
    assert tuple(chunk.joint_names) == load_contract(contract_path).interface.action.names
    assert stamp_ns(chunk.header.stamp) >= since
    assert [stamp_ns(point.time_from_start) for point in chunk.points] == [
        50_000_000 * n for n in (1, 2, 3, 4)
    ]
    assert all(
        abs(point.positions[0]) <= 0.1 and abs(point.positions[1] - 0.05) <= 0.2 for point in chunk.points
    )


def test_the_report_tells_how_the_chunk_came_about(launch: Any, world: World) -> None:
    launch(seed=7)
    chunk = world.chunk_for_wish()
    world.peer.until(lambda: world.reports, "the report")
    found = values(world.reports[0])
    assert (found["seed"], found["index"]) == ("7", "0")
    assert int(found["stamp_ns"]) == stamp_ns(chunk.header.stamp)
    assert (float(found["weight"]), found["guided_steps"], found["denoise_steps"]) == (0.5, "4", "4")
    assert float(found["latency_ms"]) > 0.0
    assert np.isfinite([float(found[name]) for name in ("q_first", "q_final", "guidance_norm")]).all()
    world.keep_sensing(lambda: world.diagnosed("guidance", Level.OK), "the guidance diagnostic")
    world.keep_sensing(
        lambda: "in time" in world.diagnosed("inference", Level.OK), "the inference diagnostic"
    )
    world.keep_sensing(lambda: world.diagnosed("inputs", Level.OK), "the inputs diagnostic")


@pytest.mark.parametrize("topic", SENSORS)
def test_a_missing_topic_gives_a_sentence_and_no_chunk_until_it_comes(
    launch: Any, world: World, topic: str
) -> None:
    process = launch()
    world.wish(world.now_ns())
    timer = world.peer.node.create_timer(0.02, lambda: world.sense(world.now_ns(), without=(topic,)))
    world.until_complaint(f"Nothing arrived yet on '{topic}'")
    world.peer.node.destroy_timer(timer)
    assert not world.chunks
    world.keep_sensing(lambda: world.chunks, "a chunk")
    world.peer.until(lambda: world.states[-1].level == Level.OK.value, "the end of the complaint")
    assert "Traceback" not in process.said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"positions": [float("nan"), 0.2]}, "is not finite"),
        ({"frame": "camera_link"}, "in frame 'camera_link'; the contract accepts 'base_link'"),
        ({"names": ["elbow", "wrist"]}, "has no joint 'shoulder'"),
        ({"names": ["elbow", "shoulder", "wrist"]}, "has 2 positions for 3"),
    ],
)
def test_a_bad_message_gives_a_sentence_and_no_chunk_until_a_good_one_comes(
    launch: Any, world: World, change: dict[str, Any], words: str
) -> None:
    process = launch()
    good = {name: getattr(world, name) for name in change}
    vars(world).update(change)
    world.wish(world.now_ns())
    timer = world.peer.node.create_timer(0.02, lambda: world.sense(world.now_ns()))
    world.until_complaint(words)
    assert not world.chunks
    vars(world).update(good)
    world.peer.until(lambda: world.chunks, "a chunk")
    world.peer.node.destroy_timer(timer)
    assert "Traceback" not in process.said


def test_configure_refuses_what_is_no_checkpoint_of_the_contract_and_succeeds_when_it_is_one(
    start: Callable[..., Any], world: World, contract_path: Path, checkpoint: Path, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    process = start(NODE, contract=contract_path, checkpoint=place)

    def refused(words: str) -> None:
        assert not world.change(CONFIGURE)
        world.peer.until(lambda: world.states and words in world.states[-1].message, f"a status '{words}'")
        world.peer.until(
            lambda: any(words in text for text in world.diagnosed("lifecycle", Level.ERROR)),
            f"a diagnostic '{words}'",
        )
        assert world.state()["state"] == "unconfigured"

    refused("a checkpoint is a folder that `qgf train` wrote")
    place.mkdir()
    (place / "checkpoint.json").write_text(json.dumps({"model": "something else"}))
    refused("has format None; this release reads 1")
    shutil.rmtree(place)
    shutil.copytree(checkpoint, place)
    weights = (place / WEIGHTS).read_bytes()
    (place / WEIGHTS).write_bytes(weights[: len(weights) // 2])
    refused("is cut short or was altered")
    save_tiny(
        place, two_joints(tmp_path, lambda content: content["interface"].update(chunk_length=3)).interface
    )
    write_two_joints(tmp_path)
    two_joints_with_command(tmp_path)
    refused("chunk_length is 4 here and 3 there")
    shutil.rmtree(place)
    shutil.copytree(checkpoint, place)
    assert world.change(CONFIGURE)
    assert world.change(ACTIVATE)
    world.matched()
    assert world.chunk_for_wish()
    assert "Traceback" not in process.said


def refused_start(start: Callable[..., Any], **parameters: object) -> str:
    """What a node says that ends by itself with exit code 1."""
    process = start(NODE, autostart=True, **parameters)
    assert process.wait() == 1
    assert "Traceback" not in process.said
    return str(process.said)


def test_an_unknown_parameter_is_named_with_those_there_are(
    start: Any, contract_path: Path, checkpoint: Path
) -> None:
    said = refused_start(start, contract=contract_path, checkpoint=checkpoint, guidance_wait=0.1)
    assert "unknown keys guidance_wait; the valid keys are" in said
    assert "guidance_weight" in said


def test_a_weight_below_zero_is_refused(start: Any, contract_path: Path, checkpoint: Path) -> None:
    said = refused_start(start, contract=contract_path, checkpoint=checkpoint, guidance_weight=-0.5)
    assert "guidance_weight is -0.5, but it must be at least 0" in said


def test_a_contract_must_be_named(start: Any, checkpoint: Path) -> None:
    assert "Parameter contract is '', but it must be the path" in refused_start(start, checkpoint=checkpoint)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the GPU whose absence is tested")
def test_a_missing_gpu_is_told_in_a_sentence(start: Any, contract_path: Path, checkpoint: Path) -> None:
    said = refused_start(start, contract=contract_path, checkpoint=checkpoint, device="cuda")
    assert "sees no NVIDIA GPU here: set device to cpu or auto" in said


def test_a_policy_that_answers_no_numbers_gives_an_error_state_and_no_chunk(
    launch: Any, world: World, contract_path: Path, tmp_path: Path
) -> None:
    broken = save_tiny(tmp_path / "broken", load_contract(contract_path).interface, weight=float("nan"))
    process = launch(checkpoint=broken)
    world.wish(world.now_ns())
    world.keep_sensing(lambda: world.state().get("state") == "error", "the error state")
    assert "holds values that are not finite; it was not sent" in world.states[-1].message
    world.peer.until(lambda: world.diagnosed("inference", Level.ERROR), "the diagnostic")
    assert not world.chunks
    assert "Traceback" not in process.said


def test_the_lifecycle_goes_round_twice(
    start: Any, world: World, contract_path: Path, checkpoint: Path
) -> None:
    start(NODE, contract=contract_path, checkpoint=checkpoint)
    for _ in range(2):
        assert world.change(CONFIGURE)
        assert not world.peer.call(Trigger, f"{NAME}/start").success
        assert world.change(ACTIVATE)
        world.matched()
        assert world.chunk_for_wish()
        assert world.change(DEACTIVATE)
        begun = len(world.chunks)
        world.wish(world.now_ns())
        reached = world.now_ns() + 300_000_000
        world.keep_sensing(lambda: world.now_ns() > reached, "a while")  # noqa: B023  asked at once
        assert len(world.chunks) == begun
        assert world.change(CLEANUP)
        world.peer.until(lambda: world.state().get("state") == "unconfigured", "the end of the round")


def test_what_changes_the_cost_of_a_chunk_may_change_only_while_inactive(launch: Any, world: World) -> None:
    launch()
    assert "changed only while the node is inactive" in world.set("estimator", "noisy")
    assert "changed only while the node is inactive" in world.set("candidates", 4)
    assert world.change(DEACTIVATE)
    assert world.set("estimator", "nonsense")
    assert (world.set("estimator", "noisy"), world.set("candidates", 4)) == ("", "")
    assert world.change(ACTIVATE)
    world.chunk_for_wish()
    world.peer.until(lambda: world.reports, "the report")
    assert values(world.reports[-1])["candidates"] == "4"
    world.peer.until(lambda: world.state().get("estimator") == "noisy", "the new estimator in ~/status")


def test_a_changed_weight_comes_into_force_along_its_ramp(launch: Any, world: World) -> None:
    launch(lockstep=True, weight_ramp_s=1.0)
    second = 100 * TICK
    world.lockstep_chunk(second)
    assert world.set("guidance_weight", 1.5) == ""
    assert world.set("guidance_weight", 5000.0)
    for part in (1, 2, 3):
        world.lockstep_chunk(second + part * second // 2, previous_ns=second + (part - 1) * second // 2)
    world.peer.until(lambda: len(world.reports) == 4, "four reports")
    assert [float(values(report)["weight"]) for report in world.reports] == [0.5, 1.0, 1.5, 1.5]
    assert [float(values(report)["weight_target"]) for report in world.reports] == [0.5, 1.5, 1.5, 1.5]


def test_a_reset_begins_the_same_noise_again_and_another_seed_another(launch: Any, world: World) -> None:
    launch(lockstep=True, seed=3)

    def two_chunks(begin: int) -> list[list[float]]:
        first = world.lockstep_chunk(begin)
        second = world.lockstep_chunk(begin + TICK, previous_ns=begin)
        return [list(point.positions) for chunk in (first, second) for point in chunk.points]

    found = [two_chunks(100 * TICK)]
    for number, seed in ((1, 3), (2, 4)):
        assert world.set("seed", seed) == ""
        assert world.peer.call(Trigger, f"{NAME}/reset").message == f"seed {seed}"
        found.append(two_chunks((100 + 100 * number) * TICK))
    assert found[0] == found[1]
    assert found[0] != found[2]
    assert found[0][:4] != found[0][4:]


def test_a_stop_keeps_it_silent_until_a_start(launch: Any, world: World) -> None:
    launch()
    assert world.peer.call(Trigger, f"{NAME}/stop").success
    world.wish(world.now_ns())
    reached = world.now_ns() + 300_000_000
    world.keep_sensing(lambda: world.now_ns() > reached, "a while")
    assert not world.chunks
    assert world.peer.call(Trigger, f"{NAME}/start").success
    world.keep_sensing(lambda: world.chunks, "a chunk")


def test_a_signal_ends_it_well(launch: Any) -> None:
    assert launch().end() == 0


def test_a_message_that_is_no_certificate_is_ignored(launch: Any, world: World) -> None:
    process = launch()
    world.send_certificate(DiagnosticArray())
    world.send_certificate(DiagnosticArray(status=[status("other", Level.OK, "", {"wants_chunk": True})]))
    world.chunk_for_wish()
    assert "A message without a certificate was ignored." in process.said
    assert "Traceback" not in process.said
