"""What the command node says about itself: its state on `~/status`, its tasks on /diagnostics."""

from __future__ import annotations

import time
from collections.abc import Mapping

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node

from qgf_ros.control.session import Tick
from qgf_ros.datatypes import Rung
from qgf_ros.nodes import qos
from qgf_ros.nodes.commander import Commander
from qgf_ros.nodes.convert import seam_text
from qgf_ros.nodes.diagnostics import Diagnostics, Level, status
from qgf_ros.nodes.process import ProcessSetup


class CommandHealth:
    """State: the lifecycle state that was said last, and what was said of an arm that stands elsewhere. One thread."""

    def __init__(self, node: Node, process: ProcessSetup) -> None:
        self._node, self._away = node, ""
        self._diagnostics = Diagnostics(node)
        self._status = node.create_publisher(DiagnosticStatus, "~/status", qos.STATUS)
        self._state = ""
        self._process = process
        self.worst_look_ms = 0.0  # of the looks for other publishers
        self.say("unconfigured")

    def say(self, state: str) -> None:
        """The node's lifecycle state."""
        self._state = state
        self._publish(Level.OK, state, {})

    def fail(self, sentence: str) -> None:
        """Configure or activate failed, in one sentence."""
        self._diagnostics.report("configure", Level.ERROR, sentence)
        self._publish(Level.ERROR, sentence, {})

    def report(self, commander: Commander, is_pressed: bool) -> None:
        """How the commands are: rung, reason, rate, missed ticks, seams since activation, findings, limits, black box."""
        tick = commander.last
        if tick is None:
            return
        session, limits, box = commander.session, commander.setup.limits, commander.box
        self._say_away(session.away)
        level, sentence = _level(commander, tick), session.sentence or session.warning
        values = {
            "rung": tick.rung.value,
            "reason": tick.reason,
            "refused": tick.refused,
            "in_command": tick.in_command.value,
            "missed": commander.pace.missed,
            "scheduling": self._process.granted.sentence,
            "rate_hz": f"{commander.rate.hz(time.monotonic_ns()):.1f}",
            "seams": commander.seams.count,
            "seam_mean": seam_text(commander.seams.mean),
            "seam_largest": seam_text(commander.seams.largest),
            "speed": 0.0 if tick.command is None else tick.command.speed,
            "emergency_stop": "pressed" if is_pressed else "released",
            "limits": limits.wanted.digest,
            "limits_from": limits.said,
            "limits_wait_for_reset": commander.has_other_limits,
            "full_speed_confirmed": limits.is_confirmed,
            "shadow": commander.is_shadow,
            "black_box": box.path or ("none" if box.is_on else "off"),
            "black_box_error": box.error,
            "publishers_worst_ms": f"{self.worst_look_ms:.2f}",
            **{f"count:{name}": count for name, count in sorted(session.counts.items())},
        }
        self._diagnostics.report("commands", level, sentence or tick.reason or "running", values)
        self._process.report(self._diagnostics)
        self._publish(level, self._state, values)

    def _say_away(self, sentence: str) -> None:
        before, self._away = self._away, sentence
        if sentence and sentence != before:
            self._node.get_logger().error(sentence)

    def _publish(self, level: Level, message: str, values: Mapping[str, object]) -> None:
        self._status.publish(status("command_node: state", level, message, values))


def _level(commander: Commander, tick: Tick) -> Level:
    if tick.rung is Rung.STOP:
        return Level.ERROR
    is_well = commander.session.is_well and not commander.box.error and not commander.has_other_limits
    return Level.OK if is_well else Level.WARN
