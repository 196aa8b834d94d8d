"""Conducts episodes over ROS: sets seeds, resets, starts, listens, and hands back what happened."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import TracebackType

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from lifecycle_msgs.msg import Transition
from rclpy.qos import QoSProfile, ReliabilityPolicy
from std_srvs.srv import SetBool
from trajectory_msgs.msg import JointTrajectory

from qgf_ros.contract.fields import stamp_ns
from qgf_ros.contract.schema import Contract, Message
from qgf_ros.errors import NodeSilentError
from qgf_ros.evaluate.recording import Certified, EpisodeRecord, Recorder, nothing_to_do
from qgf_ros.nodes.convert import read_seam
from qgf_ros.nodes.diagnostics import values
from qgf_ros.nodes.graph_client import Check, GraphClient

SIM, POLICY, COMMAND = "sim_node", "policy_node", "command_node"
EVERYTHING = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)  # a recorder must not lose a tick
FIRST_TICK_S = 4.0  # the nodes may not have found one another yet: then begin anew, and wait longer each time
TRIES = 5
SETTLE_S = 0.05
STANDS = 1e-6  # rad/s or m/s: a command that is no faster rests
RESET_TRIES = 10  # a second apart: as long as nodes may take to find each other on a busy machine


class Conductor:
    """Drives simulator, policy and command node of one namespace; to be used in a `with` block, from one thread.

    `poses` are further topics to record, by name; those of the contract's pose inputs always are. `check` is called while
    waiting and may raise. The simulator must have been started with `end_at_success`.
    """

    def __init__(
        self,
        contract: Contract,
        lockstep: bool,
        namespace: str = "",
        poses: Mapping[str, str] | None = None,
        check: Check = lambda: None,
    ) -> None:
        self._lockstep = lockstep
        self._ticks_per_action = contract.ticks_per_action
        self._joints = len(contract.interface.joints)
        self._recorder = Recorder()
        self._is_commanded_to_rest = True
        self._client = GraphClient("conductor", namespace, (SIM, POLICY, COMMAND), check)
        subscribe = self._client.inputs.subscribe
        subscribe(DiagnosticArray, f"{COMMAND}/certificate", self._on_certificate, EVERYTHING)
        subscribe(JointTrajectory, f"{COMMAND}/executed", self._on_executed, EVERYTHING)
        subscribe(DiagnosticArray, f"{POLICY}/report", self._on_report, EVERYTHING)
        inputs = [entry.name for entry in contract.interface.inputs if entry.message is Message.POSE]
        topics = {name: contract.deployment.inputs[name].topic for name in inputs} | dict(poses or {})
        for name, topic in topics.items():
            subscribe(PoseStamped, topic, partial(self._on_pose, name), EVERYTHING)

    def __enter__(self) -> Conductor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.__exit__(kind, error, trace)

    def wait_until_active(self, timeout_s: float = 60.0) -> None:
        """Returns when the simulator answers and the lifecycle nodes, started with `autostart`, are active.

        Raises:
            NodeSilentError: one of them is not within `timeout_s`; its last words stand in the sentence.
        """
        for name in (COMMAND, POLICY):
            self._client.until_active(name, timeout_s)
        self._client.until(lambda: SIM in self._client.states, SIM, "a status", timeout_s)

    def set_policy(self, parameters: Mapping[str, bool | int | float | str]) -> None:
        """Changes the policy node's parameters while it is inactive, and activates it again. Raises NodeRefusedError."""
        self._client.change_lifecycle(POLICY, Transition.TRANSITION_DEACTIVATE)
        self._client.set_parameters(POLICY, parameters)
        self._client.change_lifecycle(POLICY, Transition.TRANSITION_ACTIVATE)

    def run_episode(self, seed: int, timeout_s: float = 120.0) -> EpisodeRecord:
        """One episode from `seed` (scene and noise), until the simulator says that it is done.

        Raises:
            NodeSilentError: a node did not answer, or the episode did not end, in time.
            NodeRefusedError: a node refused a call.
            LostMessagesError: the record has holes.
        """
        self._reset_robot(seed)
        if self._is_done():  # some scenes are solved as they begin
            return nothing_to_do(seed, values(self._client.states[SIM]), self._joints)
        self._begin_until_it_plays(seed)
        self._client.until(self._is_done, SIM, "the end of the episode", timeout_s)
        end_ns = None if self._lockstep else max(self._recorder.certified)
        sim = values(self._client.states[SIM])
        self._end()
        ticks = int(sim["step"]) * self._ticks_per_action if self._lockstep else 0
        self._client.until(lambda: self._recorder.has_all(ticks), COMMAND, "the last command")
        return self._recorder.finish(seed, sim, end_ns)

    # -- the sequence --------------------------------------------------------------------------------------------------

    def _begin_until_it_plays(self, seed: int) -> None:
        for attempt in range(TRIES):
            self._begin()
            try:
                self._client.until(
                    self._plays, COMMAND, "the first chunk in play", FIRST_TICK_S * (attempt + 1)
                )
            except NodeSilentError:
                if attempt == TRIES - 1:
                    raise
                self._reset_robot(seed)
            else:
                return

    def _reset_robot(self, seed: int) -> None:
        client = self._client
        self._end()
        client.set_parameters(SIM, {"seed": seed})
        client.set_parameters(POLICY, {"seed": seed})
        client.command(SIM, "reset")
        client.until(lambda: self._is_at_start(seed), SIM, f"the reset to seed {seed}")

    def _end(self) -> None:
        """Nothing moves any more. In real time a simulator that stood, or leapt, while the command still brakes would be a sensor that froze."""
        client = self._client
        if self._lockstep:
            client.command(SIM, "pause", SetBool, data=True)
        client.command(POLICY, "stop")  # an old wish must not be answered from the new episode's readings
        client.command(COMMAND, "stop")
        if not self._lockstep:
            client.spin(SETTLE_S)  # what was commanded before the stop may still be on its way
            client.until(lambda: self._is_commanded_to_rest, COMMAND, "the arm at rest")
            client.command(SIM, "pause", SetBool, data=True)

    def _begin(self) -> None:
        client = self._client
        client.spin(SETTLE_S)  # the new joint states may still be on their way to the command node
        client.command_when_ready(COMMAND, "reset", RESET_TRIES)  # or its subscription to the first ones
        client.command(POLICY, "reset")
        client.command(POLICY, "start")
        self._recorder.clear()
        if self._lockstep:
            client.command(COMMAND, "start")
            client.command(SIM, "pause", SetBool, data=False)
        else:  # the arm must not be commanded while the simulation stands
            client.command(SIM, "pause", SetBool, data=False)
            client.command(COMMAND, "start")

    def _plays(self) -> bool:
        return bool(self._recorder.certified and self._recorder.chunks)

    def _is_at_start(self, seed: int) -> bool:
        found = values(self._client.states[SIM]) if SIM in self._client.states else {}
        return (found.get("seed"), found.get("step")) == (str(seed), "0")

    def _is_done(self) -> bool:
        return values(self._client.states[SIM])["done"] == "true"

    # -- messages ------------------------------------------------------------------------------------------------------

    def _on_certificate(self, message: DiagnosticArray) -> None:
        found, stamp = values(message.status[0]), stamp_ns(message.header.stamp)
        if not stamp:  # the announcement that follows ~/start: the ticks before it belong to nothing
            self._recorder.certified.clear()  # other topics may be further ahead
            return
        speeds = map(float, found["velocities"].split())
        self._is_commanded_to_rest = all(abs(speed) <= STANDS for speed in speeds)
        if int(found["commands"]):
            seam = read_seam(found["seam"])
            certified = Certified(int(found["tick"]), found["rung"], int(found["missed"]), seam)
            self._recorder.certified[stamp] = certified

    def _on_executed(self, message: JointTrajectory) -> None:
        point = message.points[0]
        rows = (point.positions, point.velocities, point.accelerations)
        self._recorder.executed[stamp_ns(message.header.stamp)] = np.array(rows, np.float64)

    def _on_report(self, message: DiagnosticArray) -> None:
        found = values(message.status[0])
        if found["sent"] == "true":
            self._recorder.chunks.append(found)

    def _on_pose(self, name: str, message: PoseStamped) -> None:
        place = (message.pose.position.x, message.pose.position.y, message.pose.position.z)
        self._recorder.poses.setdefault(name, {})[stamp_ns(message.header.stamp)] = place
