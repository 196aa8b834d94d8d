"""A graph whose processes are killed, stopped and misused: starts them one by one, keeps them moving, hears all they say."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import TracebackType

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from qgf_ros.contract.fields import stamp_ns
from qgf_ros.contract.load import load_contract
from qgf_ros.contract.schema import Message, OutputKind
from qgf_ros.datatypes import FloatArray
from qgf_ros.evaluate.sweep import Sweep
from qgf_ros.graph import Graph, settings
from qgf_ros.nodes import convert, qos
from qgf_ros.nodes.diagnostics import values
from qgf_ros.nodes.graph_client import GraphClient
from qgf_ros.nodes.heard import Certified, Heard, Missed, Row
from qgf_ros.runner import Process, Processes, Sink

SIM, POLICY, COMMAND, RECORDER = "sim_node", "policy_node", "command_node", "recorder_node"
PATIENCE_S = 60.0  # on a busy machine loading a simulation takes seconds, discovery 2.5 s; nobody waits this long in vain
ANSWER_AGAIN_S = 0.3
EVERYTHING = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
NEWEST = QoSProfile(depth=1000, reliability=ReliabilityPolicy.BEST_EFFORT)  # sensors may be of either kind
_numbers = count()


class FaultGraph:
    """Processes of one robot in a namespace of their own, and a peer that hears them and may send chunks. One thread.

    To be used in a `with` block. A process that is not expected to end is watched; whoever kills one calls `kill`.
    """

    def __init__(
        self, graph: Graph, arguments: Mapping[str, str], parameters: tuple[str, ...], say: Sink
    ) -> None:
        """`arguments` of the graph without its namespace, `parameters` as `qgf run` takes them. Raises as `graph.settings`."""
        self.namespace = f"faults{os.getpid()}_{next(_numbers)}"
        self.contract = load_contract(Path(arguments.get("contract", graph.arguments["contract"].default)))
        found = settings(graph, {**arguments, "namespace": self.namespace}, parameters)
        self._settings = {setting.node.name: setting for setting in found}
        self._say = say
        self.processes = Processes()
        self._dead: set[str] = set()
        self.heard = Heard()
        watched = (SIM, COMMAND, POLICY, RECORDER)
        self.client = GraphClient("fault_peer", self.namespace, watched, self._check, PATIENCE_S)
        self._sweep: Sweep | None = None
        self._answered: tuple[int, float] = (0, 0.0)
        self._subscribe()

    def __enter__(self) -> FaultGraph:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.processes.members:
            if process.name == SIM and process.exit_code is None:
                process.popen.kill()  # nothing of it is needed any more
        self.processes.stop()
        self.client.__exit__(kind, error, trace)

    # -- processes -----------------------------------------------------------------------------------------------------

    def start(
        self,
        name: str,
        alias: str = "",
        *,
        module: str = "",
        remappings: Mapping[str, str] | None = None,
        **parameters: object,
    ) -> Process:
        """Starts a node of the graph, under another name or from another module if one is given."""
        setting = self._settings[name]
        node = replace(
            setting.node,
            name=alias or name,
            module=module or setting.node.module,
            remappings={**setting.node.remappings, **(remappings or {})},
        )
        extra = tuple(f"{key}:={_text(value)}" for key, value in parameters.items())
        process = Process(replace(setting, node=node, overrides=(*setting.overrides, *extra)), self._say)
        self.processes.members.append(process)
        self._dead.discard(process.name)
        return process

    @staticmethod
    def now_ns() -> int:
        """The wall clock, which real nodes stamp by."""
        return time.time_ns()

    def expect_end(self, process: Process) -> None:
        """It may end from now on."""
        self._dead.add(process.name)

    def kill(self, process: Process, number: int) -> int:
        """Sends a signal that may end the process; the moment, ns of the wall clock."""
        self._dead.add(process.name)
        now_ns = time.time_ns()
        process.popen.send_signal(number)
        return now_ns

    def forget(self, process: Process) -> None:
        """Ends it if it runs, and lets it go."""
        self._dead.add(process.name)
        process.popen.kill()
        process.popen.wait()
        process.close()
        self.processes.members.remove(process)

    def _check(self) -> None:
        for process in self.processes.members:
            if process.exit_code is not None and process.name not in self._dead:
                self.processes.check()

    # -- motion --------------------------------------------------------------------------------------------------------

    def sweep(self, seed: int | None) -> None:
        """Answers the command node's wishes with chunks from now on; with None no more."""
        self._sweep = Sweep(self.contract, seed) if seed is not None else None

    def start_motion(self, name: str = COMMAND) -> None:
        """Waits for commands of an active node, and lets it play chunks."""
        self.until(
            lambda: any(tick.values["commands"] != "0" for tick in self.heard.ticks), "the first command"
        )
        self.client.command_when_ready(name, "start", tries=15)

    def until(self, is_there: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S) -> None:
        """Serves callbacks until the condition holds. Raises NodeSilentError."""
        self.client.until(is_there, COMMAND, what, timeout_s)

    def watch(self, until_ns: int) -> None:
        """Serves callbacks until joints are heard that were measured at this moment or later, however long they are on their way.

        Raises NodeSilentError.
        """
        self.client.until(
            lambda: bool(self.heard.measured) and self.heard.measured[-1].stamp_ns >= until_ns,
            SIM,
            "joint states",
            PATIENCE_S,
        )

    def moves(self) -> bool:
        """Whether a chunk is in play and the arm is commanded to move."""
        if not self.heard.executed or not self.heard.ticks or self.heard.ticks[-1].rung != "chunk":
            return False
        return bool(np.abs(self.heard.executed[-1].velocities).max() > 0.05)

    def measured_at(self, at_ns: int) -> Row:
        """The newest joint states stamped at or before a moment."""
        return next(row for row in reversed(self.heard.measured) if row.stamp_ns <= at_ns)

    def begin_window(self) -> None:
        """What was heard so far counts no more, but for the newest of each, and what is compared with."""
        self.heard = self.heard.begin_window(self.now_ns())

    def problems(self, at_ns: int | None = None) -> list[str]:
        """What was wrong with the commands heard in this window, as `Heard.problems`."""
        return self.heard.problems(self.contract, at_ns)

    def missed(self, at_ns: int | None = None) -> Missed:
        """Ticks that were dropped from the fault on, and before it, as `Heard.missed`."""
        return self.heard.missed(self.contract, at_ns)

    # -- what is heard -------------------------------------------------------------------------------------------------

    def listen(self, name: str) -> None:
        """Hears the certificates and commands of a command node of this name."""
        subscribe = self.client.inputs.subscribe
        subscribe(DiagnosticArray, f"{name}/certificate", self._on_certificate, EVERYTHING)
        subscribe(JointTrajectory, f"{name}/executed", self._on_executed, EVERYTHING)

    def _subscribe(self) -> None:
        subscribe, inputs = self.client.inputs.subscribe, self.contract.interface.inputs
        self.listen(COMMAND)
        topics = [
            self.contract.deployment.inputs[entry.name].topic
            for entry in inputs
            if entry.message is Message.JOINT_STATE
        ]
        subscribe(JointState, topics[0], self._on_joints, NEWEST)
        self._chunks = self.client.node.create_publisher(JointTrajectory, f"{POLICY}/chunk", qos.CHUNK)
        subscribe(JointTrajectory, f"{POLICY}/chunk", self._on_chunk, EVERYTHING)
        for output in self.contract.deployment.outputs:
            if output.kind is OutputKind.TRAJECTORY:
                subscribe(JointTrajectory, output.topic, self._on_plan, EVERYTHING)

    def _on_certificate(self, message: DiagnosticArray) -> None:
        entry = Certified(stamp_ns(message.header.stamp), time.time_ns(), values(message.status[0]))
        self.heard.certificates.append(entry)

    def _on_executed(self, message: JointTrajectory) -> None:
        point = message.points[0]
        rows = (point.positions, point.velocities, point.accelerations)
        row = Row(stamp_ns(message.header.stamp), *map(np.array, rows))
        self.heard.executed.append(row)

    def _on_joints(self, message: JointState) -> None:
        positions, velocities = (self._ordered(message, of) for of in (message.position, message.velocity))
        stamp = stamp_ns(message.header.stamp)
        self.heard.measured.append(Row(stamp, positions, velocities, np.zeros(0)))
        self._answer()

    def _ordered(self, message: JointState, values: Sequence[float]) -> FloatArray:
        by_name = dict(zip(message.name, values, strict=False))
        return np.array([by_name.get(joint, np.nan) for joint in self.contract.interface.joints])

    def _on_plan(self, message: JointTrajectory) -> None:
        speeds = np.abs([point.velocities for point in message.points]).max(axis=0)
        self.heard.planned = dict(zip(message.joint_names, speeds.tolist(), strict=True))

    def _on_chunk(self, message: JointTrajectory) -> None:
        self.heard.chunks += 1

    def _answer(self) -> None:
        """Sends a chunk where one is wanted and the joints are new enough for it."""
        if self._sweep is None or not self.heard.certificates:
            return
        found, now_s = self.heard.certificates[-1].values, time.monotonic()
        wanted_ns, stamp = int(found["wanted_from_ns"]), self.heard.measured[-1].stamp_ns
        is_answered = self._answered[0] == wanted_ns and now_s - self._answered[1] < ANSWER_AGAIN_S
        if found["wants_chunk"] != "true" or not 0 < wanted_ns <= stamp or is_answered:
            return
        self._answered = (wanted_ns, now_s)
        period_ns = round(self.contract.interface.control_period_s * 1e9)
        self._chunks.publish(convert.chunk_message(self._sweep.chunk(stamp), period_ns))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
