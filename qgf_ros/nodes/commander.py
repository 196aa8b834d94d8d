"""What the command node holds while it is configured: session, outputs, and what it publishes about them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node
from rclpy.publisher import Publisher
from trajectory_msgs.msg import JointTrajectory

from qgf_ros.contract.schema import Message
from qgf_ros.contract.travel import pack_contract
from qgf_ros.control.certify import Certifier
from qgf_ros.control.gate import CommandGate
from qgf_ros.control.kinematics import kinematics_of
from qgf_ros.control.limits_in_force import LimitsInForce
from qgf_ros.control.look_ahead import look_ahead_of
from qgf_ros.control.monitor import JointMonitor
from qgf_ros.control.seams import SeamCount
from qgf_ros.control.session import CommandSession, Tick
from qgf_ros.datatypes import JointCommand, Sender
from qgf_ros.errors import ChunkRefused, NotReadyError, ObservationRefused
from qgf_ros.nodes import convert, qos
from qgf_ros.nodes.black_box import BlackBox
from qgf_ros.nodes.command_setup import CommandSetup
from qgf_ros.nodes.diagnostics import Level, Rate, status
from qgf_ros.nodes.outputs import LAST_WORDS, make_output
from qgf_ros.nodes.pace import Pace


class Commander:
    """Serves ticks: one command on every output, `executed`, `action` as one begins, the certificate. From configure to cleanup."""

    def __init__(self, node: Node, setup: CommandSetup, now_ns: int) -> None:
        """Raises QgfError where the kinematic model, the scene or an output cannot be made. `now_ns` is steady."""
        contract, deployed = setup.contract, setup.deployed
        kinematics = kinematics_of(contract)
        look_ahead = look_ahead_of(contract)
        self._node = node
        self.setup, self.contract, self.is_shadow = setup, contract, deployed.config.shadow
        self.monitor = JointMonitor(contract, deployed.seen)
        self._gate = CommandGate(contract, kinematics, look_ahead)
        self.session = CommandSession(self._gate, self.monitor, deployed.config)
        check_s = 0.0 if look_ahead is None or deployed.is_lockstep else look_ahead.cost_s
        described = [] if self.is_shadow else contract.deployment.outputs
        self._outputs = [make_output(node, output, contract) for output in described]
        around = [*(["second_publisher"] if self.command_topics else []), "qos", "emergency_stop"]
        self._certifier = Certifier(
            contract, kinematics, setup.limits.wanted, around, check_s, look_ahead is not None
        )
        self._resolved = [node.resolve_topic_name(output.name) for output in self._outputs]
        self._executed = node.create_publisher(JointTrajectory, "~/executed", qos.CERTIFICATE)
        self._action = node.create_publisher(JointTrajectory, "~/action", qos.CERTIFICATE)
        self._certificate = node.create_publisher(DiagnosticArray, "~/certificate", qos.CERTIFICATE)
        self._limits = node.create_publisher(DiagnosticStatus, "~/limits", qos.STATUS)
        self.box = BlackBox(deployed.black_box, node.get_fully_qualified_name(), pack_contract(contract))
        self._period_ns = round(contract.interface.control_period_s * 1e9)
        self.pace, self._followed = Pace(contract.tick_ns), 0
        self.rate, self.seams = Rate(now_ns), SeamCount()
        self.last: Tick | None = None
        self.before_sending: Callable[[], None] = lambda: None  # waits, so that commands leave regularly
        self.apply_limits()

    @property
    def joint_topics(self) -> list[str]:
        """Where joint states come from."""
        inputs, topics = self.contract.interface.inputs, self.contract.deployment.inputs
        return [topics[entry.name].topic for entry in inputs if entry.message is Message.JOINT_STATE]

    @property
    def command_topics(self) -> list[str]:
        """Where this node alone may publish."""
        return [output.name for output in self._outputs if output.is_topic]

    def activate(self) -> None:
        """Forgets the robot and the counts: the next good joint states place the command."""
        self.session.clear()
        self.pace, self._followed = Pace(self.contract.tick_ns), 0
        self.seams = SeamCount()

    # -- limits --------------------------------------------------------------------------------------------------------

    @property
    def has_other_limits(self) -> bool:
        """True while limits wait to be applied, because the robot's description came or changed."""
        return self._gate.limits != self.setup.limits.wanted

    def apply_limits(self) -> None:
        """Puts the wanted limits in force and says so on `~/limits`. Raises as `CommandGate.apply`."""
        limits = self.setup.limits.wanted
        self._gate.apply(limits)
        self._state_limits(limits)

    def _state_limits(self, limits: LimitsInForce) -> None:
        self._certifier.take_limits(limits)
        message = status("command_node: limits", Level.OK, limits.digest, limits.values())
        self._limits.publish(message)
        self.box.state(self._limits.topic_name, message, time.time_ns())

    def check_may_confirm(self) -> None:
        """Raises NotReadyError unless the arm rests and no policy is started."""
        if self._gate.is_running or not self.session.is_at_rest:
            sentence = "full_speed_confirmed changes only while the arm rests, not started: call stop first."
            raise NotReadyError(sentence)

    def confirm_full_speed(self, is_confirmed: bool) -> None:
        """A person says whether full speed is safe here. Where the command stands outside limits that a description has
        brought since the last reset, they all wait for the next one.
        """
        self.session.confirm_full_speed(is_confirmed)
        self.setup.limits.is_confirmed = is_confirmed
        with contextlib.suppress(ObservationRefused):
            self.apply_limits()

    # -- ticks ---------------------------------------------------------------------------------------------------------

    def keep_pace(self, next_ns: int) -> int:
        """Real time: how many ticks were missed before this one, given when the next is due (steady clock).

        What follows from that: `CommandSession.miss`.
        """
        missed = self.pace.serve(next_ns)
        self._followed = 0 if self.is_shadow else missed
        self.session.miss(self._followed)
        return missed

    def tick(self, stamp_ns: int, steady_ns: int | None = None) -> bool:
        """Serves a tick; True where rung or reason changed, or a chunk was refused since the last one.

        `steady_ns`: a clock that never leaps; None in lockstep.
        """
        tick = self.session.tick(stamp_ns, steady_ns)
        sent = 0
        if tick.command is not None:
            self.before_sending()
            sent = sum(output.send(tick.command, self._gate.unattended) for output in self._outputs)
            for topic, output in zip(self._resolved, self._outputs, strict=True):
                if output.message is not None:
                    self._note(topic, output.message)
            self._publish_executed(tick.command)
            if tick.command.seam is not None:
                self.seams.add(tick.command.seam)
        self.rate.count()
        has_changed = self._certify(tick, stamp_ns, sent, stamp_ns)
        self._serve_box()
        return has_changed

    def _serve_box(self) -> None:
        """After everything of a tick has left. One record after the other: to finish one at once would delay the next tick."""
        self.box.serve()
        if self.session.black_box_due and self.session.is_at_rest and not self.box.is_writing:
            self._begin_box()

    def _begin_box(self) -> None:
        before = self.box.path
        self.box.begin(self.session.take_black_box(), time.time_ns())
        logger = self._node.get_logger()
        if self.box.error:
            logger.error(self.box.error)
        elif self.box.path != before:
            logger.warning(f"The last seconds before the stop are written to {self.box.path}")

    def offer(self, message: JointTrajectory, now_ns: int, sender: Sender) -> None:
        """Takes a chunk that came at `now_ns` on the topic of `sender`.

        Raises:
            ChunkRefused: as `session.offer`, which has noted it by then; also where the chunk bears another's name.
        """
        try:
            self.session.check_sender(sender)
            self.session.check_sender(Sender.of(message.header.frame_id))
            chunk = convert.read_chunk(message, self._period_ns)
        except ChunkRefused as error:
            self.session.refuse(error)
            raise
        self.session.offer(chunk, now_ns)
        self._certifier.take_chunk(chunk)

    def start(self, now_ns: int) -> None:
        """Starts the session and announces the wish for a chunk, in a certificate without a stamp.

        Raises:
            NotReadyError: nobody listens on an output, other limits wait for a reset, or as `session.start`, whose other
                errors pass too.
        """
        unheard = [output.name for output in self._outputs if not output.is_heard]
        if unheard:
            listed = ", ".join(f"'{name}'" for name in unheard)
            raise NotReadyError(
                f"No controller listens on {listed}: is it active, and its name as in the contract?"
            )
        if self.has_other_limits:
            raise NotReadyError(
                "robot_description has come since the last reset: call reset, which takes its limits."
            )
        self._certify(self.session.start(now_ns), 0, 0, now_ns)

    def begin(self, now_ns: int, stops: int | None = None) -> JointCommand:
        """Begins at rest at the measured pose, under the limits that are wanted by now, and says so on `executed`.

        Arguments and errors as of `session.begin`.
        """
        limits = self.setup.limits.wanted if self.has_other_limits else None
        command = self.session.begin(now_ns, limits, stops)
        if limits is not None:
            self._state_limits(limits)
        self._publish_executed(command)
        return command

    def missing(self, stamp_ns: int) -> str:
        """Lockstep: what must still come before the tick can be served, in words; empty when it can."""
        if self.monitor.newest_ns < stamp_ns:
            return "joint states"
        self.session.look(stamp_ns)
        return "a chunk" if self.session.needs_chunk(stamp_ns) else ""

    def close(self) -> None:
        """Waits until the last messages have arrived, destroys the publishers, and finishes the black box."""
        self._executed.wait_for_all_acked(LAST_WORDS)
        for output in self._outputs:
            output.close()
        for publisher in (self._executed, self._action, self._certificate, self._limits):
            self._node.destroy_publisher(publisher)
        if self.session.black_box_due:
            self._begin_box()
        self.box.finish()

    def _publish_executed(self, command: JointCommand) -> None:
        self._tell(self._executed, convert.executed_message(command, self.contract.interface.joints))
        if command.action is not None and not self.is_shadow:
            names = self.contract.interface.action.names
            self._tell(self._action, convert.action_message(command, names, self._period_ns))

    def _certify(self, tick: Tick, stamp_ns: int, sent: int, now_ns: int) -> bool:
        ages = self.monitor.ages_s(now_ns).tolist()
        followed, self._followed = self._followed, 0
        made = self._certifier.certificate(tick, ages, sent, self.pace.missed, followed, self.is_shadow)
        words = tick.reason or tick.rung.value
        message = convert.certificate_message(
            self._node.get_name(), stamp_ns, made, convert.level(tick), words
        )
        self._tell(self._certificate, message)
        before, self.last = self.last, tick
        return (
            before is None or (before.rung, before.reason) != (tick.rung, tick.reason) or bool(tick.refused)
        )

    def _tell(self, publisher: Publisher, message: Any) -> None:
        publisher.publish(message)
        self._note(publisher.topic_name, message)

    def _note(self, topic: str, message: Any) -> None:
        self.box.note(topic, message, time.time_ns())
