"""Diagnostics as REP 107 asks: one status a task, named `node: task`, on /diagnostics at 1 Hz and at once when it worsens."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from qgf_ros.nodes import qos

PERIOD_S = 1.0


class Level(Enum):
    """Severity of a diagnostic."""

    OK = DiagnosticStatus.OK
    WARN = DiagnosticStatus.WARN
    ERROR = DiagnosticStatus.ERROR
    STALE = DiagnosticStatus.STALE


def status(
    name: str, level: Level, message: str, values: Mapping[str, object], hardware_id: str = ""
) -> DiagnosticStatus:
    """A DiagnosticStatus; values become texts: `true` and `false`, numbers as Python writes them, unrounded."""
    pairs = [KeyValue(key=key, value=_text(value)) for key, value in values.items()]
    return DiagnosticStatus(
        level=level.value, name=name, message=message, hardware_id=hardware_id, values=pairs
    )


def values(message: DiagnosticStatus) -> dict[str, str]:
    """The values of a status by key."""
    return {pair.key: pair.value for pair in message.values}


class Diagnostics:
    """Collects the newest status of each task of a node and publishes them all. One thread: the executor's."""

    def __init__(self, node: Node, hardware_id: str = "") -> None:
        self._node = node
        self._hardware_id = hardware_id
        self._tasks: dict[str, DiagnosticStatus] = {}
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)
        self._timer = node.create_timer(PERIOD_S, self.publish, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def report(
        self, task: str, level: Level, message: str, values: Mapping[str, object] | None = None
    ) -> None:
        """Notes the state of a task; published at once when it is worse than before or says something new and bad."""
        before = self._tasks.get(task)
        name = f"{self._node.get_fully_qualified_name().lstrip('/')}: {task}"
        now = self._tasks[task] = status(name, level, message, values or {}, self._hardware_id)
        if level is not Level.OK and (
            before is None or (before.level, before.message) != (now.level, now.message)
        ):
            self.publish()

    def publish(self) -> None:
        """Publishes every task's newest status."""
        if self._tasks:
            stamp = self._node.get_clock().now().to_msg()
            message = DiagnosticArray(status=list(self._tasks.values()))
            message.header.stamp = stamp
            self._publisher.publish(message)


class Rate:
    """Counts events and tells how many a second there were since it was last asked."""

    def __init__(self, now_ns: int) -> None:
        self._since_ns = now_ns
        self._count = 0

    def count(self) -> None:
        """Notes one event."""
        self._count += 1

    def hz(self, now_ns: int) -> float:
        """Events a second since the last call, by a steady clock's `now_ns`."""
        seconds = max((now_ns - self._since_ns) * 1e-9, 1e-9)
        count, self._count, self._since_ns = self._count, 0, now_ns
        return count / seconds


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
