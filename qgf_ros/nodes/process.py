"""What a node asks of the operating system and of Python so that its ticks come on time; what came of it, in words."""

from __future__ import annotations

from rclpy.node import Node

from qgf_ros.nodes.diagnostics import Diagnostics, Level
from qgf_ros.nodes.params import Parameter
from qgf_ros.nodes.quiet import QuietCollector
from qgf_ros.nodes.scheduling import Granted, Wishes, read_cores, schedule, unschedule

PARAMETERS = (
    Parameter(
        "realtime_priority",
        10,
        "priority of this process under SCHED_FIFO, where it is granted; 0: none",
        0,
        90,
    ),
    Parameter("cpu_affinity", "", "cores that this process runs on, such as 1 or 0,2-3; empty: any"),
    Parameter(
        "lock_memory",
        True,
        "true: keep this process in memory, where it is granted, so that no tick waits for a page",
    ),
    Parameter("quiet_gc", True, "true: collect Python's garbage only after a tick, where the time is left"),
)


class ProcessSetup:
    """State: what was granted. Only real time asks for anything: lockstep waits for whoever is late. One thread."""

    def __init__(self, node: Node, is_real_time: bool) -> None:
        """Raises InvalidSetting where the cores are not a list. The node has declared `PARAMETERS`."""
        value = {row.name: node.get_parameter(row.name).value for row in PARAMETERS}
        self._node = node
        self._wishes = Wishes(
            value["realtime_priority"], read_cores(value["cpu_affinity"]), value["lock_memory"]
        )
        if not is_real_time:
            self._wishes = Wishes()
        self._collector = QuietCollector() if value["quiet_gc"] and is_real_time else None
        self.granted = Granted()

    def begin(self) -> None:
        """Called at the end of configure, when everything that lives long is there. What is not granted is logged."""
        if self._collector is not None:
            self._collector.begin()  # tens of ms, before other real-time processes would have to wait for it
        self.granted = schedule(self._wishes)
        for sentence in self.granted.refused:
            self._node.get_logger().warning(f"{sentence[0].upper()}{sentence[1:]}.")

    def rest(self, left_ns: int, is_at_rest: bool) -> None:
        """To be called after a tick, with the time until the next, ns."""
        if self._collector is not None:
            self._collector.rest(left_ns, is_at_rest)

    def end(self) -> None:
        """Gives priority back, and garbage collection to Python: leaving is no hurry."""
        unschedule()
        if self._collector is not None:
            self._collector.end()

    def report(self, diagnostics: Diagnostics) -> None:
        """The diagnostic task `process`: WARN where something that was asked for is not granted."""
        worst_ns, runs = (
            (0, 0) if self._collector is None else (self._collector.worst_ns, self._collector.runs)
        )
        values = {"gc_worst_ms": f"{worst_ns * 1e-6:.2f}", "gc_runs": runs}
        level = Level.WARN if self.granted.refused else Level.OK
        diagnostics.report("process", level, self.granted.sentence, values)
