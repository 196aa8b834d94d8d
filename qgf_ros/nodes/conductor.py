"""Conducts episodes over ROS: finds the nodes, sets seeds, starts, listens, and hands back what happened."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseStamped
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from std_srvs.srv import SetBool, Trigger
from trajectory_msgs.msg import JointTrajectory

from qgf_ros.contract.fields import stamp_ns
from qgf_ros.contract.schema import Contract, Message
from qgf_ros.errors import NodeRefusedError, NodeSilentError
from qgf_ros.nodes import qos
from qgf_ros.nodes.diagnostics import values
from qgf_ros.nodes.recording import Certified, EpisodeRecord, Recorder

SIM, POLICY, COMMAND = "sim_node", "policy_node", "command_node"
EVERYTHING = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)  # a recorder must not lose a tick
ANSWER_S = 20.0  # for one call; configuring loads a checkpoint
FIRST_TICK_S = 4.0  # the nodes may have been slow to find one another: then the episode begins anew
TRIES = 5
SETTLE_S = 0.05


class Conductor:
    """A node in a context of its own, to be used in a `with` block, from one thread.

    `poses` are further topics to record, by name; those of the contract's pose inputs always are.
    """

    def __init__(
        self, contract: Contract, lockstep: bool, namespace: str = "", poses: Mapping[str, str] | None = None
    ) -> None:
        self._lockstep = lockstep
        self._recorder = Recorder()
        self.states: dict[str, DiagnosticStatus] = {}  # newest ~/status by node
        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self._node = rclpy.create_node("conductor", context=self._context, namespace=namespace)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        subscribe = self._node.create_subscription
        for name in (SIM, POLICY, COMMAND):
            subscribe(DiagnosticStatus, f"{name}/status", partial(self._on_status, name), qos.STATUS)
        subscribe(DiagnosticArray, f"{COMMAND}/certificate", self._on_certificate, EVERYTHING)
        subscribe(JointTrajectory, f"{COMMAND}/executed", self._on_executed, EVERYTHING)
        subscribe(DiagnosticArray, f"{POLICY}/report", self._on_report, EVERYTHING)
        inputs = [entry.name for entry in contract.interface.inputs if entry.message is Message.POSE]
        topics = {name: contract.deployment.inputs[name].topic for name in inputs} | dict(poses or {})
        for name, topic in topics.items():
            subscribe(PoseStamped, topic, partial(self._on_pose, name), EVERYTHING)
        self._clients: dict[str, Any] = {}

    def __enter__(self) -> Conductor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.try_shutdown(context=self._context)

    # -- what callers use ----------------------------------------------------------------------------------------------

    def wait_until_active(self, timeout_s: float = 60.0, check: Callable[[], None] = lambda: None) -> None:
        """Returns when the simulator answers and both lifecycle nodes are active, which they reach by autostart or by us.

        `check` is called while waiting; it may raise. Raises NodeSilentError after `timeout_s`, with the nodes' last words.
        """
        deadline = time.monotonic() + timeout_s
        for name in (COMMAND, POLICY):
            while self._lifecycle(name, deadline, check) != State.PRIMARY_STATE_ACTIVE:
                self._spin(0.1, check)
                if time.monotonic() > deadline:
                    raise NodeSilentError(name, "becoming active", timeout_s, self._last_words())
        self._await(lambda: SIM in self.states, deadline - time.monotonic(), SIM, "a status", check)

    def change_lifecycle(self, name: str, transition: int) -> None:
        """Takes a lifecycle node through a transition (`lifecycle_msgs/Transition`). Raises NodeRefusedError if it fails."""
        request = ChangeState.Request(transition=Transition(id=transition))
        if not self._call(ChangeState, f"{name}/change_state", request).success:
            self._spin(SETTLE_S)
            raise NodeRefusedError(name, f"transition {transition}", self._last_words())

    def set_parameters(self, name: str, parameters: Mapping[str, bool | int | float | str]) -> None:
        """Sets a node's parameters. Raises NodeRefusedError with the node's reason."""
        messages = [Parameter(key, value=value).to_parameter_msg() for key, value in parameters.items()]
        response = self._call(
            SetParameters, f"{name}/set_parameters", SetParameters.Request(parameters=messages)
        )
        for result in response.results:
            if not result.successful:
                raise NodeRefusedError(name, "set_parameters", result.reason)

    def set_policy(self, parameters: Mapping[str, bool | int | float | str]) -> None:
        """Changes the policy node's parameters while it is inactive, and activates it again."""
        self.change_lifecycle(POLICY, Transition.TRANSITION_DEACTIVATE)
        self.set_parameters(POLICY, parameters)
        self.change_lifecycle(POLICY, Transition.TRANSITION_ACTIVATE)

    def run_episode(
        self, seed: int, timeout_s: float = 120.0, check: Callable[[], None] = lambda: None
    ) -> EpisodeRecord:
        """One episode from `seed` (scene and noise), until the simulator says that it is done.

        Raises:
            NodeSilentError: a node did not answer, or the episode did not end, in time.
            NodeRefusedError: a node refused a call.
            LostMessagesError: the record has holes.
        """
        for attempt in range(TRIES):
            self._begin(seed)
            try:
                self._await(
                    lambda: bool(self._recorder.certified and self._recorder.chunks),
                    FIRST_TICK_S,
                    COMMAND,
                    "the first tick",
                    check,
                )
                break
            except NodeSilentError:
                if attempt == TRIES - 1:
                    raise
        self._await(self._is_done, timeout_s, SIM, "the end of the episode", check)
        until_ns = None if self._lockstep else max(self._recorder.certified, default=0)
        sim = values(self.states[SIM])
        self._switch(paused=True)
        self._trigger(POLICY, "stop")
        self._trigger(COMMAND, "stop")
        self._await(lambda: self._recorder.is_complete, 2.0, COMMAND, "the last command", check)
        return self._recorder.finish(seed, sim, until_ns)

    # -- the sequence --------------------------------------------------------------------------------------------------

    def _begin(self, seed: int) -> None:
        self._switch(paused=True)
        self._trigger(POLICY, "stop")  # an old demand must not be answered from the new episode's readings
        self.set_parameters(SIM, {"seed": seed})
        self.set_parameters(POLICY, {"seed": seed})
        self._trigger(SIM, "reset")
        self._await(lambda: self._is_at_start(seed), ANSWER_S, SIM, f"the reset to seed {seed}")
        self._spin(SETTLE_S)  # the new joint states may still be on their way to the command node
        self._trigger(COMMAND, "reset")
        self._trigger(POLICY, "reset")
        self._trigger(POLICY, "start")
        self._recorder.clear()
        if self._lockstep:
            self._trigger(COMMAND, "start")
            self._switch(paused=False)
        else:
            self._switch(paused=False)
            self._trigger(COMMAND, "start")

    def _switch(self, paused: bool) -> None:
        self._checked(SIM, "pause", self._call(SetBool, f"{SIM}/pause", SetBool.Request(data=paused)))

    def _trigger(self, name: str, what: str) -> None:
        self._checked(name, what, self._call(Trigger, f"{name}/{what}", Trigger.Request()))

    def _checked(self, name: str, what: str, response: Any) -> None:
        if not response.success:
            raise NodeRefusedError(name, what, response.message)

    def _is_at_start(self, seed: int) -> bool:
        found = values(self.states[SIM]) if SIM in self.states else {}
        return found.get("seed") == str(seed) and found.get("step") == "0" and found.get("done") == "false"

    def _is_done(self) -> bool:
        return values(self.states[SIM])["done"] == "true"

    # -- messages ------------------------------------------------------------------------------------------------------

    def _on_status(self, name: str, message: DiagnosticStatus) -> None:
        self.states[name] = message

    def _on_certificate(self, message: DiagnosticArray) -> None:
        found, stamp = values(message.status[0]), stamp_ns(message.header.stamp)
        if not stamp:  # the announcement that follows ~/start: the ticks before it belong to nothing
            self._recorder.clear()
        elif found["rung"] in ("chunk", "tail"):
            self._recorder.certified[stamp] = Certified(
                int(found["tick"]), found["rung"], int(found["missed"])
            )

    def _on_executed(self, message: JointTrajectory) -> None:
        point = message.points[0]
        rows = [np.array(row, np.float64) for row in (point.positions, point.velocities, point.accelerations)]
        self._recorder.executed[stamp_ns(message.header.stamp)] = np.stack(rows)

    def _on_report(self, message: DiagnosticArray) -> None:
        self._recorder.chunks.append(values(message.status[0]))

    def _on_pose(self, name: str, message: PoseStamped) -> None:
        place = message.pose.position
        self._recorder.poses.setdefault(name, []).append(
            (stamp_ns(message.header.stamp), place.x, place.y, place.z)
        )

    # -- waiting -------------------------------------------------------------------------------------------------------

    def _lifecycle(self, name: str, deadline: float, check: Callable[[], None]) -> int:
        left_s = max(deadline - time.monotonic(), 0.1)
        return int(
            self._call(GetState, f"{name}/get_state", GetState.Request(), left_s, check).current_state.id
        )

    def _call(
        self,
        kind: Any,
        service: str,
        request: Any,
        timeout_s: float = ANSWER_S,
        check: Callable[[], None] = lambda: None,
    ) -> Any:
        if service not in self._clients:
            self._clients[service] = self._node.create_client(kind, service)
        client, name = self._clients[service], service.split("/")[0]
        self._await(client.service_is_ready, timeout_s, name, service, check)
        future = client.call_async(request)
        self._await(future.done, timeout_s, name, service, check)
        return future.result()

    def _await(
        self,
        is_there: Callable[[], bool],
        timeout_s: float,
        name: str,
        what: str,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        deadline = time.monotonic() + timeout_s
        while not is_there():
            check()
            self._executor.spin_once(timeout_sec=0.02)
            if time.monotonic() > deadline:
                raise NodeSilentError(name, what, timeout_s, self._last_words())

    def _spin(self, seconds: float, check: Callable[[], None] = lambda: None) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            check()
            self._executor.spin_once(timeout_sec=0.02)

    def _last_words(self) -> str:
        return "; ".join(f"{name} says '{status.message}'" for name, status in self.states.items())
