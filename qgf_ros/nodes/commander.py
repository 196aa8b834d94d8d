"""What the command node holds while it is configured: session, outputs, and what it publishes about them."""

from __future__ import annotations

from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from trajectory_msgs.msg import JointTrajectory

from qgf_ros.contract.schema import Contract, Message
from qgf_ros.control.gate import CommandGate
from qgf_ros.control.kinematics import Kinematics
from qgf_ros.control.monitor import JointMonitor
from qgf_ros.control.seams import SeamCount
from qgf_ros.control.session import CommandSession, SessionConfig, Tick
from qgf_ros.datatypes import JointCommand
from qgf_ros.errors import ChunkRefused, NotReadyError
from qgf_ros.nodes import convert, qos
from qgf_ros.nodes.diagnostics import Rate
from qgf_ros.nodes.outputs import LAST_WORDS, make_output
from qgf_ros.nodes.pace import Pace


class Commander:
    """Serves ticks: one command on every output, `executed`, and the certificate. Lives from configure to cleanup."""

    def __init__(self, node: Node, contract: Contract, config: SessionConfig, now_ns: int) -> None:
        """Raises QgfError where the kinematic model or an output cannot be made. `now_ns` is steady."""
        kinematics = Kinematics(contract) if contract.interface.kinematics is not None else None
        self._node = node
        self.contract = contract
        self.monitor = JointMonitor(contract)
        self._gate = CommandGate(contract, kinematics)
        self.session = CommandSession(self._gate, self.monitor, config)
        self._outputs = [make_output(node, output, contract) for output in contract.deployment.outputs]
        self._executed = node.create_publisher(JointTrajectory, "~/executed", qos.CERTIFICATE)
        self._certificate = node.create_publisher(DiagnosticArray, "~/certificate", qos.CERTIFICATE)
        self.pace = Pace(contract.tick_ns)
        self.rate = Rate(now_ns)
        self.seams = SeamCount()
        self.last: Tick | None = None
        self.before_sending: Callable[[], None] = lambda: None  # waits, so that commands leave regularly

    @property
    def joint_topics(self) -> list[str]:
        """Where joint states come from."""
        inputs = [
            entry.name for entry in self.contract.interface.inputs if entry.message is Message.JOINT_STATE
        ]
        return [self.contract.deployment.inputs[name].topic for name in inputs]

    def activate(self) -> None:
        """Forgets the robot and the counts: the next good joint states place the command."""
        self.session.clear()
        self.pace = Pace(self.contract.tick_ns)
        self.seams = SeamCount()

    def keep_pace(self, next_ns: int) -> int:
        """Real time: how many ticks were missed before this one, given when the next is due (steady clock).

        Joints whose controller went on along its plan meanwhile are commanded from there.
        """
        missed = self.pace.serve(next_ns)
        for output in self._outputs:
            self._gate.limiter.follow(output.goes_on, missed)
        return missed

    def tick(self, stamp_ns: int) -> bool:
        """Serves a tick; True where rung or reason changed, or a chunk was refused since the last one."""
        tick = self.session.tick(stamp_ns)
        sent = 0
        if tick.command is not None:
            self.before_sending()
            sent = sum(output.send(tick.command, self._gate.limiter) for output in self._outputs)
            self._publish_executed(tick.command)
            if tick.command.seam is not None:
                self.seams.add(tick.command.seam)
        self.rate.count()
        return self._certify(tick, stamp_ns, sent)

    def offer(self, message: JointTrajectory, now_ns: int) -> None:
        """Takes a chunk that came at `now_ns`. Raises ChunkRefused as `session.offer`, which has noted it by then."""
        try:
            chunk = convert.read_chunk(message)
        except ChunkRefused as error:
            self.session.refuse(error)
            raise
        self.session.offer(chunk, now_ns)

    def start(self, now_ns: int) -> None:
        """Starts the session and announces the wish for a chunk, in a certificate without a stamp.

        Raises:
            NotReadyError: nobody listens on an output, or as `session.start`, whose other errors pass too.
        """
        unheard = [output.name for output in self._outputs if not output.is_heard]
        if unheard:
            listed = ", ".join(f"'{name}'" for name in unheard)
            raise NotReadyError(
                f"No controller listens on {listed}: is it active, and its name as in the contract?"
            )
        self._certify(self.session.start(now_ns), 0, 0)

    def begin(self, now_ns: int) -> JointCommand:
        """Begins at rest at the measured pose and says so on `executed`. Raises as `session.begin`."""
        command = self.session.begin(now_ns)
        self._publish_executed(command)
        return command

    def missing(self, stamp_ns: int) -> str:
        """Lockstep: what must still come before the tick can be served, in words; empty when it can."""
        if self.monitor.newest_ns < stamp_ns:
            return "joint states"
        self.session.look(stamp_ns)
        return "a chunk" if self.session.needs_chunk(stamp_ns) else ""

    def close(self) -> None:
        """Waits until the last messages have arrived, then destroys the publishers."""
        self._executed.wait_for_all_acked(LAST_WORDS)
        for output in self._outputs:
            output.close()
        self._node.destroy_publisher(self._executed)
        self._node.destroy_publisher(self._certificate)

    def _publish_executed(self, command: JointCommand) -> None:
        self._executed.publish(convert.executed_message(command, self.contract.interface.joints))

    def _certify(self, tick: Tick, stamp_ns: int, sent: int) -> bool:
        name, missed = self._node.get_name(), self.pace.missed
        message = convert.certificate_message(name, stamp_ns, tick, self.contract, sent, missed)
        self._certificate.publish(message)
        before, self.last = self.last, tick
        return (
            before is None or (before.rung, before.reason) != (tick.rung, tick.reason) or bool(tick.refused)
        )
