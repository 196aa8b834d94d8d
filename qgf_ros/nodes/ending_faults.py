"""Rows of the matrix over real processes in which the command node ends, while the arm moves: it brakes to rest first."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from std_msgs.msg import String

from qgf_ros.errors import NodeSilentError
from qgf_ros.evaluate.matrix_row import MatrixRow
from qgf_ros.graph import Graph
from qgf_ros.nodes import qos
from qgf_ros.nodes.fault_graph import COMMAND, FaultGraph
from qgf_ros.nodes.fault_rows import AFTER_S, PATIENCE_S, Case, attempt, lacking, moving, since, told
from qgf_ros.runner import Process, Sink

ENDS_S = 3.0  # a stop within the contract's limits, and the node's last words
EXCEPTION = "exception in a callback"


def ending_rows(graph: Graph, say: Sink) -> Iterator[MatrixRow]:
    """What ends the command node in motion: it brakes to rest within the limits, and ends."""
    once, twice = [signal.SIGINT], [signal.SIGINT, signal.SIGINT]
    for fault, numbers in {"Ctrl-C": once, "Ctrl-C twice": twice, "SIGTERM": [signal.SIGTERM]}.items():
        yield from attempt(fault, partial(signalled, graph, say, fault, numbers))
    yield from attempt(EXCEPTION, partial(failing, graph, say))


def signalled(graph: Graph, say: Sink, fault: str, numbers: Sequence[int]) -> Iterator[MatrixRow]:
    """It gets these signals."""
    with FaultGraph(graph, {}, (), say) as robot:
        command = moving(robot, "")
        case = Case(fault, "chunk", "hold", "stopped, at rest, exit 0", ENDS_S)
        yield ending(robot, command, case, numbers)


def failing(graph: Graph, say: Sink) -> Iterator[MatrixRow]:
    """A callback raises what nobody expects."""
    with FaultGraph(graph, {}, (), say) as robot:
        command = moving(robot, "qgf_ros.nodes.faulty_command_node")
        topic = robot.client.node.create_publisher(String, f"{COMMAND}/fault", qos.STATUS)
        robot.until(lambda: topic.get_subscription_count() > 0, "the listener of faults")
        case = Case(EXCEPTION, "chunk", "stop", "exception, at rest, exit 1", ENDS_S)
        yield ending(robot, command, case, [], lambda: topic.publish(String(data="now")))


def ending(
    robot: FaultGraph,
    command: Process,
    case: Case,
    signals: Sequence[int],
    strike: Callable[[], None] = lambda: None,
) -> MatrixRow:
    """Strikes, and looks at how the node ended: its last rung and reason, whether its last command is at rest, its exit code."""
    robot.begin_window()
    robot.expect_end(command)
    at_ns = robot.now_ns()
    strike()
    for number in signals:
        command.popen.send_signal(number)
    try:
        robot.until(lambda: command.exit_code is not None, "its end", PATIENCE_S)
    except NodeSilentError as error:
        return lacking(robot, case, at_ns, str(error))
    robot.client.spin(AFTER_S)
    after = since(robot, at_ns)
    if not after:
        return lacking(robot, case, at_ns)
    rest = "at rest" if robot.heard.executed[-1].is_at_rest else "moving"
    seen = f"{after[-1].rung} {after[-1].values['reason']}, {rest}, exit {command.exit_code}"
    return told(robot, case, seen, (after[-1].stamp_ns - at_ns) * 1e-9)
